"""`gyrostat reconcile`: desired against observed, now, of workloads and of data sets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import click

from actors.cli.exits import OK, USAGE
from actors.cli.options import command, config_option, examples, json_option, node_option
from actors.cli.place import Place

if TYPE_CHECKING:
    from actors.reconciler.look import Looked
    from actors.settings import Settings

DIFFERS: Final = USAGE
"""Exit code of a plan that is not empty, as other tools' plans have it."""

LISTED_MAX: Final = 100_000
"""Gaps that a plan can name."""

LOOK_WITHIN_S: Final = 3600.0
"""Seconds that looks which a person waits for may take."""


@click.group(
    invoke_without_command=True,
    epilog=examples(
        "reconcile                      workloads: compare now, and act on what differs",
        "reconcile --json",
        "reconcile plan                 data sets: what is missing, and what would be done",
        "reconcile run prices --plan 1a5bd2a74568",
        "reconcile status",
        "reconcile explain prices/2024-01-10.csv",
    ),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@config_option
@json_option
@node_option
@click.pass_context
def reconcile(ctx: click.Context, *, as_json: bool) -> None:
    """Compare desired with observed now, and act on what differs.

    Without a further word it is about the workloads. The words below are about data sets: what should be there against
    what is there.
    """
    if ctx.invoked_subcommand is None:
        _workloads(ctx.ensure_object(Place), as_json=as_json)


def _workloads(place: Place, *, as_json: bool) -> None:
    from actors.cli.paint import put, put_json, span
    from bus.messages import Reconcile

    report = place.ask(Reconcile(why="asked on the command line"), 30.0)
    if as_json:
        put_json(report)
        return
    for row in report.drifts:
        action = f"; asks for: {row.action}" if row.action else "; told only"
        put(
            f"{row.subject}: {row.drift.replace('_', ' ')} for {span(row.since_s)}: wanted {row.desired},"
            f" found {row.observed}{action}"
        )
    put(f"{report.checked} compared, {len(report.drifts)} differ; {report.closed_total} closed since the node started")


_names = click.argument("names", nargs=-1, metavar="[NAME]...")


@_names
@click.option("--all", "every", is_flag=True, help="Name every key, not only the first ones.")
@json_option
def _plan(place: Place, *, names: tuple[str, ...], every: bool, as_json: bool) -> int:
    """Look at data sets, and say what would be done. Changes nothing, and needs no node.

    Ends with code 0 when nothing differs, 2 when something does, 1 when a data set cannot be looked at.
    """
    from actors.cli.exits import FAILED, complain
    from actors.cli.gap_lines import change_line, plan_lines
    from actors.cli.paint import Paint, put, put_json
    from actors.reconciler.look import NotSeen

    settings, wanted = _declared(place, names)
    paint, found, failed = Paint(), [], False
    for name in wanted:
        try:
            looked = _looked(settings, name, LISTED_MAX if every or as_json else 1000)
        except NotSeen as error:
            failed = True
            complain(f"{name} cannot be looked at: {error}")
            continue
        found.append(looked)
        if not as_json:
            put(*plan_lines(looked, settings.datasets[name], paint, every=every))
            put(*filter(None, [change_line(looked)]))
    if as_json:
        put_json(found)
    if failed:
        return FAILED
    return DIFFERS if any(looked.total or looked.doubt for looked in found) else OK


def _declared(place: Place, names: tuple[str, ...]) -> tuple[Settings, list[str]]:
    """The config, and the data sets that are meant. Raises: ConfigError; click.UsageError for an unknown name."""
    from actors.cli.door import nearest
    from actors.loading import load_settings

    settings = load_settings(place.config, os.environ)
    known = list(settings.datasets)
    if not known:
        raise click.UsageError("the config declares no data sets; they stand beneath datasets:")
    for name in names:
        if name not in known:
            msg = f'no data set "{name}"; {nearest(name, known)}'
            raise click.UsageError(msg)
    return settings, list(dict.fromkeys(names)) or known


def _looked(settings: Settings, name: str, gaps_max: int) -> Looked:
    """One look in this process. Raises: NotSeen."""
    import tempfile

    from actors.clock import RealClock
    from actors.reconciler.look import Ask, look

    clock = RealClock()
    now_s = clock.wall()
    clock.close()
    with tempfile.TemporaryDirectory(prefix="gyrostat-plan-") as scratch:
        return look(
            Ask(
                dataset=name,
                datasets=settings.datasets,
                root=str(settings.root),
                folder=str(settings.state_dir / "inventories"),
                scratch=scratch,
                now_s=now_s,
                gaps_max=gaps_max,
            )
        )


@_names
@click.option("--plan", "index", default="", metavar="INDEX", help="Begin nothing unless the plan is still this one.")
@click.option("--believe", is_flag=True, help="Take the look for true, however much is gone.")
@click.option("--again", is_flag=True, help="Try the keys afresh that were given up.")
@json_option
@node_option
def _run(place: Place, *, names: tuple[str, ...], index: str, as_json: bool, **how: bool) -> None:
    """Look at data sets now, and have what is missing filled. Waits for the looks, not for the tasks."""
    from actors.cli.gap_lines import outcome_line, status_lines
    from actors.cli.paint import Paint, put, put_json
    from bus.messages import RunDatasets

    if index and len(names) != 1:
        raise click.UsageError("--plan goes with the name of one data set")
    asked = RunDatasets(names=list(names), index=index, believe=how["believe"], again=how["again"])
    found = place.ask(asked, LOOK_WITHIN_S)
    if as_json:
        put_json(found)
    else:
        put(*status_lines(found.datasets, Paint()), outcome_line(found.datasets))


def _shown(place: Place, asked: Any, *, as_json: bool) -> None:
    from actors.cli.gap_lines import status_lines
    from actors.cli.paint import Paint, put, put_json

    found = place.ask(asked)
    if as_json:
        put_json(found)
    else:
        put(*status_lines(found.datasets, Paint()))


@_names
@json_option
@node_option
def _status(place: Place, *, names: tuple[str, ...], as_json: bool) -> None:
    """How the data sets are: what is there, what is missing, and what is being done about it."""
    from bus.messages import ListDatasets

    _shown(place, ListDatasets(names=list(names)), as_json=as_json)


@_names
@json_option
@node_option
def _pause(place: Place, *, names: tuple[str, ...], as_json: bool) -> None:
    """Make no more tasks for data sets, until resume; also after a restart of the node. They are still looked at."""
    from bus.messages import PauseDatasets

    _shown(place, PauseDatasets(names=list(names)), as_json=as_json)


@_names
@json_option
@node_option
def _resume(place: Place, *, names: tuple[str, ...], as_json: bool) -> None:
    """Make tasks again."""
    from bus.messages import ResumeDatasets

    _shown(place, ResumeDatasets(names=list(names)), as_json=as_json)


@click.argument("key", metavar="KEY")
@click.option("--dataset", default="", metavar="NAME", help="The data set, where more than one could be meant.")
@json_option
@node_option
def _explain(place: Place, *, key: str, dataset: str, as_json: bool) -> None:
    """Why a key is as it is, what was tried, and what is next."""
    from actors.cli.paint import put, put_json
    from bus.messages import ExplainKey

    story = place.ask(ExplainKey(key=key, dataset=dataset), 60.0)
    if as_json:
        put_json(story)
    else:
        put(f"{story.dataset}: {story.key}", *(f"  {line}" for line in story.lines))


for _function, _name_of, _examples in (
    (_plan, "plan", ("reconcile plan", "reconcile plan prices --all", "reconcile plan --json | jq '.[].counts'")),
    (
        _run,
        "run",
        (
            "reconcile run                              every data set",
            "reconcile run prices --plan 1a5bd2a74568   only what the plan said",
            "reconcile run prices --again               also what was given up",
        ),
    ),
    (_status, "status", ("reconcile status", "reconcile status prices --json")),
    (_pause, "pause", ("reconcile pause prices", "reconcile pause")),
    (_resume, "resume", ("reconcile resume prices",)),
    (_explain, "explain", ("reconcile explain 2024-01-10/aapl.csv", "reconcile explain a.csv --dataset prices")),
):
    reconcile.add_command(command(*_examples, name=_name_of)(_function))
