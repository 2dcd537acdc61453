#!/usr/bin/env bash
# render.sh [FOLDER]: writes the manifests, rendered from the chart, to FOLDER (this one by default).
set -euo pipefail
cd "$(dirname "$0")/.."
chart=charts/flow-manager
folder=${1:-manifests}
lab=target/x86_64-unknown-linux-gnu/release/lab

# render FILE HEADLINE TEMPLATE...: those templates, without what only Helm reads.
render() {
  local file=$1 headline=$2 template only=() text
  shift 2
  for template; do only+=(--show-only "templates/$template.yaml"); done
  text=$("$lab" tool helm -- template flow-manager "$chart" --namespace flow-manager-system \
    --values "$chart/ci/manifests-values.yaml" "${only[@]}" |
    sed -E '/^# Source: /d; /^ *$/d
      /^ +(app\.kubernetes\.io\/(managed-by|version)|helm\.sh\/(chart|hook[a-z-]*)|checksum\/config): /d' |
    # Annotations of which none is left.
    sed -zE 's/\n  annotations:\n([^ ]|  [^ ])/\n\1/g')
  printf '# %s\n# Rendered from %s by `make generate`.\n%s\n' "$headline" "$chart" "$text" > "$folder/$file"
}

cp crds/flow.fustli.io_flowpolicies.yaml "$folder/crds.yaml"
render flow_manager_rbac.yaml 'The namespaces and accounts, and all that these may do. Apply this first.' \
  namespaces serviceaccounts rbac admissionpolicy
render flow-manager-configmap.yaml 'What flow-manager is told. Change it to your cluster before you apply it.' configmap
render flow-manager.yaml 'The controller, which decides, and the shaper, which makes limits take effect on each node.' \
  lease deployment shaper services
render restore.yaml 'Gives all limits back. Apply this, and wait for the Job, before you delete the rest.' restore
