import json

import pytest

from bus.messages import (
    ExplainHealth,
    HealthCause,
    HealthReason,
    HealthStory,
    IncidentList,
    IncidentRow,
    LimitRow,
    ListIncidents,
    SymptomRow,
)


def symptom(subject, because="", **given):
    return SymptomRow(**{"subject": subject, "because": because, "since": 1000.0, "over": None, "what": "down"} | given)


OPEN = IncidentRow(
    incident="n3",
    root=symptom("db", issues=["i1"], times=2),
    symptoms=[symptom("app", "db", since=1002.0, over=1007.0), symptom("front", "app")],
    opened=1000.0,
)
CLOSED = IncidentRow(
    incident="n2", root=symptom("web", over=900.0), symptoms=[], opened=800.0, closed=930.0, why="everything is well"
)


@pytest.fixture
def known(fake):
    def listed(command):
        rows = [OPEN] if command.open_only else [OPEN, CLOSED]
        return IncidentList(incidents=rows, emergency="n3", shed=["batch"])

    fake.answers(ListIncidents, listed)
    return fake


def test_incidents_lists_the_open_ones_and_the_emergency(known, gyrostat):
    code, out, err = gyrostat("incidents")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "EMERGENCY, incident n3; stopped for it: batch"
    assert lines[3].split()[:6] == ["n3", "db", "2,", "1", "not", "well"]
    assert "n2" not in out


def test_all_of_them_are_listed_when_asked_for(known, gyrostat):
    code, out, _ = gyrostat("incidents", "--all")
    assert code == 0
    closed = next(line for line in out.splitlines() if line.startswith("n2"))
    assert closed.split()[:4] == ["n2", "web", "0", "closed"]
    assert "2m 10s" in closed


def test_one_is_shown_with_who_suffers_because_of_whom(known, gyrostat):
    code, out, _ = gyrostat("incidents", "n3")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "incident n3: db: down"
    assert [line.split()[:2] for line in lines[4:]] == [["db", "itself"], ["app", "db"], ["front", "app"]]
    assert "not well, 2 times" in lines[4]
    assert "+2 s" in lines[5]
    assert "well after 5 s" in lines[5]


def test_one_that_is_closed_is_found_too_and_says_why(known, gyrostat):
    assert "closed: everything is well, for 2m 10s; 0 symptoms" in gyrostat("incidents", "n2")[1]
    assert json.loads(gyrostat("incidents", "n2", "--json")[1])["why"] == "everything is well"
    assert json.loads(gyrostat("incidents", "--json")[1])["shed"] == ["batch"]


def test_one_that_is_not_there_is_answered_in_one_line(known, gyrostat):
    code, out, err = gyrostat("incidents", "n9")
    assert (code, out) == (2, "")
    assert 'no incident "n9"; ' in err
    assert len(err.splitlines()) == 1


def test_none_is_said_too(fake, gyrostat):
    fake.answers(ListIncidents, IncidentList(incidents=[]))
    assert gyrostat("incidents")[1] == "no incidents\n"


APP = HealthCause(
    subject="app",
    scope="workload",
    depth=0,
    level="unhealthy",
    since_s=12.0,
    incident="n3",
    reasons=[
        HealthReason(
            level="degraded",
            text="memory 50 MB above 40 MB for 12 s",
            rule="above 40 MB for 10 s; a warning threshold that is crossed is degraded",
            source="workloads.app.thresholds.memory",
            metric="memory",
            reading=50e6,
            read_s=2.0,
            lasted_s=12.0,
        ),
        HealthReason(level="degraded", text="needs db, which is in a crash loop", because="db"),
    ],
    limits=[
        LimitRow(
            metric="memory",
            direction="above",
            limit=40e6,
            hold_s=10.0,
            source="workloads.app.thresholds.memory",
            state="crossed",
            reading=50e6,
            since_s=12.0,
        ),
        LimitRow(metric="latency", direction="above", limit=1.0, hold_s=0.0, source="default", state="within"),
    ],
)
DB = HealthCause(subject="db", scope="workload", depth=1, level="failing", since_s=14.0, because="host")
WELL = HealthCause(subject="host", scope="host", depth=2, level="healthy", since_s=1.0)


def test_health_why_is_a_chain_of_readings_rules_and_dependencies(fake, gyrostat):
    fake.answers(ExplainHealth, HealthStory(chain=[APP, DB, WELL]))
    code, out, err = gyrostat("health", "--why", "app")
    assert (code, err) == (1, "")
    assert out == (
        "app is unhealthy, for 12 s, part of incident n3\n"
        "  memory 50 MB above 40 MB for 12 s\n"
        "      rule: above 40 MB for 10 s; a warning threshold that is crossed is degraded"
        " (workloads.app.thresholds.memory)\n"
        "      reading: memory 50.0 MB, 2 s ago, so for 12 s\n"
        "  needs db, which is in a crash loop\n"
        "  limits:\n"
        "    memory   50.0 MB     above 40.0 MB for 10 s  crossed for 12 s  workloads.app.thresholds.memory\n"
        "    latency  no reading  above 1 s               within            default\n"
        "  because db is failing, for 14 s\n"
        "    it began soon after host, which it depends on\n"
        "    because the host is healthy, for 1 s\n"
    )


def test_health_why_of_nothing_is_of_the_whole(fake, gyrostat):
    asked = []

    def told(command):
        asked.append(command.name)
        return HealthStory(chain=[WELL])

    fake.answers(ExplainHealth, told)
    assert gyrostat("health", "--why")[0] == 0
    assert json.loads(gyrostat("health", "--why", "host", "--json")[1])["chain"][0]["subject"] == "host"
    assert asked == ["whole", "host"]
