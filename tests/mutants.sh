#!/usr/bin/env bash
# Runs cargo-mutants, installing it once into a cache by version: on all that decides, and on what arbitrates, encodes,
# writes and judges limits, or on the files that a --file names. Arguments go to it, such as --iterate.
set -euo pipefail

version=27.1.0
root=${XDG_CACHE_HOME:-$HOME/.cache}/flow-manager/cargo-mutants-$version
[[ -x $root/bin/cargo-mutants ]] || cargo install --quiet --locked --root "$root" "cargo-mutants@$version"
cd "$(dirname "$0")/.."
# Symbols for a debugger only take time here, and what a test found for one change must not help it with the next.
export CARGO_PROFILE_DEV_DEBUG=0 PROPTEST_DISABLE_FAILURE_PERSISTENCE=true

manager=crates/flow-manager/src
# A configuration file of cargo-mutants would add these to the files that an argument names.
[[ " $*" == *" --file"* ]] || set -- "$@" \
    --file 'crates/flow-control/src/**/*.rs' \
    --file "$manager/enforce/{book,created,encode,held,in_force,record,request,write}.rs" \
    --file "$manager/regulator/{effect,plan,rollout}.rs" \
    --file "$manager/rollout/{asks,due,standing,write}.rs"
mkdir -p target/mutants
code=0
"$root/bin/cargo-mutants" mutants --package flow-control --output target/mutants/flow-control "$@" || code=$?
# The tests of what is changed here are beside it; the program is not needed.
# Those that wait for a write which never comes do so for 10 s, one after the other.
"$root/bin/cargo-mutants" mutants --package flow-manager --output target/mutants/flow-manager \
    --cargo-arg=--lib --timeout 300 "$@" || code=$?
exit "$code"
