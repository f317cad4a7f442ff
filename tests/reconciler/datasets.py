"""A queue of tasks that runs its tasks in threads, and what tests of data sets share."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from actors.reconciler.actor import Reconciler
from actors.reconciler.settings import ReconcilerSettings
from actors.settings import Bytes, DatasetSettings, Seconds
from actors.settings.datasets import Checks, FilesSource, Fill, Source
from actors.settings.dimensions import Dates, Dimension
from bus.errors import CommandError
from bus.hub import Request
from bus.message import Command, Done
from bus.messages import AddTasks, CancelTasks, ListTasks, TaskEnded, TaskList, TaskRow, TasksAdded, TaskSpec
from tests.harness import House

WHOLE = "date,price\n2024-01-01,1\n"


def prices(**differs: Any) -> DatasetSettings:
    """Ten days of ten symbols, as files beneath `data`."""
    said: dict[str, Any] = {
        "keys": "{day}/{symbol}.csv",
        "over": {
            "day": Dimension(dates=Dates(first="2024-01-01", to="2024-01-10")),
            "symbol": Dimension(values=[f"s{number}" for number in range(10)]),
        },
        "have": Source(files=FilesSource(root="data")),
        "checks": Checks(size_min=Bytes(len(WHOLE))),
        "fill": Fill(task="fetch", params={"file": "{key}"}, backoff_first=Seconds(0.05), backoff_max=Seconds(0.1)),
    }
    return DatasetSettings(**{**said, **differs})


def put(root: Path, key: str, text: str = WHOLE) -> None:
    path = root / "data" / key
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_text(text)
    part.replace(path)


def every_key() -> list[str]:
    return [f"2024-01-{day:02}/s{number}.csv" for day in range(1, 11) for number in range(10)]


class Queue:
    """Answers as the Executor does. work: does a task, and gives its error, empty when it is done.

    held: keys of tasks that do not end until the test ends them.
    """

    def __init__(self, house: House, work: Callable[[TaskSpec], str]) -> None:
        self._house = house
        self._work = work
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self.open: dict[int, TaskSpec] = {}
        self.added: list[TaskSpec] = []
        self.cancelled: list[int] = []
        self.most = 0
        self.held: set[str] = set()
        self.quiet: set[str] = set()
        """Keys of tasks whose end is not told."""
        self.refusal: CommandError | None = None
        commands: tuple[type[Command], ...] = (AddTasks, CancelTasks, ListTasks)
        house.bus.serve("executor", {command.verb: command for command in commands}, self._deliver)

    def _deliver(self, request: Request) -> None:
        command = request.envelope.data
        assert msgspec.msgpack.encode(command), "every command can go on the wire"
        match command:
            case AddTasks(tasks=tasks):
                request.answer(self.refusal or self._add(tasks))
            case CancelTasks(tasks=numbers):
                self.cancelled += numbers
                request.answer(Done())
                for number in numbers:
                    self.end(number, "cancelled")
            case ListTasks(tag=tag):
                with self._lock:
                    found = [self._row(number, one) for number, one in self.open.items() if tag in one.tags]
                request.answer(TaskList(tasks=found))

    def _add(self, tasks: list[TaskSpec]) -> TasksAdded:
        numbers = []
        with self._lock:
            for spec in tasks:
                known = next((number for number, one in self.open.items() if one.key == spec.key), None)
                number = known if known is not None else next(self._numbers)
                if known is None:
                    self.added.append(spec)
                    self.open[number] = spec
                    threading.Thread(target=self._do, args=(number, spec)).start()
                numbers.append(number)
            self.most = max(self.most, len(self.open))
        return TasksAdded(tasks=numbers, fresh=len(numbers))

    def _do(self, number: int, spec: TaskSpec) -> None:
        if spec.key in self.held:
            return
        error = self._work(spec)
        self.end(number, "dead" if error else "done", error)

    def end(self, number: int, outcome: Any, error: str = "") -> None:
        with self._lock:
            spec = self.open.pop(number, None)
        if spec is not None and spec.key not in self.quiet:
            fact = TaskEnded(subject=spec.kind, task=number, outcome=outcome, key=spec.key, tags=spec.tags, error=error)
            self._house.publish(fact, source="executor")

    def _row(self, number: int, spec: TaskSpec) -> TaskRow:
        return TaskRow(
            task=number,
            kind=spec.kind,
            state="running",
            priority=str(spec.priority),
            key=spec.key,
            tags=spec.tags,
            added=0.0,
            due=None,
            started=None,
            ended=None,
            attempt=1,
            failures=0,
            run_s=0.0,
            worker=None,
            progress=None,
            note="",
            error="",
        )


def begin(house: House, root: Path, **datasets: DatasetSettings) -> None:
    """Start a Reconciler with these data sets."""
    house.view = msgspec.structs.replace(house.view, root=root, datasets=datasets)
    house.start(Reconciler, ReconcilerSettings(first_after=Seconds(0)), workloads={})


# --- reports of S3 Inventory

STAMP = 1_704_067_200.0
COLUMNS = "Bucket, Key, Size, LastModifiedDate, ETag, IsLatest, IsDeleteMarker"


def md5(raw: bytes) -> str:
    return hashlib.md5(raw).hexdigest()


def csv_gz(lines: list[str]) -> bytes:
    return gzip.compress("".join(f"{line}\n" for line in lines).encode())


def write_report(folder: Path, data: bytes, name: str = "data.csv.gz", **differs: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    manifest = {
        "sourceBucket": "prices",
        "fileFormat": "CSV",
        "fileSchema": COLUMNS,
        "creationTimestamp": str(int(STAMP * 1000)),
        "files": [{"key": f"{folder.name}/{name}", "size": len(data), "MD5checksum": md5(data)}],
    }
    (folder / name).write_bytes(data)
    (folder / "manifest.json").write_text(json.dumps({**manifest, **differs}))
