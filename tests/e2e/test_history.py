"""What a node measured is there after it was killed."""

import json

from tests.e2e.conftest import until

CONFIG = """
node: {name: alpha, state_dir: var}
actors:
  monitor: {interval: 1s, history_step: 1s, archive: {write_every: 1s}}
workloads:
  web: {command: [sleep, "600"]}
"""


def memory(site):
    """The series as far as it is there."""
    code, out, _ = site.call("metrics", "web", "memory", "--json")
    rows = json.loads(out)["rows"] if code == 0 else []
    return rows[0] if rows else {"counts": []}


def test_what_was_measured_outlives_a_kill_of_the_node(site):
    site.write(CONFIG)
    site.up("--quiet")
    until(lambda: sum(memory(site)["counts"]) >= 8, "eight readings")
    before = memory(site)
    assert before["step_s"] == 0
    node = site.nodes.pop()
    node.kill()
    node.communicate()
    site.up("--quiet")
    until(lambda: memory(site)["counts"], "the past is there")
    after = memory(site)
    assert after["step_s"] == 60
    assert after["times"][0] <= before["times"][0] < after["times"][0] + 60
    assert after["counts"][0] >= 2
    code, out, _ = site.call("metrics", "web")
    assert code == 0
    head, *lines = out.splitlines()[1:]
    assert head.split() == ["METRIC", "OVER", "TIME", "MIN", "MEAN", "MAX", "LAST", "TREND"]
    assert {line.split()[0] for line in lines} >= {"cpu", "memory", "threads"}
    assert site.call("metrics")[1].splitlines()[-1].startswith("web ")
