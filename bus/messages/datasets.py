"""Messages of the Reconciler on data sets: what should be there against what is there."""

from __future__ import annotations

from typing import Literal

import msgspec

from bus.message import Command, Fact, Reply

DatasetState = Literal[
    "new",  # not looked at yet
    "converged",  # all is there that should be
    "gaps",  # something is not
    "doubted",  # so much is gone that the source is not believed
    "unreadable",  # the last look failed; what is there is not known
    "standby",  # another node looks at it
]


class GapsFound(Fact, frozen=True, kw_only=True):
    """A look at a data set showed gaps, and others than the look before. subject: the data set.

    should, have: keys. counts: gaps by kind (missing, corrupt, truncated, stale, unexpected). index: the plan's.
    """

    kind = "dataset.gaps_found"
    should: int
    have: int
    counts: dict[str, int]
    index: str


class LookFailed(Fact, frozen=True, kw_only=True):
    """A data set could not be looked at. Nothing is concluded from that. subject: the data set."""

    kind = "dataset.look_failed"
    why: str


class LookDoubted(Fact, frozen=True, kw_only=True):
    """A look is not believed: so much is gone that the source itself may be half there. subject: the data set."""

    kind = "dataset.look_doubted"
    why: str


class GapFilled(Fact, frozen=True, kw_only=True):
    """A key is seen to be as it should be, after a task for it. gap: what it was. attempts: tasks that it took."""

    kind = "dataset.gap_filled"
    key: str
    gap: str
    attempts: int


class GapUnfillable(Fact, frozen=True, kw_only=True):
    """A key is still not as it should be after as many tasks as are allowed. why: of the last one."""

    kind = "dataset.gap_unfillable"
    key: str
    gap: str
    attempts: int
    why: str


class DatasetConverged(Fact, frozen=True, kw_only=True):
    """A look shows that all is there which should be and can be. subject: the data set.

    checked: keys expected. filled: gaps closed since it last was so. unfillable: keys that were given up.
    """

    kind = "dataset.converged"
    checked: int
    filled: int
    unfillable: int


class DatasetRow(msgspec.Struct, frozen=True, kw_only=True):
    """One data set as it is known. counts: gaps by kind at the last look, less those closed since.

    in_flight: tasks that have not ended. waiting: keys that are tried again later. looked_s: seconds since the last
    look that was believed, None before the first. index: the plan's, as `gyrostat reconcile plan` shows it. why: of its
    state, or of waiting.
    """

    name: str
    state: DatasetState
    paused: bool
    looking: bool
    should: int
    have: int
    counts: dict[str, int]
    in_flight: int
    waiting: int
    unfillable: int
    filled: int
    looked_s: float | None
    index: str
    why: str = ""


class DatasetTable(Reply, frozen=True, kw_only=True):
    """Data sets in the order of the config."""

    datasets: list[DatasetRow]


class ListDatasets(Command, frozen=True, kw_only=True):
    """How the data sets are; all of them when none is named."""

    target = "reconciler"
    verb = "list_datasets"
    reply = DatasetTable
    names: list[str] = []


class RunDatasets(Command, frozen=True, kw_only=True):
    """Look at data sets now, and fill what is missing; answered when they have been looked at.

    index: of the plan that was agreed on; with it nothing is begun when the look shows something else. believe: take
    what the look shows for true, however much is gone. again: try the unfillable keys afresh.
    """

    target = "reconciler"
    verb = "run_datasets"
    reply = DatasetTable
    names: list[str] = []
    index: str = ""
    believe: bool = False
    again: bool = False


class PauseDatasets(Command, frozen=True, kw_only=True):
    """Make no more tasks for data sets, also after a restart of the node; they are still looked at."""

    target = "reconciler"
    verb = "pause_datasets"
    reply = DatasetTable
    names: list[str] = []


class ResumeDatasets(Command, frozen=True, kw_only=True):
    """Make tasks again."""

    target = "reconciler"
    verb = "resume_datasets"
    reply = DatasetTable
    names: list[str] = []


class KeyStory(Reply, frozen=True, kw_only=True):
    """All that is known of a key. lines: in words, one thing each."""

    dataset: str
    key: str
    lines: list[str]


class ExplainKey(Command, frozen=True, kw_only=True):
    """Why a key of a data set is as it is, and what is next. dataset: empty when one data set only knows the key."""

    target = "reconciler"
    verb = "explain_key"
    reply = KeyStory
    key: str
    dataset: str = ""
