"""Times commands in alternating runs, and prints medians, ratios and peak memory.

    measure.py ROUNDS LIMIT NAME=COMMAND...

Runs each command once to warm the caches, then ROUNDS times in turn. A command
that takes longer than LIMIT seconds is stopped, and not run again. Ratios are
to the first command. One line a command:

    NAME  median seconds  lowest seconds  peak MB  ratio

Peaks below some 14 MB are those of this process before it became the command.
"""
import os
import signal
import statistics
import subprocess
import sys
import time


def run(command, limit):
    """Wall seconds and peak memory in MB of one run; None when it took too long."""
    start = time.perf_counter()
    child = subprocess.Popen(
        ["sh", "-c", "exec " + command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    signal.signal(signal.SIGALRM, lambda *_: child.kill())
    signal.setitimer(signal.ITIMER_REAL, limit)
    _, status, usage = os.wait4(child.pid, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    child.returncode = status
    seconds = time.perf_counter() - start
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return None
    return seconds, usage.ru_maxrss / 1024


def main():
    rounds, limit = int(sys.argv[1]), float(sys.argv[2])
    contenders = [argument.split("=", 1) for argument in sys.argv[3:]]
    results = {name: [] for name, _ in contenders}
    too_slow = set()
    for round_ in range(rounds + 1):
        for name, command in contenders:
            if name in too_slow:
                continue
            result = run(command, limit)
            if result is None:
                too_slow.add(name)
            elif round_ > 0 or result[0] > limit / 10:
                results[name].append(result)
                # What takes so long needs no further rounds.
                if result[0] > limit / 10 and len(results[name]) > 2:
                    too_slow.add(name)
    base = None
    for name, _ in contenders:
        runs = results[name]
        if not runs:
            print(f"  {name:<28} > {limit:g} s")
            continue
        seconds = statistics.median(run[0] for run in runs)
        lowest = min(run[0] for run in runs)
        peak = max(run[1] for run in runs)
        base = base or seconds
        print(f"  {name:<28} {seconds:9.4f} s  (lowest {lowest:.4f})  {peak:8.1f} MB  {seconds / base:8.2f}x")


main()
