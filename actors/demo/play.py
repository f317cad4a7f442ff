"""Plays the faults one after the other, tells what happens, and sums up."""

from __future__ import annotations

import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from actors.demo.faults import FAULTS, Fault, Injected, NotYet
from actors.demo.outcome import REPEATED, Digest, Outcome, judge, step_of
from actors.demo.scene import DemoFailed, Scene
from actors.demo.stage import build
from actors.demo.witness import Heard

FAULT_S: Final = 25.0
"""Seconds after which a fault counts as not healed."""
CHECK_S: Final = 5.0
"""Seconds that the independent look is repeated."""
CALM_S: Final = 15.0
"""Seconds that is waited for everything to be well before a fault is injected."""

Words = Callable[[str, dict[str, Any]], str]
Tell = Callable[[str], None]


class Telling(Struct, frozen=True):
    """How the demo speaks. words: what a fact says. line: one line to the person. bold, good, bad: tones."""

    words: Words
    line: Tell
    tone: Callable[[str, str], str]


class Result(Struct, frozen=True, kw_only=True):
    """The whole demo. seconds: from the start of the node to the last check. directory: None when it is gone."""

    outcomes: list[Outcome]
    healed: bool
    seconds: float
    first_up_s: float
    facts: int
    lost: int
    directory: str | None


def run(faults: Sequence[Fault], telling: Telling, *, keep: bool) -> Result:
    """Play the faults. Raises: DemoFailed; KeyboardInterrupt, also at SIGTERM. Nothing is left running."""
    directory = Path(tempfile.mkdtemp(prefix="gyrostat-demo-")).resolve()
    try:
        with sigterm_as_interrupt():
            stage = build(directory)
            scene = Scene(stage)
            try:
                return _on_scene(scene, faults, telling, keep=keep)
            finally:
                with _undisturbed():
                    rough = scene.close()
                for line in rough:
                    telling.line(telling.tone(f"left over: {line}", "bad"))
    finally:
        if keep:
            telling.line(f"kept: {directory} (config, programs, var/, up.out: all the node said)")
        else:
            shutil.rmtree(directory, ignore_errors=True)


def _on_scene(scene: Scene, faults: Sequence[Fault], telling: Telling, *, keep: bool) -> Result:
    directory = scene.stage.directory
    telling.line(telling.tone(f"A real node with six small programs, in {directory}", "bold"))
    telling.line(f"its config: {scene.stage.config}")
    began_s = time.monotonic()
    up_s = scene.start()
    telling.line(f"node and programs are up after {up_s:.2f} s; now the faults")
    outcomes = []
    for number, fault in enumerate(faults, 1):
        telling.line("")
        telling.line(telling.tone(f"{number}/{len(faults)} {fault.name}: {fault.what}", "bold"))
        outcomes.append(play(scene, fault, telling))
    return Result(
        outcomes=outcomes,
        healed=all(outcome.healed for outcome in outcomes),
        seconds=time.monotonic() - began_s,
        first_up_s=up_s,
        facts=scene.witness.count,
        lost=scene.witness.lost,
        directory=str(directory) if keep else None,
    )


def play(scene: Scene, fault: Fault, telling: Telling) -> Outcome:
    """Inject one fault, follow it until it is resolved, look for oneself. Raises: DemoFailed when the node is gone."""
    try:
        scene.until(scene.calm, CALM_S, "everything is well before the next fault")
    except DemoFailed as error:
        scene.rows()  # raises when it is the node that is gone
        telling.line(telling.tone(f"  not injected: {error}", "bad"))
        return Outcome(fault=fault.name, injected="", check=str(error))
    number = scene.witness.count
    injected = fault.inject(scene)
    _step(telling, 0.0, "injected", injected.text, "plain")
    outcome = _follow(scene, fault, injected, telling, number)
    if outcome.resolved_s is None:
        telling.line(telling.tone(f"  not resolved within {FAULT_S:g} s", "bad"))
        return outcome
    return _check(scene, fault, injected, outcome, telling)


def _follow(scene: Scene, fault: Fault, injected: Injected, telling: Telling, number: int) -> Outcome:
    """Tell what is heard of the fault until every issue about it is resolved."""
    heard: list[Heard] = []
    digest = Digest()
    while True:
        for one in scene.witness.since(number + len(heard), 0.1):
            heard.append(one)
            if one.event.subject in fault.subjects and one.at_s >= injected.at_s:
                _tell_fact(one, injected, digest, telling)
        outcome = judge(fault.name, injected.text, heard, injected.at_s, fault.subjects)
        late = time.monotonic() - injected.at_s > FAULT_S
        if outcome.resolved_s is not None or late:
            return outcome


def _tell_fact(one: Heard, injected: Injected, digest: Digest, telling: Telling) -> None:
    step = step_of(one)
    if step is None or not digest.shows(one):
        return
    left_out = 0 if one.kind in REPEATED else digest.take_left_out()
    if left_out:
        telling.line(telling.tone(f"  {'':10}  ...       and {left_out} more of such starts and ends", "dim"))
    words = telling.words(one.event.type, one.event.data)
    tone = {"verified": "good", "decided": "bold", "failed": "warn"}.get(step, "plain")
    _step(telling, one.at_s - injected.at_s, step, f"{one.event.subject}: {words}", tone)


def _check(scene: Scene, fault: Fault, injected: Injected, outcome: Outcome, telling: Telling) -> Outcome:
    """Look, past the node, whether it is true; again for a while when it is not."""
    end_s = time.monotonic() + CHECK_S
    while True:
        try:
            text = fault.check(scene, injected, outcome)
            healed = True
        except (NotYet, OSError, ValueError, KeyError) as error:
            text, healed = str(error) or type(error).__name__, False
        if healed or time.monotonic() > end_s:
            break
        scene.witness.since(scene.witness.count, 0.1)  # some fact or other, or a tenth of a second
    checked_s = time.monotonic() - injected.at_s
    _step(telling, checked_s, "checked", text, "good" if healed else "bad")
    return msgspec.structs.replace(outcome, checked_s=checked_s, check=text, healed=healed)


def _step(telling: Telling, after_s: float, step: str, text: str, tone: str) -> None:
    telling.line(f"  {telling.tone(f'{after_s:8.3f} s', 'dim')}  {step:<8}  {telling.tone(text, tone)}")


def chosen(names: Sequence[str]) -> list[Fault]:
    """The faults of those names, in the demo's order; all when none are named. Raises: KeyError with the name."""
    known = {fault.name: fault for fault in FAULTS}
    for name in names:
        if name not in known:
            raise KeyError(name)
    return [fault for fault in FAULTS if not names or fault.name in names]


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Let SIGTERM clean up as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """While things are put away, further Ctrl-C and SIGTERM wait for the end of it."""
    former = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
