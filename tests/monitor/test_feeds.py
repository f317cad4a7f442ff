"""Declared metrics from real commands, files, endpoints and classes, through a Monitor."""

import http.client
import json
import socket
import sqlite3
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from actors.settings import Seconds, Threshold
from actors.settings.metrics import Metric
from actors.settings.push import PushSettings
from bus.errors import CommandError
from bus.messages import (
    GetHealth,
    GetSeries,
    MetricSourceFailed,
    MetricSourceRecovered,
    MetricsSampled,
    PushMetrics,
    ThresholdCleared,
    ThresholdCrossed,
)

QUICK = Seconds(0.1)


def sampled(house, metric, true=lambda _value: True, subject="web"):
    """The first reading of a metric that is so."""
    return house.wait_for(
        MetricsSampled, lambda fact: fact.subject == subject and metric in fact.values and true(fact.values[metric])
    )


class Endpoint:
    """A real server of HTTP that counts what it was asked; body may be changed, and a question can be held up."""

    def __init__(self):
        self.body, self.asked, self.hold = b"", 0, threading.Event()
        self.hold.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked += 1
                outer.hold.wait(20)
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/metrics"
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self):
        self.hold.set()
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


@pytest.fixture
def endpoint():
    opened = Endpoint()
    yield opened
    opened.close()


@pytest.fixture
def run(house, processes, workload):
    """Starts a Monitor with one workload that runs and has these metrics."""

    def start(metrics, thresholds=None, **settings):
        web = workload(metrics=metrics, thresholds=thresholds or {})
        house.monitor(web, sample_after_start=QUICK, **settings)
        house.up("web", processes.sleep().pid)
        return web

    return start


def test_the_last_number_of_a_command_is_the_value_in_the_directory_of_the_workload(run, house, tmp_path):
    (tmp_path / "depth").write_text("jobs 7 waiting: 41\n")
    run({"depth": Metric(command=["cat", "depth"], every=QUICK)})
    assert sampled(house, "depth").values == {"depth": 41.0}
    (tmp_path / "depth").write_text("-1.5e3")
    sampled(house, "depth", lambda value: value == -1500)


def test_a_file_of_sqlite_is_asked(run, house, tmp_path):
    with sqlite3.connect(tmp_path / "app.db") as base:
        base.execute("create table orders (id)")
        base.executemany("insert into orders values (?)", [(1,), (2,)])
    run({"orders": Metric(sql="select count(*) from orders", database="app.db", every=QUICK)})
    assert sampled(house, "orders").values == {"orders": 2.0}
    base.execute("insert into orders values (3)")
    base.commit()
    sampled(house, "orders", lambda value: value == 3)
    base.close()


def test_an_endpoint_that_two_metrics_name_is_read_once_and_counters_become_rates(run, house, endpoint):
    endpoint.body = b'up 1\nreq_total{code="200"} 10\nreq_total{code="500"} 90\n'
    run(
        {
            "ok": Metric(
                openmetrics=endpoint.url, sample="req_total", labels={"code": "200"}, as_="delta", every=QUICK
            ),
            "requests": Metric(openmetrics=endpoint.url, sample="req_total", every=QUICK),
        }
    )
    sampled(house, "requests", lambda value: value == 100)
    endpoint.body = b'req_total{code="200"} 17\nreq_total{code="500"} 90\n'
    sampled(house, "ok", lambda value: value == 7)
    endpoint.body = b'req_total{code="200"} 3\nreq_total{code="500"} 0\n'
    sampled(house, "ok", lambda value: value == 3)
    assert not [one for one in house.events(MetricsSampled) if one.values.get("ok", 0) < 0]
    readings = [one for one in house.events(MetricsSampled) if "requests" in one.values]
    assert endpoint.asked <= len(readings) + 20, "once for both"


