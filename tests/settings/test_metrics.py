"""Declared metrics: what an operator may write, and what he is told when it cannot be."""

import pytest

from actors.monitor.settings import MonitorSettings
from actors.settings import check_machine
from actors.settings.metrics import METRICS_MAX, Metric, declared_unit
from actors.settings.push import PushSettings

MONITOR = {"monitor": MonitorSettings}


def web(lines, thresholds=""):
    """A workload with these lines beneath `metrics:`."""
    text = f"workloads:\n  web:\n    command: sh\n    metrics:\n{lines}"
    return text + (f"    thresholds:\n      {thresholds}\n" if thresholds else "")


def test_every_origin_can_be_written(read):
    text = """\
        workloads:
          web:
            command: sh
            metrics:
              queue_depth: {command: [./bin/depth], every: 30s, within: 2s}
              orders: {sql: "select count(*) from orders", database: app.db}
              requests:
                {openmetrics: "http://127.0.0.1:9100/metrics", sample: reqs_total, labels: {code: 200}, as: rate}
              jobs_done: {push: true, as: rate}
              gpu: {source: "gpus:Gpu", options: {card: 0}}
              error_share: {expression: "orders / requests * 100", unit: percent}
            thresholds:
              queue_depth: {above: 1000, for: 1m}
              error_share: {above: 5%}
              gpu.memory: {above: 10}
        """
    metrics = read(text).declared["web"].metrics
    assert [metric.origin for metric in metrics.values()] == [
        "command", "sql", "openmetrics", "push", "source", "expression",
    ]  # fmt: skip
    assert metrics["requests"].labels == {"code": "200"}
    assert metrics["requests"].as_ == "rate"
    assert metrics["gpu"].options == {"card": 0}


@pytest.mark.parametrize(
    ("metric", "line"),
    [
        ("{}", "exactly one of command, sql, openmetrics, push, source, expression is needed; there is none"),
        (
            "{push: false}",
            "exactly one of command, sql, openmetrics, push, source, expression is needed; there is none",
        ),
        ("{push: true, command: ls}", "is needed; these are command and push"),
        ("{command: []}", "command: is empty; allowed: a program and its arguments"),
        ("{command: ls, sample: up}", "sample: goes with openmetrics, and this metric has command"),
        ("{push: true, database: a.db}", "database: goes with sql, and this metric has push"),
        ("{push: true, options: {a: 1}}", "options: goes with source, and this metric has push"),
        ("{sql: select 1}", "database: is missing"),
        ("{sql: '', database: a.db}", "sql: is no query"),
        ("{sql: select 1, database: 'mysql://a/b'}", 'database: "mysql" is not read; allowed: a file of SQLite, or'),
        ("{openmetrics: 'ftp://a/'}", 'openmetrics: "ftp://a/" is no URL'),
        ("{source: gpus}", 'source: "gpus" is no import path; allowed: module:Class'),
        ("{expression: ' '}", "metrics.depth.expression: "),
        ("{push: true, as: speed}", 'as: "speed" is unknown; allowed: value, rate, delta'),
        ("{push: true, unit: meters}", 'unit: "meters" is unknown'),
        ("{command: ls, every: 10ms}", "every: is too short; allowed: 100ms or more"),
        ("{command: ls, within: 0}", "within: has to be more than 0s"),
        ("{comand: ls}", 'unknown key; did you mean "command"?'),
    ],
)
def test_what_is_no_metric_is_one_line_with_its_place(faults, metric, line):
    (found,) = faults(web(f"      depth: {metric}\n"))
    assert found.startswith("gyrostat.yaml:5: workloads.web.metrics.depth")
    assert line in found


@pytest.mark.parametrize(
    ("name", "line"),
    [("Depth", '"Depth" is no name'), ("a-b", '"a-b" is no name'), ("cpu", '"cpu" is measured anyway'),
     ("uptime", '"uptime" is measured anyway'), ("x" * 65, "is no name")],
)  # fmt: skip
def test_a_name_has_to_be_new_and_a_word(faults, name, line):
    (found,) = faults(web(f"      {name}: {{push: true}}\n"))
    assert found.startswith(("gyrostat.yaml:4: workloads.web.metrics", "gyrostat.yaml:5: workloads.web.metrics"))
    assert line in found


def test_there_may_be_many_and_not_any_number(faults):
    lines = "".join(f"      m{number}: {{push: true}}\n" for number in range(METRICS_MAX + 1))
    (found,) = faults(web(lines))
    assert "metrics: are 101; allowed: 100 or fewer" in found


@pytest.mark.parametrize(
    ("thresholds", "line"),
    [
        ("dept: {above: 1}", 'workloads.web.thresholds.dept: unknown metric "dept"; did you mean "depth"?'),
        ("depth.part: {above: 1}", 'unknown metric "depth.part"'),
        ("depth: {above: 5%}", "workloads.web.thresholds.depth.above: depth is not in percent; allowed: a number"),
    ],
)
def test_a_threshold_needs_a_metric_that_exists_and_its_unit(faults, thresholds, line):
    (found,) = faults(web("      depth: {push: true}\n", thresholds))
    assert line in found


