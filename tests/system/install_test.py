#!/usr/bin/env python3
"""What `cmake --install` puts down is enough to build and run programs that embed Zephyr, by CMake and by pkg-config."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("ZEPHYR_BUILD", ROOT / "build/release"))
# Zephyr takes ZEPHYR_… for settings.
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("ZEPHYR_")}
ANSWERS = ["/reports 401", "/sign-in 200", "/nowhere 404"]


def run(*command, cwd=None, environment=None, expect=0):
    result = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=300,
                            env={**CLEAN, **(environment or {})})
    if expect is not None and result.returncode != expect:
        raise AssertionError(f"{command} ended with {result.returncode}:\n{result.stdout}{result.stderr}")
    return result


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="zephyr-install-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.here = Path(cls.folder.name)
        # Installed at one place and moved to another: nothing in it may know where it was.
        run("cmake", "--install", BUILD, "--prefix", cls.here / "first")
        cls.prefix = cls.here / "moved"
        (cls.here / "first").rename(cls.prefix)

    def check_answers(self, program, data, environment=None):
        lines = run(program, "--data", data, environment=environment).stdout.splitlines()
        self.assertEqual(lines[:3], ANSWERS)
        # An exception of the library's own type arrives as that type.
        self.assertTrue(lines[3].startswith("fault: "), lines)

    def test_a_program_finds_it_by_cmake(self):
        run("cmake", "-S", ROOT / "tests/consumer", "-B", self.here / "by-cmake", f"-DCMAKE_PREFIX_PATH={self.prefix}")
        run("cmake", "--build", self.here / "by-cmake")
        self.check_answers(self.here / "by-cmake/consumer", self.here / "data-cmake")

    def test_a_program_finds_it_by_pkg_config(self):
        shutil.copytree(ROOT / "tests/consumer", self.here / "by-make")
        run("make", cwd=self.here / "by-make", environment={"PKG_CONFIG_PATH": str(self.prefix / "lib/pkgconfig")})
        self.check_answers(self.here / "by-make/consumer", self.here / "data-make", {"LD_LIBRARY_PATH": str(self.prefix / "lib")})

    def test_another_minor_version_is_not_taken_for_this_one(self):
        (self.here / "later").mkdir()
        (self.here / "later/CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.20)\nproject(later CXX)\nfind_package(zephyr 0.99 REQUIRED)\n")
        result = run("cmake", "-S", self.here / "later", "-B", self.here / "later/build", f"-DCMAKE_PREFIX_PATH={self.prefix}", expect=1)
        self.assertIn("0.99", result.stderr)

    def test_the_library_shows_names_of_ours_alone_and_lacks_none(self):
        library = self.prefix / "lib/libzephyr.so.0"
        shown = [line.split()[-1].split("@")[0] for line in run("nm", "-D", "--defined-only", library).stdout.splitlines()]
        self.assertGreater(len(shown), 1000)
        self.assertEqual([name for name in shown if "6zephyr" not in name and name != "ZEPHYR_0"], [])
        self.assertIn("[libzephyr.so.0]", run("readelf", "-d", library).stdout)
        self.assertNotIn("not found", run("ldd", "-r", library).stdout)

    def test_every_public_header_is_there_and_none_else(self):
        installed = {path.relative_to(self.prefix / "include") for path in (self.prefix / "include").rglob("*") if path.is_file()}
        self.assertEqual(installed, {path.relative_to(ROOT / "include") for path in (ROOT / "include").rglob("*.h")})

    def test_the_installed_server_runs(self):
        self.assertRegex(run(self.prefix / "bin/zephyr", "--version").stdout, r"^zephyr \d+\.\d+\.\d+")

    def test_the_commands_of_the_guide(self):
        guide = (ROOT / "docs/guides/install.md").read_text()
        blocks = re.findall(r"```sh\n(.*?)```", guide[guide.index("## The library"):], re.S)
        home = self.here / "home"
        home.mkdir()
        output, lines = "", 0
        for block in blocks:
            # The build is there: ./dev test made it.
            commands = "\n".join(line for line in block.splitlines() if not line.startswith("cmake --preset"))
            commands = commands.replace("build/release", str(BUILD))
            output += run("bash", "-euo", "pipefail", "-c", commands, cwd=ROOT, environment={"HOME": str(home)}).stdout
            lines += len(commands.splitlines())
        self.assertGreaterEqual(lines, 9)
        self.assertIn("/reports 401\n", output)
        usage = run(home / "verify_jwt", environment={"LD_LIBRARY_PATH": str(home / "zephyr/lib")}, expect=64)
        self.assertIn("usage: verify_jwt", usage.stderr)
        for name in ("quickstart", "httplib_guard", "beast_guard"):
            self.assertTrue((home / name).exists())

    def test_a_packager_can_install_below_a_destdir(self):
        run("cmake", "--install", BUILD, environment={"DESTDIR": str(self.here / "stage")})
        self.assertTrue(list((self.here / "stage").rglob("bin/zephyr")))


if __name__ == "__main__":
    unittest.main()
