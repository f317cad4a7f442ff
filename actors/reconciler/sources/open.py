"""The source that a data set names."""

from __future__ import annotations

from collections.abc import Iterator

from actors.reconciler.batches import Batch
from actors.reconciler.sources.command import Command
from actors.reconciler.sources.common import Place, Source
from actors.reconciler.sources.files import Files
from actors.reconciler.sources.http import Http
from actors.reconciler.sources.plugin import Plugin
from actors.reconciler.sources.s3 import S3
from actors.reconciler.sources.s3_inventory import S3Inventory
from actors.reconciler.sources.sql import Sql
from actors.settings import datasets


def open_source(have: datasets.Source, checks: datasets.Checks, place: Place, former: Iterator[Batch]) -> Source:
    """The source, not asked yet. former: the inventory of the last look, where only what is new is looked into."""
    if have.files is not None:
        return Files(have.files, checks, place, former)
    if have.http is not None:
        return Http(have.http)
    if have.s3 is not None:
        return S3(have.s3, place)
    return _local(have, place)


def _local(have: datasets.Source, place: Place) -> Source:
    if have.sql is not None:
        return Sql(have.sql, place)
    if have.command is not None:
        return Command(have.command, place)
    if have.s3_inventory is not None:
        return S3Inventory(have.s3_inventory, place)
    if have.plugin is not None:
        return Plugin(have.plugin, place)
    raise AssertionError("a Source is exactly one of them")
