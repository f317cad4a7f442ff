import pytest

from actors.settings.wording import said


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        ("memory", 212e6, "212 MB"),
        ("memory", 1.5e9, "1.5 GB"),
        ("memory", 2e12, "2 TB"),
        ("memory", 4096, "4.1 kB"),
        ("memory", 12, "12 B"),
        ("cpu", 97.44, "97.4 %"),
        ("availability", 100.0, "100 %"),
        ("latency", 0.25, "250 ms"),
        ("latency", 0.00004, "0 s"),
        ("latency", 1.234, "1.23 s"),
        ("uptime", 0, "0 s"),
        ("uptime", 90, "90 s"),
        ("uptime", 600, "10 min"),
        ("uptime", 9000, "2.5 h"),
        ("uptime", 864_000, "10 d"),
        ("threads", 14, "14"),
        ("threads", 1400.6, "1401"),
        ("load1", 0.333, "0.33"),
    ],
)
def test_a_reading_is_said_with_its_unit(metric, value, text):
    assert said(metric, value) == text


def test_a_metric_of_an_operator_is_said_in_the_unit_it_was_given():
    assert said("error_share", 25, "percent") == "25 %"
    assert said("cache", 4.1e9, "bytes") == "4.1 GB"
    assert said("memory", 5, "count") == "5"
    assert said("memory", 5e6) == "5 MB"
