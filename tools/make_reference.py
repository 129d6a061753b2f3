#!/usr/bin/env python3
"""Writes the reference parts that come from the source: docs/reference/errors.md and the table in ARCHITECTURE.md.

Without --update it only compares and says what is out of date.
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FAILURE = re.compile(r'^inline constexpr Failure (\w+)\{Kind::(\w+),\s*"([a-z_.]+)"\};(?:[ \t]*//[ \t]*(.*))?', re.M)
STATUS = {"invalid": 400, "unauthenticated": 401, "denied": 403, "not_found": 404, "conflict": 409, "expired": 410, "limited": 429,
          "unavailable": 503, "unsupported": 501}
MARK = "<!-- made by tools/make_reference.py from the door signs -->"


def comment_above(text, start):
    lines = text[:start].rstrip("\n").split("\n")
    found = []
    while lines and lines[-1].startswith("//"):
        found.insert(0, lines.pop().removeprefix("//").strip())
    return " ".join(found)


def failures():
    seen = {}
    for path in sorted((ROOT / "include").rglob("*.h")) + sorted((ROOT / "src").rglob("*.[hc]*")):
        text = path.read_text()
        for match in FAILURE.finditer(text):
            _, kind, name, trailing = match.groups()
            meaning = comment_above(text, match.start()) or (trailing or "")
            if name in seen and seen[name][0] != kind:
                raise SystemExit(f"{path}: {name} has two kinds")
            if name not in seen or (meaning and not seen[name][1]):
                seen[name] = (kind, meaning, path.relative_to(ROOT).as_posix())
    return seen


def errors_page():
    rows = [f"| `{name}` | {kind} | {STATUS[kind]} | {meaning} | {where} |"
            for name, (kind, meaning, where) in sorted(failures().items())]
    return ("# Error ids\n\nEvery refusal has a stable id; clients may rely on it. Over HTTP it is the member `id` of a problem (RFC 9457), and its kind\n"
            "decides the status. Generated from the source by `tools/make_reference.py`.\n\n"
            "| id | kind | HTTP | meaning | declared in |\n|---|---|---|---|---|\n" + "\n".join(rows) + "\n")


def architecture_page():
    rows = []
    for sign in sorted((ROOT / "src").glob("*/README.md")):
        for line in sign.read_text().splitlines():
            if line.startswith("Change … ") and ": " in line:
                what, where = line.removeprefix("Change … ").split(": ", 1)
                rows.append(f"| {what} | {where} |")
    text = (ROOT / "ARCHITECTURE.md").read_text()
    head = text[:text.index(MARK) + len(MARK)]
    return head + "\n\n| I want to change … | look in |\n|---|---|\n" + "\n".join(rows) + "\n"


def main():
    pages = {"docs/reference/errors.md": errors_page(), "ARCHITECTURE.md": architecture_page()}
    stale = [name for name, text in pages.items() if not (ROOT / name).is_file() or (ROOT / name).read_text() != text]
    if "--update" in sys.argv:
        for name in stale:
            (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / name).write_text(pages[name])
            print(f"wrote {name}")
        return 0
    for name in stale:
        print(f"{name} is out of date: run tools/make_reference.py --update")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
