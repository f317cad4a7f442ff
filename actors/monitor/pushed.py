"""What was handed in for the metrics of one subject since somebody last asked. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable

from actors.monitor.statsd import Item


class Pushed:
    """The values of one subject. fresh: something came since the last take().

    A value that was set is given once. A count is given each time from then on: that nothing was added is known.
    """

    def __init__(self) -> None:
        self.fresh = False
        self._set: dict[str, float] = {}
        self._news: set[str] = set()
        self._total: dict[str, float] = {}
        self._times: dict[str, tuple[float, int]] = {}

    @property
    def counting(self) -> bool:
        """Whether there is something to give each time."""
        return bool(self._total)

    def add(self, items: Iterable[Item]) -> None:
        """Take items in, the newest last."""
        for item in items:
            self.fresh = True
            if item.kind == "add":
                total = self._total.get(item.name, 0.0) + item.value
                self._total[item.name] = total if math.isfinite(total) else item.value
            elif item.kind == "time":
                so_far, count = self._times.get(item.name, (0.0, 0))
                self._times[item.name] = (so_far + item.value, count + 1)
            else:
                before = self._set.get(item.name, 0.0) if item.kind == "shift" else 0.0
                self._set[item.name] = before + item.value
                self._news.add(item.name)

    def take(self) -> dict[str, float]:
        """Metric -> value, all finite."""
        self.fresh = False
        values = {name: self._set[name] for name in self._news}
        values |= {name: so_far / count for name, (so_far, count) in self._times.items()}
        values |= self._total
        self._news.clear()
        self._times.clear()
        return {name: value for name, value in values.items() if math.isfinite(value)}
