#!/usr/bin/env python3
"""Grouping on a labelled set: precision, recall and F1 over pairs of crashes.

Makes programs with 30 seeded bugs (22 in C++, 8 in Rust), in three versions of
the source (as it is; with code and comments added above; refactored: other
names of locals, wrappers between callers, another directory), five builds each
(four optimization levels and another build directory), runs each bug by four
call routes, and lets `coretool triage` group the 1,800 cores.

    tests/bench/triage/score.py CORETOOL [WORK] [--no-yardsticks] [--show]

Beside it, on the same stacks: the hash of the five innermost functions, the
first function that is no runtime's, and a prefix rule in the manner of Socorro
(functions of a list are joined to the next one until one is on no list; the
list here is ours, and short). Cores stay in WORK; without it they are removed.
"""
import itertools, json, os, re, resource, shutil, subprocess, sys, tempfile, time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import bugs_cxx, bugs_rust

ROUTES, VERSIONS = 4, 3
CXX = [("O0", ["-O0"]), ("O1", ["-O1"]), ("O2", ["-O2"]), ("O3", ["-O3"]), ("elsewhere", ["-O2"])]
RUST = [("O0", "0"), ("O1", "1"), ("O2", "2"), ("O3", "3"), ("elsewhere", "2")]


def version(code, name, number):
    """The code of one bug in a version of the source."""
    if number == 0:
        return code
    if number == 1:
        above = f"// {name} was looked at again.\n" * 5
        return f"{above}static int unused_before_{name}[3] __attribute__((unused));\n{code}"
    for old, new in [("config", "settings"), ("session", "opened"), ("seen", "count_seen"),
                     ("items", "list_of_items"), ("block", "memory"), ("found", "result_found")]:
        # Locals only: not the names of functions and types.
        code = re.sub(rf"\b{old}\b", new, code)
    return code


def source(language, number):
    text = language.HEAD + language.JOB
    is_rust = language is bugs_rust
    for name, code in language.BUGS:
        code = version(code, name, number)
        if is_rust:
            code = re.sub(r"static int .*\n", "", code)
        text += code + language.ROUTES.format(name=name)
    cases = "".join(language.CASE.format(name=name) for name, _ in language.BUGS)
    text += language.MAIN.format(cases=cases)
    if number == 2:
        # A wrapper between the routes and the bugs' callers.
        if is_rust:
            text = re.sub(r"fn direct_(\w+)\(input: usize\) -> i64 \{ (\w+)\(input\) \+ 1 \}",
                          r"fn prepare_\1(input: usize) -> i64 { \2(input) + 1 }\n"
                          r"fn direct_\1(input: usize) -> i64 { prepare_\1(input) + 5 }", text)
        else:
            text = re.sub(r"int direct_(\w+)\(long in\) \{ return (\w+)\(in\) \+ 1; \}",
                          r"int prepare_\1(long in) { return \2(in) + 1; }\n"
                          r"int direct_\1(long in) { return prepare_\1(in) + 5; }", text)
    return text


def build(work):
    """All programs: (path, names of bugs, label of version and build)."""
    jobs, programs = [], []
    for language, suffix, builds in [(bugs_cxx, "cpp", CXX), (bugs_rust, "rs", RUST)]:
        for number in range(VERSIONS):
            for label, flags in builds:
                place = os.path.join(work, f"v{number}-{label}-{suffix}")
                if label == "elsewhere":
                    place = os.path.join(work, "another", "place", f"v{number}-{suffix}")
                os.makedirs(place, exist_ok=True)
                file = os.path.join(place, f"{'main' if number < 2 else 'moved'}.{suffix}")
                with open(file, "w") as out:
                    out.write(source(language, number))
                program = os.path.join(place, f"app_{suffix}")
                if suffix == "cpp":
                    command = ["g++", "-g", "-pthread", "-w", *flags, "-o", program, file]
                else:
                    command = ["rustc", "--edition=2021", "--crate-name=app", "-g", "-Cpanic=abort",
                               f"-Copt-level={flags}", "-Awarnings", "-o", program, file]
                jobs.append(command)
                programs.append((program, [name for name, _ in language.BUGS], f"v{number}-{label}-{suffix}"))
    def run(command):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(command)}\n{done.stderr[:3000]}")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, jobs))
    return programs


def crash(work, programs):
    """Runs all bugs. Returns path of core -> label."""
    cores = os.path.join(work, "cores")
    os.makedirs(cores, exist_ok=True)
    labels, jobs = {}, []
    for program, bugs, label in programs:
        for bug, route in itertools.product(bugs, range(ROUTES)):
            path = os.path.join(cores, f"{label}.{bug}.{route}")
            labels[path] = bug
            if not os.path.exists(path):
                jobs.append((program, bug, route, path))
    def limits():
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)
    def run(job):
        program, bug, route, path = job
        place = path + ".d"
        os.makedirs(place, exist_ok=True)
        subprocess.run([program, bug, str(route)], cwd=place, capture_output=True, preexec_fn=limits)
        for name in os.listdir(place):
            os.rename(os.path.join(place, name), path)
        os.rmdir(place)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, jobs))
    missing = [path for path in labels if not os.path.exists(path)]
    if missing:
        print(f"no core: {len(missing)}, for example {missing[0]}", file=sys.stderr)
    return {path: label for path, label in labels.items() if path not in set(missing)}


