#!/usr/bin/env python3
"""Makes a room: folders, a first header and body, its test, its door sign and the manifest entry. new_room.py NAME [LEVEL]"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main():
    if len(sys.argv) not in (2, 3) or not re.fullmatch(r"[a-z]+", sys.argv[1]):
        print("usage: ./dev new-room NAME [LEVEL]   (NAME: lower-case letters; LEVEL: see rooms.toml)", file=sys.stderr)
        return 2
    name, level = sys.argv[1], int(sys.argv[2]) if len(sys.argv) == 3 else 6
    manifest = ROOT / "rooms.toml"
    text = manifest.read_text()
    if f"[rooms.{name}]" in text:
        print(f"there is a room '{name}' already", file=sys.stderr)
        return 1
    files = {
        f"include/zephyr/{name}/{name}_service.h":
            f"// What this room is for, in one sentence.\n//\n// Owns: no table yet. Emits: nothing yet.\n#pragma once\n\n"
            f"namespace zephyr::{name} {{}}  // namespace zephyr::{name}\n",
        f"src/{name}/{name}_service.cpp": f'#include "zephyr/{name}/{name}_service.h"\n',
        f"src/{name}/README.md": f"# {name}: one sentence\n\nOwns: …   Emits: …\nFlow: …\nNot here: …\n\n"
                                f"Change … what: where\n",
        f"tests/{name}/{name}_service_test.cpp":
            f'#include "zephyr/{name}/{name}_service.h"\n\n#include <gtest/gtest.h>\n',
    }
    for path, content in files.items():
        target = ROOT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
        print(f"made {path}")
    entry = f'[rooms.{name}]\nlevel = {level}\nimports = ["foundation"]\n\n'
    # Before the first room of a higher level, so that the file stays in order.
    rooms = [(m.start(), int(m.group(1))) for m in re.finditer(r"\[rooms\.[a-z]+\]\nlevel = (\d+)", text)]
    at = next((start for start, found in rooms if found > level), text.index("# Header prefix"))
    manifest.write_text(text[:at] + entry + text[at:])
    print("added it to rooms.toml: now say what it may import")
    return 0


if __name__ == "__main__":
    sys.exit(main())
