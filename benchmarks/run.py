#!/usr/bin/env python3
"""Ratios against floors, taken in one run: a shared machine is noisy, so only figures of one round are compared.

usage: run.py [ROUNDS] [PART...]    (default 9 rounds of 3 s of every part; prints a table and writes build/bench/results.json)

parts: rest       cold start and memory at rest (G17, G19)
       sign-in    sign-ins against Argon2id alone (G1), an empty route against plain Beast
       forward    forward-auth with a cookie and a rule against plain Beast, and its latency at half that load (G6)
       jose       JWT against raw OpenSSL and npm jose (G9)
       decisions  a role check at two sizes, and what a session costs in memory and on disk (G11, G18)
       audit      the tamper-evident log against a bare prototype, verification and proofs (G15)
       factors    one-time passwords, and the TOTP step of a sign-in against HTTP and one durable row
       trail      sign-ins with their way into that log against sign-ins without (G15)
       statements what each operation asks of the database, counted (G20)
"""
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

from contestants import (BENCH, CORES, NO_LIMITS, PASSWORD, Client, FloorB0, Zephyr, add_users, factor_steps, floor_h, median_iqr, rss_mib, sign_ins, temporary,
                         wrk, zbench)

# A round is dropped when a spin of this much work took so much longer than the best: somebody else had the machine.
SPIN, MOST_SLOWER = 2_000_000, 1.25


def spin():
    begin = time.perf_counter()
    for _ in range(SPIN):
        pass
    return time.perf_counter() - begin


def rounds_of(rounds, slots):
    """Each round runs every slot once, in shuffled order; a round that somebody disturbed is run again, at most as often as there are
    rounds. Returns the figures of each round by slot."""
    figures, spins, left = [], [], 2 * rounds
    while len(figures) < rounds and left > 0:
        left -= 1
        figure, slowest = {}, 0
        for name in random.sample(list(slots), len(slots)):
            slowest = max(slowest, spin())
            figure[name] = slots[name]()
        spins.append(slowest)
        if slowest <= MOST_SLOWER * min(spins) or left < rounds - len(figures):
            figures.append(figure)
        else:
            print(f"  a round was dropped: the machine was {slowest / min(spins):.2f} times slower than at its best", file=sys.stderr)
    return figures


def ratio(figures, above, below):
    return median_iqr([figure[above] / figure[below] for figure in figures])


def right(rate_and_failed):
    rate, failed = rate_and_failed
    if failed:
        raise SystemExit(f"{failed} answers were wrong: the figure would be worth nothing")
    return rate


def at_rest(folder, rounds, results):
    starts, floor_starts, rss, floor_rss = [], [], [], []
    for number in range(rounds):
        server, floor = Zephyr(str(folder / f"cold{number}")), FloorB0()
        time.sleep(0.5)
        starts.append(1000 * server.started)
        floor_starts.append(1000 * floor.started)
        rss.append(rss_mib(server.process.pid))
        floor_rss.append(rss_mib(floor.process.pid))
        server.stop()
        floor.stop()
    results["G19 cold start ms"] = median_iqr(starts)
    results["G19 cold start / 60 ms goal"] = median_iqr([s / 60 for s in starts])
    results["G19 cold start / floor B0"] = median_iqr([a / b for a, b in zip(starts, floor_starts)])
    results["G17 idle RSS MiB"] = median_iqr(rss)
    results["G17 idle RSS / 20 MiB goal"] = median_iqr([r / 20 for r in rss])
    results["G17 idle RSS / floor B0"] = median_iqr([a / b for a, b in zip(rss, floor_rss)])