def pairs(groups, labels):
    """Precision, recall and F1 of path -> group against path -> label."""
    def both(counts):
        return sum(n * (n - 1) // 2 for n in counts.values())
    together = both(Counter((groups[path], labels[path]) for path in labels))
    same_group = both(Counter(groups[path] for path in labels))
    same_label = both(Counter(labels.values()))
    precision = together / max(same_group, 1)
    recall = together / max(same_label, 1)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


RUNTIME = re.compile(r"^(_start|main|__libc|__GI|raise|abort|pthread_kill|__pthread|gsignal|clone|start_thread"
                     r"|__assert|std::|core::|alloc::|<|__cxa|__gnu|rust_|__rust|malloc|free|_int_|mem|str)")
PREFIX = re.compile(r"^(raise|abort|pthread_kill|__pthread_kill|gsignal|__assert|std::terminate|__cxa_throw"
                    r"|core::panicking|core::option|core::result|std::panicking|rust_|__rust|malloc_printerr"
                    r"|__libc_message|_int_free|free|__GI|mem|__mem|str|__str|std::)")


def yardsticks(coretool, labels):
    def stack(path):
        done = subprocess.run([coretool, "analyze", path, "--format", "json", "--locals", "none"],
                              capture_output=True, text=True)
        thread = json.loads(done.stdout)["threads"][0]
        return [frame.get("function", "?") for frame in thread["frames"]]
    with ThreadPoolExecutor(2) as pool:
        stacks = dict(zip(labels, pool.map(stack, labels)))
    top = lambda path, n: tuple(stacks[path][:n])
    def first(path):
        return next((name for name in stacks[path] if not RUNTIME.match(name)), "?")
    def prefix(path):
        joined = []
        for name in stacks[path][:40]:
            joined.append(name)
            if not PREFIX.match(name):
                break
        return " | ".join(joined)
    return {
        "five innermost functions": {path: top(path, 5) for path in labels},
        "first function of no runtime": {path: first(path) for path in labels},
        "prefix rule": {path: prefix(path) for path in labels},
    }


def main():
    coretool = os.path.abspath(sys.argv[1])
    places = [word for word in sys.argv[2:] if not word.startswith("--")]
    work = os.path.abspath(places[0]) if places else tempfile.mkdtemp(prefix="triage-")
    try:
        labels = crash(work, build(work))
        members = os.path.join(work, "members")
        result = os.path.join(work, "result.json")
        start = time.time()
        subprocess.run([coretool, "triage", os.path.join(work, "cores"), "--reports", "0", "--force",
                        "--members", members, "--format", "json", "-o", result], check=True)
        took = time.time() - start
        groups = dict(reversed(line.rstrip("\n").split("\t")) for line in open(members))
        missing = [path for path in labels if path not in groups]
        if missing:
            sys.exit(f"{len(missing)} crashes in no group, for example {missing[0]}")
        print(f"{len(labels)} crashes, {len(set(labels.values()))} bugs, "
              f"{len(labels) / took:.0f} cores a second")
        rows = {"coretool triage": groups}
        if "--no-yardsticks" not in sys.argv:
            rows |= yardsticks(coretool, labels)
        for name, found in rows.items():
            precision, recall, f1 = pairs(found, labels)
            count = len({found[path] for path in labels})
            print(f"{name:32} P {precision:.3f}  R {recall:.3f}  F1 {f1:.3f}  groups {count}")
        if "--show" in sys.argv:
            show(groups, labels, json.load(open(result)))
    finally:
        if not places:
            shutil.rmtree(work, ignore_errors=True)


def show(groups, labels, result):
    """Which bugs are split, and which groups mix bugs."""
    texts = {bucket["id"]: bucket["text"] for bucket in result["buckets"]}
    for bug in sorted(set(labels.values())):
        counts = Counter(groups[path] for path in labels if labels[path] == bug)
        if len(counts) > 1:
            print(f"split: {bug}")
            for group, count in counts.most_common(8):
                example = next(p for p in labels if labels[p] == bug and groups[p] == group)
                print(f"  {count:4} {texts.get(group)}  {os.path.basename(example)}")
    for group in sorted(set(groups.values())):
        counts = Counter(labels[path] for path in labels if groups[path] == group)
        if len(counts) > 1:
            print(f"mixed: {texts.get(group)}: {dict(counts)}")


if __name__ == "__main__":
    main()
