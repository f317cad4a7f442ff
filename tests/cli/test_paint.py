import io

import pytest

from actors.cli.paint import Paint, measured, size, span, table


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.0034, "3 ms"),
        (0.0999, "0.1 s"),
        (0.42, "0.42 s"),
        (5.25, "5.25 s"),
        (42.4, "42 s"),
        (59.9, "60 s"),
        (60, "1m 0s"),
        (75, "1m 15s"),
        (7500, "2h 5m"),
        (3 * 86_400 + 4 * 3600, "3d 4h"),
        (-2, "-2 s"),
    ],
)
def test_durations_read_as_people_say_them(seconds, text):
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (999, "999 B"), (3_200_000, "3.2 MB"), (212_000_000, "212 MB"), (1.5e12, "1.5 TB")],
)
def test_sizes_are_in_powers_of_a_thousand(number, text):
    assert size(number) == text


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        ("memory", 5e6, "5.0 MB"),
        ("cpu", 12.34, "12.3 %"),
        ("latency", 0.01, "10 ms"),
        ("cycle_s", 2, "2 s"),
        ("fds", 17, "17"),
        ("load1", 0.123, "0.123"),
    ],
)
def test_a_metric_is_shown_in_its_unit(metric, value, text):
    assert measured(metric, value) == text


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_there_is_colour_on_a_terminal_only(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert Paint(Terminal())("x", "good") == "\x1b[32mx\x1b[0m"
    assert Paint(io.StringIO())("x", "good") == "x"


def test_no_color_and_a_dumb_terminal_are_respected(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert Paint(Terminal())("x", "bad") == "x"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert Paint(Terminal())("x", "bad") == "x"


def test_columns_are_as_wide_as_their_widest_cell_and_colour_takes_no_room(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    lines = table([("a", ("ready", "good"), "x"), ("long", "up", "")], Paint(io.StringIO()), ("N", "STATE", "W"))
    assert lines == ["N     STATE  W", "a     ready  x", "long  up"]
    coloured = table([("a", ("ready", "good"), "x")], Paint(Terminal()))
    assert coloured == ["a  \x1b[32mready\x1b[0m  x"]
