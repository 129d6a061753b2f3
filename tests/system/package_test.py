#!/usr/bin/env python3
"""The Debian packages in a bare Debian 12: installed with dpkg -i the service runs; it is stopped, upgraded, removed and purged as an
administrator would, and a program builds against the library's packages. Needs root and debootstrap; the first run also the network."""
import http.client
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from bare_debian import ROOT, be_init, chroot, enter_namespaces, loopback_up, missing, tarball, unpack

BUILD = Path(os.environ.get("ZEPHYR_BUILD", ROOT / "build/release"))
CONFIG = ("--config", "/etc/zephyr/zephyr.toml")
COMPILER = ["g++", "make", "cmake", "pkgconf"]
PASSWORD = "correct horse battery staple"


def make_packages(folder):
    made = subprocess.run(["cpack", "--config", str(BUILD / "CPackConfig.cmake"), "-B", str(folder)], capture_output=True, text=True)
    if made.returncode != 0:
        raise AssertionError(f"cpack failed:\n{made.stdout}{made.stderr}")
    return by_name(folder)


def by_name(folder):
    return {path.name.split("_")[0]: path for path in Path(folder).glob("*.deb")}


def field(package, name):
    return subprocess.run(["dpkg-deb", "-f", str(package), name], capture_output=True, text=True, check=True).stdout.strip()


def dependencies(packages):
    """Names of other people's packages that ours depend on; of alternatives the first."""
    names = set()
    for package in packages.values():
        for one in filter(None, field(package, "Depends").split(",")):
            name = one.split("|")[0].split("(")[0].strip()
            if name not in packages:
                names.add(name)
    return sorted(names)


def ask(method, path, body=None, port=8080):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body=json.dumps(body) if body else None, headers={"Content-Type": "application/json"})
        return connection.getresponse().status
    finally:
        connection.close()


