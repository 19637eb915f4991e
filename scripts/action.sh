#!/usr/bin/env bash
# What the GitHub Action (action.yml) runs: annotations to the log, SARIF and a comment's text into files. Inputs come as
# AUDIT_PATH, AUDIT_DIFF, AUDIT_BASE, AUDIT_FAIL_ON, AUDIT_SARIF, AUDIT_COMMENT and AUDIT_ARGUMENTS.
set -euo pipefail
lagmap=${LAGMAP:-lagmap}
read -r -a arguments <<<"${AUDIT_ARGUMENTS:-}"
revision=${AUDIT_DIFF:-${AUDIT_BASE:-}}
if [ -n "$revision" ] && [ "$revision" != none ]; then
  arguments+=("--diff=$revision")
  compares=yes
fi
audit() {
  "$lagmap" audit "${arguments[@]}" "$@" "${AUDIT_PATH:-.}"
}
if [ -n "${AUDIT_SARIF:-}" ]; then
  audit --format sarif --output "$AUDIT_SARIF"
fi
if [ -n "${AUDIT_COMMENT:-}" ] && [ -n "${compares:-}" ]; then
  audit --format comment --output "$AUDIT_COMMENT"
fi
if [ "${AUDIT_FAIL_ON:-high}" != never ]; then
  arguments+=("--fail-on=${AUDIT_FAIL_ON:-high}")
fi
audit --format github
