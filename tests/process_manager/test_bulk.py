from actors.settings import Seconds, StopPolicy
from bus.messages import ProcessStarted, ProcessStateChanged, StopAll

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
