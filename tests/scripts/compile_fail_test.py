#!/usr/bin/env python3
"""Compiles tests/http/compile_fail/*.cpp: each must be refused with the sentence in its first line, and the control must compile.

With $CXX or the first compiler found; with --all, with every one found.
"""
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "tests/http/compile_fail"
FLAGS = ["-std=c++20", "-fsyntax-only", "-Iinclude", "-Wall", "-Wextra", "-Werror", "-fdiagnostics-color=never"]


def compilers():
    found = [name for name in ("g++", "clang++-16") if shutil.which(name)]
    if os.environ.get("CXX"):
        found.insert(0, os.environ["CXX"])
    if not found:
        sys.exit("no compiler found; set CXX")
    return found if "--all" in sys.argv else found[:1]


def problem_with(compiler, case):
    first = case.read_text().splitlines()[0]
    wanted = re.fullmatch(r"// (refused|compiles): (.+)", first)
    if not wanted:
        return f"{case.name}: the first line must say `// refused: <sentence>` or `// compiles: <why>`"
    run = subprocess.run([compiler, *FLAGS, str(case)], cwd=ROOT, capture_output=True, text=True)
    if wanted[1] == "compiles":
        return f"{case.name}: {compiler} refuses the control:\n{run.stderr}" if run.returncode else None
    if run.returncode == 0:
        return f"{case.name}: {compiler} accepts what it must refuse"
    # Only errors count: a sentence in a quoted source line proves nothing.
    errors = "\n".join(line for line in run.stderr.splitlines() if "error:" in line or "note:" in line)
    if wanted[2] not in errors:
        return f"{case.name}: {compiler} refuses it without saying \"{wanted[2]}\":\n{run.stderr[:2000]}"
    return None


def main():
    cases = sorted(CASES.glob("*.cpp"))
    if len(cases) < 10:
        sys.exit(f"only {len(cases)} cases in {CASES}")
    jobs = [(compiler, case) for compiler in compilers() for case in cases]
    with ThreadPoolExecutor(max_workers=2) as pool:
        problems = [problem for problem in pool.map(lambda job: problem_with(*job), jobs) if problem]
    for problem in problems:
        print(problem)
    print(f"{len(jobs) - len(problems)} of {len(jobs)} as expected")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
