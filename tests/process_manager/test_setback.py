"""Instances that do not get ready with a changed config are put back to the one they were ready with."""

import threading

import pytest
from msgspec.structs import replace

from actors.reconciler.actor import Reconciler
from actors.settings import Notify, RestartPolicy, Seconds, revision
from actors.settings.instances import RollPolicy
from bus.errors import Refused
from bus.messages import (
    ConfigSetBack,
    GetDrift,
    ListProcesses,
    ProcessAdopted,
    RestartProcess,
    RollEnded,
    RollWorkload,
    StopProcess,
)

QUICK = RollPolicy(settle=Seconds(0.05), ready_within=Seconds(20))
FEW = RestartPolicy(backoff_first=Seconds(0.01), start_limit=2)
GOOD, BAD = "exec sleep 1000", "exit 3"


@pytest.fixture
def web(workload):
    """Makes the instances of a workload with a command."""

    def make(command, count=3, **spec):
        made = {}
        for number in range(1, count + 1):
            one = workload(f"web-{number}", command, env={"GYROSTAT_INSTANCE": str(number)}, restart=FEW, **spec)
            made[one.name] = replace(one, config_name="web", instance=number)
        return made

    return make


def rows(house):
    return {row.name: row for row in house.ask(ListProcesses()).processes}


def settled(house, count=3):
    """Wait until all are ready, and have been for their settle time."""
    house.until(lambda: all((row.uptime_s or 0) > 0.2 and row.state == "ready" for row in rows(house).values()))
    assert len(rows(house)) == count


def test_a_roll_to_a_config_that_fails_is_undone_and_told_with_what_is_left(keep, web):
    house = keep(*web(GOOD, roll=QUICK).values())
    settled(house)
    before, new = rows(house), web(BAD, roll=QUICK)
    house.reload(new)
    with pytest.raises(Refused) as refused:
        house.ask(RollWorkload(name="web", why="test"), timeout_s=60)
    assert str(refused.value).endswith("; set back to the former config: web-1; not touched: web-2, web-3")
    told, ended = house.wait_for(ConfigSetBack), house.wait_for(RollEnded)
    assert (told.instances, told.done, told.left) == (["web-1"], [], ["web-2", "web-3"])
    assert (ended.ok, ended.restarted, ended.left, ended.set_back) == (False, [], ["web-2", "web-3"], ["web-1"])
    settled(house)
    after = rows(house)
    assert after["web-1"].revision == before["web-1"].revision
    assert after["web-2"].pid == before["web-2"].pid
    assert {name: row.refused for name, row in after.items()} == {name: revision(one.spec) for name, one in new.items()}


def test_what_keeps_to_its_former_config_is_restarted_with_it_until_the_config_changes(keep, web):
    house = keep(*web(GOOD, roll=QUICK).values())
    settled(house)
    before = rows(house)
    house.reload(web(BAD, roll=QUICK))
    house.ask(RestartProcess(name="web-1"))  # as the Reconciler does
    house.wait_for(ConfigSetBack)
    settled(house)
    house.ask(RestartProcess(name="web-2"))
    settled(house)
    assert rows(house)["web-2"].revision == before["web-2"].revision
    house.reload(web(BAD, roll=QUICK))
    assert rows(house)["web-2"].refused
    better = web("exec sleep 1001", roll=QUICK)
    house.reload(better)
    house.ask(RollWorkload(name="web", why="test"), timeout_s=60)
    assert {row.revision for row in rows(house).values()} == {revision(one.spec) for one in better.values()}
    assert not any(row.refused for row in rows(house).values())


def test_a_person_who_asks_for_a_roll_has_the_changed_config_tried_again(keep, web, tmp_path):
    mended = tmp_path / "mended"
    house = keep(*web(GOOD, roll=QUICK).values())
    settled(house)
    house.reload(web(f"test -e {mended} || exit 3; exec sleep 1000", roll=QUICK))
    with pytest.raises(Refused, match="set back"):
        house.ask(RollWorkload(name="web", why="test"), timeout_s=60)
    mended.touch()
    settled(house)
    assert "restarted 3 in turn" in house.ask(RollWorkload(name="web", why="test"), timeout_s=60).detail
    assert not any(row.refused for row in rows(house).values())


def test_one_that_is_up_and_never_gets_ready_is_put_back_when_its_time_is_over(keep, web):
    roll = replace(QUICK, ready_within=Seconds(0.5))
    house = keep(*web(GOOD, roll=roll).values())
    settled(house)
    before = rows(house)
    house.reload(web(GOOD, roll=roll, notify=Notify(ready="socket", within=Seconds(60))))
    house.ask(RestartProcess(name="web-1"))
    assert house.wait_for(ConfigSetBack).why == "web-1 is not ready after 0.5 s"
    settled(house)
    assert rows(house)["web-1"].revision == before["web-1"].revision


def test_the_reconciler_tells_of_it_and_leaves_the_others_alone(keep, web):
    house = keep(*web(GOOD, roll=QUICK).values())
    house.start(Reconciler, Reconciler.Settings(interval=Seconds(1), first_after=Seconds(0.05)))
    settled(house)
    before = rows(house)
    house.reload(web(BAD, roll=QUICK))
    house.wait_for(ConfigSetBack)

    def told():
        drifts = house.ask(GetDrift()).drifts
        return len(drifts) == 3 and all("did not get ready" in one.observed and not one.action for one in drifts)

    house.until(told)
    settled(house)
    after = rows(house)
    assert [after[name].pid == before[name].pid for name in sorted(after)] == [False, True, True]
    assert len(house.events(ConfigSetBack)) == 1


def test_a_node_that_comes_to_a_changed_config_can_put_back_too(keep, web):
    house = keep(*web(GOOD, roll=QUICK).values())
    settled(house)
    before = rows(house)
    house.die("process_manager")
    second = keep(*web(BAD, roll=QUICK).values())
    second.wait_for(ProcessAdopted)
    settled(second)
    second.ask(RestartProcess(name="web-1"))
    second.wait_for(ConfigSetBack)
    settled(second)
    assert rows(second)["web-1"].revision == before["web-1"].revision
    assert second.shells["process_manager"].failures == 0


def test_what_was_never_ready_and_what_has_no_instances_is_not_put_back(keep, web, workload):
    house = keep(*web(BAD, roll=QUICK).values(), workload("job", GOOD, restart=FEW))
    house.until(lambda: rows(house)["web-1"].state == "crash_loop" and rows(house)["job"].state == "ready")
    house.reload({**web("exit 4", roll=QUICK), "job": workload("job", BAD, restart=FEW)})
    house.ask(RestartProcess(name="job"))
    house.until(lambda: rows(house)["web-1"].state == rows(house)["job"].state == "crash_loop")
    assert not house.events(ConfigSetBack)
    assert not any(row.refused for row in rows(house).values())


def test_what_a_person_stops_meanwhile_is_not_put_back_nor_started(keep, web):
    house = keep(*web(GOOD, roll=QUICK).values())
    settled(house)
    house.reload(web(GOOD, roll=QUICK, notify=Notify(ready="socket", within=Seconds(60))))
    ended = []

    def roll():
        try:
            house.ask(RollWorkload(name="web"), 60)
        except Refused as error:
            ended.append(str(error))

    one = threading.Thread(target=roll)
    one.start()
    house.until(lambda: rows(house)["web-1"].incarnation == 2)
    house.ask(StopProcess(name="web-1"))
    one.join()
    assert ended == ["the roll of web ended: web-1 is held after its restart; not touched: web-2, web-3"]
    assert rows(house)["web-1"].state == "held"
    assert not house.events(ConfigSetBack)
