"""`gyrostat demo`: real faults in real programs, and how they are healed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from actors.cli.exits import FAILED, OK, Failed
from actors.cli.options import command, json_option
from actors.cli.place import Place

if TYPE_CHECKING:
    from actors.demo.outcome import Outcome
    from actors.demo.play import Result


@command(
    "demo", "demo --only port --only crash_loop", "demo --list", "demo --keep       and read its config afterwards"
)
@click.option("--only", "names", metavar="NAME", multiple=True, help="Only this fault; may be given again.")
@click.option("--keep", is_flag=True, help="Leave the directory with config, programs and logs.")
@click.option("--list", "listing", is_flag=True, help="Say which faults there are.")
@json_option
def demo(_: Place, *, names: tuple[str, ...], keep: bool, listing: bool, as_json: bool) -> int:
    """Break real programs and watch them being healed; nothing to set up, about 15 s.

    Starts a node with six small programs in a directory of its own, injects one fault after the other, and tells for
    each when it was seen, what was decided and why, what was done, and when the repair was verified: by the node, and
    by a look of the demo's own. Exit code 0 only when every fault was healed. Leaves nothing behind.
    """
    from actors.cli.paint import Paint, put, put_json, table
    from actors.cli.words import say
    from actors.demo.faults import FAULTS
    from actors.demo.play import Telling, chosen, run
    from actors.demo.scene import DemoFailed

    if listing:
        put(*table([(fault.name, fault.what) for fault in FAULTS], Paint()))
        return OK
    try:
        faults = chosen(names)
    except KeyError as error:
        from actors.cli.door import nearest

        msg = f'no fault "{error.args[0]}"; {nearest(error.args[0], [fault.name for fault in FAULTS])}'
        raise click.UsageError(msg) from None
    out = sys.stderr if as_json else sys.stdout
    paint = Paint(out)

    def line(text: str) -> None:
        out.write(f"{text}\n")
        out.flush()

    def words(kind: str, data: dict[str, Any]) -> str:
        said = say(kind, data)
        return said.text + (f" <- {said.why}" if said.why else "")

    try:
        result = run(faults, Telling(words, line, paint), keep=keep)
    except DemoFailed as error:
        raise Failed(str(error)) from None
    if as_json:
        put_json(result)
    else:
        put("", *_summary(result, paint))
    return OK if result.healed else FAILED


def _summary(result: Result, paint: Any) -> list[str]:
    from actors.cli.paint import table

    head = ("FAULT", "SEEN AFTER", "DECIDED", "DONE", "VERIFIED AFTER", "CHECK")
    healed = sum(outcome.healed for outcome in result.outcomes)
    tone = "good" if result.healed else "bad"
    lost = f", {result.lost} lost" if result.lost else ", none lost"
    return [
        *table([_row(outcome) for outcome in result.outcomes], paint, head),
        "",
        paint(f"{healed} of {len(result.outcomes)} faults healed in {result.seconds:.0f} s", tone)
        + f"; {result.facts} facts heard{lost}",
    ]


def _row(outcome: Outcome) -> list[Any]:
    return [
        outcome.fault,
        _after(outcome.seen_s),
        outcome.decided or "-",
        outcome.done or "-",
        _after(outcome.resolved_s),
        f"{'ok' if outcome.healed else 'NOT HEALED'}: {outcome.check or 'not resolved'}",
    ]


def _after(seconds: float | None) -> str:
    from actors.cli.paint import span

    return span(seconds) if seconds is not None else "never"
