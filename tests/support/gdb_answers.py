# Answers questions about variables in a core, as one JSON list of texts. Runs inside
# gdb; settings come from the environment:
#   QUESTIONS  a JSON list of [function, variable, which of several of that name]
#   ANSWERS    file for the JSON
import json
import os

import gdb


def bare(name):
    """A function's name without its parameters."""
    if not name.endswith(")"):
        return name
    depth = 0
    for at in range(len(name) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(name[at], 0)
        if depth == 0:
            return name[:at]
    return name


def frame_of(function):
    frame = gdb.newest_frame()
    while frame is not None:
        name = bare(frame.name() or "")
        if name == function or name.endswith("::" + function):
            return frame
        frame = frame.older()
    return None


def answer(function, name, nth):
    frame = frame_of(function)
    if frame is None:
        return "<no such frame>"
    frame.select()
    block = frame.block()
    while block is not None:
        for symbol in block:
            if symbol.name == name and not symbol.is_function:
                if nth == 0:
                    return symbol.value(frame).format_string()
                nth -= 1
        if block.function is not None:
            break
        block = block.superblock
    return "<no such variable>"


answers = []
for question in json.loads(os.environ["QUESTIONS"]):
    try:
        answers.append(answer(*question))
    except (gdb.error, RuntimeError, ValueError, UnicodeError) as error:
        answers.append("<error: %s>" % error)
with open(os.environ["ANSWERS"], "w") as file:
    json.dump(answers, file)
