#!/bin/sh
# What gdb, lldb and casr say of the deaths of the fixtures, beside coretool:
# writes the last part of docs/CAUSES.md.
#
#   tests/bench/causes.sh [DIRECTORY]
#
# Each fixture in C and C++ is built once with gcc -O0, dies, and leaves a core;
# all four read that core. casr is installed from crates.io into DIRECTORY (a
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
    tr '\n|`' "  '" | sed 's/0x[0-9a-f]*/0x.../g; s/process [0-9]* "[^"]*": //; s/thread [0-9]* "[^"]*": //; s/  */ /g' | cut -c1-160
}

rows=$work/rows
: >"$rows"
for source in "$root"/fixtures/programs/*.c "$root"/fixtures/programs/*.cpp; do
    name=$(basename "$source")
    name=${name%.*}
    cause=$(sed -n 's/^\/\/ expect: cause //p' "$source" | head -n 1)
    grep -q '^// run: send' "$source" && continue
    case $source in *.cpp) compiler=g++ ;; *) compiler=gcc ;; esac
    flags=$(sed -n 's/^\/\/ build: //p' "$source" | tr '\n' ' ')
    here=$work/$name
    rm -rf "$here"
    mkdir -p "$here"
    # Flags are words.
    # shellcheck disable=SC2086
    $compiler -g -O0 -w $flags -o "$here/prog" "$source" || continue
    (cd "$here" && ulimit -c unlimited && exec timeout 60 ./prog >/dev/null 2>&1) || true
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
    printf '| `%s` | `%s` | %s | %s | %s | %s |\n' "$name" "$cause" "$ours" "${theirs:--}" "${other:--}" "${class:--}" >>"$rows"
    rm -f "$core"
done

{
    sed '/^## What other tools say of the same deaths$/,$d' "$page"
    echo '## What other tools say of the same deaths'
    echo
    echo 'Written by `tests/bench/causes.sh`: each fixture in C and C++, built by gcc at -O0, one core, four readers. Addresses are'
    echo 'left out. gdb and lldb name the signal; casr names a class of its own and how exploitable it thinks that is.'
    echo
    echo '| program | dies of | coretool | gdb | lldb | casr |'
    echo '|---|---|---|---|---|---|'
    cat "$rows"
} >"$work/page"
mv "$work/page" "$page"
echo "written: $page" >&2
