"""Copies of what a workload was well with: its configuration files, and its variables."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Final

import msgspec

from actors.healer.repair import RepairFailed
from actors.healer.repairs.paths import inside, replace_with
from actors.kept import GoodFile, GoodVariables, index_path, read_index
from actors.settings import Workload

LIVED_WITH_S: Final = 60.0
"""Seconds for which a workload has to be well with a file that was changed while it ran, so that the change is no
suspect when it fails later."""


class LastGood:
    """What is kept of one workload, in a directory that only its owner can read. Not for two threads at once."""

    def __init__(self, keep: Path) -> None:
        self._path = index_path(keep)
        self._folder = self._path.parent
        try:
            self.index = read_index(keep)
        except msgspec.DecodeError as error:
            raise RepairFailed(f"{self._path} cannot be read: {error}") from error

    def take(self, workload: Workload, started_s: float, wall_s: float) -> None:
        """The workload is well: keep what it was started with, note what came later.

        started_s, wall_s: Unix seconds of its start and of now. Raises OSError.
        """
        before = msgspec.json.encode(self.index)
        for name in workload.spec.config_files:
            path = inside(workload.cwd, name)
            if path.is_file():
                self._take_file(name, path, started_s, wall_s)
        if workload.spec.env_last_good:
            self._take_variables(workload, started_s)
        if msgspec.json.encode(self.index) != before:
            self._save()

    def _take_file(self, name: str, path: Path, started_s: float, wall_s: float) -> None:
        digest = digest_of(path)
        good = self.index.files.setdefault(name, GoodFile())
        if digest == good.digest:
            good.lived_with = {}
        elif path.stat().st_mtime <= started_s:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.copy2(path, self._copy(digest))
            self._copy(digest).chmod(0o600)
            former, good.digest, good.lived_with = good.digest, digest, {}
            if former and all(other.digest != former for other in self.index.files.values()):
                self._copy(former).unlink(missing_ok=True)
        else:
            good.lived_with = {digest: good.lived_with.get(digest, wall_s)}

    def _take_variables(self, workload: Workload, started_s: float) -> None:
        files = [path for name in workload.spec.env_files if (path := workload.cwd / name.lstrip("-")).is_file()]
        if all(path.stat().st_mtime <= started_s for path in files):
            texts = {str(path): path.read_text(errors="surrogateescape") for path in files}
            self.index.variables = GoodVariables(dict(workload.spec.env), texts)

    def changed(self, workload: Workload, wall_s: float) -> dict[str, str]:
        """Files that are not what a start was last well with, and that it was not well with for long since.

        Name -> digest of the good content.
        """
        found = {}
        for name in workload.spec.config_files:
            good, path = self.index.files.get(name), inside(workload.cwd, name)
            if good is None or not good.digest or not self._copy(good.digest).is_file():
                continue
            digest = digest_of(path) if path.is_file() else ""
            since_s = good.lived_with.get(digest, wall_s)
            if digest != good.digest and wall_s - since_s < LIVED_WITH_S:
                found[name] = good.digest
        return found

    def put(self, digest: str, path: Path) -> None:
        """Put a good content in the place of a file. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_with(path, self._copy(digest))

    def _copy(self, digest: str) -> Path:
        return self._folder / digest

    def _save(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = self._path.with_suffix(".new")
        beside.write_bytes(msgspec.json.encode(self.index))
        beside.chmod(0o600)
        beside.replace(self._path)


def digest_of(path: Path) -> str:
    """A name for a content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:24]


def keep_good(keep: Path, workload: Workload, started_s: float, wall_s: float) -> str:
    """Keep what a workload that is well was started with; gives why it could not be kept, or nothing."""
    try:
        LastGood(keep).take(workload, started_s, wall_s)
    except (OSError, RepairFailed) as error:
        return str(error)
    return ""
