"""The loop over data sets, on real files, looks in real processes, and a queue that runs real work."""

from __future__ import annotations

import json
import threading

import msgspec
import pytest

from actors.reconciler.settings import ReconcilerSettings
from actors.settings import Seconds, Share, Window
from actors.settings.datasets import Checks, CommandSource, Fill, Source
from actors.settings.dimensions import Dimension
from bus.errors import Refused
from bus.messages import (
    DatasetConverged,
    ExplainKey,
    GapFilled,
    GapsFound,
    GapUnfillable,
    ListDatasets,
    LookDoubted,
    LookFailed,
    MetricsSampled,
    PauseDatasets,
    ResumeDatasets,
    RunDatasets,
)
from tests.harness import House
from tests.reconciler.conftest import ScriptedManager
from tests.reconciler.datasets import Queue, begin, every_key, prices, put


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path / "var")
    ScriptedManager(made)
    yield made
    made.stop_and_encode()


def one(house, name="prices"):
    return house.ask(ListDatasets(names=[name])).datasets[0]


def test_what_is_missing_or_truncated_is_filled_until_all_is_there(house, tmp_path):
    for key in every_key()[:60]:
        put(tmp_path, key)
    put(tmp_path, every_key()[3], "date")
    queue = Queue(house, filler(tmp_path))
    begin(house, tmp_path, prices=prices())
    told = house.wait_for(DatasetConverged)
    assert (told.subject, told.checked, told.filled, told.unfillable) == ("prices", 100, 41, 0)
    assert {spec.params["file"] for spec in queue.added} == {*every_key()[60:], every_key()[3]}
    assert queue.most <= 8
    found = house.events(GapsFound)[0]
    assert (found.should, found.have, found.counts) == (100, 60, {"missing": 40, "truncated": 1})
    assert len(house.events(GapFilled)) == 41
    row = one(house)
    assert (row.state, row.counts, row.in_flight, row.have) == ("converged", {}, 0, 100)
    house.until(lambda: report(tmp_path)["gaps"] == [])


def report(root):
    return json.loads((root / "var/gaps.json").read_text())["datasets"]["prices"]


def filler(root):
    def work(spec):
        put(root, spec.params["file"])
        return ""

    return work


def test_the_report_names_each_gap_with_its_kind(house, tmp_path):
    for key in every_key()[2:]:
        put(tmp_path, key)
    put(tmp_path, every_key()[2], "x")
    begin(house, tmp_path, prices=prices(fill=None))
    house.wait_for(GapsFound)
    house.until((tmp_path / "var/gaps.json").exists)
    told = report(tmp_path)
    assert told["counts"] == {"missing": 2, "truncated": 1}
    assert [gap["kind"] for gap in told["gaps"]] == ["missing", "missing", "truncated"]
    assert told["gaps"][2]["why"] == "1B, less than 24B"
    assert one(house).why == "told only: it has no fill"


def test_a_task_that_ends_well_and_leaves_nothing_is_tried_again_and_then_given_up(house, tmp_path):
    for key in every_key()[2:]:
        put(tmp_path, key)
    bad, good = every_key()[:2]
    queue = Queue(house, lambda spec: "" if spec.params["file"] == bad else filler(tmp_path)(spec))
    begin(house, tmp_path, prices=prices(fill=made(attempts_max=3)))
    told = house.wait_for(GapUnfillable)
    assert (told.key, told.gap, told.attempts) == (bad, "missing", 3)
    assert told.why == "the task ended well; still missing"
    converged = house.wait_for(DatasetConverged)
    assert (converged.filled, converged.unfillable) == (1, 1)
    assert [spec.params["file"] for spec in queue.added].count(bad) == 3
    assert [spec.params["file"] for spec in queue.added].count(good) == 1
    story = house.ask(ExplainKey(key=bad, dataset="prices"))
    assert story.lines[0].startswith("missing; priority medium")
    assert "given up" in " ".join(story.lines)
    assert story.lines[-1] == "the source shows it now: missing"


