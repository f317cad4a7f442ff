"""What an operator says about the queue and its workers. Types only; pure."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from actors.settings import Resources, Seconds

POSTGRES = ("postgresql://", "postgres://")


class ExecutorSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the tasks are kept, and by how many they are done."""

    database: str | None = None
    """postgresql://USER@HOST/NAME for a queue that many nodes share. None: a file of SQLite in the state directory."""

    durability: Literal["full", "normal"] = "full"
    """Of the file. full: a task that was taken on survives a power loss. normal: it survives the death of every
    process, which is several times as quick on a slow disk."""

    workers: Annotated[int, Meta(ge=0, le=256)] = 2
    """Worker processes, each with one task at a time; as many as a small machine has processors. None is started while
    the config has no kinds of tasks. 0: this node only takes tasks on."""

    offers: Resources | None = None
    """What this node has for tasks that say what they need. None: its processors and its memory, and no graphics
    card."""

    stop_within: Seconds = Seconds(5)
    """Seconds that a task in hand may go on when the node stops; then it is ended, and run again from its
    checkpoint."""

    ageing: Annotated[Seconds, Meta(gt=0)] = Seconds(600)
    """Seconds of waiting that count as much as one priority, so that none waits for ever; a critical one always
    goes first."""

    lease: Annotated[Seconds, Meta(ge=1)] = Seconds(2)
    """Seconds without a sign of a worker on another machine after which its task is run again."""

    deaths_max: Annotated[int, Meta(ge=1)] = 5
    """Workers that may die over one task, without a checkpoint in between, before it is given up as what kills them."""

    keep_done: Annotated[int, Meta(ge=1)] = 100_000
    """Done tasks that are kept to look at, the newest."""

    keep_failed: Annotated[int, Meta(ge=1)] = 10_000
    """Tasks that ended otherwise and are kept, the newest; dead ones can be retried as long as they are."""

    look_every: Annotated[Seconds, Meta(gt=0)] = Seconds(1)
    """Seconds between two looks for ends, late tasks and dead workers, should the workers' own word be lost."""

    def __post_init__(self) -> None:
        """Refuse what is no address of a database.

        Raises: ValueError.
        """
        if self.database is not None and not self.database.startswith(POSTGRES):
            raise ValueError(f'database: "{self.database}" is not known; allowed: postgresql://USER@HOST/NAME, or null')
