#!/bin/bash
# Times `coretool analyze` against gdb and eu-stack, and `coretool run` against a
# bare run. Builds its own programs and cores, and removes the cores at the end.
#
#   tests/bench/compare.sh [ROUNDS]        21 rounds unless told otherwise
#   BENCH="small threads" compare.sh       only these: small threads sparse
#                                          overflow large locals containers run events
#                                          latency snapshot
#
# Nothing else should run on the machine meanwhile. Results of one run are kept in
# docs/PERFORMANCE.md.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$root/target/bench
rounds=${1:-21}
bench=${BENCH:-small threads sparse overflow large locals containers run events latency snapshot}
mkdir -p "$work/cores"
trap 'rm -rf "$work/cores"' EXIT

(cd "$root" && cargo build --release --quiet)
coretool=$root/target/release/coretool

wanted() { case " $bench " in *" $1 "*) true ;; *) false ;; esac }

build() { # NAME FLAGS...
    gcc -g "${@:2}" -pthread -o "$work/$1" "$here/programs/$1.c"
}

# Leaves the core of a crashing program in $work/cores/NAME.
make_core() { # NAME PROGRAM
    local pattern
    pattern=$(cat /proc/sys/kernel/core_pattern)
    case $pattern in
    '|'* | */* | @* | '')
        gdb -nx -batch -ex 'set debuginfod enabled off' -ex run \
            -ex "generate-core-file $work/cores/$1" "$2" > "$work/gdb.log" 2>&1
        ;;
    *)
        mkdir -p "$work/cores/$1.d"
        (cd "$work/cores/$1.d" && ulimit -c unlimited && ulimit -s 8192 && "$2" > /dev/null 2>&1) || true
        mv "$work/cores/$1.d/"* "$work/cores/$1"
        ;;
    esac
}

compare() { # ROUNDS LIMIT CORE PROGRAM
    local core=$3 program=$4
    python3 "$here/measure.py" "$1" "$2" \
        "coretool analyze=$coretool analyze --color never $core" \
        "eu-stack -i -s=eu-stack -i -s -n 0 --core $core" \
        "eu-stack (names only)=eu-stack -n 0 --core $core" \
        "gdb bt full=gdb -nx -batch -ex 'set debuginfod enabled off' -ex 'thread apply all bt full' $program $core"
}

echo "$(nproc) cores, $(awk '/MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo) GiB memory, kernel $(uname -r)"
gdb --version | head -1
eu-stack --version | head -1
if [ -n "$(ls /usr/lib/debug/.build-id 2> /dev/null)" ]; then
    echo "debug files of the C library are installed"
else
    echo "no debug files of the C library"
fi

if wanted small; then
    build small -O0
    make_core small "$work/small"
    echo "small C program, three threads (bar: 0.020 s; 2.5x eu-stack -i -s, 10x gdb; 30 MB):"
    compare "$rounds" 30 "$work/cores/small" "$work/small"
fi

if wanted sparse; then
    build small -O0
    [ -e "$work/cores/small" ] || make_core small "$work/small"
    build sparse -O0
    make_core sparse "$work/sparse"
    echo "4 GiB core, $(du -m "$work/cores/sparse" | cut -f1) MB on disk (bar: within 20 % of the small core):"
    python3 "$here/measure.py" "$rounds" 30 \
        "small core=$coretool analyze --color never $work/cores/small" \
        "4 GiB core=$coretool analyze --color never $work/cores/sparse" \
        "4 GiB core, eu-stack -i -s=eu-stack -i -s -n 0 --core $work/cores/sparse"
fi

if wanted threads; then
    build threads -O0
    make_core threads "$work/threads"
    echo "1,000 threads (bar: 0.15 s; 8x gdb, 20x eu-stack -i -s):"
    compare "$((rounds / 3 + 1))" 60 "$work/cores/threads" "$work/threads"
fi

if wanted overflow; then
    build overflow -O0
    make_core overflow "$work/overflow"
    lines=$("$coretool" analyze --color never "$work/cores/overflow" | wc -l)
    echo "stack overflow, 260,000 frames (bar: 0.3 s; under 200 lines, has $lines):"
    python3 "$here/measure.py" "$rounds" 10 \
        "coretool analyze=$coretool analyze --color never $work/cores/overflow"
    python3 "$here/measure.py" 1 120 \
        "gdb bt full=gdb -nx -batch -ex 'set debuginfod enabled off' -ex 'thread apply all bt full' $work/overflow $work/cores/overflow"
fi

if wanted large; then
    if [ ! -x "$work/large/large" ]; then
        "$here/large.sh" "$work/large"
    fi
    make_core large "$work/large/large"
    size=$(size -A "$work/large/large" | awk '/^\.debug/ { sum += $2 } END { printf "%.0f", sum / 1e6 }')
    echo "large program, $size MB of debug information (bar: 0.3 s; 15x gdb):"
    compare "$((rounds / 3 + 1))" 60 "$work/cores/large" "$work/large/large"
fi

if wanted locals; then
    if [ ! -x "$work/large/large" ]; then
        "$here/large.sh" "$work/large"
    fi
    [ -e "$work/cores/large" ] || make_core large "$work/large/large"
    core=$work/cores/large
    echo "large program, locals of one frame (bar: 50 ms more than the stack without them):"
    python3 "$here/measure.py" "$rounds" 30 \
        "stack=$coretool print $core \\\$rip" \
        "three locals=$coretool print $core at depth sum" \
        "a type by name=$coretool print $core 'sizeof(struct record_77)'" \
        "a type that is not there=$coretool print $core 'sizeof(struct nowhere)'"
fi

if wanted containers; then
    g++ -g -O1 -o "$work/containers-cxx" "$here/programs/containers.cpp"
    rustc -g -C opt-level=1 -o "$work/containers-rust" "$here/programs/containers.rs"
    for language in cxx rust; do
        make_core containers "$work/containers-$language"
        core=$work/cores/containers
        names="vector map list hashed deque bits"
        [ $language = cxx ] || names="vector map hashed deque"
        rows=()
        for name in $names; do
            rows+=("$name=$coretool print $core $name")
        done
        echo "containers of 10,000,000 elements, $language (bar: 10 ms and 1 MB more than the stack):"
        python3 "$here/measure.py" "$rounds" 30 "stack=$coretool print $core \\\$rip" "${rows[@]}"
        rm "$core"
    done
fi

if wanted run; then
    build loop -O1
    build getppid -O1
    for program in loop getppid; do
        echo "run of $program (bar: within 2 %):"
        python3 "$here/measure.py" "$rounds" 60 \
            "native=$work/$program" "coretool run=$coretool run $work/$program"
    done
fi

if wanted events; then
    build events -O1
    echo "what being watched costs, event by event (bars: 1.02, 1.02, 2.2, 1.7, none, 12, 12):"
    python3 "$here/overhead.py" "$((rounds / 3 + 1))" "$work/events" "coretool run=$coretool run"
fi

if wanted latency; then
    build moment -O0
    echo "from the fatal signal to the report on a terminal (bar: 50 ms more than the analysis):"
    python3 "$here/latency.py" "$rounds" "$coretool" "$work/moment"
fi

if wanted snapshot; then
    build gigabyte -O1
    echo "how long 1 GiB stands still for its core (bar: 20x less than gcore):"
    python3 "$here/pause.py" "$((rounds / 3 + 1))" "$coretool" "$work/gigabyte" "$work/cores"
fi
