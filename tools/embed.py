#!/usr/bin/env python3
"""Writes a C++ file that holds other files: embed.py OUTPUT NAMESPACE ROOT FILES...

The result defines zephyr::NAMESPACE::files(), a sorted list of {path below the root, content}.
"""
import sys
from pathlib import Path


def literal(data):
    # Adjacent chunks: compilers limit the length of one string literal, not of their concatenation here.
    out = []
    for start in range(0, len(data), 4096):
        chunk = data[start:start + 4096]
        text = "".join(chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in chunk)
        out.append(f'"{text}"')
    return "\n        ".join(out) or '""'


def main():
    output, namespace, root, files = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sorted(sys.argv[4:])
    parts = ['#include <string_view>', '#include <utility>', '#include <vector>', '',
             f'namespace zephyr::{namespace} {{', 'std::vector<std::pair<std::string_view, std::string_view>> files() {',
             '    return {']
    for name in files:
        data = Path(name).read_bytes()
        parts.append(f'        {{"{Path(name).relative_to(root).as_posix()}", {{{literal(data)}, {len(data)}}}}},')
    parts += ['    };', '}', '}', '']
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text("\n".join(parts))


if __name__ == "__main__":
    main()
