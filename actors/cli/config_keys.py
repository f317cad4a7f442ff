"""The keys of the config as the installed and built-in actors have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.loading import settings_types
from actors.settings.catalog import Key, keys_of
from actors.settings.fielddocs import field_docs
from actors.settings.schema import Schema, config_schema

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA_NAME = "config.schema.json"
"""The schema beside the documentation."""


def schema_of_roster(root: Path | None = None) -> Schema:
    """The JSON Schema of the config. root: directory of a config, beside which plug-ins may lie."""
    return config_schema(settings_types(root), field_docs)


def keys_of_roster(*, once: bool = False) -> list[Key]:
    """Every key. once: what is beneath a type only where it comes up first."""
    return list(keys_of(schema_of_roster(), once=once))


def written(value: Any) -> str:
    """A value as it is written in the config, on one line."""
    import yaml

    if isinstance(value, str) and value and value.replace("_", "").replace("-", "").isalpha():
        return value if value not in {"true", "false", "null", "yes", "no", "on", "off"} else f'"{value}"'
    return (
        yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000).removesuffix("\n...\n").strip()
    )
