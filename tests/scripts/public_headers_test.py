#!/usr/bin/env python3
"""Every public header compiles alone, under the warnings of a strict program, with nothing but include/ on the path.

A header that a body in src/ includes before anything else is compiled alone by every build; here come the others, and with --all every
one. A bridge's header is compiled where the server it bridges to is installed. With $CXX or g++.
"""
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include"
FLAGS = ["-std=c++20", "-fsyntax-only", "-x", "c++", "-I", str(INCLUDE), "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion",
         "-Wno-sign-conversion", "-Wno-missing-field-initializers", "-Werror"]
BRIDGED = {"httplib.h": "/usr/include/httplib.h", "restinio.h": "/usr/include/restinio/http_server.hpp", "beast.h": "/usr/include/boost/beast.hpp"}


def built_alone():
    """The headers that some body includes first."""
    names = set()
    for body in (ROOT / "src").rglob("*.cpp"):
        first = re.search(r'^#include [<"]([^>"]+)[>"]', body.read_text(), re.M)
        if first:
            names.add(first.group(1))
    return names


def stray_includes(header):
    """What a program outside this tree would not find."""
    quoted = re.findall(r'^\s*#\s*include "([^"]+)"', header.read_text(), re.M)
    return [name for name in quoted if not (INCLUDE / name).is_file()]


def problem_with(header):
    name = header.relative_to(INCLUDE).as_posix()
    # Included twice: the guard against that is part of what is checked.
    text = f'#include "{name}"\n#include "{name}"\n'
    extra = ["-DRESTINIO_USE_BOOST_ASIO"] if header.name == "restinio.h" else []
    run = subprocess.run([os.environ.get("CXX", "g++"), *FLAGS, *extra, "-"], input=text, capture_output=True, text=True)
    return f"{name} does not compile alone:\n{run.stderr[:1500]}" if run.returncode else None


def main():
    headers, left_out, problems = [], [], []
    everything = sorted((INCLUDE / "zephyr").rglob("*.h"))
    known = set() if "--all" in sys.argv else built_alone()
    for header in everything:
        problems += [f"{header.relative_to(INCLUDE)} includes {name}, which is not public" for name in stray_includes(header)]
        needs = BRIDGED.get(header.name) if header.parent.name == "bridges" else None
        if needs and not os.path.exists(needs):
            left_out.append(header)
        elif header.relative_to(INCLUDE).as_posix() not in known:
            headers.append(header)
    if len(everything) < 50 or not headers:
        sys.exit(f"only {len(everything)} headers in {INCLUDE}, {len(headers)} of them to compile")
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        problems += [problem for problem in pool.map(problem_with, headers) if problem]
    for problem in problems:
        print(problem)
    for header in left_out:
        print(f"left out, its server is not installed: {header.name}")
    print(f"{len(headers)} of {len(everything)} headers compiled alone, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
