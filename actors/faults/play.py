"""Plays faults, several at a time, each with a node of its own."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from actors.demo.scene import DemoFailed
from actors.demo.witness import Heard
from actors.faults.fault import Done, Fault
from actors.faults.stand import UNWELL, Stand, may_mount
from actors.faults.verdict import HOLD_S, Look, Verdict, begun_s, is_sign, judge, open_issues, well_since

LOOK_S: Final = 0.05
VERIFIED_S: Final = 10.0
"""Seconds that the node has to say that it is repaired, after it is."""
SEEN_S: Final = 6.0
"""Seconds after which a fault that cannot be felt and was not seen is over."""

Tell = Callable[[Verdict], None]


class Playing:
    """Plays faults. stop() ends what is being played as soon as may be; told: as each ends. keep: leave directories."""

    def __init__(self, tell: Tell, *, keep: bool = False) -> None:
        self._tell = tell
        self._keep = keep
        self._stop = threading.Event()
        self._mounts = may_mount()

    def run(self, faults: Sequence[Fault], jobs: int) -> list[Verdict]:
        """Verdicts in the order of the faults. Nothing is left running. Raises: KeyboardInterrupt."""
        with ThreadPoolExecutor(jobs, thread_name_prefix="fault") as pool:
            futures = [pool.submit(self._one, fault) for fault in faults]
            try:
                return [future.result() for future in futures]
            except KeyboardInterrupt:
                self._stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _one(self, fault: Fault) -> Verdict:
        missing = [name for name in fault.needs if shutil.which(name) is None]
        if missing:
            verdict = Verdict(fault=fault.name, must=fault.must, not_run=f"no {missing[0]} on this machine")
        elif fault.disk and not self._mounts:
            verdict = Verdict(fault=fault.name, must=fault.must, not_run="no small disk may be mounted here")
        else:
            verdict = self._in_directory(fault)
        if not self._stop.is_set():
            self._tell(verdict)
        return verdict

    def _in_directory(self, fault: Fault) -> Verdict:
        directory = Path(tempfile.mkdtemp(prefix=f"gyrostat-fault-{fault.name}-")).resolve()
        try:
            with Stand(fault, directory) as stand:
                return self._on_stand(stand)
        except (DemoFailed, *UNWELL) as error:
            return Verdict(fault=fault.name, must=fault.must, wrong=f"not played: {type(error).__name__}: {error}")
        finally:
            if not self._keep:
                shutil.rmtree(directory, ignore_errors=True)

    def _on_stand(self, stand: Stand) -> Verdict:
        fault = stand.fault
        stand.prepare()
        if fault.before:
            done = fault.inject(stand)
            stand.start()
            number = 0
        else:
            stand.start()
            number = stand.scene.witness.count
            done = fault.inject(stand)
            stand.began_anew()
        looks: list[Look] = []
        facts: list[Heard] = []
        while not self._stop.is_set():
            looks.append(self._look(stand))
            new = stand.scene.witness.since(number + len(facts), LOOK_S)
            if any(one.kind == "process.started" and one.event.subject in fault.subjects for one in new):
                stand.began_anew()
            facts += new
            if over(fault, done, facts, looks):
                break
        return judge(fault, done, facts, looks)

    def _look(self, stand: Stand) -> Look:
        at_s = time.monotonic()
        try:
            return Look(at_s, well=True, text=stand.fault.look(stand))
        except UNWELL as error:
            return Look(at_s, well=False, text=str(error) or type(error).__name__)


def over(fault: Fault, done: Done, facts: Sequence[Heard], looks: Sequence[Look]) -> bool:
    """Whether nothing more is to be waited for."""
    now_s = looks[-1].at_s
    since_s = now_s - done.at_s - done.cause_s
    new = [one for one in facts if one.at_s >= done.at_s]
    if fault.must == "leave":
        return since_s > fault.watch_s
    if fault.must == "tell":
        told = next((one.at_s for one in new if one.kind == "issue.escalated"), None)
        return since_s > fault.within_s if told is None else now_s - told > HOLD_S
    well_s = well_since(looks, begun_s(fault, done, new))
    if well_s is None:
        return since_s > fault.within_s
    felt = any(not look.well for look in looks) or any(is_sign(one, fault) for one in new)
    if not felt or now_s - well_s < HOLD_S:
        return since_s > max(fault.within_s, SEEN_S)
    return not open_issues(new) or now_s - max(well_s, done.at_s + done.cause_s) > VERIFIED_S
