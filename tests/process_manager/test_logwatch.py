import os
from pathlib import Path

from actors.settings import Bytes, LogPolicy, RestartPolicy, Seconds, Threshold
from bus.messages import LogLinesRead, ProcessReady, ProcessStarted, RestartProcess
from tests.process_manager.asking import row

SOON = {"log_check": Seconds(0.05), "log_read_every": Seconds(0.05)}
FOREVER = "exec sleep 1000"
FLOOD_LINES = 1_000_000
# Lines of 100 bytes as fast as can be, an error line among each hundred.
FLOOD = """
import os, time
block = b"".join(b"%-99s\\n" % (b"ERROR bad" if n % 100 == 7 else b"INFO good") for n in range(10_000))
for _ in range(100):
    os.write(1, block)
time.sleep(1000)
"""


def told(house, name="web"):
    return [fact for fact in house.events(LogLinesRead) if fact.subject == name]


def lines(house):
    return sum(fact.lines for fact in told(house))


def test_new_lines_are_counted_and_error_lines_shown_with_their_place_in_the_file(keep, workload):
    house = keep(workload("web", f"echo INFO one; echo ERROR two; {FOREVER}"), workload("mute", FOREVER), **SOON)
    house.until(lambda: lines(house) == 2)
    line = house.wait_for(LogLinesRead, lambda fact: fact.errors > 0).sample[-1]
    assert line.text == "ERROR two"
    assert Path(row(house).log_path).read_bytes()[line.offset :] == b"ERROR two\n"
    assert sum(fact.errors for fact in told(house)) == 1
    assert told(house, "mute") == []


def test_one_that_writes_nothing_more_is_not_told_again(keep, workload):
    chatty = workload("chatty", "while :; do echo x; sleep 0.01; done")
    house = keep(workload("web", f"echo once; {FOREVER}"), chatty, **SOON)
    house.until(lambda: lines(house) == 1)
    before = len(told(house, "chatty"))
    house.until(lambda: len(told(house, "chatty")) >= before + 10)
    assert [fact.lines for fact in told(house)] == [1]


def test_one_with_a_limit_for_its_log_is_looked_at_soon_though_it_was_quiet(keep, workload, tmp_path):
    os.mkfifo(tmp_path / "go")
    limited = workload("web", f"read now < go; echo flood; {FOREVER}", thresholds={"log_rate": Threshold(above=500.0)})
    house = keep(limited, log_check=Seconds(3600), log_read_every=Seconds(0.05))
    house.wait_for(ProcessReady, lambda fact: fact.subject == "web")
    (tmp_path / "go").write_text("go\n")
    house.until(lambda: lines(house) == 1)


def test_nothing_is_read_when_that_is_turned_off(keep, workload):
    script = "i=0; while :; do i=$((i+1)); echo line $i; [ $((i % 500)) = 0 ] && sleep 0.01; done"
    web = workload("web", script, log=LogPolicy(max_size=Bytes(50_000), keep=2))
    house = keep(web, log_read_max=Bytes(0), **SOON)
    house.until(lambda: Path(f"{row(house).log_path}.2").exists())
    assert not told(house)


def test_each_line_is_counted_once_through_rotations_restarts_and_a_new_node(keep, workload):
    script = "i=0; while [ $i -lt 400 ]; do i=$((i+1)); echo line $i of $GYROSTAT_INCARNATION; done; " + FOREVER
    web = workload("web", script, log=LogPolicy(max_size=Bytes(6000), keep=50),
                   restart=RestartPolicy(backoff_first=Seconds(0.01)))  # fmt: skip
    house = keep(web, **SOON)
    house.until(lambda: lines(house) == 400)
    house.ask(RestartProcess(name="web"))
    house.until(lambda: lines(house) == 800)
    assert sum(fact.skipped_bytes for fact in told(house)) == 0
    house.die("process_manager")
    later = keep(web, **SOON)
    os.kill(row(later).pid, 9)
    later.wait_for(ProcessStarted, lambda fact: fact.incarnation == 3)
    later.until(lambda: lines(later) >= 400)
    assert lines(later) == 400
    assert Path(f"{row(later).log_path}.1").exists()


def test_what_the_life_before_logged_is_told_apart(keep, workload):
    script = "echo ERROR in $GYROSTAT_INCARNATION; [ $GYROSTAT_INCARNATION = 2 ] && exec sleep 1000; exit 1"
    web = workload("web", script, restart=RestartPolicy(backoff_first=Seconds(0.01)))
    house = keep(web, log_check=Seconds(1), log_read_every=Seconds(1))
    house.until(lambda: lines(house) == 2)
    assert [(fact.errors, fact.former_lines, fact.former_errors) for fact in told(house)] == [(2, 1, 1)]


def test_of_a_flood_a_bounded_sample_is_read_and_all_else_counted(keep, workload, python, caplog):
    web = workload("web", python(FLOOD), log=LogPolicy(max_size=Bytes(20_000_000), keep=1))
    house = keep(web, log_check=Seconds(0.05), log_read_every=Seconds(0.05), log_read_max=Bytes(200_000))
    size = FLOOD_LINES * 100
    house.until(lambda: sum(fact.read_bytes + fact.skipped_bytes for fact in told(house)) >= size, timeout_s=60)
    facts = told(house)
    assert sum(fact.read_bytes + fact.skipped_bytes for fact in facts) == size
    assert all(fact.read_bytes <= 200_000 and len(fact.sample) <= 20 for fact in facts)
    assert sum(fact.skipped_bytes for fact in facts) > size // 2
    assert all(fact.read_bytes == 100 * fact.lines for fact in facts)
    share = sum(fact.errors for fact in facts) / sum(fact.lines for fact in facts)
    assert 0.009 < share < 0.011
    assert any("log.sampled" in one.message and "skipped=" in one.message for one in caplog.records)
