#!/usr/bin/env bash
# A new user's way, from the sources to a caught mistake: wheel built and installed in a fresh virtual environment, `lagmap init`,
# an audit, a finding suppressed, a baseline written, a change whose problem shows in other files caught by `--diff`, by the hook and by the
# action. Says what it does; fails where something is not as it should be. Needs git and Python with venv; pip fetches maturin.
#   scripts/new-user.sh [FOLDER-FOR-WORK]
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=${1:-$(mktemp -d)}
mkdir -p "$work"
work=$(cd "$work" && pwd)
say() { printf '== %s\n' "$*"; }
expect() { # EXIT-CODE COMMAND...
  local wanted=$1 got=0
  shift
  "$@" || got=$?
  if [ "$got" -ne "$wanted" ]; then
    echo "expected exit code $wanted, got $got: $*" >&2
    exit 1
  fi
}
export LAGMAP_CACHE_DIR=$work/cache GIT_CONFIG_GLOBAL=/dev/null
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.org

say "a wheel from the sources"
rm -rf "$work/wheels" "$work/python" "$work/system"
python3 -m venv "$work/python"
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target} "$work/python/bin/python" -m pip wheel --quiet --no-deps --wheel-dir "$work/wheels" .
"$work/python/bin/python" -m pip install --quiet --no-index "$work"/wheels/lagmap-*.whl
export PATH=$work/python/bin:$PATH
lagmap --version
test "$(python -m lagmap --version)" = "$(lagmap --version)"
python -c 'import lagmap, os; assert os.access(lagmap.find_lagmap(), os.X_OK)'
ls -l "$work"/wheels/*.whl | awk '{printf "wheel: %d KiB\n", $5 / 1024}'

say "a system of one's own"
cp -r examples/voice-assistant "$work/system"
cd "$work/system"
rm -f lagmap.toml
git init --quiet .
expect 0 lagmap init .
expect 2 lagmap init .
expect 0 lagmap config show >/dev/null
git add --all
git commit --quiet --message "as it is"
expect 0 lagmap audit --format json --output "$work/baseline.json"

say "one finding suppressed"
python - "$work/baseline.json" <<'P'
import json, pathlib, sys
finding = next(f for f in json.load(open(sys.argv[1]))["findings"] if f["path"].endswith(".py") and f["column"] > 1)
path = pathlib.Path(finding["path"])
lines = path.read_text().splitlines(keepends=True)
line = lines[finding["line"] - 1]
indent = line[: len(line) - len(line.lstrip())]
lines.insert(finding["line"] - 1, f"{indent}# lagmap: ignore[{finding['rule']}]\n")
path.write_text("".join(lines))
P
expect 0 lagmap audit --baseline "$work/baseline.json" --format json --output "$work/suppressed.json"
python - "$work/suppressed.json" <<'P'
import json, sys
report = json.load(open(sys.argv[1]))
assert not report["new"], report["new"]
assert len(report["fixed"]) == 1, report["fixed"]
P
git commit --quiet --all --message "one finding suppressed"

expect 0 lagmap audit --format html --output "$work/report.html"
grep -q 'Content-Security-Policy' "$work/report.html"

say "a change that makes others wait"
cat >hearth/pace.py <<'P'
"""So that nothing answers too fast."""

import time


def keep_pace():
    time.sleep(0.5)
P
python - <<'P'
import pathlib
path = pathlib.Path("hearth/service.py")
text = path.read_text()
text = text.replace("    def _answer(self, request):\n", "    def _answer(self, request):\n        keep_pace()\n", 1)
path.write_text(text.replace("import zmq\n", "import zmq\n\nfrom hearth.pace import keep_pace\n", 1))
P
expect 1 lagmap audit --diff HEAD --fail-on low --format json --output "$work/new.json"
python - "$work/new.json" <<'P'
import json, sys
report = json.load(open(sys.argv[1]))
# Each message takes half a second longer: those who wait for the services say so, in files that did not change.
assert "hub/services/web_gateway.py" in {f["path"] for f in report["new"]}, report["new"]
for finding in report["new"]:
    print("caught:", finding["severity"], finding["path"], finding["line"], finding["message"])
P
AUDIT_DIFF=HEAD AUDIT_FAIL_ON=low AUDIT_SARIF=$work/a.sarif AUDIT_COMMENT=$work/a.md expect 1 bash "$root/scripts/action.sh" >"$work/annotations"
grep -q '^::[a-z]* file=hub/services/web_gateway.py,' "$work/annotations"
grep -q 'hub/services/web_gateway.py' "$work/a.sarif"
grep -q '[1-9] new, ' "$work/a.md"
say "all as it should be"
