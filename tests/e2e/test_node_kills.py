"""kill -9 of the node a hundred times, at any instant: no workload is lost, doubled or started again."""

import json
import os
import random
import time

import psutil

from tests.e2e.conftest import until

KILLS = 100
SEED = 5
STEADY = 8
WRITER = "import itertools, time\nfor n in itertools.count(): print(n, flush=True); time.sleep(0.002)"
RESTLESS = "[ -e calm ] && exec sleep 5000; sleep 0.0$((($$ % 5) + 1)); exit 1"
"""Ends again and again until it is calm, so that kills also hit the node between an intent and the exec."""


def config():
    lines = ["node: {name: alpha}", "workloads:"]
    lines += [f'  s{number}: {{command: [sleep, "{4000 + number}"]}}' for number in range(STEADY)]
    lines += [f"  writer: {{command: {json.dumps(['python3', '-c', WRITER])}, log: {{max_size: 100MB}}}}"]
    policy = "{stable_after: 0s, start_limit: 1000000}"
    lines += [
        f"  r{number}: {{command: {json.dumps(['sh', '-c', RESTLESS])}, restart: {policy}}}" for number in range(3)
    ]
    return "\n".join(lines)


def mains(site):
    """Main processes by workload: those that lead a session."""
    found: dict[str, list[int]] = {}
    for process in site.processes():
        try:
            name = process.environ().get("GYROSTAT_WORKLOAD")
            leads = os.getsid(process.pid) == process.pid
        except (psutil.Error, ProcessLookupError):
            continue
        if name and leads:
            found.setdefault(name, []).append(process.pid)
    return found


def test_a_hundred_kills_of_the_node_lose_double_and_restart_nothing(site):
    chance = random.Random(SEED)
    site.write(config())
    site.up("--quiet")
    steady = [f"s{number}" for number in range(STEADY)] + ["writer"]
    until(lambda: all(name in mains(site) for name in steady), "all are up")
    before = {name: mains(site)[name] for name in steady}
    for _ in range(KILLS):
        time.sleep(chance.uniform(0, 0.5))
        node = site.nodes.pop()
        node.kill()
        node.communicate()
        site.up("--quiet")
    (site.directory / "calm").touch()
    until(lambda: site.call("status")[0] == 0, "the last node answers")
    until(lambda: all(row["state"] == "ready" for row in site.rows().values()), "all are ready")
    until(lambda: all(len(pids) == 1 for pids in mains(site).values()), "there is one of each")
    rows = site.rows()
    after = mains(site)
    assert {name: after[name] for name in steady} == before  # neither lost, nor doubled, nor started again
    assert {name: rows[name]["pid"] for name in steady} == {name: pids[0] for name, pids in before.items()}
    assert all(rows[name]["restarts"] == 0 for name in steady)
    assert {name: after[name] for name in ("r0", "r1", "r2")} == {n: [rows[n]["pid"]] for n in ("r0", "r1", "r2")}
    written = [int(line) for line in (site.directory / "var/logs/writer.log").read_text().split("\n")[:-1]]
    assert written == list(range(len(written)))  # no hole, nothing twice
    assert len(written) > KILLS
