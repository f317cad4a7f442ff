"""Which format a file has, and its reader. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from actors.importing.circus import read_circus
from actors.importing.draft import Draft, Lent, Source, Unreadable
from actors.importing.pm2 import read_pm2
from actors.importing.process_compose import read_process_compose
from actors.importing.procfile import read_procfile
from actors.importing.supervisord import read_supervisord

READERS: Final[dict[str, Callable[[Source, Lent], Draft]]] = {
    "supervisord": read_supervisord,
    "procfile": read_procfile,
    "pm2": read_pm2,
    "circus": read_circus,
    "process-compose": read_process_compose,
}


def format_of(source: Source) -> str:
    """Tell the format by the name, else by what is in it.

    Raises: Unreadable.
    """
    name, text = source.file.lower(), source.text
    if name.endswith((".js", ".cjs", ".mjs", ".ts")):
        shown = "node -p 'JSON.stringify(require(\"./FILE\"))' > ecosystem.config.json"
        raise Unreadable(f"{source.file}: is a program, and is not run here; let Node write it as JSON: {shown}")
    if name.startswith("procfile"):
        return "procfile"
    if name.endswith(".json"):
        return "pm2"
    if name.endswith((".yaml", ".yml")):
        return "pm2" if "\napps:" in f"\n{text}" else "process-compose"
    if "[watcher:" in text or "[circus]" in text:
        return "circus"
    if "[program:" in text or "[supervisord]" in text or "[group:" in text:
        return "supervisord"
    raise Unreadable(f"{source.file}: is none of {', '.join(READERS)}; say which with --from")


def read(source: Source, lent: Lent, name: str | None = None) -> Draft:
    """Read a file. name: of the format; None: see format_of.

    Raises: Unreadable.
    """
    draft = READERS[name or format_of(source)](source, lent)
    if not draft.workloads:
        raise Unreadable(f"{source.file}: there is no program in it")
    draft.notes.sort(key=lambda note: (note.file != source.file, note.file, note.line))
    return draft
