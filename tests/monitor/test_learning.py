"""What detectors learned, over the death of the actor."""

import random
from typing import Any, cast

from actors.clock import ManualClock
from actors.monitor.board import Board
from actors.monitor.learning import ROUND_S, Learning
from actors.monitor.settings import MonitorSettings
from actors.monitor.store import MonitorStore


class Hands:
    """A clock, and a log that keeps what it was given."""

    def __init__(self, clock):
        self.clock = clock
        self.said = []
        self.log = self

    def warning(self, event, **pairs):
        self.said.append((event, pairs))


class Life:
    """One life of the actor, as far as its detectors go."""

    def __init__(self, state_dir, workloads, clock, **settings):
        self.store = MonitorStore(state_dir)
        self.hands = Hands(clock)
        self.board = Board("alpha", MonitorSettings(**settings), 8e9, clock())
        self.board.refit(workloads, self.board.settings, clock())
        self.learning = Learning(cast("Any", self.hands), self.board, self.store)
        self.board.set_limits(clock())

    def read(self, seed, count):
        chance = random.Random(seed)
        clock, subject = self.hands.clock, self.board.host
        for _ in range(count):
            clock.advance(10.0)
            subject.read({"load1": chance.gauss(2.0, 0.2)}, clock(), 10.0)


def test_a_detector_goes_on_where_the_last_life_saved_it(tmp_path, workload):
    clock = ManualClock()
    first = Life(tmp_path, {"web": workload()}, clock)
    first.read(1, 500)
    first.learning.look()
    first.store.close()
    second = Life(tmp_path, {"web": workload()}, clock)
    second.read(2, 1)
    assert second.board.host.detectors._anomalies["load1"]._at.points == 501
    assert second.board.detecting.left == second.board.detecting.most - 1
    second.store.close()


def test_a_round_is_begun_no_sooner_than_it_is_time(tmp_path, workload):
    clock = ManualClock()
    life = Life(tmp_path, {}, clock)
    life.read(1, 3)
    life.learning.look()
    assert life.store.detectors(0.0) == []
    clock.advance(ROUND_S)
    life.learning.look()
    assert len(life.store.detectors(0.0)) == 1
    life.store.close()


def test_what_is_gone_from_the_config_is_forgotten_and_a_broken_state_is_told(tmp_path, workload):
    clock = ManualClock()
    store = MonitorStore(tmp_path)
    rows = [("workload", "old", "cpu", "anomaly", b"x"), ("host", "host", "cpu", "drift", b"nonsense")]
    store.put_detectors([(*row, clock.wall()) for row in rows])
    store.close()
    life = Life(tmp_path, {"web": workload()}, clock)
    assert [event for event, _ in life.hands.said] == ["detector.unread"]
    assert [row[1] for row in life.store.detectors(0.0)] == ["host"]
    life.store.close()


def test_that_there_is_no_room_for_more_detectors_is_told_once(tmp_path, workload):
    clock = ManualClock()
    life = Life(tmp_path, {}, clock, detectors_max=0)
    life.read(1, 3)
    life.learning.look()
    life.learning.look()
    assert [event for event, _ in life.hands.said] == ["detectors.full"]
    life.store.close()
