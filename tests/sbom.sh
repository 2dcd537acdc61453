#!/usr/bin/env bash
# Writes what the operator's binary is made of, as CycloneDX, to the file that is named, with cargo-cyclonedx, installing it
# once into a cache by version. Fails if a crate is missing that cargo compiles into the binary.
set -euo pipefail

version=0.5.9
root=${XDG_CACHE_HOME:-$HOME/.cache}/flow-manager/cargo-cyclonedx-$version
[[ -x $root/bin/cargo-cyclonedx ]] || cargo install --quiet --locked --root "$root" "cargo-cyclonedx@$version"
cd "$(dirname "$0")/.."
target=x86_64-unknown-linux-gnu
out=$1

# It writes a file beside the manifest of every package; so it gets a copy.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z --cached --others --exclude-standard | xargs -0 tar -c --ignore-failed-read | tar -x -C "$copy"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) "$root/bin/cargo-cyclonedx" cyclonedx --quiet \
  --manifest-path "$copy/crates/flow-manager/Cargo.toml" --format json --spec-version 1.5 --no-build-deps \
  --target "$target" --override-filename sbom
mkdir -p "$(dirname "$out")"
sed "s|$copy|/flow-manager|g" "$copy/crates/flow-manager/sbom.json" > "$out"

count=0
while read -r name crate _; do
  [[ $name != flow-manager ]] || continue
  grep -qF "pkg:cargo/$name@${crate#v}" "$out" || { echo "$out lacks $name $crate" >&2; exit 1; }
  count=$((count + 1))
done < <(cargo tree --locked -p flow-manager -e normal,no-proc-macro --target "$target" --prefix none --no-dedupe | sort -u)
((count > 100)) || { echo "cargo tells of only $count crates" >&2; exit 1; }
echo "$out: all $count crates that are compiled into flow-manager are in it"
