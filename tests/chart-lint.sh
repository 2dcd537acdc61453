#!/usr/bin/env bash
# Lints the chart, and scores what it renders with everything switched on.
set -euo pipefail
cd "$(dirname "$0")/.."
chart=charts/flow-manager

tool() {
  target/x86_64-unknown-linux-gnu/release/lab tool "$1" -- "${@:2}"
}

for helm in helm helm3; do
  for values in "$chart/values.yaml" "$chart"/ci/*.yaml; do
    tool "$helm" lint --quiet --strict --kube-version 1.37.2 "$chart" --values "$values"
  done
done

exceptions=(
  # The image's user is 1000, as users of the predecessor expect; the shaper must be root.
  --ignore-test container-security-context-user-group-id
  # The image has a fixed tag or a digest; a node that cannot reach the registry must still be able to start it.
  --ignore-test container-image-pull-policy
  # A throttled controller decides late.
  --ignore-container-cpu-limit
)
tool helm template flow-manager "$chart" --namespace flow-manager-system --values "$chart/ci/full-values.yaml" |
  tool kube-score score --kubernetes-version v1.37 --exit-one-on-warning --output-format ci "${exceptions[@]}" - |
  { ! grep -E '^\[(WARNING|CRITICAL)\]'; }
