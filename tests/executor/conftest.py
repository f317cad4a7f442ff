"""Both stores, real: a file of SQLite, and a server of PostgreSQL that the tests start."""

import contextlib
import time

import pytest

from actors.executor.database import StoreFailed
from actors.executor.opening import open_store
from actors.executor.reading import Reading
from tests.postgres import server  # noqa: F401


@pytest.fixture
def until():
    """Wait until a condition holds; gives what it gave."""

    def wait(true, timeout_s=20.0):
        end_s = time.monotonic() + timeout_s
        while not (found := true()):
            assert time.monotonic() < end_s, f"not within {timeout_s} s"
            time.sleep(0.005)
        return found

    return wait


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.needs("initdb"))])
def address(request, tmp_path):
    """Where an empty queue is to be, of either kind."""
    if request.param == "sqlite":
        return str(tmp_path / "queue.db")
    return request.getfixturevalue("server").new_queue()


@pytest.fixture
def opened(address):
    """Opens the queue; every call is a connection of its own. All are closed afterwards."""
    stores = []

    def make(**options):
        stores.append(open_store(address, **options))
        return stores[-1]

    yield make
    for store in stores:
        with contextlib.suppress(StoreFailed):
            store.close()


@pytest.fixture
def store(opened):
    return opened()


@pytest.fixture
def reading(store):
    return Reading(store.database)