def sign_in(folder, rounds, results):
    server = Zephyr(str(folder / "login"), *NO_LIMITS)
    add_users(server, 100)
    floor = FloorB0()
    wrk(server.port, "/auth/login", 4, "login.lua")  # warm-up
    figures = rounds_of(rounds, {"h": floor_h,
                                 "login": lambda: right(wrk(server.port, "/auth/login", CORES * 2, "login.lua")),
                                 "b0": lambda: wrk(floor.port, "/")[0],
                                 "health": lambda: right(wrk(server.port, "/healthz"))})
    results["G1 sign-in / floor H"] = ratio(figures, "login", "h")
    results["sign-ins per s"] = median_iqr([f["login"] for f in figures])
    results["floor H hashes per s"] = median_iqr([f["h"] for f in figures])
    results["healthz / floor B0"] = ratio(figures, "health", "b0")
    results["floor B0 requests per s"] = median_iqr([f["b0"] for f in figures])
    results["RSS after the sign-ins MiB"] = rss_mib(server.process.pid)
    server.stop()
    floor.stop()


def forward(folder, rounds, results):
    """One core for the server and one for the load, alike for product and floor."""
    server = Zephyr(str(folder / "forward"), *NO_LIMITS, "--behind-proxy", "--trusted-proxies", "127.0.0.1", "--forward-auth-rules",
                    "127.0.0.1 role:auditor", "--server-io-threads", "1", "--metrics-enabled", core=0)
    floor = FloorB0(core=0)
    add_users(server, 1)
    server.command("role", "grant", "u0", "auditor")
    client = Client(server.port)
    client.ask("POST", "/auth/login", {"username": "u0", "password": PASSWORD})
    (name, value), = [pair for pair in client.cookies.items() if "session" in pair[0]]
    headers = [f"Cookie: {name}={value}", "X-Forwarded-Method: GET", "X-Forwarded-Proto: http", f"X-Forwarded-Host: 127.0.0.1:{server.port}",
               "X-Forwarded-Uri: /reports"]
    ask = lambda: right(wrk(server.port, "/auth/forward", headers=headers, core=1))
    ask()  # warm-up
    before = server.metrics()["zephyr_database_statements_total"]
    figures = rounds_of(rounds, {"forward": ask, "b0": lambda: wrk(floor.port, "/", core=1)[0]})
    asked = sum(figure["forward"] for figure in figures) * 3
    results["G6 forward-auth / floor B0"] = ratio(figures, "forward", "b0")
    results["forward-auth per s"] = median_iqr([f["forward"] for f in figures])
    results["floor B0 requests per s, one core"] = median_iqr([f["b0"] for f in figures])
    results["G6 statements per forward-auth"] = (server.metrics()["zephyr_database_statements_total"] - before) / asked
    half = results["forward-auth per s"]["median"] / 2
    tails = [zbench(server.port, "forward-auth", "--rate", int(half), "--seconds", 3, "--warm-up", 0.5, "--connections", 32, "--users", 1,
                    path="/auth/forward", core=1)["latency_us"] for _ in range(rounds)]
    results["G6 p99 ms at half that load"] = median_iqr([tail["p99"] / 1000 for tail in tails])
    results["G6 p99.9 ms at half that load"] = median_iqr([tail["p99_9"] / 1000 for tail in tails])
    server.stop()
    floor.stop()


def jose(folder, rounds, results):
    import jose as library  # benchmarks/jose.py: one round takes about ten seconds
    figures = [(library.ours(), library.theirs()) for _ in range(min(rounds, 5))]
    for name, ours, raw in library.PAIRS:
        results[f"G9 {name} / raw OpenSSL"] = median_iqr([r[ours] / r[raw] for r, _ in figures])
    if all(npm for _, npm in figures):
        for name, key in (("ES256 sign", "sign"), ("ES256 verify", "verify")):
            results[f"G9 {name} / npm jose"] = median_iqr([r[f"jose_{key}/es256"] / npm[key] for r, npm in figures])
    results["ES256 verifications per s"] = median_iqr([r["jose_verify/es256"] for r, _ in figures])


