"""For how long a process with 1 GiB of memory stands still while its core is saved.

    pause.py ROUNDS CORETOOL PROGRAM DIRECTORY

PROGRAM itself notes the longest time in which it could not read the clock:
nobody's own claim is believed. gdb's `gcore` and `coretool snapshot` in turns,
each to a file in DIRECTORY; medians. What the machine itself takes away from the
program, with nobody looking, is told as well.
"""
import os
import statistics
import subprocess
import sys
import time


def main():
    rounds, coretool, program, directory = int(sys.argv[1]), *sys.argv[2:5]
    target = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert target.stdout.readline() == "ready\n"
    pid = str(target.pid)

    def pause():
        target.stdin.write("\n")
        target.stdin.flush()
        return int(target.stdout.readline()) / 1e6

    core = os.path.join(directory, "pause.core")
    gcore = ["gdb", "-nx", "-batch", "-ex", "set debuginfod enabled off", "-p", pid,
             "-ex", f"generate-core-file {core}"]
    ours = [coretool, "snapshot", "--color", "never", "-o", core, pid]
    ways = {"nobody looks": ["sleep", "1"], "gdb gcore": gcore, "coretool snapshot": ours}
    found = {name: [] for name in ways}
    for _ in range(rounds):
        for name, command in ways.items():
            if os.path.exists(core):
                os.remove(core)
            pause()
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
            found[name].append(pause())
            if done.returncode != 0:
                sys.exit(f"{name}: {done.stderr.decode(errors='replace')}")
            if name != "nobody looks" and os.path.getsize(core) < 1 << 30:
                sys.exit(f"{name}: the core has not all of the memory")
            time.sleep(0.1)
    target.kill()
    os.remove(core)
    middle = {name: statistics.median(times) for name, times in found.items()}
    for name, times in found.items():
        print(f"  {name:20} {middle[name]:9.1f} ms  ({min(times):.1f} to {max(times):.1f})")
    ratio = middle["gdb gcore"] / middle["coretool snapshot"]
    print(f"  gcore holds it {ratio:.1f} times as long")


main()
