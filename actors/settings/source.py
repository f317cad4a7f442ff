"""Finds and reads the config file: the one place of this package that opens a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from actors.settings.faults import ConfigError, Fault
from actors.settings.node import Origin
from actors.settings.overlay import with_environment, with_overrides
from actors.settings.scalars import what
from actors.settings.tree import Scalar, Table, Tree
from actors.settings.yaml12 import read_yaml

FILE_BYTES_MAX: Final = 4 * 1024 * 1024
"""Bytes. A thousand workloads take a tenth of it."""

NAMES: Final = ("gyrostat.yaml", "gyrostat.yml")
NO_FILE: Final = "defaults"
"""What stands for the file's name when there is none."""


def find_config(environ: Mapping[str, str], cwd: Path, given: str | Path | None) -> Path:
    """Give the file: the given one, else that of GYROSTAT_CONFIG, else gyrostat.yaml or gyrostat.yml in `cwd`.

    Raises: ConfigError when the file does not exist.
    """
    named, source = (given, "-c") if given else (environ.get("GYROSTAT_CONFIG"), "GYROSTAT_CONFIG")
    if named:
        path = Path(named)
        if not (cwd / path).is_file():
            problem = "is no file" if (cwd / path).exists() else "does not exist"
            raise ConfigError([Fault(str(path), 0, "", f"{problem} (named by {source})", "a config file")])
        return path
    for name in NAMES:
        if (cwd / name).is_file():
            return Path(name)
    fault = Fault(NAMES[0], 0, "", f"does not exist in {cwd}", "make one, or name another with -c FILE")
    raise ConfigError([fault])


def read_tree(
    path: Path | None,
    environ: Mapping[str, str],
    overrides: Mapping[str, str],
    faults: list[Fault],
    until: str | None = None,
) -> Table:
    """Read the file and lay the environment and the flags over it.

    until: the section after which the file is not read.

    Raises: ConfigError when the file cannot be read at all.
    """
    file = str(path) if path is not None else NO_FILE
    tree: Tree | None = None
    if path is not None:
        before = len(faults)
        text = read_text(path)
        tree = read_yaml(text, file, faults, until)
        if tree is None and len(faults) > before:
            raise ConfigError(faults)
    if tree is None or (isinstance(tree, Scalar) and tree.is_null()):
        tree = Table({}, Origin(file))
    if not isinstance(tree, Table):
        raise ConfigError([Fault(file, tree.origin.line, "", what(tree), "a mapping: node, mode, workloads, actors")])
    return with_overrides(with_environment(tree, environ, faults), overrides, faults)


def read_text(path: Path) -> str:
    """Read the file as UTF-8.

    Raises: ConfigError.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError([Fault(str(path), 0, "", f"cannot be read: {reason}")]) from None
    if len(raw) > FILE_BYTES_MAX:
        raise ConfigError([Fault(str(path), 0, "", "is too large", f"at most {FILE_BYTES_MAX} bytes")])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError([Fault(str(path), line, "", "is not UTF-8", "UTF-8")]) from None
