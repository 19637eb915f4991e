#!/usr/bin/env bash
# Makes crates/lagmap_html/assets/libraries.js, which is committed so that building lagmap needs no npm, from the versions that
# crates/lagmap_html/bundle/package-lock.json pins. With --check: fails if the committed one differs.
set -euo pipefail
cd "$(dirname "$0")/../crates/lagmap_html/bundle"
npm ci --silent --no-audit --no-fund
target=../assets/libraries.js
if [ "${1:-}" = --check ]; then
  target=$(mktemp)
fi
npx --no-install esbuild libraries.js --bundle --minify --format=iife --target=es2020 --charset=utf8 --legal-comments=inline --outfile="$target" --log-level=warning
if [ "${1:-}" = --check ]; then
  cmp "$target" ../assets/libraries.js
fi
