#!/usr/bin/env python3
"""A log killed, and refused by its disk, at every call it makes to the system: nothing acknowledged is lost, nothing is there twice or by
half, and it opens, verifies and goes on. The program under test is log_driver (tests/tlog/log_driver.cpp); strace injects."""
import collections
import concurrent.futures
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CALLS = ["pwrite64", "fsync", "fdatasync", "rename", "ftruncate", "unlink", "mkdir", "openat"]
FAULTS = ["signal=KILL", "error=EIO", "error=ENOSPC"]
KILLS, CHAINS = 500, 20


def driver():
    if named := os.environ.get("ZEPHYR_LOG_DRIVER"):
        return named
    if (path := ROOT / "build/release/log_driver").exists():
        return str(path)
    raise SystemExit("log_driver is not built")


DRIVER = driver()


class Ledger:
    """What the driver told before it died."""

    def __init__(self):
        self.acknowledged, self.refused, self.tried = {}, set(), set()

    def read(self, told):
        lines = told.split("\n")
        for line in lines[:-1]:  # the last one may be half a line
            what, _, rest = line.partition(" ")
            if what == "try":
                self.tried.add(rest)
            elif what == "no":
                self.refused.add(rest)
            elif what == "ack":
                index, text = rest.split(" ", 1)
                self.acknowledged[int(index)] = text


def check(folder, ledger, about):
    """Opens the log again; raises AssertionError with `about` for whatever is wrong."""
    again = subprocess.run([DRIVER, "check", folder], capture_output=True, text=True)
    assert again.returncode == 0, f"{about}: opening again gave {again.returncode}: {again.stderr}"
    has, first = {}, 0
    for line in again.stdout.split("\n"):
        what, _, rest = line.partition(" ")
        if what == "first":
            first = int(rest)
        elif what == "has":
            index, text = rest.split(" ", 1)
            has[int(index)] = text
    assert sorted(has) == list(range(first, first + len(has))), f"{about}: indexes have gaps"
    assert first <= 25, f"{about}: more was deleted than was asked for"
    for index, text in ledger.acknowledged.items():
        assert index < first or has.get(index) == text, f"{about}: entry {index} was acknowledged as {text!r} and is {has.get(index)!r}"
    ours = [text for text in has.values() if text != "goes on"]
    doubled = [text for text, count in collections.Counter(ours).items() if count > 1]
    assert not doubled, f"{about}: {doubled} are there twice"
    assert not set(ours) - ledger.tried, f"{about}: {set(ours) - ledger.tried} were never tried"
    assert not set(ours) & ledger.refused, f"{about}: {set(ours) & ledger.refused} were refused and are there"
    groups, threads = collections.Counter(), {}
    for index, text in sorted(has.items()):
        if match := re.fullmatch(r"(.*)\+(\d+)/(\d+)", text):
            assert int(match[2]) == groups[match[1], int(match[3])], f"{about}: {text} is out of order"
            groups[match[1], int(match[3])] += 1
        elif match := re.fullmatch(r"(.*\.[ab]\.\d+|load\d+\.\d+)\.(\d+)\.x*", text):
            assert threads.get(match[1], -1) < int(match[2]), f"{about}: {text} is out of order"
            threads[match[1]] = int(match[2])
    for (name, size), count in groups.items():
        assert count == size, f"{about}: {count} of the {size} entries of {name} are there"
    return has


def trace(folder, inject, follow=("-f",)):
    return ["strace", "-qq", *follow, "-o", "/dev/null", "-e", f"trace={','.join(CALLS)}", *(word for each in inject for word in ("-e", f"inject={each}"))]