def test_a_class_of_the_operator_gives_parts(run, house, tmp_path, monkeypatch):
    (tmp_path / "feeds_gpus.py").write_text(
        "class Gpu:\n"
        "    def __init__(self, card): self.card = card\n"
        "    def read(self): return {'load': 40 + self.card, 'memory': 1e9}\n"
        "class One:\n"
        "    def read(self): return 5\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    run(
        {
            "gpu": Metric(source="feeds_gpus:Gpu", options={"card": 2}, every=QUICK),
            "one": Metric(source="feeds_gpus:One", every=QUICK),
        },
        {"gpu.load": Threshold(above=41)},
    )
    assert sampled(house, "gpu.load").values == {"gpu.load": 42.0, "gpu.memory": 1e9}
    assert house.wait_for(ThresholdCrossed).metric == "gpu.load"
    assert sampled(house, "one").values == {"one": 5.0}


def test_a_threshold_on_a_declared_metric_is_crossed_and_cleared(run, house, tmp_path):
    (tmp_path / "depth").write_text("9")
    run({"depth": Metric(command=["cat", "depth"], every=QUICK)}, {"depth": Threshold(above=5)})
    assert house.wait_for(ThresholdCrossed).value == 9
    (tmp_path / "depth").write_text("1")
    assert house.wait_for(ThresholdCleared).metric == "depth"


def test_a_metric_of_the_host_is_read_in_the_directory_of_the_config(house, tmp_path):
    house.monitor(
        metrics={"users": Metric(command=["echo", "3"], every=QUICK)}, thresholds={"users": Threshold(above=2)}
    )
    assert sampled(house, "users", subject="host").values == {"users": 3.0}
    assert house.wait_for(ThresholdCrossed, lambda fact: fact.metric == "users").subject == "host"


def test_one_that_hangs_is_told_once_and_the_others_are_read_on(run, house, endpoint, until):
    endpoint.body = b"hung 1\n"
    endpoint.hold.clear()
    run(
        {
            "hung": Metric(openmetrics=endpoint.url, every=QUICK, within=Seconds(0.2)),
            "depth": Metric(command=["echo", "1"], every=QUICK),
        }
    )
    failed = house.wait_for(MetricSourceFailed)
    assert (failed.subject, failed.metrics) == ("web", ["hung"])
    assert "no whole answer within 0.2 s" in failed.error
    before = house.ask(GetSeries(subject="web", metric="depth")).times
    until(lambda: len(house.ask(GetSeries(subject="web", metric="depth")).times) > len(before) + 3)
    assert "hung of web: no whole answer" in str(house.ask(GetHealth()).node.why)
    endpoint.hold.set()
    recovered = house.wait_for(MetricSourceRecovered)
    assert recovered.missed >= 2
    sampled(house, "hung")
    assert len(house.events(MetricSourceFailed)) == 1
    until(lambda: house.ask(GetHealth()).node.level == "healthy")


def test_a_class_that_never_returns_keeps_only_its_own_thread(run, house, tmp_path, monkeypatch, until):
    (tmp_path / "feeds_stuck.py").write_text(
        "import threading\n"
        "go = threading.Event()\n"
        "begun = []\n"
        "class Stuck:\n"
        "    def read(self):\n"
        "        begun.append(1)\n"
        "        go.wait()\n"
        "        return 1\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    stuck = {
        f"stuck{number}": Metric(source="feeds_stuck:Stuck", every=QUICK, within=Seconds(0.1)) for number in range(6)
    }
    run({**stuck, "depth": Metric(command=["echo", "1"], every=QUICK)}, source_threads=2)
    until(lambda: len(house.events(MetricSourceFailed)) == 6)
    sampled(house, "depth")
    count = len(house.ask(GetSeries(subject="web", metric="depth")).times)
    assert "has not answered for" in house.events(MetricSourceFailed)[0].error
    until(lambda: len(house.ask(GetSeries(subject="web", metric="depth")).times) > count + 3)
    module = sys.modules["feeds_stuck"]
    assert len(module.begun) == 6, "one that hangs is not begun again"
    module.go.set()
    until(lambda: len(house.events(MetricSourceRecovered)) == 6)


