#!/usr/bin/env python3
"""JWT beside raw OpenSSL and npm jose: rounds of all of them in one run, and the ratios of each round's figures.

usage: jose.py [ROUNDS]    (default 5 rounds of about 10 s; prints a table and writes build/bench/jose.json)
"""
import json
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BENCH = ROOT / "build/bench"
PAIRS = [("ES256 sign", "jose_sign/es256", "raw_sign/es256"), ("ES256 verify", "jose_verify/es256", "raw_verify/es256"),
         ("EdDSA sign", "jose_sign/eddsa", "raw_sign/eddsa"), ("EdDSA verify", "jose_verify/eddsa", "raw_verify/eddsa"),
         ("RS256 sign", "jose_sign/rs256", "raw_sign/rs256"), ("RS256 verify", "jose_verify/rs256", "raw_verify/rs256"),
         ("HS256 sign", "jose_hs256_sign", "raw_hs256"), ("HS256 verify", "jose_hs256_verify", "raw_hs256")]


def ours():
    """Calls per second of CPU time, the median of interleaved repetitions."""
    flags = {"format": "json", "min_time": "0.1", "repetitions": "5", "enable_random_interleaving": "true",
             "report_aggregates_only": "true"}
    command = [BENCH / "benchmarks/jose_bench", *(f"--benchmark_{name}={value}" for name, value in flags.items())]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {each["run_name"]: 1e9 / each["cpu_time"] for each in json.loads(out)["benchmarks"] if each["aggregate_name"] == "median"}


def theirs():
    """npm jose, or nothing where Node or the package is missing (npm ci in benchmarks/)."""
    if not shutil.which("node") or not (ROOT / "benchmarks/node_modules/jose").is_dir():
        return None
    return json.loads(subprocess.run(["node", ROOT / "benchmarks/jose_npm.mjs", "1"], capture_output=True, text=True, check=True).stdout)


def main():
    rounds = [(ours(), theirs()) for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 5)]
    median = lambda values: statistics.median(list(values))
    table = {name: {"per_second": median(r[jose] for r, _ in rounds), "of_raw": median(r[jose] / r[raw] for r, _ in rounds)}
             for name, jose, raw in PAIRS}
    if all(npm for _, npm in rounds):
        for name, key in (("ES256 sign", "sign"), ("ES256 verify", "verify")):
            table[name]["npm_jose_per_second"] = median(npm[key] for _, npm in rounds)
            table[name]["times_npm_jose"] = median(r[f"jose_{key}/es256"] / npm[key] for r, npm in rounds)
    for name, row in table.items():
        beside = f"   {row['times_npm_jose']:.1f} x npm jose ({row['npm_jose_per_second']:,.0f}/s)" if "times_npm_jose" in row else ""
        print(f"{name:13} {row['per_second']:>10,.0f}/s   {100 * row['of_raw']:5.1f} % of raw OpenSSL{beside}")
    (BENCH / "jose.json").write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
