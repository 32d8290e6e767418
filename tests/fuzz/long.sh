#!/bin/sh
# What the tests do for a minute, for hours: until something fails or the time is over.
#   tests/fuzz/long.sh [SECONDS] [TARGET...]     each target under tests/fuzz/targets, one hour
#   tests/fuzz/long.sh flips [ROUNDS] [FLIPS] [SEED]
#   tests/fuzz/long.sh causes [SECONDS] [SEED]
# The first form needs clang, for the libFuzzer that a crate brings; it keeps its corpus in
# target/fuzz. The second one damages the cores of all fixtures, and memory and debug
# information of the programs under tests/values, from other seeds; a failure names its seed
# and the bytes that were changed. The third one replaces heaps, stacks, registers and code in
# cores of programs that died or hang, which is what the rules look at.
set -eu
cd "$(dirname "$0")/../.."

if [ "${1:-}" = flips ]; then
    rounds=${2:-10}
    flips=${3:-100000}
    seed=${4:-$(date +%s)}
    for round in $(seq "$rounds"); do
        echo "round $round of $rounds: $flips flips, seed $seed"
        DAMAGE_FLIPS=$flips DAMAGE_ROUNDS=$((flips / 50)) DAMAGE_SEED=$seed DAMAGE_SECONDS=2 \
            cargo test --release --quiet --test it damage
        seed=$((seed + 1))
    done
    exit
fi

if [ "${1:-}" = causes ]; then
    HOSTILE_SECONDS=${2:-600} HOSTILE_SEED=${3:-$(date +%s)} DAMAGE_SECONDS=5 \
        cargo test --release --quiet --test it hostile
    exit
fi

seconds=${1:-3600}
[ $# -eq 0 ] || shift
if [ $# -eq 0 ]; then
    # Names are in the table of targets.
    names=$(sed -n 's/.*Target { name: "\([a-z-]*\)".*/\1/p' tests/fuzz/targets/mod.rs)
    # A word a name is wanted.
    # shellcheck disable=SC2086
    set -- $names
fi
place=$PWD/target/fuzz
FUZZ_CORPUS=$place cargo test --quiet --test it fuzz::corpus
# What cargo-fuzz sets for stable compilers: counters in the code, no sanitizer.
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares
    -Ccodegen-units=1"
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS=$(echo $coverage) CXX=clang++ cargo build --quiet --release \
    --manifest-path tests/fuzz/Cargo.toml --target "$host" --target-dir "$place/build"
for target in "$@"; do
    echo "== $target, $seconds s"
    FUZZ_TARGET=$target FUZZ_DIRECTORY=$place "$place/build/$host/release/coretool-fuzz" \
        -max_total_time="$seconds" -rss_limit_mb=1024 -timeout=10 -print_final_stats=1 \
        -artifact_prefix="$place/found-$target-" "$place/$target"
done