def made(**differs):
    said = {"task": "fetch", "params": {"file": "{key}"}, "backoff_first": Seconds(0.05), "backoff_max": Seconds(0.1)}
    return Fill(**{**said, **differs})


def test_what_was_given_up_is_tried_afresh_when_asked(house, tmp_path):
    for key in every_key()[1:]:
        put(tmp_path, key)
    works: list[bool] = []
    queue = Queue(house, lambda spec: filler(tmp_path)(spec) if works else "no such day")
    begin(house, tmp_path, prices=prices(fill=made(attempts_max=1)))
    told = house.wait_for(GapUnfillable)
    assert "failed: no such day; still missing" in told.why
    works.append(True)
    house.ask(RunDatasets(names=["prices"], again=True))
    house.wait_for(GapFilled)
    assert len(queue.added) == 2


def test_a_failed_task_whose_key_is_there_all_the_same_counts_as_filled(house, tmp_path):
    for key in every_key()[1:]:
        put(tmp_path, key)
    Queue(house, lambda spec: filler(tmp_path)(spec) or "the last step failed")
    begin(house, tmp_path, prices=prices())
    assert house.wait_for(GapFilled).attempts == 1
    assert house.wait_for(DatasetConverged).unfillable == 0


def test_a_source_that_is_not_there_is_never_everything_missing(house, tmp_path):
    queue = Queue(house, filler(tmp_path))
    begin(house, tmp_path, prices=prices())
    assert "data is no directory" in house.wait_for(LookFailed).why
    assert one(house).state == "unreadable"
    assert not queue.added
    assert not house.events(GapsFound)


def test_a_source_that_lost_much_at_once_is_doubted_until_a_person_believes_it(house, tmp_path):
    for key in every_key():
        put(tmp_path, key)
    queue = Queue(house, filler(tmp_path))
    begin(house, tmp_path, prices=prices(shrink_max=Share(0.2)))
    house.until(lambda: one(house).state == "converged")
    for key in every_key()[:30]:
        (tmp_path / "data" / key).unlink()
    house.ask(RunDatasets())
    assert house.wait_for(LookDoubted).why == "30 of 100 keys are gone at once, more than 20%"
    assert one(house).state == "doubted"
    assert not queue.added
    house.ask(RunDatasets(believe=True))
    assert house.wait_for(DatasetConverged).filled == 30


def test_a_task_whose_gap_has_closed_meanwhile_is_cancelled(house, tmp_path):
    for key in every_key()[1:]:
        put(tmp_path, key)
    queue = Queue(house, filler(tmp_path))
    queue.held.add(f"prices/{every_key()[0]}")
    begin(house, tmp_path, prices=prices())
    house.until(lambda: one(house).in_flight == 1)
    put(tmp_path, every_key()[0])
    house.ask(RunDatasets())
    house.until(lambda: queue.cancelled == [1])
    house.until(lambda: one(house).state == "converged")
    assert one(house).in_flight == 0


def test_a_lost_fact_is_made_up_for_by_asking_for_the_open_tasks(house, tmp_path):
    for key in every_key()[1:]:
        put(tmp_path, key)
    queue = Queue(house, filler(tmp_path))
    queue.quiet.add(f"prices/{every_key()[0]}")
    begin(house, tmp_path, prices=prices())
    house.until(lambda: one(house).in_flight == 1 and not queue.open)
    house.die("reconciler")
    begin(house, tmp_path, prices=prices())
    house.wait_for(DatasetConverged)


def test_after_a_restart_a_task_in_flight_is_known_and_not_added_again(house, tmp_path):
    for key in every_key()[1:]:
        put(tmp_path, key)
    queue = Queue(house, filler(tmp_path))
    queue.held.add(f"prices/{every_key()[0]}")
    begin(house, tmp_path, prices=prices())
    house.until(lambda: one(house).in_flight == 1)
    house.die("reconciler")
    begin(house, tmp_path, prices=prices())
    house.until(lambda: one(house).state == "gaps")
    assert one(house).in_flight == 1
    put(tmp_path, every_key()[0])
    queue.end(1, "done")
    house.wait_for(DatasetConverged)
    assert len(queue.added) == 1


