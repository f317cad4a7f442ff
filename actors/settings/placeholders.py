"""What a workload's texts may say of an instance: ${GYROSTAT_INSTANCE} and ${GYROSTAT_PORT}. Pure."""

from collections.abc import Mapping
from typing import Final

INSTANCE: Final = "GYROSTAT_INSTANCE"
PORT: Final = "GYROSTAT_PORT"


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with the placeholders replaced that have a value; the rest is left as it is."""
    for name in (INSTANCE, PORT):
        if name in values:
            text = text.replace(f"${{{name}}}", values[name])
    return text


def well_formed(text: str) -> str:
    """The text with a number in the place of each placeholder, to see whether it is an address."""
    return filled(text, {INSTANCE: "1", PORT: "1"})


def needs_port(text: str) -> bool:
    """Tell whether the text names the port of an instance."""
    return f"${{{PORT}}}" in text
