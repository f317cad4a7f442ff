"""`gyrostat keys`: the node's own key pair, and the public keys it lets in over tcp."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from actors.cli.options import command, config_option, examples, json_option
from actors.cli.place import Place

if TYPE_CHECKING:
    from bus.keys import KeyStore

IN_FORCE = "a running node has it in force within a second"


@click.group(
    invoke_without_command=True,
    epilog=examples(
        "keys new                                     once on every host",
        "keys show                                    the public key, to be told to others",
        "keys allow beta 'PUBLIC KEY' --role node     let that host in here",
        "keys revoke laptop",
    ),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@config_option
@click.pass_context
def keys(ctx: click.Context) -> None:
    """Keys for tcp: the node's own pair, and who is let in.

    Within one machine no keys are needed. Over tcp nobody comes in without: an observer may hear facts, an operator may
    also send commands, a node is a peer.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def _dir_option(function: Any) -> Any:
    return click.option(
        "--dir",
        "directory",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help="Directory of the keys. Default: keys in the node's state directory.",
    )(function)


def _store(place: Place, directory: Path | None) -> KeyStore:
    from bus.keys import FOLDER_NAME, KeyStore

    return KeyStore(directory or place.state_dir / FOLDER_NAME)


@click.option("--force", is_flag=True, help="Also when there is a pair; that one is then gone.")
@_dir_option
@json_option
def _new(place: Place, *, directory: Path | None, force: bool, as_json: bool) -> None:
    """Make the own key pair, once. The secret half stays in the directory, in a file of mode 0600."""
    from actors.cli.paint import put, put_json

    store = _store(place, directory)
    pair = store.new(force=force)
    if as_json:
        put_json({"key": pair.public, "directory": str(store.directory)})
        return
    put(
        f"new keys in {store.directory}; the public key is",
        f"  {pair.public}",
        f"on every host that is to let this one in: {_allow_line(place, pair.public)}",
    )


@_dir_option
@json_option
def _show(place: Place, *, directory: Path | None, as_json: bool) -> None:
    """Show the own public key. It is no secret; it begins and ends with its first and last character, quotes aside."""
    from actors.cli.paint import put, put_json

    pair = _store(place, directory).own()
    if as_json:
        put_json({"key": pair.public})
    else:
        put(pair.public)


@click.argument("name", metavar="NAME")
@click.argument("key", metavar="KEY")
@click.option("--role", required=True, type=click.Choice(["observer", "operator", "node"]), help="What it may do.")
@_dir_option
@json_option
def _allow(place: Place, *, name: str, key: str, role: Any, directory: Path | None, as_json: bool) -> None:
    """Let a public key in, under a name that the audit then shows. Quote KEY with single quotes.

    A name that is there already gets the new key and role; its former key is let in no more.
    """
    from actors.cli.paint import put, put_json

    before = _store(place, directory).allow(name, key, role)
    if as_json:
        put_json({"name": name, "role": role, "key": key, "before": before})
        return
    instead = ""
    if before is not None and before.key != key:
        instead = "; its former key is let in no more"
    elif before is not None and before.role != role:
        instead = f", no longer as {before.role}"
    put(f"{name} is allowed as {role}{instead}; {IN_FORCE}")


@_dir_option
@json_option
def _list(place: Place, *, directory: Path | None, as_json: bool) -> None:
    """List who is let in: name, role, public key."""
    from actors.cli.paint import Paint, put, put_json, table
    from bus.z85 import decode, fingerprint

    found = list(_store(place, directory).allowed().values())
    if as_json:
        put_json({"allowed": found})
    elif not found:
        put("no keys are allowed; let one in with: gyrostat keys allow NAME KEY --role ROLE")
    else:
        rows = [(each.name, each.role, fingerprint(decode(each.key)), each.key) for each in found]
        put(*table(rows, Paint(), ("NAME", "ROLE", "FINGERPRINT", "KEY")))


@click.argument("name", metavar="NAME")
@_dir_option
@json_option
def _revoke(place: Place, *, name: str, directory: Path | None, as_json: bool) -> None:
    """Let a key in no more; its open connections are closed, others come back by themselves."""
    from actors.cli.paint import put, put_json

    gone = _store(place, directory).revoke(name)
    if as_json:
        put_json({"revoked": gone})
        return
    put(f"{name} is revoked; {IN_FORCE}")
    if gone.role == "node":
        put(f"to hear and ask it no more either, take {name} out of node.peers in the config")


@_dir_option
@json_option
def _rotate(place: Place, *, directory: Path | None, as_json: bool) -> None:
    """Make a new own pair in the place of the old one, and say what is to be done on the other hosts."""
    from actors.cli.paint import put, put_json

    old, pair = _store(place, directory).rotate()
    if as_json:
        put_json({"key": pair.public, "before": old})
        return
    put(
        "the new public key is",
        f"  {pair.public}",
        "a node that runs here goes on with the old one until it is started again. What is to be done, in this order:",
        f"1. on every host that lets this one in:  {_allow_line(place, pair.public)}",
        "   until then the old key is let in there, and the new one is not; from then on the new one only",
        f'2. there too, in the config:             node.peers.{_name(place)}.key: "{pair.public}"',
        "   and then:                              gyrostat restart",
        "3. here:                                 gyrostat restart",
    )


def _allow_line(place: Place, key: str) -> str:
    return f"gyrostat keys allow {_name(place)} '{key}' --role node"


def _name(place: Place) -> str:
    """The node's name where there is a config; keys are also made where there is none."""
    from actors.settings import ConfigError

    try:
        return place.name
    except ConfigError:
        return "NAME"


for _function, _name_of, _examples in (
    (_new, "new", ("keys new", "keys new --dir ~/.gyrostat      for an operator's or observer's own machine")),
    (_show, "show", ("keys show", "keys show --json | jq -r .key")),
    (
        _allow,
        "allow",
        (
            "keys allow beta 'PUBLIC KEY' --role node         another node",
            "keys allow laptop 'PUBLIC KEY' --role operator   may hear facts and send commands",
            "keys allow wall 'PUBLIC KEY' --role observer     may hear facts",
            "keys allow wall --role observer -- '-KEY'        a key that begins with a dash",
        ),
    ),
    (_list, "list", ("keys list", "keys list --json | jq -r '.allowed[].name'")),
    (_revoke, "revoke", ("keys revoke laptop",)),
    (_rotate, "rotate", ("keys rotate",)),
):
    keys.add_command(command(*_examples, name=_name_of)(_function))