def test_a_threshold_of_a_metric_that_has_a_fault_itself_is_no_second_fault(faults):
    assert len(faults(web("      depth: {}\n", "depth: {above: 1}"))) == 1


def test_the_host_has_metrics_and_thresholds_of_its_own(read, faults):
    text = "actors:\n  monitor:\n    metrics: {users: {command: who}}\n    thresholds: {users: {above: 3}}\n"
    settings = read(text, actor_types=MONITOR)
    assert settings.host_metrics == {"users": Metric(command=["who"])}
    bad = text.replace("{users: {above", "{user: {above")
    assert 'thresholds: unknown metric "user"' in faults(bad, actor_types=MONITOR)[0]
    assert '"cpu" is measured anyway' in faults(text.replace("users", "cpu"), actor_types=MONITOR)[0]


@pytest.mark.parametrize(
    ("address", "line"),
    [("0.0.0.0:8125", 'other machines reach "0.0.0.0:8125"'), ("192.168.1.1:80", "other machines reach"),
     ("example.org:80", "other machines reach"), ("localhost", '"localhost" is no address'),
     ("127.0.0.1:0", "is no address")],
)  # fmt: skip
def test_values_are_taken_on_the_loopback_only(faults, address, line):
    (found,) = faults(f"actors:\n  monitor:\n    push:\n      http: {address}\n", actor_types=MONITOR)
    assert found.startswith("gyrostat.yaml:4: actors.monitor.push.http: ")
    assert line in found


def test_a_workload_is_told_where_to_hand_in(read):
    text = "actors: {monitor: {push: {http: '[::1]:8125', statsd: 'localhost:8126'}}}\n"
    push = read(text, actor_types=MONITOR).push
    assert push.variables("web") == {"GYROSTAT_PUSH": "http://[::1]:8125/push/web", "GYROSTAT_STATSD": "localhost:8126"}
    assert read("mode: live\n", actor_types=MONITOR).push == PushSettings()
    assert read(text.replace("push:", "enabled: false, push:"), actor_types=MONITOR).push == PushSettings()
    assert PushSettings().variables("web") == {}


def test_each_instance_has_its_own_endpoint(read):
    text = """\
        workloads:
          web:
            command: sh
            instances: 2
            ports: 8000-8001
            metrics:
              ours: {openmetrics: "http://127.0.0.1:${GYROSTAT_PORT}/metrics"}
              depth: {command: [cat, "depth-${GYROSTAT_INSTANCE}"]}
              rows: {sql: select 1, database: "app-${GYROSTAT_INSTANCE}.db"}
        """
    second = read(text).workloads["web-2"].spec.metrics
    assert second["ours"].openmetrics == "http://127.0.0.1:8001/metrics"
    assert second["depth"].command == ["cat", "depth-2"]
    assert second["rows"].database == "app-2.db"


def test_the_unit_of_a_part_is_that_of_the_whole():
    metrics = {"gpu": Metric(source="a:B", unit="percent"), "depth": Metric(push=True)}
    assert declared_unit(metrics, "gpu.load") == "percent"
    assert declared_unit(metrics, "depth") == "count"
    assert declared_unit(metrics, "depth.x") is None
    assert declared_unit(metrics, "gpu.") is None
    assert declared_unit(metrics, "other") is None


# -- what only the machine can tell


def test_programs_classes_and_packages_are_looked_for(read, monkeypatch, tmp_path):
    (tmp_path / "settings_gpus.py").write_text("class Gpu:\n    def read(self): return 1\nclass Blind: pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    text = web(
        "      a: {command: no-such-program}\n"
        "      b: {source: 'no_such_module:Gpu'}\n"
        "      c: {source: 'settings_gpus:Gpu'}\n"
        "      d: {source: 'settings_gpus:Blind'}\n"
        "      e: {source: 'settings_gpus:None'}\n"
        "      f: {source: 'actors.node:Node'}\n"
        "      g: {sql: select 1, database: 'postgresql://a/b'}\n"
    )
    monkeypatch.setattr("actors.settings.checks._is_installed", lambda package: False)
    lines = [str(fault) for fault in check_machine(read(text), {"PATH": "/bin"})]
    assert [line.split(": ", 2)[:2] for line in lines] == [
        [f"gyrostat.yaml:{number}", f"workloads.web.metrics.{key}"]
        for number, key in (
            (5, "a.command"), (6, "b.source"), (8, "d.source"), (9, "e.source"), (10, "f.source"), (11, "g.database"),
        )
    ]  # fmt: skip
    assert "settings_gpus:Blind has no method read; allowed: a class with read()" in lines[2]
    assert lines[5].endswith("is not installed; allowed: pip install 'gyrostat[postgres]'")


def test_metrics_of_the_host_are_looked_for_too(read):
    text = "actors: {monitor: {metrics: {a: {command: no-such-program}, b: {source: 'no_such_module:C'}}}}\n"
    lines = [str(fault) for fault in check_machine(read(text, actor_types=MONITOR), {"PATH": "/bin"})]
    assert ["metrics.a" in lines[0], "metrics.b" in lines[1], len(lines)] == [True, True, 2]
