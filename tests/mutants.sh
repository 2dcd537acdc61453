#!/usr/bin/env bash
# Runs cargo-mutants, installing it once into a cache by version. Arguments go to it, such as --file or --iterate.
# Which files it changes, and which changes are let pass, is in .cargo/mutants.toml.
set -euo pipefail

version=27.1.0
root=${XDG_CACHE_HOME:-$HOME/.cache}/flow-manager/cargo-mutants-$version
[[ -x $root/bin/cargo-mutants ]] || cargo install --quiet --locked --root "$root" "cargo-mutants@$version"
cd "$(dirname "$0")/.."
# Symbols for a debugger only take time here.
export CARGO_PROFILE_DEV_DEBUG=0
# Tests that wait for a write which never comes do so for 10 s, one after the other.
set -- --timeout 300 "$@"
code=0
"$root/bin/cargo-mutants" mutants --package flow-control --output target/mutants/flow-control "$@" || code=$?
# The tests of what is changed here are beside it; the program is not needed.
"$root/bin/cargo-mutants" mutants --package flow-manager --output target/mutants/flow-manager "$@" -- --lib || code=$?
exit "$code"