def test_a_paused_data_set_is_looked_at_and_gets_no_tasks_also_after_a_restart(house, tmp_path):
    (tmp_path / "data").mkdir()
    queue = Queue(house, filler(tmp_path))
    begin(house, tmp_path, prices=prices(fill=made(when="asked")))
    house.ask(PauseDatasets(names=["prices"]))
    house.die("reconciler")
    begin(house, tmp_path, prices=prices())
    house.wait_for(GapsFound)
    house.until(lambda: one(house).state == "gaps")
    assert one(house).why == "paused"
    assert not queue.added
    house.ask(ResumeDatasets(names=["prices"]))
    assert house.wait_for(DatasetConverged).filled == 100


def test_one_that_waits_for_a_person_is_run_only_as_it_was_planned(house, tmp_path):
    (tmp_path / "data").mkdir()
    queue = Queue(house, filler(tmp_path))
    begin(house, tmp_path, prices=prices(fill=made(when="asked")))
    house.until(lambda: one(house).state == "gaps")
    planned = one(house)
    assert planned.why == "waits for: gyrostat reconcile run prices"
    put(tmp_path, every_key()[0])
    with pytest.raises(Refused, match=r"prices is not as it was planned: its index is \w+, not"):
        house.ask(RunDatasets(names=["prices"], index=planned.index))
    assert not queue.added
    house.ask(RunDatasets(names=["prices"], index=one(house).index))
    assert house.wait_for(DatasetConverged).filled == 99


def test_tasks_are_made_from_the_threshold_on(house, tmp_path):
    for key in every_key()[3:]:
        put(tmp_path, key)
    queue = Queue(house, filler(tmp_path))
    begin(house, tmp_path, prices=prices(fill=made(threshold=4)))
    house.until(lambda: one(house).why == "waits: tasks are made from 4 gaps on")
    (tmp_path / "data" / every_key()[3]).unlink()
    house.ask(RunDatasets())
    assert house.wait_for(DatasetConverged).filled == 4
    assert len(queue.added) == 4


def test_no_tasks_while_the_host_is_short(house, tmp_path):
    (tmp_path / "data").mkdir()
    queue = Queue(house, filler(tmp_path))
    begin(house, tmp_path, prices=prices(fill=made(threshold=101)))
    house.publish(MetricsSampled(subject="alpha", scope="host", values={"cpu": 97.0}, interval_s=5.0))
    house.until(lambda: one(house).state == "gaps")
    house.reload({}, reconciler=ReconcilerSettings(first_after=Seconds(0)))
    house.view = msgspec.structs.replace(house.view, datasets={"prices": prices()})
    house.reload({})
    house.until(lambda: one(house).why == "the host is short of the processor (97%)")
    assert not queue.added
    house.publish(MetricsSampled(subject="alpha", scope="host", values={"cpu": 7.0}, interval_s=5.0))
    house.ask(RunDatasets())
    assert house.wait_for(DatasetConverged).filled == 100


def test_nothing_is_added_outside_its_windows(house, tmp_path):
    (tmp_path / "data").mkdir()
    queue = Queue(house, filler(tmp_path))
    never = Window(opens="0 0 29 2 *", lasts=Seconds(1))
    begin(house, tmp_path, prices=prices(windows=[never]))
    house.until(lambda: one(house).why.startswith("waits for its window, from "))
    assert not queue.added


def test_a_queue_that_does_not_answer_is_told_and_asked_again(house, tmp_path, monkeypatch):
    monkeypatch.setattr("actors.reconciler.filling.AGAIN_S", 0.05)
    (tmp_path / "data").mkdir()
    queue = Queue(house, filler(tmp_path))
    queue.refusal = Refused("the disk is full")
    begin(house, tmp_path, prices=prices())
    house.until(lambda: one(house).why == "no tasks can be added: the disk is full")
    queue.refusal = None
    assert house.wait_for(DatasetConverged).filled == 100


