#!/usr/bin/env python3
"""Generated reference pages agree with the source, and the snippets of README and guides stand in the example they name."""
import re
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


class Reference(unittest.TestCase):
    def test_pages_made_from_the_source_are_up_to_date(self):
        result = subprocess.run([sys.executable, str(ROOT / "tools/make_reference.py")], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_snippets_are_cut_from_the_examples(self):
        pages = [ROOT / "README.md", *(ROOT / "docs/guides").glob("*.md")]
        text = "\n".join(page.read_text() for page in pages)
        found = re.findall(r"<!-- snippet: (\S+) \w+ -->\n```cpp\n(.*?)```", text, re.S)
        self.assertGreaterEqual(len(found), 2)
        for name, snippet in found:
            self.assertIn(snippet, (ROOT / name).read_text(), name)

    def test_every_linked_file_is_there(self):
        for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
            for link in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text()):
                self.assertTrue((page.parent / link).exists(), f"{page.name} links to {link}")


if __name__ == "__main__":
    unittest.main()
