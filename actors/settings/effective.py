"""Every key in effect with where its value comes from. Pure."""

from collections.abc import Iterator, Mapping

from actors.settings.node import Settings
from actors.settings.plain import to_plain
from bus.messages import ConfigRow, ConfigTable


def table_of(settings: Settings) -> ConfigTable:
    """One row a key, in the order of `config show`; secrets are shown as ***."""
    rows = [_row(settings, key, value) for key, value in _leaves("", to_plain(settings))]
    return ConfigTable(file=str(settings.path or ""), revision=settings.revision, rows=rows)


def _leaves(key: str, value: object) -> Iterator[tuple[str, object]]:
    if not isinstance(value, Mapping) or not value:
        yield key, value
        return
    for name, each in value.items():
        yield from _leaves(f"{key}.{name}" if key else str(name), each)


def _row(settings: Settings, key: str, value: object) -> ConfigRow:
    origin = settings.origins.get(key)
    if origin is None:
        return ConfigRow(key=key, value=value, origin="default")
    if origin.variable:
        return ConfigRow(key=key, value=value, origin="environment", where=origin.variable)
    if origin.file == "flags":
        return ConfigRow(key=key, value=value, origin="flags")
    return ConfigRow(key=key, value=value, origin="file", where=f"{origin.file}:{origin.line}")
