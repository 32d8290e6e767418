"""What being watched costs a program, event by event, in alternating runs.

    overhead.py ROUNDS COMMAND WATCHER...

COMMAND is the program `events`, WATCHER what is put before it, as one argument
each, NAME=WORDS. Each program measures itself; the medians of ROUNDS runs are
printed in nanoseconds, and ratios to the program alone.
"""
import statistics
import subprocess
import sys

# Name, times, and the most that the ratio may be.
KINDS = [
    ("loop", 200_000, 1.02),
    ("getppid", 1_000_000, 1.02),
    ("thread", 3_000, 2.2),
    ("fork", 1_000, 1.7),
    ("spawn", 300, None),
    ("raise", 20_000, 12),
    ("fault", 20_000, 12),
]


def main():
    rounds, program = int(sys.argv[1]), sys.argv[2]
    watchers = [("alone", [])] + [
        (name, words.split()) for name, words in (word.split("=", 1) for word in sys.argv[3:])
    ]
    for kind, times, bar in KINDS:
        results = {name: [] for name, _ in watchers}
        for _ in range(rounds):
            for name, words in watchers:
                command = words + [program, kind, str(times)]
                output = subprocess.run(command, capture_output=True, text=True, check=True)
                results[name].append(float(output.stdout))
        alone = statistics.median(results["alone"])
        row = [f"{kind:<8} {alone:10.0f} ns"]
        for name, _ in watchers[1:]:
            each = statistics.median(results[name])
            row.append(f"{name} {each:.0f} ns, {each / alone:.2f}x")
        row.append(f"bar {bar}" if bar else "no bar")
        print("  ".join(row), flush=True)


main()