def test_a_data_set_that_leaves_the_config_has_its_tasks_cancelled(house, tmp_path):
    for key in every_key()[1:]:
        put(tmp_path, key)
    queue = Queue(house, filler(tmp_path))
    queue.held.add(f"prices/{every_key()[0]}")
    begin(house, tmp_path, prices=prices())
    house.until(lambda: one(house).in_flight == 1)
    house.view = msgspec.structs.replace(house.view, datasets={})
    house.reload({})
    house.until(lambda: queue.cancelled == [1])
    assert house.ask(ListDatasets()).datasets == []


def test_an_unknown_name_is_refused(house, tmp_path):
    (tmp_path / "data").mkdir()
    begin(house, tmp_path, prices=prices(fill=None))
    for command in (ListDatasets(names=["pries"]), RunDatasets(names=["pries"]), PauseDatasets(names=["pries"])):
        with pytest.raises(Refused, match='no data set "pries"; there are: prices'):
            house.ask(command)


def test_without_data_sets_every_command_says_so(house, tmp_path):
    begin(house, tmp_path)
    assert house.ask(ListDatasets()).datasets == []
    assert house.ask(RunDatasets()).datasets == []
    for command in (ExplainKey(key="a"), PauseDatasets(names=["a"])):
        with pytest.raises(Refused, match="the config declares no"):
            house.ask(command)
    assert not (tmp_path / "var/reconciler.db").exists()


def test_the_parameters_are_filled_in_with_what_the_key_stands_for(house, tmp_path):
    for key in every_key()[1:]:
        put(tmp_path, key)
    queue = Queue(house, filler(tmp_path))
    params = {"file": "{key}", "year": "{day:%Y}", "what": "{symbol} of {day}"}
    begin(house, tmp_path, prices=prices(fill=made(params=params)))
    house.wait_for(DatasetConverged)
    assert queue.added[0].params == {"file": "2024-01-01/s0.csv", "year": "2024", "what": "s0 of 2024-01-01"}
    assert (queue.added[0].key, queue.added[0].tags) == ("prices/2024-01-01/s0.csv", ["dataset:prices"])


def test_a_source_that_is_only_looked_at_as_a_whole_is_looked_at_again_when_tasks_have_ended(house, tmp_path):
    (tmp_path / "list").write_text("a\nb\n")
    listed = Source(command=CommandSource(command=["cat", "list"]))
    three = prices(
        keys="{name}",
        over={"name": Dimension(values=["a", "b", "c"])},
        have=listed,
        checks=Checks(),
    )
    lock = threading.Lock()

    def append(spec):
        with lock, (tmp_path / "list").open("a") as file:
            file.write(f"{spec.params['file']}\n")
        return ""

    Queue(house, append)
    begin(house, tmp_path, prices=three)
    told = house.wait_for(DatasetConverged)
    assert (told.filled, told.checked) == (1, 3)


def test_more_data_sets_than_are_looked_at_at_once_are_looked_at_in_turn(house, tmp_path):
    (tmp_path / "data").mkdir()
    begin(house, tmp_path, **{f"d{number}": prices(fill=None) for number in range(5)})
    table = house.ask(RunDatasets())
    assert [row.state for row in table.datasets] == ["gaps"] * 5


def test_whoever_waits_for_a_look_is_told_when_the_node_stops(house, tmp_path):
    hanging = Source(command=CommandSource(command=["sleep", "600"]))
    begin(house, tmp_path, prices=prices(have=hanging, checks=Checks()))
    house.until(lambda: one(house).looking)
    future = house.bus.send(RunDatasets(), timeout_s=20.0, source="test")
    house.until(lambda: one(house).looking)
    house.die("reconciler")
    assert "stops before it has looked" in str(future.exception(20.0))