class LogKill(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def fresh(self, name):
        path = self.folder / name
        shutil.rmtree(path, ignore_errors=True)
        return path

    def whole_run(self, name, prepared, inject):
        """Everything from the opening on under strace."""
        folder, ledger = self.fresh(name), Ledger()
        if prepared:
            shutil.copytree(prepared[0], folder)
            ledger.read(prepared[1])
        run = subprocess.run([*trace(folder, inject), DRIVER, "script", str(folder), name], capture_output=True, text=True)
        ledger.read(run.stdout)
        has = check(str(folder), ledger, f"{inject} while opening {'a torn log' if prepared else 'a new log'}, which gave {run.returncode}")
        shutil.rmtree(folder)
        return len(ledger.acknowledged), len(has)

    def run_with_thread(self, name, thread, inject):
        """One thread under strace, from behind the opening: 0 is the one that calls, 1 the log's own."""
        folder, ledger = self.fresh(name), Ledger()
        run = subprocess.Popen([DRIVER, "script", str(folder), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               stderr=subprocess.PIPE, env={**os.environ, "LOG_DRIVER_WAIT": "1"})
        thread_id = run.stdout.readline().split()[1 + thread]
        tracer = subprocess.Popen([*trace(folder, inject, follow=()), "-p", thread_id], stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 20
        while f"TracerPid:\t{tracer.pid}" not in Path(f"/proc/{run.pid}/task/{thread_id}/status").read_text():
            assert tracer.poll() is None and time.monotonic() < deadline, "strace did not attach"
            time.sleep(0.001)
        told, errors = run.communicate("\n", timeout=60)
        tracer.wait(timeout=20)
        tracer.stderr.close()
        ledger.read(told)
        about = f"{inject} on thread {thread}, which gave {run.returncode} and said {errors!r}"
        if not any("signal" in each for each in inject):
            assert run.returncode == 0, about
        check(str(folder), ledger, about)
        shutil.rmtree(folder)
        return len(ledger.refused)

    def count_calls(self, threads_of_opening):
        """How often each call is made while opening, and then by each thread."""
        folder, record = self.fresh("count"), self.folder / "record"
        subprocess.run(["strace", "-qq", "-f", "-o", str(record), "-e", f"trace={','.join(CALLS)},write", DRIVER, "script", str(folder)],
                       stdout=subprocess.DEVNULL, check=True)
        counts, main, opening = collections.Counter(), None, True
        for line in record.read_text().split("\n"):
            if match := re.match(r"(\d+) +(\w+)\(", line):
                main = main or match[1]
                opening = opening and match[2] != "write"  # the first line that is printed
                who = "opening" if opening else 0 if match[1] == main else 1
                counts[who, match[2]] += 1
        shutil.rmtree(folder)
        return counts

    def at_once(self, jobs):
        with concurrent.futures.ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
            return [future.result() for future in [pool.submit(*job) for job in jobs]]

    def test_every_call_killed_or_refused(self):
        counts, jobs = self.count_calls(True), []
        self.assertGreater(counts[1, "fdatasync"], 20)
        self.assertGreater(counts[1, "pwrite64"], 30)
        for (who, call), count in sorted(counts.items(), key=str):
            if call not in CALLS:
                continue
            # Batches form as threads happen to come, so a run may make a few calls more than the one that was counted.
            for number in range(1, count + 1 if who == "opening" else count + 6):
                for fault in FAULTS:
                    name, inject = f"run{len(jobs)}", [f"{call}:{fault}:when={number}"]
                    jobs.append((self.whole_run, name, None, inject) if who == "opening" else (self.run_with_thread, name, who, inject))
        started = time.monotonic()
        self.at_once(jobs)
        print(f"{len(jobs)} runs in {time.monotonic() - started:.0f} s: {dict(sorted(counts.items(), key=str))}")

    def test_a_disk_that_stays_broken_refuses_and_loses_nothing(self):
        jobs = []
        for number in range(1, 50, 4):
            for call, fault in (("pwrite64", "ENOSPC"), ("fdatasync", "EIO"), ("pwrite64,fdatasync", "EIO")):
                jobs.append((self.run_with_thread, f"run{len(jobs)}", 1, [f"{call}:error={fault}:when={number}+"]))
        refused = self.at_once(jobs)
        self.assertGreater(sum(refused), len(jobs), "entries were refused")

    def test_opening_a_torn_log_killed_or_refused_at_every_call(self):
        """What repairs a log may die as well."""
        folder, chance = self.fresh("torn"), random.Random(1)
        # Killed in the middle, at a write that was made: a batch that is whole and unsynced, then half of another behind it.
        run = subprocess.run([*trace(folder, ["fdatasync:signal=KILL:when=25"]), DRIVER, "script", str(folder), "torn"], capture_output=True, text=True)
        segment = max((folder / "segments").iterdir())
        with segment.open("ab") as file:
            file.write(chance.randbytes(50))
        with (folder / "checkpoints").open("ab") as file:
            file.write(b"checkpoint 0001")
        hashes = folder / "hashes/0"
        os.truncate(hashes, hashes.stat().st_size - 40)
        record = self.folder / "record"
        shutil.copytree(folder, self.folder / "counted")
        subprocess.run(["strace", "-qq", "-o", str(record), "-e", f"trace={','.join(CALLS)}", DRIVER, "none", str(self.folder / "counted")],
                       stdout=subprocess.DEVNULL, check=True)
        counts = collections.Counter(re.findall(r"^(\w+)\(", record.read_text(), re.M))
        self.assertGreaterEqual(counts["ftruncate"], 2)
        jobs = [(self.whole_run, f"run.{call}.{number}.{index}", (folder, run.stdout), [f"{call}:{fault}:when={number}"])
                for call, count in counts.items() for number in range(1, count + 1) for index, fault in enumerate(FAULTS)]
        self.at_once(jobs)
        print(f"{len(jobs)} runs: {dict(counts)}")

    def kill_chain(self, number):
        """The same log killed again and again under load, with and without a clean stop between."""
        chance, folder, ledger, load = random.Random(number), self.fresh(f"chain{number}"), Ledger(), 0
        for kill in range(KILLS // CHAINS):
            load += 1
            with subprocess.Popen([DRIVER, "load", str(folder), f"load{load}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
                told = run.stdout.readline() if chance.random() < 0.9 else ""  # or perhaps while it opens
                time.sleep(chance.random() * 0.02)
                run.send_signal(signal.SIGKILL)
                told += run.stdout.read()
                errors = run.stderr.read()
            assert run.returncode == -signal.SIGKILL, f"chain {number}, kill {kill}: {run.returncode} {errors}"
            ledger.read(told)
            if chance.random() < 0.5 or kill == KILLS // CHAINS - 1:
                check(str(folder), ledger, f"chain {number}, kill {kill}")
        shutil.rmtree(folder)
        return len(ledger.acknowledged)

    def test_five_hundred_kills_under_load_lose_nothing(self):
        started = time.monotonic()
        acknowledged = self.at_once([(self.kill_chain, number) for number in range(CHAINS)])
        print(f"{KILLS} kills in {time.monotonic() - started:.0f} s, {sum(acknowledged)} entries acknowledged")
        self.assertGreater(sum(acknowledged), 2 * KILLS)


if __name__ == "__main__":
    unittest.main()
