"""When a look is not to be believed: a source that is half there looks like one where much is missing. Pure."""

from __future__ import annotations

from typing import Final

import msgspec

from actors.settings.datasets import DatasetSettings

FEW: Final = 10
"""So many keys may always be gone: with few keys, a share says little."""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Keys of the last look that was believed, and of this one. vanished: of those that were there, now gone."""

    had: int
    vanished: int
    should_before: int
    should: int


def doubt(counts: Counts, settings: DatasetSettings) -> str:
    """Why the look is not believed; empty when it is."""
    if counts.vanished > max(FEW, settings.shrink_max * counts.had):
        return f"{counts.vanished:,} of {counts.had:,} keys are gone at once, more than {settings.shrink_max:.0%}"
    shrunk = counts.should_before - counts.should
    if shrunk > max(FEW, settings.shrink_max * counts.should_before):
        return (
            f"{counts.should:,} keys are expected, where {counts.should_before:,} were:"
            f" {settings.shrink_max:.0%} fewer at most"
        )
    return ""
