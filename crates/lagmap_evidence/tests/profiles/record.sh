#!/usr/bin/env bash
# Records the workload with every profiler whose files `lagmap audit --profile` reads. Usage: record.sh FOLDER, where FOLDER is a
# virtual environment with the tools of README.md. Files that change less by themselves than the tools do: run it when a tool's
# format changes, then run the tests.
set -euo pipefail
bin=$(realpath "$1")/bin
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# All paths of the workload in the profiles start with /srv/shop: where a container would have it.
mkdir -p "$work/out"
root=${LAGMAP_WORKLOAD_ROOT:-/srv/shop}
mkdir -p "$root"
cp -r "$here/workload/." "$root/"
cd "$root"
export PYTHONPATH="$root" PYTHONDONTWRITEBYTECODE=1
out="$work/out"

"$bin/py-spy" record --format raw --rate 100 --output "$out/py-spy.txt" -- "$bin/python" -m app.main 80
"$bin/py-spy" record --format speedscope --rate 100 --output "$out/py-spy.speedscope.json" -- "$bin/python" -m app.main 80
"$bin/python" -m cProfile -o "$out/cprofile.pstats" -m app.main 20
"$bin/pyinstrument" --renderer json --interval 0.01 --outfile "$out/pyinstrument.json" -m app.main 80
"$bin/scalene" run --cpu-only --outfile "$out/scalene.json" "$root/app/main.py" --- 40
"$bin/austin" --interval 10ms --output "$out/austin.txt" "$bin/python" -m app.main 80
"$bin/memray" run --quiet --output "$work/memray.bin" -m app.main 40
"$bin/memray" stats --json --output "$out/memray-stats.json" "$work/memray.bin"
"$bin/memray" transform csv --output "$out/memray.csv" "$work/memray.bin"
"$bin/memray" transform speedscope --output "$out/memray.speedscope.json" "$work/memray.bin"
"$bin/viztracer" --quiet --output_file "$out/viztracer.json" --ignore_c_function --include_files "$root" -- "$root/app/main.py" 6
"$bin/python" traced.py "$out/opentelemetry.jsonl"
# austin-python writes the protobuf of pprof, without compression.
"$bin/austin2pprof" "$out/austin.txt" "$out/austin.pprof"
gzip --keep --no-name "$out/austin.pprof"
DD_PROFILING_OUTPUT_PPROF="$work/ddtrace" DD_TRACE_ENABLED=false \
  "$bin/ddtrace-run" --profiling "$bin/python" -m app.main 80
cp "$work"/ddtrace.*.pprof "$out/ddtrace.pprof"
for file in "$out"/*; do
  cp "$file" "$here/"
done
ls -l "$here"
