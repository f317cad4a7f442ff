import pytest

from actors.reconciler.actor import Reconciler
from bus.errors import ActorUnavailable, Refused
from bus.message import Done
from bus.messages import (
    ConfigReloaded,
    Converged,
    DriftClosed,
    DriftDetected,
    EndStrays,
    GetDrift,
    ListProcesses,
    NodeStopping,
    ProcessExited,
    ProcessReady,
    ProcessTable,
    Reconcile,
    RestartProcess,
    StartProcess,
    StopProcess,
)
from tests.reconciler.conftest import ScriptedManager

DRIFT = (DriftDetected, DriftClosed, Converged)


def exited(name):
    return ProcessExited(
        subject=name, pid=1, incarnation=1, exit_code=1, signal=None, uptime_s=1.0, asked=False, expected=False
    )


def reload(stage, *workloads, **named):
    stage.house.reload({workload.name: workload for workload in workloads})
    lists = {"added": [], "removed": [], "changed": [], **named}
    stage.house.publish(ConfigReloaded(subject="alpha", revision="r2", **lists))
    stage.settle()


def test_a_vanished_workload_is_found_by_the_first_look_started_and_seen_to_be_back(stage, workload):
    manager = stage.begin(workload("web"), workload("db"))
    manager.set("web", state="stopped", pid=None)
    stage.wait(1.9)
    assert manager.looks == 0
    stage.wait(1.0)
    assert manager.asked_for(StartProcess) == ["web"]
    assert stage.facts(*DRIFT) == ["DriftDetected web", "DriftClosed web", "Converged alpha"]
    converged = stage.house.events(Converged)[0]
    assert (converged.checked, converged.closed) == (2, 1)


def test_without_drift_it_looks_once_an_interval_and_says_nothing(stage, workload):
    manager = stage.begin(workload("web"))
    stage.wait(181.0, step_s=1.0)
    assert manager.looks == 4
    assert stage.facts(*DRIFT) == []
    assert manager.asked == []


def test_an_exit_brings_a_look_and_many_exits_share_one(stage, workload):
    manager = stage.begin(workload("web"))
    stage.wait(3.0)
    before = manager.looks
    for _ in range(20):
        stage.house.publish(exited("web"))
    stage.wait(3.0)
    assert manager.looks == before + 1


def test_an_added_workload_is_started_within_a_second_of_the_new_config(stage, workload):
    web, new = workload("web"), workload("new")
    manager = stage.begin(web, rows=(web, new))
    manager.set("new", state="stopped", pid=None)
    stage.wait(3.0)
    reload(stage, web, new, added=["new"])
    stage.wait(1.0)
    assert manager.asked_for(StartProcess) == ["new"]
    assert "DriftClosed new" in stage.facts(*DRIFT)


def test_a_removed_workload_is_stopped_and_not_held(stage, workload):
    web, old = workload("web"), workload("old")
    manager = stage.begin(web, old)
    stage.wait(3.0)
    manager.set("old", declared=False)
    reload(stage, web, removed=["old"])
    stage.wait(1.0)
    (stop,) = manager.asked
    assert isinstance(stop, StopProcess)
    assert (stop.name, stop.hold) == ("old", False)
    assert stage.facts(*DRIFT) == ["DriftDetected old", "DriftClosed old", "Converged alpha"]


def test_a_changed_workload_alone_is_restarted(stage, workload, row):
    web, db = workload("web"), workload("db")
    manager = stage.begin(web, db)
    stage.wait(3.0)
    changed = workload("web", command="serve2")
    reload(stage, changed, db, changed=["web"])
    stage.wait(0.2)
    manager.set("web", revision=row(changed).revision)
    stage.wait(1.0)
    assert [type(command) for command in manager.asked] == [RestartProcess]
    assert manager.asked_for(RestartProcess) == ["web"]
    assert stage.facts(*DRIFT) == ["DriftDetected web", "DriftClosed web", "Converged alpha"]