@pytest.mark.parametrize(
    ("metric", "why"),
    [
        (Metric(command=["false"], every=QUICK), "false ended with exit code 1"),
        (Metric(command=["true"], every=QUICK), "printed nothing"),
        (Metric(command=["no-such-program"], every=QUICK), "does not start"),
        (Metric(command=["yes", "1"], every=QUICK), "printed more than"),
        (Metric(command=["sleep", "60"], every=QUICK, within=Seconds(0.1)), "took longer than 0.1 s"),
        (Metric(sql="select 1", database="none.db", every=QUICK), "no file"),
        (Metric(openmetrics="http://127.0.0.1:1/metrics", every=QUICK), "Connection refused"),
        (Metric(source="no_such_module:Class", every=QUICK), "cannot import"),
        (Metric(source="json:JSONDecoder", every=QUICK), "AttributeError"),
    ],
)
def test_what_gives_nothing_is_told_once_with_the_reason(run, house, metric, why, until):
    run({"depth": metric})
    assert why in house.wait_for(MetricSourceFailed).error
    until(lambda: house.ask(GetSeries(subject="alpha", metric="missed_readings")).values[-1] > 3)
    assert len(house.events(MetricSourceFailed)) == 1


def test_nothing_is_read_while_the_workload_does_not_run(house, workload, tmp_path):
    metric = Metric(command=["sh", "-c", "echo >> asked; echo 1"], every=QUICK)
    house.monitor(workload(metrics={"depth": metric}), metrics={"users": Metric(command=["echo", "1"], every=QUICK)})
    sampled(house, "users", subject="host")
    assert not (tmp_path / "asked").exists()


def test_a_changed_metric_is_read_anew_and_a_removed_one_no_more(run, house, workload, tmp_path, until):
    (tmp_path / "depth").write_text("1")
    run({"depth": Metric(command=["cat", "depth"], every=QUICK), "gone": Metric(command=["false"], every=QUICK)})
    sampled(house, "depth", lambda value: value == 1)
    house.wait_for(MetricSourceFailed)
    house.reload({"web": workload(metrics={"depth": Metric(command=["echo", "2"], every=QUICK)})})
    sampled(house, "depth", lambda value: value == 2)
    until(lambda: house.ask(GetHealth()).node.level == "healthy")


# -- handed in


@pytest.fixture
def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def post(port, subject, body):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    link.request("POST", f"/push/{subject}", body)
    reply = link.getresponse()
    text = reply.read().decode()
    link.close()
    return reply.status, text


def test_values_are_posted_sent_as_datagrams_and_asked_by_the_bus(run, house, free_port):
    pushed = Metric(push=True, every=QUICK)
    push = PushSettings(http=f"127.0.0.1:{free_port}", statsd=f"127.0.0.1:{free_port}")
    run({"queue": pushed, "jobs": Metric(push=True, as_="delta", every=QUICK), "other": pushed}, push=push)
    house.ask(GetHealth())
    assert post(free_port, "web", json.dumps({"queue": 7.5})) == (200, "1 taken\n")
    sampled(house, "queue", lambda value: value == 7.5)
    assert post(free_port, "web", b"queue:+1|g\njobs:1|c\n") == (200, "2 taken\n")
    sampled(house, "queue", lambda value: value == 8.5)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        for _ in range(5):
            link.sendto(b"web.jobs:1|c", ("127.0.0.1", free_port))
    sampled(house, "jobs", lambda value: value > 0)
    assert house.ask(PushMetrics(subject="web", values={"other": 3.0}, add={"jobs": 2.0})).taken == 2
    sampled(house, "other", lambda value: value == 3)
    with pytest.raises(CommandError, match="the value of 'other' is no finite number"):
        house.ask(PushMetrics(subject="web", values={"other": float("nan")}))
    with pytest.raises(CommandError, match="web has no metric 'depth' with push: true; there are: jobs, other, queue"):
        house.ask(PushMetrics(subject="web", values={"depth": 1.0}))


