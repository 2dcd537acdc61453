#!/usr/bin/env bash
# Runs every test, and ends with how many passed and failed.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0

step() {
  echo "== $*"
  "$@" 2>&1 | tee -a "$log"
  ((PIPESTATUS[0] == 0)) || status=1
}

count() {
  { grep -oE "[0-9]+ $1;" "$log" || true; } | awk '{n += $1} END {print n + 0}'
}

step make test-unit
step make test-page
step make test-lab
step make test-e2e
step make test-faults FLOW_FAULTS=short
step make test-explore

failed=$(count failed)
# A step that broke before its tests ran has failed no test, but has failed.
((status == 0 || failed > 0)) || failed=1
echo "$(count passed) passed, $failed failed"
exit "$status"
