"""What runs on an engine: one function, with what it needs as bytes, and what came of it as bytes.

Nothing else crosses over, so the engine has to be able to import this project and the function's module, no more.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import msgspec

from actors.executor.calls import Came, call, names_of
from actors.executor.functions import Task
from actors.executor.model import Claim


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A task to be run. module: in which its function is registered. root: directory in which that may lie."""

    module: str
    root: str
    claim: Claim
    params: dict[str, Any]


class _Kept:
    """Keeps the last checkpoint until the end, as there is no queue here that could."""

    def __init__(self, checkpoint: str | None) -> None:
        self.checkpoint = checkpoint

    def save(self, *, checkpoint: str | None, progress: float | None, note: str | None) -> None:  # noqa: ARG002
        self.checkpoint = checkpoint if checkpoint is not None else self.checkpoint


def run_job(job: bytes) -> bytes:
    """Run a Job, on the engine; gives a Came. Raises nothing of the function's."""
    return msgspec.msgpack.encode(_came(msgspec.msgpack.decode(job, type=Job)))


def came_of(data: bytes) -> Came:
    """What run_job gave. Raises: msgspec.MsgspecError."""
    return msgspec.msgpack.decode(data, type=Came)


def _came(job: Job) -> Came:
    if job.root not in sys.path:
        sys.path.append(job.root)
    try:
        importlib.import_module(job.module)
    except Exception as error:  # noqa: BLE001 - whatever the operator's module raises
        return Came(names=names_of(error), error=f"the engine cannot import {job.module}: {error}")
    kept = _Kept(job.claim.checkpoint)
    came = call(job.claim.kind, Task(job.claim, kept), job.params)
    return msgspec.structs.replace(came, checkpoint=kept.checkpoint)
