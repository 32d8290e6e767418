#!/bin/sh
# Damages the cores of all fixtures, and memory and debug information of the programs
# under tests/values, for longer than the tests do, from other seeds, until something
# fails or the rounds are over:
#   tests/fuzz/long.sh [ROUNDS] [FLIPS] [SEED]
# A failure names its seed and the bytes that were changed.
set -eu
cd "$(dirname "$0")/../.."
rounds=${1:-10}
flips=${2:-100000}
seed=${3:-$(date +%s)}
for round in $(seq "$rounds"); do
    echo "round $round of $rounds: $flips flips, seed $seed"
    DAMAGE_FLIPS=$flips DAMAGE_ROUNDS=$((flips / 50)) DAMAGE_SEED=$seed \
        cargo test --release --quiet --test it damage
    seed=$((seed + 1))
done
