"""Two nodes with the same data set: one of them looks and fills, and the other when that one is killed or paused."""

import contextlib
import json
import os
import signal
import sys

import psycopg
import pytest

from tests.e2e.conftest import Site, until
from tests.postgres import server  # noqa: F401

KEYS = 40

CONFIG = """
node: {{name: {name}, state_dir: {name}}}
tasks:
  make:
    command: [{python}, make.py, "${{key}}"]
    params: {{key: {{}}}}
datasets:
  numbers:
    keys: "{{number}}.txt"
    over: {{number: {{values: [{numbers}]}}}}
    have: {{files: {{root: {data}}}}}
    fill: {{task: make, params: {{key: "{{key}}"}}, in_flight_max: 2, backoff_first: 1s}}
actors:
  executor: {{workers: 1, database: "{address}"}}
  reconciler: {{leader: "{leader}", host_cpu_max: 100, host_memory_max: 100}}
"""

MAKE = """
import os, pathlib, sys, time
time.sleep(0.1)
part = pathlib.Path({data!r}, f".{{os.getpid()}}")
part.write_text(sys.argv[1])
part.replace(pathlib.Path({data!r}, sys.argv[1]))
"""


@pytest.fixture
def sites(tmp_path):
    made = [Site((tmp_path / name).resolve()) for name in ("one", "two")]
    yield made
    for site in made:
        with contextlib.suppress(ProcessLookupError):
            for node in site.nodes:
                os.kill(node.pid, signal.SIGCONT)
        site.clean()


def prepare(sites, data, address, leader):
    data.mkdir()
    for site in sites:
        site.directory.mkdir()
        (site.directory / "make.py").write_text(MAKE.format(data=str(data)))
        numbers = ", ".join(str(number) for number in range(KEYS))
        name = site.directory.name
        said = {"name": name, "python": sys.executable, "numbers": numbers, "data": data, "address": address}
        site.write(CONFIG.format(**said, leader=leader))


def row(site):
    code, out, _ = site.call("reconcile", "status", "numbers", "--json")
    return json.loads(out)["datasets"][0] if code == 0 else {"state": "not there", "why": ""}


def leads(site):
    return row(site)["state"] in {"gaps", "converged"}


def whole(data):
    return {path.name for path in data.glob("*.txt")} == {f"{number}.txt" for number in range(KEYS)}


@pytest.mark.timeout(240)
@pytest.mark.needs("initdb")
def test_when_the_leader_is_killed_and_the_next_is_paused_the_other_goes_on_and_all_is_filled(sites, tmp_path, server):  # noqa: F811
    one, two = sites
    data, address = tmp_path / "data", server.new_queue()
    prepare(sites, data, address, address)
    first = one.up("--quiet")
    until(lambda: leads(one), "the first node leads")
    second = two.up("--quiet")
    until(lambda: row(two)["why"] == "the node one leads", "the second one knows")
    assert row(two)["state"] == "standby"
    code, _, err = two.call("reconcile", "run", "numbers")
    assert (code, "the node one leads; ask it, with --node NAME" in err) == (1, True), err
    until(lambda: len(list(data.glob("*.txt"))) > KEYS // 4, "some are there")

    first.kill()
    first.communicate()
    until(lambda: leads(two), "the second one has taken over")
    first = one.up("--quiet")
    until(lambda: row(one)["why"] == "the node two leads", "the first one has come back, and does not lead")

    os.kill(second.pid, signal.SIGSTOP)
    until(lambda: leads(one), "the first one has it again")
    assert token(address) == 3
    for path in list(data.glob("1*.txt")):
        path.unlink()
    assert one.call("reconcile", "run", "numbers", "--believe")[0] == 0
    os.kill(second.pid, signal.SIGCONT)
    until(lambda: row(two)["why"] == "the node one leads", "the one that woke knows that it does not lead")
    until(lambda: row(one)["state"] == "converged" and whole(data), "all is there")
    assert token(address) == 3


def token(address):
    with psycopg.connect(address) as connection:
        return connection.execute("SELECT token FROM leases WHERE name = 'datasets numbers'").fetchall()[0][0]


@pytest.mark.timeout(240)
def test_nodes_of_one_machine_may_agree_by_a_file(sites, tmp_path):
    one, two = sites
    data = tmp_path / "data"
    prepare(sites, data, "", tmp_path / "lead.lock")
    for site in sites:
        site.write(site.config.read_text().replace(', database: ""', ""))
    first = one.up("--quiet")
    until(lambda: leads(one), "the first node leads")
    two.up("--quiet")
    until(lambda: row(two)["why"] == "the node one leads", "the second one knows")
    first.kill()
    first.communicate()
    until(lambda: row(two)["state"] == "converged" and whole(data), "the second one has done the rest")
