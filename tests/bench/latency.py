"""How long after its fatal signal a program's report is on a terminal.

    latency.py ROUNDS CORETOOL PROGRAM

PROGRAM writes the time (CLOCK_MONOTONIC, nanoseconds) to standard output just
before it crashes. `coretool run` of it writes to a terminal, whose other end
notes when the last byte of the report comes. The analysis alone is the time of
`coretool analyze` of the same crash's core, its own start included. In turns;
medians.
"""
import os
import pty
import statistics
import subprocess
import sys
import tempfile
import time


def crash(coretool, program, options):
    """Seconds from the crash until the report was read."""
    ours, theirs = pty.openpty()
    command = [coretool, "run", *options, program]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=theirs)
    os.close(theirs)
    last, text = 0, b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break  # The terminal has no other end any more.
        if not part:
            break
        # The end of the report, and not of what is done after it.
        last, text = time.clock_gettime(time.CLOCK_MONOTONIC), text + part
    os.close(ours)
    moment = int(child.stdout.read()) / 1e9
    child.wait()
    if b"CRASH" not in text:
        sys.exit("there was no report: " + text.decode(errors="replace"))
    return last - moment


def analysis(coretool, core):
    start = time.clock_gettime(time.CLOCK_MONOTONIC)
    subprocess.run([coretool, "analyze", "--color", "never", core], check=True,
                   stdout=subprocess.DEVNULL)
    return time.clock_gettime(time.CLOCK_MONOTONIC) - start


def main():
    rounds, coretool, program = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    with tempfile.TemporaryDirectory() as directory:
        os.environ["XDG_STATE_HOME"] = directory
        core = os.path.join(directory, "core")
        crash(coretool, program, ["--core", core])
        results = {"kept": [], "not kept": [], "analysis": []}
        for _ in range(rounds):
            results["kept"].append(crash(coretool, program, []))
            results["not kept"].append(crash(coretool, program, ["--core", "none"]))
            results["analysis"].append(analysis(coretool, core))
    median = {name: statistics.median(times) * 1000 for name, times in results.items()}
    for name in ("kept", "not kept"):
        more = median[name] - median["analysis"]
        label = f"core {name}"
        print(f"{label:<14} {median[name]:7.1f} ms from the signal to the report, "
              f"{more:6.1f} ms more than the analysis ({median['analysis']:.1f} ms)")


main()
