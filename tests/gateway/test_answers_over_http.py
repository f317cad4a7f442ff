import msgspec
import pytest

from actors.gateway.routes import ROUTES

LOOKS = [route for route in ROUTES if route.method == "GET" and route.name not in {"events", "metrics", "openapi"}]
THERE = {"{name}": "web"}


def path_of(route):
    path = route.path
    for place, value in THERE.items():
        path = path.replace(place, value)
    return path


@pytest.mark.parametrize("route", [each for each in LOOKS if "{id}" not in each.path], ids=lambda route: route.name)
def test_every_look_is_answered_with_its_type(node, route):
    node.until(lambda: node.get(path_of(route)).status == 200)  # a series is there once something was measured
    answer = node.get(path_of(route))
    assert answer.headers["content-type"] == route.media
    assert msgspec.json.decode(answer.body, type=route.answer, strict=True)


@pytest.mark.parametrize(
    "path", ["/workloads/nix", "/workloads/nix/log", "/issues/nix", "/tasks/77", "/nix", "/tasks/x"]
)
def test_what_is_not_there_is_404_as_a_problem(node, path):
    answer = node.get(path)
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["instance"]) == (404, path)
    assert problem["detail"]


def test_a_workload_shows_its_process_its_probe_and_no_secret(node):
    worker = node.until(
        lambda: next((view for view in [node.get("/workloads/worker").json()] if view["probes"][0]["at"]), None)
    )
    assert worker["process"]["state"] == "ready"
    assert (worker["probes"][0]["probe"], worker["probes"][0]["ok"]) == ("work", True)
    assert worker["story"]["moves"]
    assert worker["missing"] == {}


def test_the_log_of_a_workload_is_told(node):
    lines = node.until(lambda: node.get("/workloads/web/log?lines=5").json()["lines"])
    assert lines[-1]["text"] == "hello from web"


def test_the_config_tells_where_each_value_comes_from_and_hides_secrets(node):
    rows = {row["key"]: row for row in node.get("/config").json()["rows"]}
    assert rows["workloads.web.env.API_TOKEN"]["value"] == "***"
    assert rows["actors.gateway.port"]["origin"] == "file"
    assert rows["actors.gateway.port"]["where"] == "gyrostat.yaml:2"
    assert rows["actors.gateway.host"] == {
        "key": "actors.gateway.host",
        "value": "127.0.0.1",
        "origin": "default",
        "where": "",
    }
    assert b"this-is-secret" not in node.get("/config").body


def test_an_action_is_done_and_seen_at_once(node):
    before = node.pid_of("web")
    done = node.post("/workloads/web/restart", '{"why": "a test"}')
    assert done.status == 200
    assert str(node.pid_of("web")) in done.json()["detail"]
    assert node.pid_of("web") != before
    node.until(lambda: node.get("/workloads/web").json()["process"]["state"] == "ready")


def test_a_hold_keeps_a_workload_down_until_it_is_released(node):
    assert node.post("/workloads/worker/hold").status == 200
    assert node.get("/workloads/worker").json()["process"]["state"] == "held"
    assert node.post("/workloads/worker/release").status == 200
    node.until(lambda: node.get("/workloads/worker").json()["process"]["state"] == "ready")


def test_the_phase_is_set_and_put_back(node):
    assert node.post("/phase", '{"name": "web", "phase": "advise"}').status == 200
    rows = {row["name"]: row["phase"] for row in node.get("/phase").json()["workloads"]}
    assert rows["web"] == "advise"
    assert node.post("/phase", '{"name": "web", "phase": null}').status == 200


def test_what_an_actor_refuses_is_409_with_its_reason(node):
    answer = node.post("/phase", '{"name": "nix", "phase": "act"}')
    assert answer.status == 409
    assert "nix" in answer.json()["detail"]


def test_head_is_get_without_a_body(node):
    answer = node.ask("HEAD", "/status")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) > 100


def test_another_method_is_405_and_says_which_are_taken(node):
    assert node.post("/status").headers["allow"] == "GET, HEAD"
    assert node.get("/reconcile").headers["allow"] == "POST"
    assert node.ask("DELETE", "/phase", token=True).headers["allow"] == "GET, HEAD, POST"
    assert node.ask("OPTIONS", "/nix", token=True).status == 404


def test_the_dashboard_is_there_under_a_strict_policy_and_nothing_beside_it(node):
    page = node.get("/")
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "unsafe" not in page.headers["content-security-policy"]
    assert node.get("/", If_None_Match=page.headers["etag"]).status == 304
    for path in (
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static//etc/passwd",
        "/static/",
        "//etc/passwd",
        "/static/%00",
    ):
        assert node.get(path).status == 404
