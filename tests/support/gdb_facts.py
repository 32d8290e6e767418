# Runs a program under gdb to its death, saves a core, and writes what gdb knows
# of the stopped process as one JSON object. Runs inside gdb; settings come from
# the environment:
#   FACTS   file for the JSON                 CORE     file for the core
#   SIGNAL  the signal that the program dies of
#   HANDLED how many times the program handles that signal before
#   SEND    "yes": another process sends the signal once the program is ready
#   OUTPUT  file for the program's own output
import json
import os
import subprocess

import gdb

FRAMES = 64
INTEGERS = (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_CHAR, gdb.TYPE_CODE_BOOL, gdb.TYPE_CODE_ENUM)

# Sends the signal when no thread of the program has run for a while.
SENDER = r"""
for round in $(seq 500); do
    pid=$(sed -n 's/^ready //p' "$OUTPUT" 2>/dev/null)
    [ -n "$pid" ] && break
    sleep 0.02
done
quiet=0
for round in $(seq 500); do
    [ $quiet = 3 ] && break
    sleep 0.02
    if cat /proc/$pid/task/*/stat | sed 's/.*) //' | grep -qv '^S'; then quiet=0; else quiet=$((quiet + 1)); fi
done
kill -s ${SIGNAL#SIG} "$pid"
"""


def value_facts(value):
    """A simple value: its kind, and its bits or text. Others have a kind only."""
    if value.is_optimized_out:
        return {"kind": "optimized_out"}
    plain = value.type.strip_typedefs()
    try:
        if plain.code in INTEGERS:
            bits = int(value) & ((1 << 8 * plain.sizeof) - 1)
            return {"kind": "integer", "raw": "%#x" % bits, "size": plain.sizeof}
        if plain.code == gdb.TYPE_CODE_PTR:
            return {"kind": "pointer", "raw": "%#x" % int(value), "size": 8}
        if plain.code == gdb.TYPE_CODE_FLT and plain.sizeof <= 8:
            return {"kind": "float", "text": repr(float(value))}
    except gdb.error as error:
        return {"kind": "error", "text": str(error)}
    return {"kind": "other"}


def variables(frame):
    """All variables in scope, innermost block first, by name."""
    found = []
    try:
        block = frame.block()
    except RuntimeError:
        return found
    while block is not None:
        for symbol in block:
            if symbol.is_argument or (symbol.is_variable and symbol.addr_class != gdb.SYMBOL_LOC_STATIC):
                try:
                    facts = value_facts(symbol.value(frame))
                except gdb.error as error:
                    facts = {"kind": "error", "text": str(error)}
                found.append(dict(facts, name=symbol.print_name))
        if block.function is not None:
            break
        block = block.superblock
    return found


def frame_facts(frame):
    place = frame.find_sal()
    return {
        "pc": "%#x" % frame.pc(),
        "function": frame.name(),
        "line": place.line or None,
        "is_inlined": frame.type() == gdb.INLINE_FRAME,
        "is_tail_call": frame.type() == gdb.TAILCALL_FRAME,
        "is_signal_frame": frame.type() == gdb.SIGTRAMP_FRAME,
        "variables": variables(frame),
    }


def stack_facts():
    frames = []
    frame = gdb.newest_frame()
    while frame is not None and len(frames) < FRAMES:
        frames.append(frame_facts(frame))
        try:
            frame = frame.older()
        except gdb.error:
            break
    return frames


def facts():
    crashed = gdb.selected_thread()
    threads = []
    for thread in sorted(gdb.selected_inferior().threads(), key=lambda thread: thread is not crashed):
        thread.switch()
        threads.append({"tid": thread.ptid[1], "frames": stack_facts()})
    return {"threads": threads}


def main():
    signal = os.environ["SIGNAL"]
    for setting in ("confirm off", "pagination off", "width 0", "debuginfod enabled off"):
        gdb.execute("set " + setting)
    gdb.execute("handle all nostop noprint pass", to_string=True)
    if signal != "SIGTRAP":  # gdb stops for it anyway
        gdb.execute("handle %s stop print pass" % signal, to_string=True)
    if os.environ["SEND"] == "yes":
        subprocess.Popen(["sh", "-c", SENDER], stdin=subprocess.DEVNULL)
    gdb.execute("run > '%s' 2>&1 < /dev/null" % os.environ["OUTPUT"], to_string=True)
    for _ in range(int(os.environ["HANDLED"])):
        gdb.execute("continue", to_string=True)
    gdb.execute("generate-core-file " + os.environ["CORE"], to_string=True)
    gdb.execute("kill")
    # From the core: in a live process gdb hides an inlined call in whose first
    # instruction the program stopped.
    gdb.execute("core-file " + os.environ["CORE"], to_string=True)
    with open(os.environ["FACTS"], "w") as out:
        json.dump(facts(), out)


main()
