#!/usr/bin/env bash
# Tests the HTML report in headless Chromium. Fetches the test tools with npm, and Chromium with apt-get where it is missing and that
# can be done. LAGMAP names the program, which is target/release/lagmap otherwise.
set -euo pipefail
cd "$(dirname "$0")/.."
export LAGMAP=${LAGMAP:-$PWD/target/release/lagmap}
cd tests/browser
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo "skipped: the browser tests need Node.js 20"
  exit 0
fi
for candidate in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
  if [ -n "$candidate" ] && path=$(command -v "$candidate"); then
    export CHROMIUM=$path
    break
  fi
done
if [ -z "${CHROMIUM:-}" ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get install --yes -qq --no-install-recommends chromium >/dev/null 2>&1; then
    export CHROMIUM=/usr/bin/chromium
  else
    echo "skipped: the browser tests need Chromium; CHROMIUM may name it"
    exit 0
  fi
fi
npm ci --silent --no-audit --no-fund
node --test report.test.mjs
