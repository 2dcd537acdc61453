#!/usr/bin/env bash
# Checks dependencies with cargo-deny, installing it once into a cache by version: bans, licences and sources, and known
# vulnerabilities where their database can be reached.
set -euo pipefail

version=0.20.2
root=${XDG_CACHE_HOME:-$HOME/.cache}/flow-manager/cargo-deny-$version
[[ -x $root/bin/cargo-deny ]] || cargo install --quiet --locked --root "$root" "cargo-deny@$version"
deny=$root/bin/cargo-deny

"$deny" check bans licenses sources
if problem=$(timeout 120 "$deny" fetch db 2>&1); then
  "$deny" check --disable-fetch advisories
else
  echo "advisories not checked: their database cannot be fetched: $(tail -n 1 <<<"$problem")" >&2
fi
