#!/usr/bin/env python3
"""Checks every #include against rooms.toml. With --cmake, prints the rooms and their imports for CMakeLists.txt."""
import re
import sys
from pathlib import Path

try:
    import tomllib
except ImportError:  # Python before 3.11
    import tomli as tomllib

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def load(root):
    manifest = tomllib.loads((root / "rooms.toml").read_text())
    rooms = manifest["rooms"]
    order = list(rooms)
    problems = []
    for name, room in rooms.items():
        if room["imports"] == ["*"]:
            room["imports"] = [other for other in order if other != name and
                               (rooms[other]["level"], order.index(other)) < (room["level"], order.index(name))]
        for other in room["imports"]:
            if other not in rooms:
                problems.append(f"rooms.toml: {name} imports {other}, which is no room")
            elif (rooms[other]["level"], order.index(other)) >= (room["level"], order.index(name)):
                problems.append(f"rooms.toml: {name} imports {other}, which is not below it")
    return rooms, manifest.get("third_party", {}), problems


def room_of(path, root, rooms):
    parts = path.relative_to(root).parts
    if parts[0] == "include":
        name = parts[2] if len(parts) > 3 else parts[2].removesuffix(".h")
    else:
        name = parts[1] if len(parts) > 2 else "main"
    return name if name in rooms else None


def check(root):
    rooms, third_party, problems = load(root)
    sources = [path for base in ("include/zephyr", "src") for path in sorted((root / base).rglob("*"))
               if path.suffix in (".h", ".cpp")]
    for path in sources:
        room = room_of(path, root, rooms)
        if room is None:
            if path.parts[-1] not in ("main.cpp", "zephyr.h"):
                problems.append(f"{path.relative_to(root)}: stands in no room of rooms.toml")
            continue
        allowed = set(rooms[room]["imports"]) | {room}
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = INCLUDE.match(line)
            if not found:
                continue
            header = found.group(2)
            where = f"{path.relative_to(root)}:{number}"
            target = None
            if header.startswith("zephyr/"):
                target = header.split("/")[1].removesuffix(".h")
            elif found.group(1) == '"' and "/" in header and header.split("/")[0] in rooms:
                target = header.split("/")[0]
            if target is not None and target not in allowed:
                problems.append(f"{where}: {room} may not include {header} (rooms.toml lets it import: "
                                f"{', '.join(rooms[room]['imports']) or 'nothing'})")
            for prefix, owners in third_party.items():
                if header.startswith(prefix):
                    if room not in owners:
                        problems.append(f"{where}: <{header}> belongs to {', '.join(owners)}, not to {room}")
                    elif path.is_relative_to(root / "include") and not rooms[room].get("shows_third_party"):
                        problems.append(f"{where}: <{header}> may not show in a public header")
    return problems


def main():
    root = Path(__file__).resolve().parent.parent
    arguments = [a for a in sys.argv[1:] if a != "--cmake"]
    if arguments:
        root = Path(arguments[0]).resolve()
    if "--cmake" in sys.argv:
        rooms, _, _ = load(root)
        for name, room in rooms.items():
            print(f"{name}:{','.join(room['imports'])}")
        return 0
    problems = check(root)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
