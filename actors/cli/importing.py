"""`gyrostat import`: the config of another supervisor as ours."""

from __future__ import annotations

import contextlib
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from actors.cli.exits import FAILED, OK, USAGE, Failed, complain, count
from actors.cli.options import command, json_option
from actors.cli.place import Place

if TYPE_CHECKING:
    from actors.importing.draft import Source

FORMATS: Final = ("supervisord", "procfile", "pm2", "circus", "process-compose")
_BYTES_MAX: Final = 4_000_000


@click.argument("file", type=click.Path(path_type=Path))
@click.option("--from", "kind", type=click.Choice(FORMATS), help="Its format. Default: by its name and text.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="Where to write; - for stdout. Default: gyrostat.yaml beside FILE.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@json_option
def _import(place: Place, *, file: Path, kind: str | None, out: Path | None, force: bool, as_json: bool) -> int:
    """Write the config of another supervisor as ours, and list what has no equal here.

    Reads supervisord.conf, Procfile, PM2's ecosystem.config.json (or .yaml), circus.ini and process-compose.yaml. Each
    line of the list names the line of FILE, and what to do instead. Nothing is started, and FILE is not changed.
    """
    del place
    from actors.cli.paint import put, put_json
    from actors.importing.draft import Lent, Source, Unreadable
    from actors.importing.formats import read
    from actors.importing.write import to_yaml

    try:
        with file.open("rb") as stream:
            raw = stream.read(_BYTES_MAX + 1)
        if len(raw) > _BYTES_MAX:
            raise Failed(f"{file}: has more than {_BYTES_MAX:,} bytes, and is no config of a supervisor", code=USAGE)
        source = Source(file.name, raw.decode())
        lent = Lent(
            files=lambda pattern: _files(file.parent, pattern),
            exists=lambda name: (file.parent / name).exists(),
            environ=os.environ,
            folder=str(file.parent.absolute()),
            host=platform.node(),
        )
        draft = read(source, lent, kind)
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"{file}: {getattr(error, 'strerror', None) or 'is no UTF-8 text'}", code=USAGE) from None
    except Unreadable as error:
        raise Failed(str(error), code=USAGE) from None
    text = to_yaml(draft, file.name)
    target = out or file.parent / "gyrostat.yaml"
    if as_json:
        put_json({"workloads": draft.workloads, "notes": draft.notes, "yaml": text})
        return OK
    to_stdout = str(out) == "-"
    if to_stdout:
        put(text.rstrip("\n"))
    else:
        _write(target, text, force=force)
    complain(*map(str, draft.notes))
    number = len(draft.workloads)
    if to_stdout:
        return OK
    put(f"{target}: {count(number, 'workload')}; {count(len(draft.notes), 'line')} of {file.name} without an equal")
    return _check(target)


def _files(folder: Path, pattern: str) -> list[Source]:
    """The files of a pattern, from the folder of the file that includes them."""
    from actors.importing.draft import Source

    root, rest = (Path("/"), pattern.lstrip("/")) if pattern.startswith("/") else (folder, pattern)
    found: list[Source] = []
    with contextlib.suppress(OSError, ValueError, UnicodeDecodeError):
        found = [Source(str(one), one.read_text("utf-8")) for one in sorted(root.glob(rest)) if one.is_file()]
    return found


def _write(target: Path, text: str, *, force: bool) -> None:
    try:
        with target.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Failed(f"{target} is there already; --force writes over it, -o FILE elsewhere") from None
    except OSError as error:
        raise Failed(f"{target}: {error.strerror}") from None


def _check(target: Path) -> int:
    """See that it can be started as it stands; what this machine lacks is told as config check tells it."""
    from actors.loading import load_settings
    from actors.settings import ConfigError

    try:
        load_settings(target, os.environ)
    except ConfigError as error:
        complain(*map(str, error.faults), f"{count(len(error.faults), 'fault')} to put right before it is started")
        return FAILED
    return OK


globals()["import"] = command(
    "import supervisord.conf", "import Procfile -o gyrostat.yaml", "import circus.ini -o -", name="import"
)(_import)
