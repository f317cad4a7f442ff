"""Classes that the config names by import path."""

from __future__ import annotations

import importlib

OWN_NAMES = frozenset({"actors", "bus"})
"""Our top-level import names; a plug-in that has the same could never be imported beside them."""


def load_class(use: str) -> type:
    """The class at an import path `module:Class`.

    Raises ValueError with one line that says what is wrong with it.
    """
    module_name, _, attribute = use.partition(":")
    if not module_name or not attribute:
        msg = f'{use!r} is no import path; allowed: "package.module:ClassName"'
        raise ValueError(msg)
    if module_name.partition(".")[0] in OWN_NAMES:
        msg = f"the top-level name {module_name.partition('.')[0]!r} of {use!r} is gyrostat's own; rename the package"
        raise ValueError(msg)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        msg = f"cannot import {module_name!r}: {type(error).__name__}: {error}"
        raise ValueError(msg) from error
    kind = getattr(module, attribute, None)
    if not isinstance(kind, type):
        msg = f"{module_name!r} has no class {attribute!r}"
        raise ValueError(msg)  # noqa: TRY004 - a fault of the config, as the others are
    return kind
