from actors.process_manager import launching
from actors.process_manager.processes import ProcFs
from actors.process_manager.store import Store
from actors.settings import Seconds, StopPolicy
from bus.messages import ProcessExited, ProcessStarted, ProcessStateChanged, ProcessStopped, StopAll, StopProcess

MANY = 40


def test_many_are_started_together_and_told_of_in_order_those_that_wait_after_them(keep, workload, alive):
    needs = {"w0": "ready"}
    house = keep(
        workload("late", "exec sleep 1000", depends_on=needs),
        *(workload(f"w{number}", "exec sleep 1000") for number in range(MANY)),
    )
    house.until(lambda: len(house.events(ProcessStarted)) == MANY + 1)
    assert [fact.subject for fact in house.events(ProcessStarted)] == [*(f"w{n}" for n in range(MANY)), "late"]
    house.until(lambda: len(alive("sleep 1000")) == MANY + 1)  # the shell becomes sleep


def test_all_are_stopped_together_dependants_first(keep, workload, alive):
    stubborn = "trap '' TERM; while :; do sleep 0.05; done"
    house = keep(
        *(workload(f"w{number}", "exec sleep 1000") for number in range(MANY)),
        workload("held-up", stubborn, stop=StopPolicy(grace=Seconds(0.3))),
        workload("leaf", "exec sleep 1000", depends_on={"w0": "ready"}),
    )
    house.until(lambda: len(house.events(ProcessStarted)) == MANY + 2)
    assert house.ask(StopAll(why="test")).detail == f"all {MANY + 2} are down"
    assert alive() == []
    order = [fact.subject for fact in house.events(ProcessStateChanged) if fact.state == "stopped"]
    assert order.index("leaf") < order.index("w0")
    assert len(order) == len(set(order)) == MANY + 2


def test_every_intent_of_many_is_on_disk_before_the_first_of_them_is_spawned(keep, workload, tmp_path, monkeypatch):
    seen: list[set[str]] = []
    real = launching.spawn  # type: ignore[attr-defined]

    def spawn(*args):
        if not seen:
            (path,) = tmp_path.rglob("process_manager.db")
            other = Store(path.parent)
            seen.append({row.phase for row in other.rows().values()} if len(other.rows()) == MANY else set())
            other.close()
        return real(*args)

    monkeypatch.setattr(launching, "spawn", spawn)
    house = keep(*(workload(f"w{number}", "exec sleep 1000") for number in range(MANY)))
    house.until(lambda: len(house.events(ProcessStarted)) == MANY)
    assert seen == [{"intent"}]


def test_who_stops_one_has_the_answer_before_anybody_is_told_and_then_all_is_told_in_order(keep, workload):
    house = keep(workload("web", "exec sleep 1000"))
    house.wait_for(ProcessStarted)
    seen: list[str] = []
    house.bus.subscribe([ProcessExited, ProcessStopped], lambda one: seen.append(type(one.data).__name__))
    answered = house.bus.send(StopProcess(name="web", why="test"), timeout_s=20.0)
    answered.add_done_callback(lambda _: seen.append("answer"))
    answered.result(20.0)
    house.until(lambda: len(seen) == 3)
    assert seen == ["answer", "ProcessExited", "ProcessStopped"]


def test_a_stop_reads_no_environment_of_workloads_that_run(keep, workload, monkeypatch):
    house = keep(*(workload(f"w{number}", "exec sleep 1000") for number in range(5)))
    house.until(lambda: len(house.events(ProcessStarted)) == 5)
    pids = {fact.subject: fact.pid for fact in house.events(ProcessStarted)}
    asked: list[int] = []
    real = ProcFs.marks

    def marks(table, pid):
        asked.append(pid)
        return real(table, pid)

    monkeypatch.setattr(ProcFs, "marks", marks)
    house.ask(StopProcess(name="w0", why="test"))
    assert asked
    assert not set(asked) & {pids[f"w{number}"] for number in range(1, 5)}
