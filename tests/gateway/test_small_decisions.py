import pytest

from actors.gateway import complaints as told
from actors.gateway.complaints import Complaints
from actors.gateway.fresh import BUSY_S, QUIET_S, is_fresh
from actors.gateway.incoming import body_of, params_of
from actors.gateway.problems import Problem, problem_of
from actors.gateway.routes import ROUTES
from actors.gateway.token import token_of
from actors.gateway.views import Outcomes, health, readiness
from bus.errors import COMMAND_ERRORS
from bus.messages import ActorRow, HealthReport, HealthRow, NodeInfo, ProcessTable

ROUTE = {route.name: route for route in ROUTES}


def test_an_answer_serves_longer_while_nothing_changes():
    assert is_fresh(QUIET_S - 0.01, changed=False)
    assert not is_fresh(QUIET_S, changed=False)
    assert is_fresh(BUSY_S - 0.01, changed=True)
    assert not is_fresh(BUSY_S, changed=True)


def test_of_refusals_that_are_alike_one_a_minute_is_told_with_the_number_of_the_others():
    complaints = Complaints()
    assert complaints.tell(401, "10.0.0.1", 0.0) == 0
    assert [complaints.tell(401, "10.0.0.1", at) for at in (1.0, 59.9)] == [None, None]
    assert complaints.tell(404, "10.0.0.1", 2.0) == 0
    assert complaints.tell(401, "10.0.0.2", 2.0) == 0
    assert complaints.tell(401, "10.0.0.1", 60.0) == 2
    assert complaints.tell(401, "10.0.0.1", 121.0) == 0


def test_a_flood_from_many_addresses_fills_no_memory(monkeypatch):
    monkeypatch.setattr(told, "KINDS_MAX", 3)
    complaints = Complaints()
    for number in range(10):
        assert complaints.tell(400, str(number), 0.0) == 0
    assert len(complaints._told) == 3


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("unknown_target", 503),
        ("unknown_verb", 501),
        ("refused", 409),
        ("deadline_exceeded", 504),
        ("actor_unavailable", 503),
        ("inbox_full", 503),
        ("handler_failed", 500),
        ("error", 500),
    ],
)
def test_every_error_of_an_actor_has_its_status(code, status):
    problem = problem_of(COMMAND_ERRORS[code]("why"))
    assert (problem.status, problem.detail) == (status, "why")
    assert ("retry-after" in problem.headers) == (status == 503)


def test_every_error_of_the_bus_is_in_that_table():
    assert len(COMMAND_ERRORS) == 8


def test_what_comes_in_is_read_as_its_route_says():
    given = params_of(ROUTE["workload_log"], {"name": "web"}, b"lines=7&ended=true")
    assert (given.name, given.lines, given.ended) == ("web", 7, True)
    assert body_of(ROUTE["reconcile"], "", b"").why == "asked over HTTP"
    assert body_of(ROUTE["reconcile"], "application/json; charset=utf-8", b'{"why": "x"}').why == "x"
    assert body_of(ROUTE["status"], "", b"x") is None


@pytest.mark.parametrize(
    ("name", "path", "query", "status"),
    [
        ("workload_log", {"name": "x" * 65}, b"", 404),
        ("task", {"id": "one"}, b"", 404),
        ("workload_log", {"name": "web"}, b"lines=0", 400),
        ("workload_log", {"name": "web"}, b"lines=1&lines=2", 400),
        ("workload_log", {"name": "web"}, b"name=other", 400),
        ("status", {}, b"a=1", 400),
        ("status", {}, b"\xff=1", 400),
        ("status", {}, b"&".join(b"a%d=1" % each for each in range(40)), 400),
    ],
)
def test_what_does_not_fit_is_refused(name, path, query, status):
    with pytest.raises(Problem) as refused:
        params_of(ROUTE[name], path, query)
    assert refused.value.status == status


def test_the_token_is_kept_and_made_anew_when_others_could_read_it(tmp_path):
    first, why = token_of(tmp_path)
    assert why == "there was none"
    assert token_of(tmp_path) == (first, "")
    (tmp_path / "gateway.token").chmod(0o644)
    second, why = token_of(tmp_path)
    assert (second != first, why) == (True, "others could read it")
    (tmp_path / "gateway.token").write_text("short\n")
    assert token_of(tmp_path)[1] == "it held no token"
    assert (tmp_path / "gateway.token").stat().st_mode & 0o777 == 0o600


def test_a_token_behind_a_symbolic_link_is_not_read(tmp_path):
    (tmp_path / "elsewhere").write_text("x" * 40)
    (tmp_path / "gateway.token").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"symbolic|loop"):
        token_of(tmp_path)


def row(level, scope="whole", subject="whole"):
    return HealthRow(subject=subject, scope=scope, level=level, since_s=1.0, why=["because"])


def actor(state="running"):
    return ActorRow(
        name="healer",
        state=state,
        handled=0,
        failures=0,
        restarts=0,
        dead_letters=0,
        dropped=0,
        conflated=0,
        refused=0,
        waiting=0,
        last_error="it broke",
    )


def found(level="healthy", worker="healthy", state="running", **missing):
    info = NodeInfo(
        node="n",
        pid=1,
        mode="live",
        release="1",
        uptime_s=1.0,
        revision="",
        config="",
        actors=[actor(state)],
        cpu_percent=0.0,
        memory_bytes=1,
    )
    report = HealthReport(
        whole=row(level),
        node=row("healthy", "node", "n"),
        host=row("healthy", "host", "host"),
        workloads=[row(worker, "workload", "w")],
        sampling_interval_s=1.0,
    )
    replies = {"node": info, "health": report, "processes": ProcessTable(processes=[])}
    return Outcomes({part: one for part, one in replies.items() if part not in missing}, missing, 1.0)


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        (found(), "pass"),
        (found("degraded"), "warn"),
        (found(worker="critical"), "warn"),
        (found("unhealthy"), "fail"),
        (found("critical"), "fail"),
        (found("failing"), "fail"),
        (found(state="given_up"), "warn"),
        (found(health="monitor: no answer"), "warn"),
        (found(node="node: no answer"), "fail"),
    ],
)
def test_health_is_that_of_the_whole_and_says_what_is_amiss(outcomes, status):
    document = health(outcomes)
    assert document.status == status
    assert bool(document.output) == (status != "pass")


@pytest.mark.parametrize(
    ("outcomes", "stopping", "status"),
    [
        (found(), False, "pass"),
        (found(), True, "fail"),
        (found(state="starting"), False, "fail"),
        (found(state="given_up"), False, "pass"),
        (found(node="no answer"), False, "fail"),
    ],
)
def test_a_node_is_ready_once_its_actors_are_and_until_it_stops(outcomes, stopping, status):
    assert readiness(outcomes, stopping=stopping).status == status


def test_a_drained_node_takes_on_no_work():
    drained = Outcomes({**found().replies, "processes": ProcessTable(processes=[], draining=True)}, {}, 1.0)
    assert readiness(drained, stopping=False).output == "the node is drained"
