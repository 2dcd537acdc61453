#!/usr/bin/env bash
# with-lab.sh NAME COMMAND...: runs a command inside a lab of that name, and takes the lab down again,
# whatever happens. With KEEP=1 the lab stays.
set -euo pipefail

name=$1
shift
lab=$(dirname "$0")/../target/x86_64-unknown-linux-gnu/release/lab

down() {
  if [[ -n ${KEEP:-} ]]; then
    echo "The lab is left running. To look around: eval \"\$($lab env --name $name)\"; to stop it: $lab down --name $name"
  else
    "$lab" down --name "$name"
  fi
}

trap down EXIT
# One that was killed, or kept, is not a fresh start.
"$lab" down --name "$name" 2>/dev/null
"$lab" up --name "$name"
"$lab" exec --name "$name" -- "$@"
