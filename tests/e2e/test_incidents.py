"""A node whose database dies: one incident with twelve symptoms; and one where several critical workloads break."""

import json
import os
import signal

import pytest

from tests.e2e.conftest import until

APPS = [f"app{number}" for number in range(12)]
BREAKABLE = "test -e {name}.up && exec sleep 600; exit 3"
CONFIG = """
node: {{name: alpha, state_dir: ./var}}
workloads:
{workloads}
actors:
  monitor:
    interval: 1s
    incidents: {{after: 500ms, settle: 1s}}
    emergency:
      places: 2
      after: 300ms
      calm: 1s
      shed: [batch, reports]
      shed_every: 300ms
      alert: [sh, -c, 'cat > "$GYROSTAT_EMERGENCY.json"']
"""


def breakable(name, rest=""):
    command = json.dumps(["sh", "-c", BREAKABLE.format(name=name)])
    return f"  {name}: {{command: {command}, restart: {{start_limit: 2, backoff_max: 100ms}}{rest}}}"


def plain(name, rest=""):
    return f"  {name}: {{command: [sleep, '600']{rest}}}"


@pytest.fixture
def city(site):
    """A node with a database and twelve that need it, a cache, and two that can be shed."""
    probe = ", depends_on: [db], probes: {work: {exec: [test, -e, db.up], every: 300ms, failures: 2}}"
    works = [breakable("db", ", critical: true"), breakable("cache"), *(plain(app, probe) for app in APPS)]
    site.write(CONFIG.format(workloads="\n".join([*works, plain("batch"), plain("reports")])))
    for name in ("db", "cache"):
        (site.directory / f"{name}.up").touch()
    site.node = site.up("-q")
    until(lambda: all(row["state"] == "ready" for row in rows(site).values()), "all are ready")
    return site


def rows(site):
    code, out, _ = site.call("status", "--json")
    found = json.loads(out) if code == 0 else {}
    return (
        {row["name"]: row for row in found["processes"]["processes"]} if "processes" in found else {"": {"state": ""}}
    )


def breaks(site, name):
    (site.directory / f"{name}.up").unlink()
    os.kill(rows(site)[name]["pid"], signal.SIGKILL)


def mends(site, *names):
    for name in names:
        (site.directory / f"{name}.up").touch()
    assert site.call("start", *names)[0] == 0


def incidents(site, *options):
    code, out, err = site.call("incidents", "--json", *options)
    assert code == 0, err
    return json.loads(out)


def test_a_dead_database_with_twelve_dependants_is_one_incident_named_by_its_root(city):
    breaks(city, "db")
    (one,) = until(
        lambda: [each for each in incidents(city)["incidents"] if len(each["symptoms"]) == 12], "twelve symptoms"
    )
    assert one["root"]["subject"] == "db"
    assert sorted(each["subject"] for each in one["symptoms"]) == sorted(APPS)
    until(lambda: sum(bool(each["issues"]) for each in incidents(city)["incidents"][0]["symptoms"]) == 12, "issues")
    assert len(incidents(city)["incidents"]) == 1
    code, out, _ = city.call("incidents", one["incident"])
    assert code == 0
    assert out.startswith(f"incident {one['incident']}: db: ")
    assert "; 12 symptoms\n" in out
    code, out, _ = city.call("health", "--why", "app3")
    assert code == 1
    assert "needs db, which is in a crash loop\n" in out
    assert "rule: a dependency that is not what it needs is degraded (workloads.app3.depends_on.db)" in out
    assert "because db is failing, for " in out
    assert f"part of incident {one['incident']}\n" in out
    assert f"part of incident {one['incident']}, because of db" in city.call("why", "app3")[1]


def test_an_emergency_sheds_load_outlives_the_node_and_puts_everything_back(city):
    breaks(city, "db")
    breaks(city, "cache")
    until(lambda: incidents(city)["shed"] == ["batch", "reports"], "both are stopped")
    declared = json.loads((city.directory / "declared.json").read_text())
    assert declared["emergency"] is True
    (one,) = incidents(city)["incidents"]
    assert {one["root"]["subject"], *(each["subject"] for each in one["symptoms"])} == {"db", "cache", *APPS}
    assert rows(city)["batch"]["held"]
    assert "EMERGENCY, incident n1" in city.call("status")[1]
    assert "the emergency protocol stopped it" in city.call("why", "batch")[1]
    os.kill(city.node.pid, signal.SIGKILL)
    city.node.wait()
    city.node = city.up("-q")
    until(lambda: city.call("health")[0] != 3, "a new node answers")
    assert incidents(city)["emergency"] == "n1"
    mends(city, "db", "cache")
    until(lambda: all(row["state"] == "ready" for row in rows(city).values()), "everything runs again")
    assert incidents(city) == {**incidents(city), "emergency": "", "shed": []}
    until((city.directory / "ended.json").exists, "the end is told")
