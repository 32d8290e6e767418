# Runs a program under gdb to its death, saves a core, and writes what gdb knows
# of the stopped process as one JSON object. Runs inside gdb; settings come from
# the environment:
#   FACTS   file for the JSON                 CORE     file for the core
#   SIGNAL  the signal that the program dies of
#   HANDLED how many times the program handles that signal before
#   SEND    "yes": another process sends the signal once the program is ready
#   ROUNDS  how often it is looked whether the program has come to rest
#   OUTPUT  file for the program's own output
#   DEPTH   how deeply values are taken apart
import json
import os
import subprocess

import gdb

FRAMES = 64
# How many elements of an array are of interest.
DEPTH = int(os.environ["DEPTH"])
ELEMENTS = 8
INTEGERS = (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_CHAR, gdb.TYPE_CODE_BOOL, gdb.TYPE_CODE_ENUM)

# Sends the signal when no thread of the program has run for a while.
SENDER = r"""
for round in $(seq 500); do
    pid=$(sed -n 's/^ready //p' "$OUTPUT" 2>/dev/null)
    [ -n "$pid" ] && break
    sleep 0.02
done
quiet=0
for round in $(seq "$ROUNDS"); do
    [ $quiet = 3 ] && break
    sleep 0.02
    if cat /proc/$pid/task/*/stat | sed 's/.*) //' | grep -qv '^S'; then quiet=0; else quiet=$((quiet + 1)); fi
done
kill -s ${SIGNAL#SIG} "$pid"
"""


def value_facts(value, depth=DEPTH):
    """A value: its kind, and its bits, text or parts. Others have a kind only."""
    if value.is_optimized_out:
        return {"kind": "optimized_out"}
    plain = value.type.strip_typedefs()
    try:
        if plain.code in INTEGERS:
            bits = int(value) & ((1 << 8 * plain.sizeof) - 1)
            return {"kind": "integer", "raw": "%#x" % bits, "size": plain.sizeof}
        if plain.code == gdb.TYPE_CODE_PTR:
            if "synthetic pointer" in value.format_string(symbols=False):
                return {"kind": "other"}
            facts = {"kind": "pointer", "raw": "%#x" % int(value), "size": 8}
            target = plain.target()
            if target.strip_typedefs().unqualified().name == "char":
                facts["string"] = pointed_text(value)
            return facts
        if plain.code == gdb.TYPE_CODE_FLT and plain.sizeof <= 8:
            return {"kind": "float", "text": repr(float(value))}
        if depth and plain.code == gdb.TYPE_CODE_ARRAY:
            return {"kind": "array", "parts": elements(value, plain, depth)}
        if depth and plain.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
            return {"kind": "struct", "parts": fields(value, plain, depth)}
    except (gdb.error, ValueError, TypeError, OverflowError, RuntimeError) as error:
        return {"kind": "error", "text": str(error)}
    return {"kind": "other"}


def pointed_text(value):
    """The text that a `char *` points to, if it is short and plain."""
    try:
        text = value.string(encoding="ascii")
    except (gdb.error, UnicodeDecodeError):
        return None
    return text if len(text) < 100 and text.isprintable() and not set(text) & set("\"\\'") else None


def elements(value, plain, depth):
    """The first elements of an array. None of text, which is shown as a whole."""
    if plain.target().strip_typedefs().sizeof == 1:
        return []
    low, high = plain.range()
    parts = []
    for index in range(low, min(high + 1, low + ELEMENTS)):
        parts.append(dict(value_facts(value[index], depth - 1), name=""))
    return parts


def fields(value, plain, depth):
    """The members of a structure; those of anonymous ones count as its own."""
    parts = []
    for field in plain.fields():
        if not hasattr(field, "bitpos") or field.artificial or (field.name or "").startswith("_vptr"):
            continue
        part = value_facts(value[field], depth - 1)
        if not field.name and part["kind"] == "struct":
            parts += part["parts"]
        elif field.name and not field.is_base_class:
            parts.append(dict(part, name=field.name))
    return parts


def variables(frame):
    """All variables in scope, innermost block first, by name."""
    found = []
    try:
        block = frame.block()
    except RuntimeError:
        return found
    while block is not None:
        for symbol in block:
            if symbol.is_argument or (symbol.is_variable):
                try:
                    # gdb dies of nested enumerations of Rust.
                    depth = 0 if frame.language() == "rust" else DEPTH
                    facts = value_facts(symbol.value(frame), depth)
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