def decisions(folder, rounds, results):
    command = [BENCH / "benchmarks/guard_bench", "--benchmark_format=json", "--benchmark_min_time=0.1",
               "--benchmark_enable_random_interleaving=true"]
    figures = []
    for _ in range(min(rounds, 5)):
        told = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "TMPDIR": str(folder)}).stdout
        figures.append({each["name"]: each for each in json.loads(told)["benchmarks"] if each.get("run_type") != "aggregate"})

    def series(name, member):
        matching = [next((each[member] for key, each in figure.items() if key.startswith(name)), None) for figure in figures]
        return matching if None not in matching else None

    small, large, many = (series(f"rbac_check/roles:{roles}/people:{people}", "cpu_time") for roles, people in ((10, 100), (100, 1000), (1000, 100)))
    results["G11 role check ns, 1k roles x users"] = median_iqr(small)
    results["G11 role check ns, 100k roles x users"] = median_iqr(large)
    results["G11 t(100k) / t(1k), 100 roles"] = median_iqr([a / b for a, b in zip(large, small)])
    results["G11 t(100k) / t(1k), 1000 roles"] = median_iqr([a / b for a, b in zip(many, small)])
    for title, name, member in (("G18 bytes in memory per live session", "bytes_per_cached_session", "bytes_each"),
                                ("G18 bytes on disk per session", "bytes_on_disk", "bytes_per_session"),
                                ("G18 bytes on disk per person", "bytes_on_disk", "bytes_per_person")):
        if values := series(name, member):
            results[title] = median_iqr(values)


def count_statements(server, engine, results):
    """What 1000 operations of each kind (200 that hash a password) ask of the database. Exact but for background work, a few in a minute."""
    client, login = Client(server.port), {"username": "u0", "password": PASSWORD}
    held = client.ask("POST", "/auth/token", login)
    bearer = {"Authorization": f"Bearer {held['access_token']}"}
    forwarded = {"X-Forwarded-Method": "GET", "X-Forwarded-Proto": "http", "X-Forwarded-Host": f"127.0.0.1:{server.port}",
                 "X-Forwarded-Uri": "/reports"}

    def refresh():
        held.update(Client.ask(stranger, "POST", "/auth/refresh", {"refresh_token": held["refresh_token"]}))

    stranger = Client(server.port)
    client.ask("POST", "/auth/login", login)
    kinds = {"forward-auth": (1000, lambda: client.ask("GET", "/auth/forward", headers=forwarded)),
             "who am I, by cookie": (1000, lambda: client.ask("GET", "/auth/me")),
             "who am I, by token": (1000, lambda: stranger.ask("GET", "/auth/me", headers=bearer)),
             "key set": (1000, lambda: stranger.ask("GET", "/.well-known/jwks.json")),
             "refresh": (1000, refresh),
             "sign-in": (200, lambda: stranger.ask("POST", "/auth/login", login)),
             "token": (200, lambda: stranger.ask("POST", "/auth/token", login))}
    for name, (count, once) in kinds.items():
        once()  # what is remembered from then on
        before = server.metrics()
        for _ in range(count):
            once()
        after = server.metrics()
        each = lambda what: round((after[f"zephyr_database_{what}_total"] - before[f"zephyr_database_{what}_total"]) / count, 2)
        results[f"G20 {engine}: {name}"] = {"statements": each("statements"), "reads": each("reads"), "writes": each("writes")}


def statements(folder, rounds, results):
    flags = [*NO_LIMITS, "--metrics-enabled", "--behind-proxy", "--trusted-proxies", "127.0.0.1", "--forward-auth-rules",
             "127.0.0.1 role:auditor", "--passwords-argon2-memory-kib", "7168", "--passwords-argon2-passes", "5"]

    def run_on(engine, environment):
        server = Zephyr(str(folder / f"statements-{engine}"), *flags, environment=environment)
        try:
            add_users(server, 1)
            server.command("role", "grant", "u0", "auditor")
            count_statements(server, engine, results)
        finally:
            server.stop()

    run_on("SQLite", {})
    from postgres_server import PostgresServer  # tests/system
    with PostgresServer() as postgres:
        run_on("PostgreSQL", {"ZEPHYR_STORAGE_URL": postgres.url(postgres.fresh_database())})