def test_changed_workloads_of_one_chain_are_restarted_one_after_the_other_as_they_get_ready(stage, workload, row):
    db, web, alone = workload("db"), workload("web", depends_on={"db": "ready"}), workload("alone")
    manager = stage.begin(db, web, alone)
    stage.wait(3.0)
    new = [
        workload("db", command="new"),
        workload("web", command="new", depends_on={"db": "ready"}),
        workload("alone", command="new"),
    ]
    reload(stage, *new, changed=["db", "web", "alone"])
    stage.wait(0.2)
    assert manager.asked_for(RestartProcess) == ["db", "alone"]
    manager.set("alone", revision=row(new[2]).revision)
    manager.set("db", revision=row(new[0]).revision, state="running")
    stage.wait(5.0)
    assert manager.asked_for(RestartProcess) == ["db", "alone"]
    manager.set("db", state="ready")
    stage.house.publish(ProcessReady(subject="db", pid=1, incarnation=2, after_s=1.0))
    stage.wait(0.2)
    assert manager.asked_for(RestartProcess) == ["db", "alone", "web"]
    manager.set("web", revision=row(new[1]).revision)
    stage.wait(2.0)
    assert stage.facts(Converged) == ["Converged alpha"]


def test_a_workload_that_never_gets_ready_keeps_its_chain_waiting_for_half_a_minute_only(stage, workload, row):
    db, web = workload("db"), workload("web", depends_on={"db": "ready"})
    manager = stage.begin(db, web)
    stage.wait(3.0)
    new_db, new_web = workload("db", command="new"), workload("web", command="new", depends_on={"db": "ready"})
    reload(stage, new_db, new_web, changed=["db", "web"])
    stage.wait(0.2)
    manager.set("db", revision=row(new_db).revision, state="running")
    stage.wait(28.0, step_s=0.5)
    assert manager.asked_for(RestartProcess) == ["db"]
    stage.wait(4.0, step_s=0.5)
    assert manager.asked_for(RestartProcess) == ["db", "web"]


def test_another_change_during_a_roll_waits_for_the_restart_under_way_and_not_for_its_whole_time(stage, workload, row):
    web = workload("web")
    manager = stage.begin(web)
    stage.wait(3.0)
    second, third = workload("web", command="second"), workload("web", command="third")
    reload(stage, second, changed=["web"])
    stage.wait(0.2)
    manager.set("web", revision=row(second).revision, state="running")
    stage.wait(0.5)
    reload(stage, third, changed=["web"])
    stage.wait(5.0)
    assert manager.asked_for(RestartProcess) == ["web"]  # the second is not ready yet
    manager.set("web", state="ready")
    stage.wait(2.0)
    assert manager.asked_for(RestartProcess) == ["web", "web"]


def test_a_restart_that_takes_long_keeps_its_chain_waiting_until_it_is_answered(stage, workload, row):
    db, web = workload("db"), workload("web", depends_on={"db": "ready"})
    manager = stage.begin(db, web)
    manager.parked["restart_process"] = []
    stage.wait(3.0)
    new_db, new_web = workload("db", command="new"), workload("web", command="new", depends_on={"db": "ready"})
    reload(stage, new_db, new_web, changed=["db", "web"])
    stage.wait(0.2)
    manager.set("db", state="stopping")
    stage.wait(50.0, step_s=1.0)
    assert manager.asked_for(RestartProcess) == ["db"]
    (request,) = manager.parked.pop("restart_process")
    manager.set("db", state="running", revision=row(new_db).revision)
    request.answer(Done())
    stage.wait(28.0, step_s=1.0)
    assert manager.asked_for(RestartProcess) == ["db"]  # it has its time to get ready from then on
    stage.wait(4.0, step_s=1.0)
    assert manager.asked_for(RestartProcess) == ["db", "web"]


def test_a_stray_is_ended_when_it_is_still_there_a_second_later(stage, workload):
    manager = stage.begin(workload("web"))
    manager.set("web", strays=[7])
    stage.wait(2.2)
    assert manager.looks == 1
    assert manager.asked == []
    assert stage.facts(*DRIFT) == []
    stage.wait(1.5)
    assert manager.asked_for(EndStrays) == ["web"]
    assert stage.facts(*DRIFT) == ["DriftDetected web", "DriftClosed web", "Converged alpha"]


def test_a_stray_that_ends_by_itself_is_no_drift(stage, workload):
    manager = stage.begin(workload("web"))
    manager.set("web", strays=[7])
    stage.wait(2.2)
    manager.set("web", strays=[])
    stage.wait(5.0)
    assert (manager.asked, stage.facts(*DRIFT)) == ([], [])


