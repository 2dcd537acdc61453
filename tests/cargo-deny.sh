#!/usr/bin/env bash
# Runs cargo-deny, installing it once into a cache by version.
set -euo pipefail

version=0.20.2
root=${XDG_CACHE_HOME:-$HOME/.cache}/flow-manager/cargo-deny-$version
[[ -x $root/bin/cargo-deny ]] || cargo install --quiet --locked --root "$root" "cargo-deny@$version"
exec "$root/bin/cargo-deny" "$@"
