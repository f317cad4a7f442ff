"""What an operator says about one data set: what should be there, where to look, and what fills a gap. Types only."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from actors.settings.dimensions import Dimension
from actors.settings.markers import Command, Environment
from actors.settings.schedules import Window, cron_fields
from actors.settings.tasks import TaskPriority
from actors.settings.units import Bytes, Seconds, Share

GapKind = Literal["missing", "stale", "truncated", "corrupt", "unexpected"]
SOURCES: Final = ("files", "sql", "http", "command", "s3", "s3_inventory", "plugin")


class FilesSource(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The files beneath a directory; a key is the path from there, with /."""

    root: str
    """Directory, relative to the config file. One that is not there is a fault of the source, not an empty one."""

    suffix: str = ""
    """Only files whose name ends so."""

    ignore: list[str] = msgspec.field(default_factory=lambda: [".*", "*.tmp", "*.part"])
    """Names of files and directories that are passed over, as shell patterns: what is still being written."""

    checksum: Literal["md5", "sha256"] | None = None
    """Read every file that is new or changed, and keep its checksum. null: no checksums."""


class SqlSource(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rows of a query; columns by name: key, and any of size, time, sum, records."""

    database: str
    """An SQLite file, relative to the config file, or postgresql://USER@HOST/NAME."""

    query: str
    """Its column time is in seconds since 1970, or a date with its zone; size in bytes."""

    since: str | None = None
    """Column of the query that is greater for every row that is added or changed. Between two whole looks only rows
    from the greatest one on are asked for. null: every look is whole."""

    whole_every: Seconds = Seconds(86_400)
    """For since: seconds after which a look is whole again, as rows that were deleted are not seen otherwise."""

    def __post_init__(self) -> None:
        """Refuse what is no name of a column.

        Raises: ValueError.
        """
        if self.since is not None and not self.since.isidentifier():
            raise ValueError(f'since: "{self.since}" is no name; allowed: the name of a column of the query')


class HttpSource(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON listing: a list of objects or of texts."""

    url: str
    """Where it is; http or https."""

    items: str = ""
    """Dotted path to the list in the answer. Empty: the answer is the list."""

    key: str = "key"
    """Field with the key; for a list of texts it is not needed."""

    size: str | None = None
    """Field with the size in bytes."""

    time: str | None = None
    """Field with the time of the last change: seconds since 1970, or a date with its zone."""

    sum: str | None = None
    """Field with the checksum."""

    next: str | None = None
    """Dotted path to the URL of the next page; the last page has none."""

    headers: Environment = msgspec.field(default_factory=dict)
    """Header -> value that is sent."""


class CommandSource(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a program prints: a line for each key, then after tabs its size, time and checksum as far as known."""

    command: Command
    """Program and arguments; has to end with code 0, or nothing of what it said counts."""

    cwd: str = "."
    """Directory it runs in, relative to the config file."""


class S3Source(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The objects of a bucket, listed; a key is the object's, without the prefix. Credentials: AWS_* variables."""

    bucket: str
    """Name of the bucket."""

    prefix: str = ""
    """Only objects whose key begins so; up to a slash."""

    endpoint: str | None = None
    """URL of a server other than AWS."""

    region: str = "us-east-1"
    """Region of the bucket."""

    ascending: bool = False
    """New objects come after all others, as with keys that begin with a date. Between two whole looks only what comes
    from the first gap on is listed."""

    whole_every: Seconds = Seconds(86_400)
    """For ascending: seconds after which a look is whole again, as what is changed before the first gap is not seen."""


class S3InventorySource(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An S3 Inventory report (manifest.json with CSV.gz or Parquet); it counts as of its start."""

    manifest: str
    """Path of manifest.json; relative to the config file, or a key of `store`."""

    prefix: str = ""
    """Only objects whose key begins so; it is taken off."""

    store: S3Source | None = None
    """The bucket that the report lies in. null: the manifest is a file, and its data files lie beside it."""


class PluginSource(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A function of the operator's own: gives keys, or rows (key, size, time_s, sum) as far as known."""

    use: str
    """Import path, module:function; the module may lie beside the config file."""

    options: Environment = msgspec.field(default_factory=dict)
    """Given to it as keyword arguments."""


class Source(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where is looked. Exactly one."""

    files: FilesSource | None = None
    """A directory."""

    sql: SqlSource | None = None
    """A query."""

    http: HttpSource | None = None
    """A JSON listing."""

    command: CommandSource | None = None
    """A program."""

    s3: S3Source | None = None
    """A bucket."""

    s3_inventory: S3InventorySource | None = None
    """A bucket's report."""

    plugin: PluginSource | None = None
    """A function."""

    def __post_init__(self) -> None:
        """Refuse none or several.

        Raises: ValueError.
        """
        if sum(getattr(self, name) is not None for name in SOURCES) != 1:
            raise ValueError(f"exactly one of {', '.join(SOURCES)} is needed")

    @property
    def whole_every(self) -> float:
        """Seconds after which a look is whole again; 0 for those that are always."""
        return float(getattr(getattr(self, self.kind), "whole_every", 0.0))

    @property
    def kind(self) -> str:
        """Which it is."""
        return next(name for name in SOURCES if getattr(self, name) is not None)


class Checks(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What has to be true of what is there."""

    size_min: Bytes | None = None
    """Bytes. Less counts as truncated."""

    records_min: int | None = None
    """Lines of data, or elements; fewer count as truncated. Needs columns, or a query that gives records."""

    fresh_within: Seconds | None = None
    """Seconds. What was changed longer ago counts as stale."""

    columns: list[str] | None = None
    """Files only. CSV: the first line has to name these, the last has to be whole. JSON (by the suffix .json): these
    keys have to be in the object, or in every object of the list. Else it counts as corrupt."""


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which gaps have a priority of their own. All that is said has to fit."""

    kinds: list[GapKind] = msgspec.field(default_factory=list)
    """Of these kinds. Empty: any."""

    newer_than: Seconds | None = None
    """Seconds. Whose date, in the first hole that is one, is at most so old. null: any."""

    priority: TaskPriority
    """The priority they have."""


class Fill(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What closes a gap."""

    task: str
    """The kind of task."""

    params: Environment = msgspec.field(default_factory=dict)
    """Parameter -> text with holes of the pattern, and {key}."""

    when: Literal["always", "asked"] = "always"
    """always: gaps are filled as they are found. asked: only by `gyrostat reconcile run`, until all are closed."""

    kinds: list[GapKind] = msgspec.field(default_factory=lambda: ["missing", "stale", "truncated", "corrupt"])
    """Kinds of gap that it closes; the rest is told only. Nothing is ever deleted: unexpected is not allowed here."""

    priority: TaskPriority = "medium"
    """Priority of the tasks."""

    rules: list[Rule] = msgspec.field(default_factory=list)
    """The first one that fits counts."""

    order: Literal["newest", "oldest", "key"] = "newest"
    """Within a priority: by date, or by key; without a date by key."""

    in_flight_max: Annotated[int, Meta(ge=1, le=10_000)] = 8
    """Tasks of this data set at the same time."""

    threshold: Annotated[int, Meta(ge=1)] = 1
    """Gaps from which on tasks are made."""

    attempts_max: Annotated[int, Meta(ge=1)] = 5
    """Tasks for one key after which it counts as unfillable; it is then told, and does not hold up the others."""

    backoff_first: Seconds = Seconds(10)
    """Seconds before a key is tried again; doubles each time."""

    backoff_max: Seconds = Seconds(3600)
    """Seconds. The longest such wait."""

    def __post_init__(self) -> None:
        """Refuse what would delete, or wait for nothing.

        Raises: ValueError.
        """
        if "unexpected" in self.kinds:
            raise ValueError('kinds: "unexpected" cannot be filled; allowed: missing, stale, truncated, corrupt')
        if not 0 < self.backoff_first <= self.backoff_max:
            raise ValueError("backoff_first: has to be more than 0s, and at most backoff_max")


class DatasetSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One data set. Exactly one of keys and like."""

    keys: str | None = None
    """Pattern of the keys that should be there: text with {name} or {name:%Y-%m-%d}; {{ and }} for braces."""

    over: dict[str, Dimension] = {}
    """Name of each hole of keys -> its values. Every combination is expected."""

    like: str | None = None
    """Another data set that this one has to be a copy of: the same keys, of the same size and checksum."""

    have: Source
    """Where is looked."""

    checks: Checks = msgspec.field(default_factory=Checks)
    """What has to be true of what is there."""

    fill: Fill | None = None
    """What closes a gap. null: gaps are told only."""

    every: Seconds | None = None
    """Seconds between two looks when nothing happens. null: by priority, as actors.reconciler.every says."""

    cron: str | None = None
    """Instead of every: times of the looks, in cron's five fields or a shorthand."""

    timezone: str | None = None
    """Zone of cron. null: that of the machine."""

    windows: list[Window] = msgspec.field(default_factory=list)
    """Tasks are made in these only. Empty: always."""

    shrink_max: Share = Share(0.2)
    """Share of what was there that may be gone at the next look. More, and the source is taken to be half there:
    nothing is concluded until a person says so."""

    keys_max: Annotated[int, Meta(ge=1)] = 20_000_000
    """Keys that may be expected; a pattern that makes more is a slip. A look at so many takes about half a minute."""

    unexpected_after: Seconds = Seconds(86_400)
    """Seconds since its last change from which on a key that is not expected is told."""

    look_within: Seconds = Seconds(900)
    """Seconds that a look may take."""

    def __post_init__(self) -> None:
        """Refuse what says nothing of what should be there, or twice.

        Raises: ValueError.
        """
        if (self.keys is None) == (self.like is None):
            raise ValueError("exactly one of keys and like is needed")
        if (self.every is not None and self.every < 1) or self.look_within < 1:
            raise ValueError("every and look_within: have to be at least 1s")
        if self.cron is not None:
            try:
                cron_fields(self.cron)
            except ValueError as error:
                raise ValueError(f"cron: {error}") from None
        if self.cron is not None and self.every is not None:
            raise ValueError("every: goes without cron; allowed: one of them")
        if self.timezone is not None and self.cron is None:
            raise ValueError("timezone: goes with cron")
        if self.checks.columns is not None and self.have.files is None:
            raise ValueError("checks: columns can be looked at in files only")
        if self.like is not None and self.over:
            raise ValueError("over: goes with keys")