def test_a_copy_by_hand_is_told_at_once_and_ended_after_its_time(stage, workload):
    manager = stage.begin(workload("web"))
    manager.set("web", by_hand=[7])
    stage.wait(3.0)
    (told,) = stage.house.events(DriftDetected)
    assert (told.drift, told.action) == ("by_hand", "end the copy after 30s")
    stage.wait(28.0, step_s=1.0)
    assert manager.asked == []
    stage.wait(3.0)
    (end,) = manager.asked
    assert isinstance(end, EndStrays)
    assert end.by_hand == [7]
    assert [fact.drift for fact in stage.house.events(DriftClosed)] == ["by_hand"]


def test_a_copy_by_hand_is_only_told_when_that_is_set(stage, workload):
    manager = stage.begin(workload("web"), by_hand="report")
    manager.set("web", by_hand=[7])
    stage.wait(200.0, step_s=1.0)
    assert manager.asked == []
    assert manager.looks == 4
    (row,) = stage.house.ask(GetDrift()).drifts
    assert (row.drift, row.action) == ("by_hand", "")
    manager.set("web", by_hand=[])
    stage.wait(60.0, step_s=1.0)
    assert stage.facts(*DRIFT) == ["DriftDetected web", "DriftClosed web", "Converged alpha"]


def test_a_failing_action_is_repeated_ever_more_slowly_and_its_drift_stays_to_be_seen(stage, workload):
    manager = stage.begin(workload("web"))
    manager.set("web", state="stopped", pid=None)
    manager.refusals["start_process"] = Refused("no such program")
    stage.wait(2.1)
    assert len(manager.asked) == 1
    stage.wait(15.5)
    assert len(manager.asked) == 5  # after 1, 2, 4 and 8 seconds
    (row,) = stage.house.ask(GetDrift()).drifts
    assert "start_process failed: no such program; again in" in row.action
    assert stage.facts(*DRIFT) == ["DriftDetected web"]
    del manager.refusals["start_process"]
    stage.wait(17.0)
    assert stage.facts(*DRIFT) == ["DriftDetected web", "DriftClosed web", "Converged alpha"]


def test_a_drift_that_was_closed_and_comes_again_is_acted_upon_at_once(stage, workload):
    manager = stage.begin(workload("web"))
    manager.set("web", state="stopped", pid=None)
    manager.refusals["start_process"] = Refused("no such program")
    stage.wait(18.0)
    del manager.refusals["start_process"]
    stage.wait(16.0)
    assert stage.facts(Converged) == ["Converged alpha"]
    before = len(manager.asked)
    manager.set("web", state="stopped", pid=None)
    stage.house.publish(exited("web"))
    stage.wait(1.0)
    assert len(manager.asked) == before + 1


def test_an_action_that_changes_nothing_is_no_success(stage, workload):
    manager = stage.begin(workload("web"))
    manager.set("web", state="stopped", pid=None)
    manager.helps = False
    stage.wait(10.0)
    assert len(manager.asked) == 4  # at 2 s, and 1, 2 and 4 seconds after
    assert stage.facts(*DRIFT) == ["DriftDetected web"]


def test_one_that_fails_does_not_keep_another_waiting(stage, workload):
    manager = stage.begin(workload("web"), workload("db"))
    manager.set("web", state="stopped", pid=None)
    manager.refusals["start_process"] = Refused("no such program")
    stage.wait(12.0)
    manager.set("db", strays=[5])
    stage.house.publish(exited("db"))
    stage.wait(2.5)
    assert manager.asked_for(EndStrays) == ["db"]


def test_one_action_at_a_time_is_asked_for_a_workload(stage, workload):
    manager = stage.begin(workload("web"))
    manager.parked["start_process"] = []
    manager.set("web", state="stopped", pid=None)
    stage.wait(2.2)
    for _ in range(5):
        stage.house.publish(exited("web"))
        stage.wait(1.0)
    assert manager.asked_for(StartProcess) == ["web"]
    (request,) = manager.parked.pop("start_process")
    request.answer(manager.outcome(request.envelope.data))
    stage.wait(1.0)
    assert stage.facts(*DRIFT) == ["DriftDetected web", "DriftClosed web", "Converged alpha"]


