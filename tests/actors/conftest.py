"""Houses for tests of the actor base."""

import pytest

from actors.clock import ManualClock
from tests.harness import House


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    yield house
    house.stop()


@pytest.fixture
def manual_house(tmp_path):
    house = House(tmp_path, clock=ManualClock())
    yield house
    house.stop()
