import pytest


def problem(answer, status):
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()["detail"]


@pytest.mark.parametrize(
    ("status", "request_"),
    [
        (401, {"token": False}),
        (401, {"token": False, "Authorization": "Bearer wrong"}),
        (401, {"token": False, "Authorization": "Basic d2ViOndlYg=="}),
        (403, {"Origin": "https://evil.example"}),
        (403, {"Origin": "null"}),
        (403, {"Sec_Fetch_Site": "cross-site"}),
        (421, {"Host": "evil.example"}),
        (421, {"Host": "evil.example:9321"}),
        (400, {"Host": "a/b"}),
        (400, {"body": "{"}),
        (400, {"body": '{"why": 5}'}),
        (400, {"body": '{"unknown": 1}'}),
        (400, {"body": "[" * 5000}),
        (400, {"body": b'{"why": "\xff"}'}),
        (413, {"body": '{"why": "' + "x" * 70_000 + '"}'}),
        (415, {"body": "why=x", "Content_Type": "application/x-www-form-urlencoded"}),
    ],
)
def test_a_request_that_may_not_act_does_nothing(node, status, request_):
    before = node.pid_of("web")
    told = problem(node.post("/workloads/web/restart", **request_), status)
    assert told
    assert node.pid_of("web") == before


def test_a_missing_token_is_asked_for(node):
    answer = node.post("/reconcile", token=False)
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_page_of_the_node_itself_may_act(node):
    origin = f"http://127.0.0.1:{node.port}"
    assert node.post("/reconcile", Origin=origin, Sec_Fetch_Site="same-origin").status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/issues?limit=0",
        "/issues?limit=x",
        "/issues?nix=1",
        "/issues?limit=1&limit=2",
        "/series?since_s=nan",
        "/workloads/web?name=worker",
        "/issues?open_only=%ff",
    ],
)
def test_a_query_that_does_not_fit_is_400(node, path):
    problem(node.get(path), 400)


def test_a_refusal_is_logged_once(node):
    for _ in range(5):
        node.get("/refused-here", Host="logged.example")
    node.get("/livez")
    lines = node.until(lambda: [line for line in node.log.splitlines() if "status=421" in line])
    assert len(lines) == 1


def test_the_token_file_is_for_this_account_alone(node):
    assert (node.folder / "var/gateway.token").stat().st_mode & 0o777 == 0o600


def test_with_auth_all_looking_takes_the_token_too_but_not_for_a_balancer_or_the_page(nodes):
    node = nodes("port: 0, auth: all")
    node.url = node.until(node._url)
    node.port = int(node.url.rpartition(":")[2])
    node.token = (node.folder / "var/gateway.token").read_text().strip()
    problem(node.get("/status"), 401)
    problem(node.get("/events"), 401)
    assert node.ask("GET", "/status", token=True).status == 200
    assert node.get("/livez").status == 200
    assert node.get("/").status == 200