def test_what_is_not_declared_is_refused_with_what_is(run, house, free_port):
    run({"queue": Metric(push=True)}, push=PushSettings(http=f"127.0.0.1:{free_port}"))
    house.ask(GetHealth())
    assert post(free_port, "web", '{"depth": 1}') == (
        404,
        "web has no metric 'depth' with push: true; there are: queue\n",
    )
    assert post(free_port, "db", '{"depth": 1}')[0] == 404
    assert post(free_port, "web", '{"queue": "much"}')[0] == 400
    assert post(free_port, "web", '{"queue": 1e999}')[0] == 400


def test_an_address_that_is_taken_is_a_trouble_of_the_node_until_it_is_free(run, house, until):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        run({"queue": Metric(push=True)}, push=PushSettings(http=f"127.0.0.1:{port}"), resync_every=QUICK)
        until(lambda: f"127.0.0.1:{port}: Address already in use" in str(house.ask(GetHealth()).node.why))
    until(lambda: house.ask(GetHealth()).node.level == "healthy")
    assert post(port, "web", '{"queue": 1}')[0] == 200


def test_a_reason_is_said_in_the_unit_of_the_metric(run, house, until):
    share = Metric(command=["echo", "25"], unit="percent", every=QUICK)
    run({"share": share}, {"share": Threshold(above=20)})
    assert house.wait_for(ThresholdCrossed).unit == "percent"
    until(lambda: any("share 25 % above 20 % for" in why for why in house.ask(GetHealth()).workloads[0].why))


def test_one_that_hangs_and_is_removed_gives_its_place_free(run, house, workload, tmp_path, monkeypatch):
    (tmp_path / "feeds_lost.py").write_text(
        "import threading\n"
        "go = threading.Event()\n"
        "closed = []\n"
        "class Stuck:\n"
        "    def read(self): go.wait()\n"
        "    def close(self): closed.append(1)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    stuck = Metric(source="feeds_lost:Stuck", every=QUICK, within=Seconds(0.2))
    run({"one": stuck, "two": stuck}, source_threads=2)
    house.until(lambda: "feeds_lost" in sys.modules)
    house.reload({"web": workload(metrics={"depth": Metric(command=["echo", "1"], every=QUICK)})})
    sampled(house, "depth")
    module = sys.modules["feeds_lost"]
    assert module.closed == []
    module.go.set()
    house.until(lambda: len(module.closed) == 2)


def test_a_fault_of_this_program_is_a_reading_that_gave_nothing(run, house, monkeypatch, until):
    faults: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", faults.append)
    monkeypatch.setattr("actors.monitor.sources.command.last_number", lambda _printed: 1 / 0)
    run({"depth": Metric(command=["echo", "1"], every=QUICK)})
    assert "by a fault of this program" in house.wait_for(MetricSourceFailed).error
    until(lambda: len(faults) > 3)


def test_numbers_that_are_not_finite_are_told_and_enter_no_series(run, house, endpoint, until):
    endpoint.body = b"depth NaN\nwidth +Inf\ntotal 5\n"
    run(
        {
            "depth": Metric(openmetrics=endpoint.url, every=QUICK),
            "width": Metric(openmetrics=endpoint.url, as_="rate"),
            "total": Metric(openmetrics=endpoint.url),
        },
        {"depth": Threshold(below=1), "width": Threshold(above=1)},
    )
    assert house.wait_for(MetricSourceFailed).error == "gave no finite number for depth, width"
    sampled(house, "total", lambda value: value == 5)
    until(lambda: house.ask(GetSeries(subject="alpha", metric="ignored_readings")).values[-1] > 3)
    with pytest.raises(CommandError, match="no series 'depth'"):
        house.ask(GetSeries(subject="web", metric="depth"))
    endpoint.body = b"depth 2\nwidth 1\ntotal 5\n"
    house.wait_for(MetricSourceRecovered)
    assert not house.events(ThresholdCrossed)
    assert len(house.events(MetricSourceFailed)) == 1
