import contextlib
import json

import pytest


class Follower:
    """Reads the events of a node."""

    def __init__(self, node, path="/events", last_id=""):
        self.connection = node.open()
        more = f"Last-Event-ID: {last_id}\r\n" if last_id else ""
        self.connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n".encode())
        self.file = self.connection.makefile("rb")
        self.status = int(self.file.readline().split()[1])

    def __iter__(self):
        found = {}
        for line in self.file:
            name, _, value = line.decode().rstrip("\r\n").partition(": ")
            if name in {"id", "event", "data"}:
                found[name] = value
            elif not line.strip() and "event" in found:
                yield found
                found = {}

    def until(self, event, match=lambda _: True):
        for one in self:
            if one["event"] == event and match(json.loads(one["data"])):
                return one
        raise AssertionError(f"no {event}")

    def close(self):
        self.file.close()
        self.connection.close()


@pytest.fixture
def follow(node):
    found = []

    def start(*args, at=node):
        found.append(Follower(at, *args))
        return found[-1]

    yield start
    for one in found:
        one.close()


def restart(node, name="web"):
    assert node.post(f"/workloads/{name}/restart").status == 200


def started(data):
    return data["subject"] == "web"


def test_a_follower_hears_what_happens(node, follow):
    follower = follow()
    assert follower.until("hello")
    restart(node)
    told = json.loads(follower.until("process.started.v1", started)["data"])
    assert told["data"]["pid"] == node.pid_of("web")
    assert told["type"] == "process.started.v1"


def test_who_comes_back_goes_on_behind_the_last_event_it_heard(node, follow):
    first = follow("/events?types=process.&subjects=web")
    first.until("hello")
    restart(node)
    last_id = first.until("process.exited.v1")["id"]
    rest = first.until("process.started.v1")
    first.close()
    restart(node)
    again = follow("/events?types=process.&subjects=web", last_id)
    heard = iter(again)
    assert next(heard)["event"] == "hello"
    after = next(one for one in heard if one["event"] == "process.started.v1")
    assert after == rest, "what it missed, from the first on"
    assert again.until("process.started.v1")["id"] != rest["id"]


def test_who_was_away_for_too_long_is_told_that_something_is_lost(follow):
    follower = follow("/events", "long.gone/1")
    assert json.loads(follower.until("lost")["data"]) == {"after": "long.gone/1"}


def test_a_filter_lets_nothing_else_through(node, follow):
    follower = follow("/events?types=process.started.v1,probe.&subjects=worker")
    follower.until("hello")
    restart(node)
    restart(node, "worker")
    seen = []
    for one in follower:
        seen.append(json.loads(one["data"]))
        if one["event"] == "process.started.v1":
            break
    assert {one["subject"] for one in seen} == {"worker"}


def test_one_who_takes_nothing_holds_up_nobody(node, follow):
    for _ in range(5):
        follow()
    reader = follow()
    reader.until("hello")
    for _ in range(3):
        restart(node)
        reader.until("process.started.v1", started)


def test_one_follower_too_many_is_told_to_come_later(nodes):
    node = nodes("port: 0, streams: 1").wait()
    first = Follower(node)
    try:
        first.until("hello")
        answer = node.get("/events")
        assert (answer.status, answer.headers["retry-after"]) == (503, "10")
    finally:
        first.close()
    node.until(lambda: _room(node))


def _room(node):
    follower = Follower(node)
    follower.close()
    return follower.status == 200


def test_the_node_ends_though_followers_are_there(nodes):
    node = nodes().wait()
    followers = [Follower(node) for _ in range(20)]
    try:
        for one in followers:
            one.until("hello")
        node.process.terminate()
        assert node.process.wait(20) == 0
        for one in followers:
            heard = []
            with contextlib.suppress(OSError):
                heard = [each["event"] for each in one]
            assert "node.stopping.v1" in heard
    finally:
        for one in followers:
            one.close()


def test_the_second_node_on_a_port_goes_on_without_http_until_the_first_has_ended(nodes):
    first = nodes().wait()
    second = nodes(f"port: {first.port}, retry: 500ms")
    second.until(lambda: "http.not_served" in second.log)
    first.end()
    second.wait()
    assert second.log.count("http.not_served") == 1
    assert second.get("/status").json()["node"]["pid"] == second.process.pid
