#!/usr/bin/env bash
# Runs each fuzzer of FUZZ_TARGETS (all) for FUZZ_SECONDS (600), installing cargo-fuzz once into a cache by version. What is
# found stays below target/fuzz/found; copied to fuzz/seeds/TARGET, it is a test. It ends with a line for each fuzzer.
set -euo pipefail

version=0.13.1
root=${XDG_CACHE_HOME:-$HOME/.cache}/flow-manager/cargo-fuzz-$version
[[ -x $root/bin/cargo-fuzz ]] || cargo install --quiet --locked --root "$root" "cargo-fuzz@$version"
cd "$(dirname "$0")/.."
command -v c++ >/dev/null || { echo "libFuzzer needs a C++ compiler, such as Debian's g++" >&2; exit 1; }

# The flags are unstable ones, which the compiler of rust-toolchain.toml has too. Sanitizers of memory find nothing where
# unsafe code is forbidden.
export RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$PWD/target/fuzz
unset RUSTFLAGS
fuzz() { nice -n 19 "$root/bin/cargo-fuzz" "$@"; }
build=(--sanitizer none)

targets=(${FUZZ_TARGETS:-$(ls fuzz/seeds)})
failed=0
summary=()
for target in "${targets[@]}"; do
  corpus=target/fuzz/corpus/$target found=target/fuzz/found/$target
  mkdir -p "$corpus" "$found"
  fuzz build "${build[@]}" "$target"
  code=0
  fuzz run "${build[@]}" "$target" "$PWD/$corpus" "$PWD/fuzz/seeds/$target" -- \
    -artifact_prefix="$PWD/$found/" -dict="$PWD/fuzz/dictionaries/$target.dict" -max_total_time="${FUZZ_SECONDS:-600}" \
    -max_len=4096 -rss_limit_mb=1024 -timeout=10 -print_final_stats=1 2>&1 | tee "target/fuzz/$target.log" || code=$?
  ((code == 0)) || failed=1
  edges=$(grep -oE 'cov: [0-9]+' "target/fuzz/$target.log" | tail -1) || edges="cov: ?"
  runs=$(grep -oE 'number_of_executed_units: +[0-9]+' "target/fuzz/$target.log" | grep -oE '[0-9]+') || runs="?"
  summary+=("$target: $runs executions, ${edges#cov: } edges, $(find "$found" -type f | wc -l) inputs found to fail")
done
printf '%s\n' "${summary[@]}"
exit "$failed"
