#!/usr/bin/env bash
# render.sh [FOLDER]: writes the manifests, rendered from the chart, to FOLDER (this one by default).
set -euo pipefail
cd "$(dirname "$0")/.."
chart=charts/flow-manager
folder=${1:-manifests}
lab=target/x86_64-unknown-linux-gnu/release/lab

# render HEADLINE TEMPLATE...: those templates, without what only Helm reads.
render() {
  local headline=$1 template only=()
  shift
  for template; do only+=(--show-only "templates/$template.yaml"); done
  echo "# $headline Rendered from $chart: see \`make generate\`."
  "$lab" tool helm -- template flow-manager "$chart" --namespace flow-manager-system \
    --values "$chart/ci/manifests-values.yaml" "${only[@]}" |
    sed -E '/^# Source: /d; /^ *$/d
      /^ +(app\.kubernetes\.io\/(managed-by|version)|helm\.sh\/(chart|hook[a-z-]*)|checksum\/config): /d' |
    # Annotations of which none is left.
    sed -zE 's/\n  annotations:\n([^ ]|  [^ ])/\n\1/g'
}

cp crds/flow.fustli.io_flowpolicies.yaml "$folder/crds.yaml"
render 'The namespaces and accounts, and all that these may do. Apply this first.' \
  namespaces serviceaccounts rbac admissionpolicy > "$folder/flow_manager_rbac.yaml"
render 'Change this to your cluster before you apply it.' configmap > "$folder/flow-manager-configmap.yaml"
render 'The controller, which decides, and the shaper, which makes limits take effect on each node.' \
  lease deployment shaper services > "$folder/flow-manager.yaml"
render 'Gives all limits back. Apply this, and wait for the Job, before you delete the rest.' \
  restore > "$folder/restore.yaml"
