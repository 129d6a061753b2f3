"""A private PostgreSQL for tests: on a Unix socket in a folder of its own, without a network port, gone when the test ends."""
import ctypes
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1


def programs():
    found = sorted((path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()),
                   key=lambda path: int(re.sub(r"\D", "", path.parent.name) or 0))
    if not found:
        raise AssertionError("PostgreSQL is not installed: apt-get install postgresql-15")
    return found[-1]


def account():
    """PostgreSQL refuses to run as root: the account of the Debian package, or one made here, runs it then."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    for name in ("postgres", "zephyr-test"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            pass
    subprocess.run(["/usr/sbin/useradd", "-r", "-M", "-s", "/bin/sh", "zephyr-test"], check=True)
    return pwd.getpwnam("zephyr-test")


class PostgresServer:
    def __init__(self):
        self.programs, self.account, self.databases = programs(), account(), 0
        self.folder = Path(tempfile.mkdtemp(prefix="zephyr-pg-"))
        if os.geteuid() == 0:
            os.chown(self.folder, self.account.pw_uid, self.account.pw_gid)
        # Trust is enough: the socket stands in a folder only this account and root can enter.
        self.run("initdb", "-D", self.folder / "data", "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
        self.process = None
        self.start()

    def become(self):
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(self.account.pw_gid)
            os.setuid(self.account.pw_uid)
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)

    def run(self, program, *arguments):
        result = subprocess.run([self.programs / program, *arguments], preexec_fn=self.become, cwd="/", capture_output=True, text=True)
        if result.returncode != 0:
            raise AssertionError(f"{program}: {result.stderr}")
        return result.stdout

    def psql(self, database, sql):
        return self.run("psql", "-h", self.folder, "-U", "postgres", "-d", database, "-At", "-v", "ON_ERROR_STOP=1", "-c", sql).strip()

    def start(self):
        with open(self.folder / "server.log", "ab") as log:
            # Without fsync a killed server still loses nothing: the kernel has its writes. Only a power cut would.
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.folder / "data", "-k", self.folder, "-c", "listen_addresses=",
                 "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=100"],
                preexec_fn=self.become, cwd="/", stdout=log, stderr=log)
        end = time.monotonic() + 20
        while time.monotonic() < end and self.process.poll() is None:
            try:
                return self.psql("postgres", "SELECT 1")
            except AssertionError:
                time.sleep(0.02)
        raise AssertionError("PostgreSQL did not start: " + (self.folder / "server.log").read_text()[-1500:])

    def fresh_database(self):
        """Its name; url() makes of it what storage.url takes."""
        self.databases += 1
        self.psql("postgres", f"CREATE DATABASE zephyr_{self.databases}")
        return f"zephyr_{self.databases}"

    def url(self, database):
        return f"postgresql:///{database}?host={self.folder}&user=postgres"

    def stop(self):
        self.process.send_signal(signal.SIGINT)  # fast shutdown
        self.process.wait(timeout=30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
