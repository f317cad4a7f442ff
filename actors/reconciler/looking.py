"""A look in a process of its own: its memory and its processor time are not the node's, and it can be ended.

The question goes in at stdin and the answer comes out at stdout, both JSON; stderr is for what nobody foresaw.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import Final

import msgspec

from actors.reconciler.look import Ask, Looked, NotSeen, look
from actors.settings.units import dec_hook, enc_hook

SAID_BYTES: Final = 500
"""Bytes of the end of its stderr that are told."""

NICE: Final = 5
"""By how much a look gives way to the workloads."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two."""

    looked: Looked | None = None
    failed: str = ""


class Looker:
    """Takes looks, several at a time; stop() ends those that are under way. Its methods may be called in any thread."""

    def __init__(self) -> None:
        self._under_way: set[subprocess.Popen[bytes]] = set()
        self._stopped = threading.Event()

    def look(self, ask: Ask, within_s: float) -> Looked:
        """Look once. Raises: NotSeen."""
        if self._stopped.is_set():
            raise NotSeen("the node stops")
        process = subprocess.Popen(
            [sys.executable, "-m", "actors.reconciler.looking"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        self._under_way.add(process)
        if self._stopped.is_set():  # between the first line and the last
            _kill(process)
        try:
            question = msgspec.json.encode(ask, enc_hook=enc_hook)
            answer, said = process.communicate(question, timeout=within_s)
        except subprocess.TimeoutExpired:
            raise NotSeen(f"the look took longer than {within_s:g} s") from None
        finally:
            _end(process)
            self._under_way.discard(process)
        return _taken(process.returncode, answer, said)

    def stop(self) -> None:
        """End what is under way; each of them fails."""
        self._stopped.set()
        for process in list(self._under_way):
            _kill(process)


def _taken(code: int, answer: bytes, said: bytes) -> Looked:
    try:
        given = msgspec.json.decode(answer, type=Answer)
    except msgspec.DecodeError:
        last = " ".join(said[-SAID_BYTES:].decode("utf-8", "replace").split()[-40:])
        raise NotSeen(f"the look ended with code {code}: {last}") from None
    if given.looked is None:
        raise NotSeen(given.failed)
    return given.looked


def _end(process: subprocess.Popen[bytes]) -> None:
    """See that neither it nor a program that it runs is left."""
    _kill(process)
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Its whole group, as long as it is not waited for: until then its number is its own."""
    if process.returncode is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def main() -> None:
    """Be the process."""
    os.nice(NICE)
    answers = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a plug-in prints is no part of the answer
    ask = msgspec.json.decode(sys.stdin.buffer.read(), type=Ask, dec_hook=dec_hook)
    signal.alarm(int(ask.datasets[ask.dataset].look_within) + 1)  # also when the node is gone
    try:
        answer = Answer(looked=look(ask))
    except NotSeen as error:
        answer = Answer(failed=str(error))
    with os.fdopen(answers, "wb") as out:
        out.write(msgspec.json.encode(answer))


if __name__ == "__main__":
    main()