def answers(port=8080, seconds=10.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            return ask("GET", "/healthz", port=port) == 200
        except OSError:
            time.sleep(0.1)
    return False


class Package(unittest.TestCase):
    """The steps stand on each other: one machine's life from the first installation to the purge."""

    @classmethod
    def setUpClass(cls):
        work = tempfile.mkdtemp(prefix="zephyr-package-")
        cls.addClassCleanup(shutil.rmtree, work, ignore_errors=True)
        cls.root = Path(work) / "debian"
        cls.root.mkdir()
        cls.packages = by_name(os.environ["PACKAGES"])
        loopback_up()
        unpack(os.environ["BARE_DEBIAN"], cls.root)
        cls.addClassCleanup(cls.leave)
        (cls.root / "srv/build/packages").mkdir(parents=True)
        (cls.root / "debs").symlink_to("srv/build/packages")
        for path in cls.packages.values():
            shutil.copy(path, cls.root / "srv/build/packages")

    @classmethod
    def leave(cls):
        pid = cls.pid()
        if pid:
            os.kill(pid, 9)
        for mounted in ("dev", "proc"):
            subprocess.run(["umount", "-l", str(cls.root / mounted)], check=True)

    @classmethod
    def inside(cls, *command, **options):
        return chroot(cls.root, *command, **options)

    @classmethod
    def install(cls, *names):
        return cls.inside("dpkg", "-i", *(f"/debs/{cls.packages[name].name}" for name in names))

    @classmethod
    def pid(cls):
        try:
            pid = int((cls.root / "run/zephyr.pid").read_text())
            os.kill(pid, 0)
            return pid
        except (OSError, ValueError):
            return None

    def mode(self, path):
        facts = (self.root / path).stat()
        owner = self.inside("stat", "-c", "%U:%G", "/" + path).stdout.strip()
        return f"{owner} {stat.S_IMODE(facts.st_mode):o}"

    def test_1_dpkg_starts_the_service_as_a_user_of_its_own(self):
        guide = (ROOT / "docs/guides/install.md").read_text()
        made, install, link = re.search(r"```sh\n(.*?)\n```", guide, re.S).group(1).splitlines()
        self.assertEqual(made, "./dev package")
        said = self.inside("sh", "-c", "cd /srv && " + install).stdout
        self.assertIn("zephyr setup-link", said)
        self.assertTrue(answers(), self.log())
        self.assertRegex(self.inside("sh", "-c", link).stdout, r"http://127\.0\.0\.1:8080/setup/\S+")
        facts = (self.root / "proc" / str(self.pid()) / "status").read_text()
        user = int(self.inside("id", "-u", "zephyr").stdout)
        self.assertEqual(re.search(r"Uid:\t(\d+)\t(\d+)\t(\d+)\t(\d+)", facts).groups(), (str(user),) * 4)
        self.assertEqual(self.mode("var/lib/zephyr"), "zephyr:zephyr 700")
        self.assertEqual(self.mode("etc/zephyr/keys"), "zephyr:zephyr 700")
        self.assertEqual(self.mode("etc/zephyr/keys/master.key"), "zephyr:zephyr 600")
        self.assertEqual(self.mode("etc/zephyr/zephyr.toml"), "root:zephyr 640")
        self.assertFalse((self.root / "var/lib/zephyr/master.key").exists(), "the key lies apart from the data")
        self.assertNotIn("/setup/", self.log(), "whoever reads the set-up link may make themselves administrator")
        status = self.inside("/etc/init.d/zephyr", "status")
        self.assertIn("is running", status.stdout)

    def test_2_the_administrator_reaches_it_through_the_control_socket(self):
        self.inside("zephyr", "user", "add", "ada", "--role", "admin", "--password-stdin", *CONFIG, stdin=PASSWORD + "\n")
        self.assertIn("ada", self.inside("zephyr", "user", "list", *CONFIG).stdout)
        self.assertEqual(ask("POST", "/auth/login", {"username": "ada", "password": PASSWORD}), 200)
        self.assertEqual(ask("POST", "/auth/login", {"username": "ada", "password": "wrong"}), 401)
        refused = self.inside("runuser", "-u", "nobody", "--", "zephyr", "user", "list", *CONFIG, check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.inside("zephyr", "key", "rotate", *CONFIG)

    def test_3_stopped_it_is_gone_and_its_files_stay_its_own(self):
        before = self.pid()
        self.inside("service", "zephyr", "stop")
        self.assertFalse((self.root / f"proc/{before}").exists())
        self.assertFalse(answers(seconds=0.3))
        self.assertNotEqual(self.inside("/etc/init.d/zephyr", "status", check=False).returncode, 0)
        refused = self.inside("zephyr", "user", "list", *CONFIG, check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("belongs to another user", refused.stderr)
        self.assertIn("ada", self.inside("runuser", "-u", "zephyr", "--", "zephyr", "user", "list", *CONFIG).stdout)
        self.assertEqual(self.inside("find", "/var/lib/zephyr", "!", "-user", "zephyr").stdout, "")

    def test_4_settings_that_are_wrong_are_named_and_nothing_starts(self):
        settings = self.root / "etc/zephyr/zephyr.toml"
        right = settings.read_text()
        settings.write_text(right + "\n[server.typo]\nlisten = 1\n")
        result = self.inside("service", "zephyr", "start", check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("typo", result.stdout + result.stderr)
        self.assertIsNone(self.pid())
        settings.write_text(right.replace("127.0.0.1:8080", "127.0.0.1:8181"))
        # Settings of the caller's environment are not the service's.
        self.inside("/etc/init.d/zephyr", "start", environment={"ZEPHYR_SERVER_LISTEN": "127.0.0.1:9999"})
        self.assertTrue(answers(port=8181), self.log())

    def test_5_an_upgrade_restarts_it_and_keeps_settings_and_accounts(self):
        before = self.pid()
        self.install("zephyr-security")
        self.assertTrue(answers(port=8181), self.log())
        self.assertNotEqual(self.pid(), before)
        self.assertIn("ada", self.inside("zephyr", "user", "list", *CONFIG).stdout)
        self.assertEqual(ask("POST", "/auth/login", {"username": "ada", "password": PASSWORD}, port=8181), 200)

    def test_6_a_program_builds_against_the_library_where_nothing_else_of_it_is(self):
        self.install("libzephyr-security0", "libzephyr-security-dev")
        self.assertEqual(self.inside("sh", "-c", "dpkg -l | grep -c '^ii  lib\\(ssl\\|icu\\|spdlog\\|sqlite3\\|fmt\\|sodium\\)-dev'", check=False)
                         .stdout.strip(), "0")
        shutil.copytree(ROOT / "tests/consumer", self.root / "consumer")
        self.inside("make", "-C", "/consumer")
        self.inside("cmake", "-S", "/consumer", "-B", "/consumer/by-cmake")
        self.inside("cmake", "--build", "/consumer/by-cmake")
        for program in ("/consumer/consumer", "/consumer/by-cmake/consumer"):
            lines = self.inside(program, "--data", "/tmp/consumer-data").stdout.splitlines()
            self.assertEqual(lines[:3], ["/reports 401", "/sign-in 200", "/nowhere 404"])
        self.assertIn("libzephyr-dev", field(self.packages["libzephyr-security-dev"], "Conflicts"))

    def test_7_removed_it_leaves_the_data_and_purged_it_does_not_and_says_so(self):
        running = self.pid()
        self.inside("dpkg", "-r", "zephyr-security")
        self.assertFalse((self.root / f"proc/{running}").exists())
        self.assertTrue((self.root / "var/lib/zephyr/zephyr.db").exists())
        self.assertTrue((self.root / "etc/zephyr/keys/master.key").exists())
        said = self.inside("dpkg", "-P", "zephyr-security").stdout
        self.assertIn("removing every account, session and key", said)
        for path in ("var/lib/zephyr", "etc/zephyr", "var/log/zephyr", "etc/init.d/zephyr", "usr/bin/zephyr"):
            self.assertFalse((self.root / path).exists(), path)

    def test_8_a_key_of_a_database_elsewhere_survives_the_purge(self):
        self.install("zephyr-security")
        self.inside("/etc/init.d/zephyr", "stop")
        for path in (self.root / "var/lib/zephyr").glob("zephyr.db*"):
            path.unlink()
        said = self.inside("dpkg", "-P", "zephyr-security").stdout
        self.assertIn("The master key stays", said)
        self.assertTrue((self.root / "etc/zephyr/keys/master.key").exists())
        self.assertFalse((self.root / "var/lib/zephyr").exists())

    def test_9_where_a_policy_forbids_starting_it_is_installed_and_not_started(self):
        policy = self.root / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        self.install("zephyr-security")
        self.assertIsNone(self.pid())
        self.inside("dpkg", "-P", "zephyr-security")

    def log(self):
        path = self.root / "var/log/zephyr/zephyr.log"
        return path.read_text() if path.exists() else "no log"


class Unit(unittest.TestCase):
    def test_systemd_finds_little_to_object_to(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("needs systemd-analyze")
        unit = str(ROOT / "packaging/zephyr.service")
        # In tenths; 2.0 of 10. An ordinary service has 9.
        judged = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", unit],
                                capture_output=True, text=True)
        self.assertEqual(judged.returncode, 0, judged.stdout[-2000:] + judged.stderr)
        self.assertNotIn("Unknown", judged.stderr)


def main():
    reason = missing()
    if reason:
        print(f"skipped: {reason}", file=sys.stderr)
        unittest.main(defaultTest="Unit")
    if "IN_NAMESPACES" not in os.environ:
        with tempfile.TemporaryDirectory(prefix="zephyr-debs-") as folder:
            os.environ["PACKAGES"] = folder
            needed = dependencies(make_packages(folder)) + COMPILER
            try:
                os.environ["BARE_DEBIAN"] = str(tarball(needed))
            except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as problem:
                print(f"skipped: no bare Debian can be made here: {problem}", file=sys.stderr)
                unittest.main(defaultTest="Unit")
            sys.exit(enter_namespaces())
    be_init()
    unittest.main()


if __name__ == "__main__":
    main()
