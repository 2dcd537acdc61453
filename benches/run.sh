#!/usr/bin/env bash
# Measures what a decision and a reconcile cost, into target/bench. Installs Valgrind where it is missing, and the
# runner of gungraun once into a cache by version: that of the library.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(awk '$1 == "name" {name = $3} $1 == "version" && name == "\"gungraun-runner\"" {gsub("\"", "", $3); print $3}' Cargo.lock)
root=${XDG_CACHE_HOME:-$HOME/.cache}/flow-manager/gungraun-runner-$version
[[ -x $root/bin/gungraun-runner ]] ||
  cargo install --quiet --locked --root "$root" "gungraun-runner@$version"
command -v valgrind > /dev/null || { apt-get update -qq && apt-get install -qq --no-install-recommends valgrind; }

out=$PWD/target/bench
rm -rf "$out/gungraun"
mkdir -p "$out/gungraun"
# Callgrind tells functions by their symbols.
CARGO_PROFILE_BENCH_STRIP=none CARGO_PROFILE_BENCH_DEBUG=line-tables-only \
  GUNGRAUN_RUNNER=$root/bin/gungraun-runner GUNGRAUN_HOME=$out/gungraun \
  cargo bench --quiet --locked -p flow-cost --bench instructions -- --save-summary=json > "$out/instructions.txt"
cargo bench --quiet --locked -p flow-cost --bench step -- "$out/step.json" "$out/gungraun"
cargo bench --quiet --locked -p flow-manager --bench reconcile -- "$out/reconcile.json"
