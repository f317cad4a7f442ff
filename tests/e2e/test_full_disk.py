"""A node whose disk is full is killed: the next one starts all the same, and keeps the workloads."""

import os
import signal
import sys

import pytest

from tests.e2e.conftest import until
from tests.small_disk import fill, small_disk

pytestmark = pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root can mount a small disk")

CONFIG = """
node: {name: alpha, state_dir: small/var, run_dir: run}
workloads:
  web: {command: [sleep, "5001"], stop: {grace: 2s}}
  job: {command: [sh, -c, "while :; do echo line; sleep 0.05; done"]}
"""


@pytest.fixture
def small(site):
    with small_disk(site.directory / "small", 4) as place:
        yield place
        site.clean()


def ready(site):
    return all(row["state"] == "ready" for row in site.rows().values())


@pytest.mark.parametrize("ended_well", [True, False])
def test_it_adopts_restarts_and_stops_with_no_room_and_writes_again_when_there_is_some(site, small, ended_well):
    site.write(CONFIG)
    first = site.up("--quiet")
    until(lambda: site.call("status")[0] == 0 and ready(site), "both are ready")
    before = site.rows()
    if ended_well:  # then no index of a write-ahead log is left, and there is no room for one
        assert site.call("stop", "--keep-workloads")[0] == 0
    else:
        first.send_signal(signal.SIGKILL)
    first.wait(20)
    fill(small)
    site.up("--quiet")
    until(lambda: site.call("status")[0] == 0 and site.rows() and ready(site), "both are adopted")
    rows = site.rows()
    assert {name: row["pid"] for name, row in rows.items()} == {name: row["pid"] for name, row in before.items()}
    os.kill(rows["web"]["pid"], signal.SIGKILL)
    until(lambda: site.rows()["web"]["pid"] not in {None, rows["web"]["pid"]}, "it is restarted")
    assert site.call("health")[0] in {0, 1}  # the Monitor and the Healer are there
    assert {row["state"] for row in site.status()["node"]["actors"]} == {"running"}
    (small / "filler").unlink()
    log, size = small / "var/logs/job.log", (small / "var/logs/job.log").stat().st_size
    until(lambda: log.stat().st_size > size, "its log goes on")
    node_log = small / "var/node.log"
    os.kill(site.rows()["web"]["pid"], signal.SIGKILL)
    until(lambda: "changes.written_again" in node_log.read_text(), "the change log goes on")
    pid = site.rows()["job"]["pid"]
    assert site.call("restart")[0] == 0
    assert site.rows()["job"]["pid"] == pid
