#!/bin/sh
# What gdb, lldb and casr say of the deaths of the fixtures, beside coretool:
# writes the last part of docs/CAUSES.md.
#
#   tests/bench/causes.sh [DIRECTORY]
#
# Each fixture is built once without optimization by gcc or rustc, dies, and leaves a
# core; all four read that core. casr is installed from crates.io into DIRECTORY (a
# temporary one when none is given), and is no dependency. A tool that is not
# there is left out; CASR=no leaves casr out. Needs core_pattern to be a plain relative name.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
work=${1:-$(mktemp -d)}
mkdir -p "$work"
page=$root/docs/CAUSES.md
tool=${TOOL:-$root/target/debug/coretool}
export XDG_STATE_HOME="$work/state"

casr=$work/casr/bin/casr-core
if [ ! -x "$casr" ] && [ "${CASR:-yes}" = yes ] && command -v cargo >/dev/null; then
    cargo install --quiet --root "$work/casr" --locked casr || echo "casr: cannot be installed" >&2
fi
lldb=$(command -v lldb lldb-19 lldb-16 lldb-14 | head -n 1 || true)

# The fields of a row hold no bars, and only so much.
cell() {
    tr '\n|`' "  '" | sed 's/0x[0-9a-f]*/0x.../g; s/ in process [0-9]*\( "[^"]*"\)\{0,1\}: /: /; s/ in thread [0-9]*\( "[^"]*"\)\{0,1\}: /: /; s/  */ /g' | cut -c1-190
}

# Whether casr's class says more than the signal does, and nothing wrong: generously,
# any access violation is right for any bad address. The classes are those of
# https://github.com/ispras/casr/blob/master/docs/classes.md
is_acceptable() {
    case $1:$2 in
    null-pointer:*NearNull* | null-call:*NearNull*) ;;
    wild-pointer:SourceAv,* | wild-pointer:DestAv,* | bad-pointer:SourceAv,* | bad-pointer:DestAv,*) ;;
    poisoned-pointer:SourceAv,* | truncated-pointer:SourceAv,* | forbidden-access:SourceAv,*) ;;
    use-after-unmap:SourceAv,* | buffer-overrun:SourceAv,* | buffer-overrun:DestAv,*) ;;
    buffer-overrun:AccessViolation,* | use-after-free:SourceAv,* | write-readonly:DestAv,*) ;;
    jump-to-data:SegFaultOnPc,* | bad-call:SegFaultOnPc,* | bad-return:ReturnAv,*) ;;
    stack-overflow:StackOverflow,* | stack-smashing:StackGuard,*) ;;
    buffer-overflow:SafeFunctionCheck,* | breakpoint:TrapSignal,* | abort:AbortSignal,*) ;;
    divide-by-zero:FPE,* | divide-overflow:FPE,* | floating-point-exception:FPE,*) ;;
    compiler-trap:BadInstruction,* | illegal-instruction:BadInstruction,*) ;;
    rust-panic:RustPanic,*) ;;
    *) return 1 ;;
    esac
}

rows=$work/rows
verdicts=$work/verdicts
: >"$verdicts"
: >"$rows"
for source in "$root"/fixtures/programs/*.c "$root"/fixtures/programs/*.cpp "$root"/fixtures/programs/*.rs; do
    name=$(basename "$source")
    name=${name%.*}
    cause=$(sed -n 's/^\/\/ expect: cause //p' "$source" | head -n 1)
    send=$(sed -n 's/^\/\/ run: .*send=SIG\([A-Z]*\).*/\1/p' "$source" | head -n 1)
    case $source in
    *.cpp) compiler='g++ -g -O0 -w' ;;
    *.rs) compiler='rustc -g --edition 2024' ;;
    *) compiler='gcc -g -O0 -w' ;;
    esac
    flags=$(sed -n 's/^\/\/ build: //p' "$source" | tr '\n' ' ')
    here=$work/$name
    rm -rf "$here"
    mkdir -p "$here"
    # Flags are words.
    # shellcheck disable=SC2086
    $compiler $flags -o "$here/prog" "$source" || continue
    if [ -n "$send" ]; then
        # What is started in the background ignores SIGQUIT, unless it is told not to.
        (cd "$here" && ulimit -c unlimited && exec env --default-signal ./prog >ready 2>/dev/null) &
        waited=0
        until grep -qs '^ready' "$here/ready" || [ "$waited" -ge 100 ]; do
            sleep 0.1
            waited=$((waited + 1))
        done
        sleep 1
        kill "-$send" "$!" || true
        wait "$!" || true
    else
        (cd "$here" && ulimit -c unlimited && exec timeout 60 ./prog >/dev/null 2>&1) || true
    fi
    core=$(find "$here" -name 'core*' | head -n 1)
    [ -n "$core" ] || continue
    ours=$("$tool" --quiet analyze --format json "$core" 2>/dev/null | python3 -c '
import json, sys
report = json.load(sys.stdin)
finding = (report["findings"] or [{"id": "none"}])[0]
print(finding["id"], "--", report["verdict"])' 2>/dev/null | cell) || ours=
    theirs=$(gdb -nx -batch -ex 'info program' "$here/prog" "$core" 2>/dev/null |
        sed -n 's/^Program terminated with signal //p' | head -n 1 | cell) || theirs=
    other=
    [ -n "$lldb" ] && other=$("$lldb" -b -o 'thread info' "$here/prog" -c "$core" 2>/dev/null |
        sed -n 's/.*stop reason = //p' | head -n 1 | cell)
    class=
    if [ -x "$casr" ]; then
        class=$(timeout 60 "$casr" -f "$core" -e "$here/prog" --stdout 2>/dev/null | python3 -c '
import json, sys
severity = json.load(sys.stdin)["CrashSeverity"]
print(severity["ShortDescription"] + ", " + severity["Type"])' 2>/dev/null | cell) || class="no answer"
    fi
    if is_acceptable "$cause" "$class"; then echo yes >>"$verdicts"; else echo no >>"$verdicts"; fi
    printf '| `%s` | `%s` | %s | %s | %s | %s |\n' "$name" "$cause" "$ours" "${theirs:--}" "${other:--}" "${class:--}" >>"$rows"
    rm -f "$core"
done

{
    sed '/^## What other tools say of the same deaths$/,$d' "$page"
    echo '## What other tools say of the same deaths'
    echo
    echo 'Written by `tests/bench/causes.sh`: each fixture, built by gcc or rustc without optimization, one core, four readers.'
    echo 'Addresses are left out. gdb and lldb name the signal; casr names a class of its own and how exploitable it thinks that is.'
    if [ -x "$casr" ]; then
        echo
        echo "casr has an acceptable class for $(grep -c yes "$verdicts") of these $(wc -l <"$verdicts") deaths: one that says more than the signal does, and nothing"
        echo 'wrong. That is judged generously, by the list in the script: of any bad address any access violation is right.'
    fi
    echo
    echo '| program | dies of | coretool | gdb | lldb | casr |'
    echo '|---|---|---|---|---|---|'
    cat "$rows"
} >"$work/page"
mv "$work/page" "$page"
echo "written: $page" >&2
