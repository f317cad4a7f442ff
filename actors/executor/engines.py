"""Hands tasks to a cluster, or to any other concurrent.futures.Executor, and waits for what comes of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, wait
from typing import Any, Final

from actors.executor.remote import run_job
from actors.executor.watch import End
from actors.imports import load_class

DASK: Final = "dask://"
CONNECT_WITHIN_S: Final = 5
LOOK_S: Final = 0.05
"""Seconds between two looks whether a task has to end."""


class EngineFailed(Exception):
    """The engine cannot be had, or lost the task."""


class Engines:
    """Those of one worker, each opened when it is first needed and kept. Used by one thread."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[Executor, Callable[[], Any]]] = {}

    def run(self, address: str, job: bytes, ask: Callable[[], End | None]) -> bytes | None:
        """Run a job there. ask: whether it has to end; it is cancelled then, and None given. Raises: EngineFailed."""
        try:
            executor, _ = self._open.get(address) or self._opened(address)
            future = executor.submit(run_job, job)
            while not wait([future], LOOK_S).done:
                if ask() is not None:
                    future.cancel()
                    return None
            return bytes(future.result())
        except EngineFailed:
            raise
        except (Exception, CancelledError) as error:
            self._drop(address)
            raise EngineFailed(f"{address}: {type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Let go of all; what runs there is not waited for."""
        for address in list(self._open):
            self._drop(address)

    def _opened(self, address: str) -> tuple[Executor, Callable[[], Any]]:
        """Raises: EngineFailed; whatever the engine raises."""
        made = _dask(address) if address.startswith(DASK) else _by_path(address)
        self._open[address] = made
        return made

    def _drop(self, address: str) -> None:
        _, close = self._open.pop(address, (None, None))
        if close is not None:
            with contextlib.suppress(Exception):  # it is broken, or the node stops
                close()


def _dask(address: str) -> tuple[Executor, Callable[[], Any]]:
    """Raises: EngineFailed; OSError when nobody answers there."""
    try:
        from distributed import Client  # noqa: PLC0415 - an optional package, of half a second
    except ImportError:
        raise EngineFailed("Dask needs the package distributed: pip install 'gyrostat[dask]'") from None
    tcp = f"tcp://{address.removeprefix(DASK)}"
    client = Client(tcp, timeout=CONNECT_WITHIN_S, set_as_default=False)  # type: ignore[no-untyped-call]
    return client.get_executor(pure=False), client.close  # type: ignore[no-untyped-call]


def _by_path(path: str) -> tuple[Executor, Callable[[], Any]]:
    """Raises: EngineFailed."""
    try:
        executor = load_class(path)()
    except (ValueError, TypeError) as error:
        raise EngineFailed(str(error)) from None
    if not isinstance(executor, Executor):
        raise EngineFailed(f"{path} is no concurrent.futures.Executor")
    return executor, lambda: executor.shutdown(wait=False, cancel_futures=True)
