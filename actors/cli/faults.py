"""`gyrostat faults`: the fault suite, and its table."""

from __future__ import annotations

import statistics
import sys
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from actors.cli.exits import FAILED, OK
from actors.cli.options import command, json_option
from actors.cli.place import Place

if TYPE_CHECKING:
    from actors.faults.verdict import Verdict


@command("faults", "faults --only crash_loop,disk_full", "faults --list", "faults --jobs 1 --json")
@click.option("--only", "names", metavar="NAME,...", multiple=True, help="Only these faults; may be given again.")
@click.option("--jobs", type=click.IntRange(1, 16), default=3, show_default=True, help="So many faults at a time.")
@click.option("--keep", is_flag=True, help="Leave the directories with config, programs and logs.")
@click.option("--list", "listing", is_flag=True, help="Say which faults there are.")
@json_option
def faults(_: Place, *, names: tuple[str, ...], jobs: int, keep: bool, listing: bool, as_json: bool) -> int:
    """Do real faults to real programs, and measure how they are repaired; about two minutes.

    Each fault has a node of its own over small programs in a directory of its own. Whether a program does its work is
    looked at past the node. Some faults must be told to people, some must be left alone. Exit code 0 only when each of
    them came out right. Leaves nothing behind.
    """
    from actors.cli.paint import Paint, put, put_json, table
    from actors.demo.play import sigterm_as_interrupt
    from actors.faults.catalogue import FAULTS, chosen
    from actors.faults.play import Playing

    if listing:
        put(*table([(fault.name, fault.must, fault.what) for fault in FAULTS], Paint()))
        return OK
    try:
        wanted = chosen([name for text in names for name in text.split(",") if name])
    except KeyError as error:
        from actors.cli.door import nearest

        msg = f'no fault "{error.args[0]}"; {nearest(error.args[0], [fault.name for fault in FAULTS])}'
        raise click.UsageError(msg) from None
    telling, told = threading.Lock(), 0

    def tell(verdict: Verdict) -> None:
        nonlocal told
        with telling:
            told += 1
            sys.stderr.write(f"{told}/{len(wanted)} {verdict.fault}: {_outcome(verdict)}\n")
            sys.stderr.flush()

    began_s = time.monotonic()
    with sigterm_as_interrupt():
        verdicts = Playing(tell, keep=keep).run(wanted, jobs)
    summary = _summary(verdicts, time.monotonic() - began_s)
    if as_json:
        put_json({"faults": verdicts, **summary})
    else:
        put("", *_lines(verdicts, summary, Paint()))
    return OK if all(verdict.right for verdict in verdicts) else FAILED


def _summary(verdicts: Sequence[Verdict], seconds: float) -> dict[str, Any]:
    repaired = [one.repaired_s for one in verdicts if one.right and one.must == "repair" and one.repaired_s is not None]
    return {
        "right": sum(one.right for one in verdicts),
        "of": sum(not one.not_run for one in verdicts),
        "not_run": sum(bool(one.not_run) for one in verdicts),
        "median_repair_s": statistics.median(repaired) if repaired else None,
        "down_s": sum(one.down_s for one in verdicts if one.must == "repair"),
        "collateral": sum(one.collateral for one in verdicts),
        "seconds": seconds,
    }


def _lines(verdicts: Sequence[Verdict], summary: dict[str, Any], paint: Any) -> list[str]:
    from actors.cli.paint import span, table

    head = ("FAULT", "DETECTED AFTER", "BY", "ACTIONS", "REPAIRED AFTER", "VERIFIED AFTER", "COLLATERAL", "OUTCOME")
    median = summary["median_repair_s"]
    left_out = f"; {summary['not_run']} not run" if summary["not_run"] else ""
    tone = "good" if summary["right"] == summary["of"] else "bad"
    return [
        *table([_row(one) for one in verdicts], paint, head),
        "",
        paint(f"{summary['right']} of {summary['of']} right{left_out}", tone)
        + f"; median repair {span(median) if median is not None else '-'}, down {summary['down_s']:.0f} s in all, "
        + f"{summary['collateral']} collateral restarts; {summary['seconds']:.0f} s",
    ]


def _row(one: Verdict) -> list[Any]:
    return [
        one.fault,
        _after(one.detected_s),
        one.detected or "-",
        ", ".join(one.actions) or "-",
        _after(one.repaired_s) if one.must == "repair" else "-",
        _after(one.verified_s) if one.must == "repair" else "-",
        str(one.collateral),
        _outcome(one),
    ]


def _outcome(one: Verdict) -> str:
    if one.not_run:
        return f"not run: {one.not_run}"
    if one.wrong:
        return f"WRONG: {one.wrong}"
    told = f"told: {' '.join(one.escalated.split())}"
    return {"repair": "repaired", "tell": told, "leave": "left alone"}[one.must]


def _after(seconds: float | None) -> str:
    from actors.cli.paint import span

    return span(seconds) if seconds is not None else "-"
