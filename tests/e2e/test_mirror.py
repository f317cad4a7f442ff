"""The worked example of docs/datasets.md: a copy of 10,000 files is made whole while the node is killed at random."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "mirror"
KILLS = 12
CONVERGES_WITHIN_S = 180.0
KINDS = {"worker": "actors.executor.worker", "look": "actors.reconciler.looking", "origin": "origin.py"}
"""What may be killed beside the node -> what its command line has in it."""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def checksums(root):
    return {
        path.relative_to(root).as_posix(): hashlib.md5(path.read_bytes()).hexdigest() for path in root.rglob("*.csv")
    }


@pytest.fixture
def mirror(site):
    """The example in a directory of its own, on a free port."""
    shutil.copytree(EXAMPLE, site.directory, dirs_exist_ok=True)
    said = subprocess.run(
        [sys.executable, "make.py"], cwd=site.directory, check=True, capture_output=True, text=True
    ).stdout
    assert said == "10000 files served; in the copy 700 missing, 50 cut off, 20 outdated\n"
    port = str(free_port())
    site.write(site.config.read_text().replace("8791", port).replace("python3", sys.executable))
    site.environ["MIRROR_SERVER"] = f"http://127.0.0.1:{port}"
    return site


def known(site):
    code, out, _ = site.call("reconcile", "status", "copy", "--json")
    return json.loads(out)["datasets"][0] if code == 0 else None


def kill_something(site, node, chance):
    """Kill the node, or a worker with its task, a look, or the server that is copied from, as kill -9 does.

    Gives the node that runs afterwards, and what was killed.
    """
    found = []
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(node.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                words = " ".join(child.cmdline())
                found += [(child, kind) for kind, sign in KINDS.items() if sign in words]
    kind = chance.choice(["node", *sorted({kind for _, kind in found})])
    if kind == "node":
        os.kill(node.pid, signal.SIGKILL)
        node.communicate()
        return site.up("--quiet"), kind
    with contextlib.suppress(psutil.Error):
        chance.choice([child for child, its in found if its == kind]).kill()
    return node, kind


@pytest.mark.timeout(240)
def test_the_copy_becomes_whole_while_node_workers_looks_and_server_are_killed_at_random(mirror):
    served, copy = mirror.directory / "served", mirror.directory / "copy"
    assert checksums(served) != checksums(copy)
    chance = random.Random(3)
    node = mirror.up("--quiet")
    end_s = time.monotonic() + CONVERGES_WITHIN_S
    killed: list[str] = []
    row = None
    while time.monotonic() < end_s:
        row = known(mirror) or row
        if row is not None and row["state"] == "converged" and len(killed) == KILLS:
            break
        under_way = row is not None and row["in_flight"]
        if under_way and len(killed) < KILLS:
            node, kind = kill_something(mirror, node, chance)
            killed.append(kind)
            row = None
        time.sleep(0.2)
    assert row is not None
    assert (row["state"], row["counts"], row["unfillable"], len(killed)) == ("converged", {}, 0, KILLS), (row, killed)
    assert checksums(served) == checksums(copy)
    assert not list(copy.rglob("*.part"))[KILLS:]
    code, out, err = mirror.call("reconcile", "plan")
    assert code == 0, out + err