def audit(folder, rounds, results):
    """The log and the prototype take turns at each number of writers, in one process. Proofs come out of a log of ten million entries."""
    command = [BENCH / "benchmarks/audit_bench", folder / "audit"]
    figures = [json.loads(subprocess.run([*command, "2"], capture_output=True, text=True, check=True).stdout) for _ in range(min(rounds, 5))]
    for writers in (8, 64, 256):
        log, bare = f"log/{writers}", f"prototype/{writers}"
        results[f"G15 {writers} writers / prototype"] = median_iqr([f[log]["per_second"] / f[bare]["per_second"] for f in figures])
        results[f"G15 durable entries per s, {writers} writers"] = median_iqr([f[log]["per_second"] for f in figures])
        results[f"G15 p50 ms, {writers} writers"] = median_iqr([f[log]["p50_ms"] for f in figures])
        results[f"G15 p99 ms, {writers} writers"] = median_iqr([f[log]["p99_ms"] for f in figures])
    results["G15 entries of 500 bytes verified per s"] = median_iqr([f["verified_per_second"] for f in figures])
    told = json.loads(subprocess.run([command[0], "proofs", folder / "ten-million", "10000000"], capture_output=True, text=True, check=True).stdout)
    for title, name in (("proof ms", "proof_ms"), ("proof ms, p99", "proof_p99_ms"), ("opening and a proof ms", "proof_cold_ms"),
                        ("proof bytes", "proof_bytes"), ("a first entry read ms", "entry_cold_ms"), ("opening to write ms", "opening_ms"),
                        ("small entries verified per s", "verified_per_second")):
        results[f"G15 10 million: {title}"] = told[name]


def trail(folder, rounds, results):
    for kind in ("log", "no-log"):
        sign_ins(folder / kind, kind)  # makes the accounts
    figures = rounds_of(rounds, {kind: lambda kind=kind: sign_ins(folder / kind, kind) for kind in ("log", "no-log")})
    results["G15 sign-in, log on / off"] = ratio(figures, "log", "no-log")
    results["sign-ins per s, log on"] = median_iqr([f["log"] for f in figures])
    results["sign-ins per s, log off"] = median_iqr([f["no-log"] for f in figures])


def factors(folder, rounds, results):
    for clients in (1, 16):
        figures = rounds_of(rounds, {"all": lambda: factor_steps(folder / f"factors-{clients}", clients)})
        told = [f["all"] for f in figures]
        results[f"TOTP step of a sign-in / HTTP and one durable row, {clients} clients"] = median_iqr([t["step"] / t["floor"] for t in told])
        results[f"TOTP steps per s, {clients} clients"] = median_iqr([t["step"] for t in told])
        results["one-time passwords checked per s and core"] = median_iqr([t["checks"] for t in told])


PARTS = {"rest": at_rest, "sign-in": sign_in, "forward": forward, "jose": jose, "decisions": decisions, "audit": audit, "trail": trail, "factors": factors,
         "statements": statements}


def line(name, value):
    if not isinstance(value, dict):
        return f"{name:40} {value if isinstance(value, int) else round(value, 4)}"
    if "median" in value:
        return f"{name:40} {value['median']:10.3f}   (quartiles {value['low']:.3f} to {value['high']:.3f})"
    return f"{name:40} " + ", ".join(f"{count} {what}" for what, count in value.items())


def main():
    words = sys.argv[1:]
    rounds = int(words.pop(0)) if words and words[0].isdigit() else 9
    if unknown := set(words) - set(PARTS):
        raise SystemExit(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    results = {"rounds": rounds, "cores": CORES}
    with temporary() as folder:
        for name in words or PARTS:
            print(f"== {name}", file=sys.stderr)
            known = set(results)
            PARTS[name](Path(folder), rounds, results)
            for new in results:
                if new not in known:
                    print(line(new, results[new]))
    (BENCH / "results.json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
