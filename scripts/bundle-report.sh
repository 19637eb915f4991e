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
# Each library's licence stands at the head.
banner=$(for library in @dagrejs/dagre @dagrejs/graphlib d3-hierarchy highlight.js; do
  folder=node_modules/$library
  [ -d "$folder" ] && printf '/*! %s\n%s\n*/\n' "$library" "$(cat "$folder"/LICENSE*)"
done)
npx --no-install esbuild libraries.js --bundle --minify --format=iife --target=es2020 --charset=utf8 --legal-comments=none --banner:js="$banner" --outfile="$target" --log-level=warning
if [ "${1:-}" = --check ]; then
  cmp "$target" ../assets/libraries.js
fi
