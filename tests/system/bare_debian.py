"""A bare Debian 12 to install packages in: made once by debootstrap, kept as a tarball under build/, unpacked for each test.

Tests run in namespaces of their own (mounts, processes, network): whatever a package starts ends with the test, and no mount is left.
"""
import fcntl
import hashlib
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = ROOT / "build/bare-debian"
INSIDE = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
          "DEBIAN_FRONTEND": "noninteractive"}
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def missing():
    """Why such a system can't be made here, or nothing."""
    if os.geteuid() != 0:
        return "needs root, for chroot and debootstrap"
    if not shutil.which("debootstrap"):
        return "needs debootstrap"
    if subprocess.run(["unshare", "--mount", "--pid", "--net", "--fork", "true"], capture_output=True).returncode != 0:
        return "needs the right to make namespaces (unshare)"
    return None


def enter_namespaces():
    """Starts this script again where its mounts, processes and network are its own; gives the exit code of that."""
    return subprocess.run(["unshare", "--mount", "--propagation", "private", "--pid", "--net", "--fork", "--kill-child", sys.executable,
                           *sys.argv], env={**os.environ, "IN_NAMESPACES": "1"}).returncode


def be_init():
    """As the first process of the namespace: goes on in a child, and collects the processes that lose their parents, as an init does."""
    child = os.fork()
    while child:
        ended, status = os.wait()
        if ended == child:
            os._exit(os.waitstatus_to_exitcode(status))


def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        flags = struct.pack("16sh14x", b"lo", 0x1 | 0x40)  # IFF_UP | IFF_RUNNING
        fcntl.ioctl(control, 0x8914, flags)  # SIOCSIFFLAGS


def chroot(folder, *command, stdin="", check=True, timeout=300, environment=None):
    result = subprocess.run(["chroot", str(folder), *(str(part) for part in command)], input=stdin, capture_output=True, text=True,
                            timeout=timeout, env={**INSIDE, **(environment or {})})
    if check and result.returncode != 0:
        raise AssertionError(f"{command} ended with {result.returncode}:\n{result.stdout}\n{result.stderr}")
    return result


def take_package_sources_along(folder):
    """This machine's package sources and proxies, as tools/fresh.sh takes them."""
    (folder / "etc/apt/sources.list").unlink(missing_ok=True)
    for name in ("sources.list", "sources.list.d", "auth.conf.d", "keyrings"):
        if (Path("/etc/apt") / name).exists():
            subprocess.run(["cp", "-rL", f"/etc/apt/{name}", f"{folder}/etc/apt/"], check=True)
    for piece in Path("/etc/apt/apt.conf.d").glob("*"):
        if re.search(r"Acquire::(https?|Retries|Check)", piece.read_text(errors="replace")):  # how packages are fetched here
            shutil.copy(piece, folder / "etc/apt/apt.conf.d")
    for name in ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt"):
        if os.path.exists(name):
            (folder / name.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(name, folder / name.lstrip("/"))
    for name in ("/usr/share/keyrings",):
        subprocess.run(["cp", "-rLn", name, f"{folder}/usr/share/"], check=False)


def tarball(packages):
    """A tarball of Debian 12 with these packages and nothing of ours. Made if it is not there yet."""
    CACHE.mkdir(parents=True, exist_ok=True)
    wanted = CACHE / (hashlib.sha256(" ".join(sorted(packages)).encode()).hexdigest()[:16] + ".tar")
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if wanted.exists():
            return wanted
        folder = CACHE / "making"
        shutil.rmtree(folder, ignore_errors=True)
        mirror = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Codename: bookworm"],
                                capture_output=True, text=True, check=True).stdout.splitlines()[:1]
        subprocess.run(["debootstrap", "--variant=minbase", "--include=ca-certificates", "bookworm", str(folder), *mirror],
                       check=True, stdout=subprocess.DEVNULL)
        take_package_sources_along(folder)
        passed = {name: os.environ[name] for name in PROXIES if name in os.environ}
        # Nothing that comes with them may start, and nothing needs to survive a power cut.
        (folder / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
        (folder / "usr/sbin/policy-rc.d").chmod(0o755)
        chroot(folder, "apt-get", "update", "-qq", environment=passed)
        chroot(folder, "apt-get", "install", "-y", "-qq", "--no-install-recommends", "-o", "Dpkg::Options::=--force-unsafe-io", *packages,
               environment=passed, timeout=900)
        chroot(folder, "apt-get", "clean")
        (folder / "usr/sbin/policy-rc.d").unlink()
        for old in CACHE.glob("*.tar"):
            old.unlink()
        subprocess.run(["tar", "-C", str(folder), "--exclude=./var/lib/apt/lists/*", "-cf", str(wanted) + ".part", "."], check=True)
        Path(str(wanted) + ".part").rename(wanted)
        shutil.rmtree(folder)
        return wanted


def unpack(tar, folder):
    subprocess.run(["tar", "-C", str(folder), "-xf", str(tar)], check=True)
    folder.chmod(0o755)  # the root of a real system is open to every user
    subprocess.run(["mount", "-t", "proc", "proc", str(folder / "proc")], check=True)
    subprocess.run(["mount", "--bind", "/dev", str(folder / "dev")], check=True)
