# Prints the frames of the selected thread, one a line: the kind of frame, the
# line of the source or 0, the function. Runs inside gdb.
import gdb

KINDS = {gdb.SIGTRAMP_FRAME: "signal", gdb.TAILCALL_FRAME: "tail", gdb.INLINE_FRAME: "inline"}

frame = gdb.newest_frame()
for index in range(64):
    if frame is None:
        break
    kind = KINDS.get(frame.type(), "normal")
    print("FRAME", kind, frame.find_sal().line, frame.name() or "??")
    frame = frame.older()
