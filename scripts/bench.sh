#!/usr/bin/env bash
# Measures lagmap against ruff, ty, pyrefly and (with --with-pylint) pylint with perflint, in alternation, on pinned PyPI
# packages, and writes docs/benchmarks.md. Needs Rust and Python; everything else is fetched by name. `--help` tells more.
#   scripts/bench.sh [--with-pylint] [--runs N] [--tree NAME=FOLDER]... [--only NAME]...
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --locked
cargo build --release --locked -p lagmap_source --example parse_only
peers=target/peers
if [ ! -x "$peers/bin/ruff" ]; then
  python3 -m venv "$peers"
fi
"$peers/bin/python" -m pip install --quiet --disable-pip-version-check -r scripts/peers.txt
exec python3 scripts/bench.py --peers "$peers/bin" "$@"
