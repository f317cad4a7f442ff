"""Faults against which the operator named what helps: all instances anew, a standby, a task, or a stop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from actors.faults.fault import Done, Fault, NotWell
from actors.faults.stand import Stand

SERVE: Final = """
serve:                                   # three of the same, each with the prices it read at its start
  command: [sh, answer.sh, prices, "served-$${GYROSTAT_INSTANCE}"]
  instances: 3
  stop: {grace: 1s}
  expand_command: true
  probes:
    work: {exec: [cmp, prices, "served-$${GYROSTAT_INSTANCE}"], every: 300ms, timeout: 1s, failures: 2}
  heal: {not_working: [roll]}
"""

FIRST: Final = """
first:                                   # its own data, which nobody can mend
  command: [sh, answer.sh, data, answered]
  restart: {start_limit: 3}
  fallback: {workload: spare}
spare:                                   # yesterday's data
  command: [sh, answer.sh, copy, answered]
  autostart: false
"""

FETCH: Final = """
first:
  command: [sh, answer.sh, data, answered]
  restart: {start_limit: 3}
  heal: {crash_loop: ["task:fetch"]}
"""

TASKS: Final = """
tasks:
  fetch: {command: [cp, copy, data]}
"""

HARM: Final = """
first:
  command: [sh, answer.sh, data, answered]
  probes:
    work: {exec: [cmp, data, answered], every: 300ms, timeout: 1s, failures: 2}
  heal: {not_working: [hold]}
"""


def _prices(stand: Stand) -> None:
    stand.write("prices", "1\n")


def _serves(stand: Stand) -> str:
    """Whether each instance serves the prices of now."""
    prices = (stand.directory / "prices").read_text("utf-8")
    for number in (1, 2, 3):
        stand.fresh(f"served-{number}", 0.6)
        if (stand.directory / f"served-{number}").read_text("utf-8") != prices:
            raise NotWell(f"instance {number} serves old prices")
    return "all serve the prices of now"


def _new_prices(stand: Stand) -> Done:
    done = stand.done("new prices")
    stand.write("prices", "2\n")
    return done


def _data(stand: Stand) -> None:
    stand.write("data", "today\n")
    stand.write("copy", "yesterday\n")


def _answers(stand: Stand) -> str:
    return stand.fresh("answered", 0.6)


def _lose_data(stand: Stand) -> Done:
    (stand.directory / "data").unlink()
    return stand.kill("first", "data is gone")


def _change_data(stand: Stand) -> Done:
    done = stand.done("data changed, and it goes on to tell the old")
    stand.write("data", "tomorrow\n")
    return done


FAULTS: Final[Sequence[Fault]] = (
    Fault(
        name="stale_instances",
        what="three instances go on with what they read at their start",
        workloads=SERVE,
        prepare=_prices,
        look=_serves,
        inject=_new_prices,
        subjects=("serve-1", "serve-2", "serve-3"),
        actions=("roll",),
        actions_max=1,
        starts_max=1,
    ),
    Fault(
        name="first_lost",
        what="a program cannot start any more, and another is declared to stand in for it",
        workloads=FIRST,
        prepare=_data,
        look=_answers,
        inject=_lose_data,
        subjects=("first", "spare"),
        actions=("fallback",),
    ),
    Fault(
        name="task_mends",
        what="a program lacks its data, and a task of the config fetches it",
        workloads=FETCH,
        sections=TASKS,
        prepare=_data,
        look=_answers,
        inject=_lose_data,
        subjects=("first",),
        actions=("task:fetch",),
    ),
    Fault(
        name="harmful",
        what="a program tells what is wrong, and is to be stopped for it",
        workloads=HARM,
        prepare=_data,
        look=_answers,
        inject=_change_data,
        subjects=("first",),
        must="tell",
        says="it is held",
        actions_max=1,
    ),
)
