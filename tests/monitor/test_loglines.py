import pytest

from actors.monitor.loglines import LogLines
from bus.messages import LogErrorLine, LogLinesRead


def fact(lines, errors=0, **more):
    sample = [LogErrorLine(offset=number, text=f"ERROR {number}") for number in range(errors)][-20:]
    return LogLinesRead(subject="web", lines=lines, errors=errors, read_bytes=100 * lines, sample=sample, **more)


def test_nothing_is_said_before_the_first_line():
    assert LogLines(60.0).values(0.0) == {}


def test_the_rates_are_over_the_window_or_as_long_as_lines_have_come():
    log = LogLines(60.0)
    log.read(fact(10, 1), 100.0)
    assert log.values(100.0) == {"log_rate": 10.0, "error_rate": 10.0}
    log.read(fact(30, 1), 110.0)
    assert log.values(110.0) == {"log_rate": 4.0, "error_rate": 5.0}
    assert log.values(165.0) == {"log_rate": 0.5, "error_rate": pytest.approx(100 / 30)}
    assert list(log.newest) == ["ERROR 0", "ERROR 0"]


def test_the_first_lines_were_written_since_the_look_before_or_the_start():
    log = LogLines(60.0)
    log.read(fact(50, over_s=5.0), 100.0)
    assert log.values(100.0)["log_rate"] == 10.0
    log = LogLines(60.0)
    log.reborn(98.0)
    log.read(fact(50, over_s=5.0), 100.0)
    assert log.values(100.0)["log_rate"] == 25.0


def test_both_are_none_while_it_is_quiet_and_absent_after_two_windows():
    log = LogLines(60.0)
    log.read(fact(10, 10), 0.0)
    assert log.values(61.0) == {"log_rate": 0.0, "error_rate": 0.0}
    assert log.values(121.0) == {}
    log.read(fact(5), 200.0)
    assert log.values(200.0) == {"log_rate": 5.0, "error_rate": 0.0}


def test_a_sample_stands_for_what_was_not_read():
    log = LogLines(60.0)
    log.read(fact(10, 5, skipped_bytes=9000), 0.0)
    log.read(fact(100), 0.5)
    assert log.values(1.0) == {"log_rate": 200.0, "error_rate": 25.0}
    log = LogLines(60.0)
    log.read(LogLinesRead(subject="web", lines=0, errors=0, read_bytes=0, skipped_bytes=100), 0.0)
    assert log.values(1.0) == {"log_rate": 0.0, "error_rate": 0.0}


def test_a_new_life_is_not_charged_with_the_lines_of_the_last():
    log = LogLines(60.0)
    log.read(fact(10, 10), 0.0)
    log.reborn(4.0)
    assert log.values(5.0) == {"log_rate": 0.0, "error_rate": 0.0}
    log.read(fact(30, 11, former_lines=20, former_errors=10), 6.0)
    assert log.values(6.0) == {"log_rate": 5.0, "error_rate": 10.0}
    assert list(log.newest) == ["ERROR 10"]
