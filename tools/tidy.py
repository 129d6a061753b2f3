#!/usr/bin/env python3
"""Rules of the house that a machine can see, each with its reason and what to do instead. Prints every breach."""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent

# (pattern, where it is banned, where it is allowed, reason and replacement)
BANS = [
    (r"system_clock::now|steady_clock::now|\btime\((nullptr|NULL|0)\)|gettimeofday", ("include/", "src/"),
     ("src/foundation/clock.cpp", "src/http/server/"), "the real clock is foundation's: take a Clock"),
    (r"\brandom_device\b|\bmt19937|\brand\(\)|RAND_bytes|randombytes_buf", ("include/", "src/"),
     ("src/crypto/",), "randomness comes as a Random&; the source is crypto's"),
    (r"\bco_await\b|\bco_return\b", ("include/", "src/"), (), "no coroutines: g++ 12 destroys temporaries twice (house rule)"),
    (r"std::expected|#include <format>", ("include/", "src/", "tests/"), (), "not in g++ 12's C++20: use Result and fmt"),
    (r"\bstd::regex\b", ("include/", "src/"), (), "slow and recursive on outside bytes: parse by hand"),
    (r"\bstd::system\(|(?<![\w:] )(?<![\w:>.])system\(\"|\bpopen\(", ("include/", "src/"), (), "no shell from the product"),
    (r"\bstrcmp\(|\bmemcmp\(", ("src/passwords", "src/mfa", "src/sessions", "src/signin", "src/middleware"),
     (), "secrets compare with crypto::equal_constant_time"),
    (r"\b(TODO|FIXME|XXX|HACK)\b", ("include/", "src/", "tests/", "tools/", "web/"), ("tools/tidy.py",),
     "finish it, or write an issue"),
    (r"sleep_for|\busleep\(", ("include/", "src/"), ("src/server/", "src/storage/"), "wait on a condition, or let the caller retry"),
    (r"\{\{[^}]*:(none|x-[a-z_]*raw)", ("web/",), (), "templates always escape"),
    (r"innerHTML|document\.write|eval\(", ("web/",), (), "set textContent instead"),
    (r"https?://(?!www\.w3\.org/)[a-z]", ("web/templates", "web/static"), (), "pages ask nothing of third parties"),
    (r"GTEST_SKIP\(\)\s*;", ("tests/",), (), "a skipped test says why"),
    (r"DISABLED_", ("tests/",), (), "mend the test or delete it"),
]
MAX_LINES = 450
# Longer on purpose, with the reason.
LONG = {
    "web/static/zephyr.css": "one stylesheet, tokens once",
}
CODE = {".h", ".cpp", ".py", ".html", ".css", ".js", ".sql", ".sh"}


def tracked():
    try:
        listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"],
                                capture_output=True, text=True, check=True).stdout.split("\n")
    except (OSError, subprocess.CalledProcessError):
        skip = {"build", "data", ".git", "node_modules", "__pycache__"}
        listed = [str(p.relative_to(ROOT)) for p in ROOT.rglob("*")
                  if p.is_file() and not skip & set(p.relative_to(ROOT).parts)]
    return [name for name in listed if name and (ROOT / name).is_file()]


def main():
    breaches = []
    names = tracked()
    for name in names:
        path = ROOT / name
        if path.suffix not in CODE or name.startswith("tests/vectors/"):
            continue
        text = path.read_text(errors="replace")
        lines = text.splitlines()
        for pattern, banned, allowed, reason in BANS:
            if not name.startswith(banned) or name.startswith(allowed or ("\0",)):
                continue
            for number, line in enumerate(lines, 1):
                # What a comment says about a thing is no use of it; only the words for unfinished work are looked for there too.
                code = line.split("//", 1)[0] if path.suffix in (".h", ".cpp") and "TODO" not in pattern else line
                if re.search(pattern, code):
                    breaches.append(f"{name}:{number}: {line.strip()[:80]}\n    {reason}")
        if path.suffix in (".h", ".cpp") and len(lines) > MAX_LINES and name.startswith(("include/", "src/")) and name not in LONG:
            breaches.append(f"{name}: {len(lines)} lines; split along what changes alone (limit {MAX_LINES})")
        if path.suffix == ".h" and name.startswith("include/") and "#pragma once" not in text:
            breaches.append(f"{name}: public headers begin with #pragma once")
        if text and not text.endswith("\n"):
            breaches.append(f"{name}: no newline at the end")
    # Every room that has code has a door sign.
    for room in sorted({name.split("/")[1] for name in names if name.startswith("src/") and name.count("/") > 1}):
        sign = ROOT / "src" / room / "README.md"
        if not sign.is_file():
            breaches.append(f"src/{room}: no door sign (README.md)")
        elif not any(line.startswith("Change …") for line in sign.read_text().splitlines()):
            breaches.append(f"src/{room}/README.md: no line that begins with 'Change …'")
    # Every fuzz target has seeds: a replay of nothing passes for ever.
    for name in names:
        if name.startswith("fuzz/") and name.endswith("_fuzz.cpp"):
            seeds = ROOT / "fuzz" / "corpus" / Path(name).stem.removesuffix("_fuzz")
            if not seeds.is_dir() or not any(seeds.iterdir()):
                breaches.append(f"{name}: no seeds in fuzz/corpus/{seeds.name}")
    # A vector without a note of where it is from can't be trusted or renewed.
    for folder in sorted({str(Path(name).parent) for name in names if name.startswith("tests/vectors/")}):
        if not any((ROOT / folder / note).is_file() for note in ("SOURCE", "SOURCE.md")):
            if not (ROOT / folder).parent.joinpath("SOURCE.md").is_file() and not (ROOT / folder).parent.joinpath("SOURCE").is_file():
                breaches.append(f"{folder}: no SOURCE note")
    for breach in breaches:
        print(breach)
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
