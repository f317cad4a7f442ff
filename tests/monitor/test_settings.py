import pytest

from actors.monitor.settings import MonitorSettings
from actors.settings import Level, Seconds, Threshold, load


def read(tmp_path, text):
    (tmp_path / "gyrostat.yaml").write_text(f"actors:\n  monitor:\n    {text}\n")
    loaded = load(tmp_path / "gyrostat.yaml", actor_types={"monitor": MonitorSettings}, resolve=None, environ={})
    return loaded.actor("monitor", MonitorSettings)


def test_the_limits_of_the_requirements_are_there_by_default():
    settings = MonitorSettings()
    above = {metric: limit.above for metric, limit in settings.host_limits.items()}
    assert above == {"cpu": 80, "memory": 85, "disk": 90}
    limits = settings.workload_limits
    assert (limits["latency"].above, limits["availability"].below, limits["connections"].above) == (1, 99, 200)
    assert all(limit.for_ > 0 for limit in (*settings.host_limits.values(), *limits.values()))


def test_a_limit_in_the_file_takes_the_place_of_the_default_and_null_takes_it_away(tmp_path):
    settings = read(tmp_path, "thresholds: {cpu: {above: 50%, for: 1m}, disk: null}")
    assert settings.host_limits["cpu"] == Threshold(above=Level(50, "percent"), for_=Seconds(60))
    assert "disk" not in settings.host_limits
    assert "memory" in settings.host_limits
    assert "latency" not in read(tmp_path, "workload_thresholds: {latency: null}").workload_limits


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("thresholds: {memry: {above: 3}}", 'unknown metric "memry"'),
        ("thresholds: {memory: {above: 3s}}", "memory: is in seconds"),
        ("workload_thresholds: {disk: {above: 3%}}", 'unknown metric "disk"'),
        ("thresholds: {cpu: {above: 80%, action: restart}}", "cpu: action: no remedy is allowed on the host"),
        ("drift: [qality]", 'drift: unknown metric "qality"'),
        ("metrics: {a: {expression: b}}", 'metrics.a.expression: unknown metric "b"'),
        ("metrics: {a: {expression: b}, b: {expression: a}}", "a and b need one another"),
        ("interval: 100ms", "interval: has to lie between interval_min and interval_max"),
        ("interval_max: 1s", "interval: has to lie between"),
        ("trend_every: 0s", "trend_every: has to be more than 0s"),
        ("archive: {write_every: 0s}", "archive.*write_every: has to be at least 1s"),
        ("archive: {hours_kept: 1h}", "archive.*hours_kept: has to be at least minutes_kept"),
    ],
)
def test_what_could_never_work_is_refused(tmp_path, text, said):
    with pytest.raises(Exception, match=said):
        read(tmp_path, text)


def test_memory_may_be_in_percent(tmp_path):
    assert read(tmp_path, "thresholds: {memory: {above: 70%}}").host_limits["memory"].unit == "percent"
