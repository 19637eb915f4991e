#!/usr/bin/env bash
# Tests `lagmap lsp` and `lagmap mcp` with real clients (pytest-lsp, the Python client of MCP) and builds the VS Code extension.
# LAGMAP names the program, which is target/release/lagmap otherwise.
set -euo pipefail
cd "$(dirname "$0")/.."
export LAGMAP=${LAGMAP:-$PWD/target/release/lagmap}
if python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
  python=target/editors-python
  [ -x "$python/bin/python" ] || python3 -m venv "$python"
  "$python/bin/python" -m pip install --quiet --disable-pip-version-check -r tests/editors/requirements.txt
  "$PWD/$python/bin/python" -m pytest --quiet -p no:cacheprovider -s tests/editors
else
  echo "skipped: the clients of the servers need Python 3.10 with venv"
fi
if command -v npm >/dev/null; then
  cd editors/vscode
  npm ci --silent --no-audit --no-fund
  npm run --silent check
else
  echo "skipped: the VS Code extension needs npm"
fi
