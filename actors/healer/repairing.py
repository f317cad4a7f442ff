"""Has repairs look, act and take back, each in a thread and within its time.

Touches no bus: it works with the actor's hands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from actors.healer.hands import Hands
from actors.healer.remedies import Obstacle, Planned, Unfit
from actors.healer.repair import Acted, Repair, RepairFailed, Scene

Looked = dict[str, Planned | Obstacle]


class Repairing:
    """repairs: by name, as in a plan."""

    def __init__(self, hands: Hands, repairs: Mapping[str, Repair]) -> None:
        self._hands = hands
        self._repairs = repairs

    def look(self, names: Iterable[str], scene: Scene, then: Callable[[Looked], None]) -> None:
        """Have these look at the scene; then(what each would do, or what stands in its way)."""
        wanted = [self._repairs[name] for name in names]

        def answered(outcome: Looked | Exception) -> None:
            if isinstance(outcome, Exception):
                raise outcome
            then(outcome)

        self._hands.run(partial(_look_all, wanted, scene), answered)

    def act(self, name: str, scene: Scene, planned: Planned, then: Callable[[Acted | str], None]) -> None:
        """Do it; then(what was done, or in one line why not). What does not end in time counts as not done."""
        repair = self._repairs[name]
        self._within(repair.timeout_s(scene.workload), partial(_tried, partial(repair.act, scene, planned)), then)

    def take_back(self, name: str, scene: Scene, undo: Mapping[str, str], then: Callable[[Acted | str], None]) -> None:
        """Put back what was before; then(what was done, or in one line why not)."""
        repair = self._repairs[name]
        self._within(repair.timeout_s(scene.workload), partial(_tried, partial(repair.take_back, scene, undo)), then)

    def _within(self, timeout_s: float, work: Callable[[], Acted | str], then: Callable[[Acted | str], None]) -> None:
        """Work in a thread; whichever comes first is told: its end, or the end of its time."""
        told = False

        def tell(outcome: Acted | str) -> None:
            nonlocal told
            if not told:
                told = True
                then(outcome)

        def ended(outcome: Acted | str | Exception) -> None:
            alarm.cancel()
            tell(f"{type(outcome).__name__}: {outcome}" if isinstance(outcome, Exception) else outcome)

        alarm = self._hands.after(timeout_s, tell, f"it did not end within {timeout_s:g} s")
        self._hands.run(work, ended)


def _look_all(repairs: Iterable[Repair], scene: Scene) -> Looked:
    """One that cannot look does not apply."""
    found: Looked = {}
    for repair in repairs:
        try:
            found[repair.name] = repair.look(scene)
        except (OSError, ValueError, RepairFailed) as error:
            found[repair.name] = Unfit(f"it cannot be looked at: {error}")
    return found


def _tried(work: Callable[[], Acted]) -> Acted | str:
    try:
        return work()
    except RepairFailed as error:
        return str(error)
    except OSError as error:
        return f"{type(error).__name__}: {error}"