def test_reconcile_looks_now_and_answers_what_it_found(stage, workload):
    manager = stage.begin(workload("web"), workload("db"))
    assert stage.house.ask(GetDrift()).last_s is None
    manager.set("web", state="stopped", pid=None)
    report = stage.house.ask(Reconcile())
    assert [(row.subject, row.drift) for row in report.drifts] == [("web", "vanished")]
    assert (report.checked, report.last_s) == (2, 0.0)
    stage.wait(0.5)
    assert stage.house.ask(Reconcile()).closed_total == 1


def test_reconcile_is_answered_by_a_look_that_began_after_it(stage, workload):
    manager = stage.begin(workload("web"))
    manager.parked["list_processes"] = []
    first = stage.house.bus.send(Reconcile(), timeout_s=30.0)
    stage.settle()
    second = stage.house.bus.send(Reconcile(), timeout_s=30.0)
    stage.settle()
    (request,) = manager.parked.pop("list_processes")
    request.answer(ProcessTable(processes=list(manager.rows.values())))
    manager.set("web", state="stopped", pid=None)
    stage.settle()
    assert first.result(10).drifts == []
    assert [row.drift for row in second.result(10).drifts] == ["vanished"]


def test_reconcile_ends_the_back_off_of_what_failed(stage, workload):
    manager = stage.begin(workload("web"))
    manager.set("web", state="stopped", pid=None)
    manager.refusals["start_process"] = Refused("no such program")
    stage.wait(30.0, step_s=0.5)
    before = len(manager.asked)
    stage.house.ask(Reconcile())
    stage.settle()
    assert len(manager.asked) == before + 1


def test_reconcile_says_so_when_the_process_manager_does_not_answer(stage, workload):
    manager = stage.begin(workload("web"))
    manager.refusals["list_processes"] = ActorUnavailable("given up")
    with pytest.raises(ActorUnavailable, match="given up"):
        stage.house.ask(Reconcile())


def test_looks_that_fail_are_repeated_ever_more_slowly_until_one_succeeds(stage, workload):
    manager = stage.begin(workload("web"))
    manager.set("web", state="stopped", pid=None)
    manager.refusals["list_processes"] = ActorUnavailable("given up")
    stage.wait(10.0)
    assert manager.looks == 4  # at 2 s, and 1, 2 and 4 seconds after
    manager.refusals.clear()
    stage.wait(8.0)
    assert stage.facts(*DRIFT) == ["DriftDetected web", "DriftClosed web", "Converged alpha"]


def test_a_process_manager_that_is_not_there_yet_is_waited_for(tmp_path, stage, workload):
    web = workload("web")
    stage.house.start(Reconciler, workloads={"web": web})
    stage.wait(4.0)
    manager = ScriptedManager(stage.house, web)
    manager.set("web", state="stopped", pid=None)
    stage.wait(5.0)
    assert manager.asked_for(StartProcess) == ["web"]


def test_nothing_is_started_while_the_node_goes_down(stage, workload):
    manager = stage.begin(workload("web"))
    stage.wait(3.0)
    stage.house.publish(NodeStopping(subject="alpha", why="asked", keeps_workloads=False))
    manager.set("web", state="stopped", pid=None)
    stage.house.publish(exited("web"))
    stage.wait(70.0, step_s=1.0)
    assert manager.asked == []


def test_a_handler_that_raises_costs_nothing_that_lasts(stage, workload):
    manager = stage.begin(workload("web"))
    manager.set("web", state="stopped", pid=None)
    manager.rows["broken"] = "no row"  # what no ProcessManager would answer
    stage.wait(2.5)
    shell = stage.house.shells["reconciler"]
    assert (shell.failures, shell.state) == (1, "running")
    del manager.rows["broken"]
    stage.wait(3.0)
    assert manager.asked_for(StartProcess) == ["web"]
    assert stage.facts(Converged) == ["Converged alpha"]


def test_whoever_waits_for_a_report_is_told_when_the_actor_ends(stage, workload):
    stage.begin(workload("web"))
    stage.house.bus.serve("process_manager", {"list_processes": ListProcesses}, lambda _: None)  # never answers
    future = stage.house.bus.send(Reconcile(), timeout_s=30.0)
    stage.settle()
    shell = stage.house.shells.pop("reconciler")
    shell.actor_ref.stop()
    with pytest.raises(ActorUnavailable):
        future.result(10)
