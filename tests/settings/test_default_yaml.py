"""config/default.yaml says every key, and says what the types say."""

import importlib
import importlib.util
import re
from itertools import pairwise
from pathlib import Path
from typing import Annotated, get_args, get_origin

import msgspec
import pytest
import yaml
from msgspec import NODEFAULT, Struct

from actors.settings import DatasetSettings, NodeSettings, Settings, TaskKind, WorkloadSettings, load
from actors.settings.alerts import AlertSettings
from actors.settings.reading import Reading
from actors.settings.walk import reader
from actors.settings.yaml12 import read_yaml

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = ROOT / "config" / "default.yaml"

# What has no default, or one that depends on the machine, and so is shown with an example.
EXAMPLES = {
    ("NodeSettings", "name"),
    ("NodeSettings", "peers"),
    ("PeerSettings", "facts"),
    ("PeerSettings", "key"),
    ("WorkloadSettings", "command"),
    ("WorkloadSettings", "probes"),
    ("WorkloadSettings", "thresholds"),
    ("WorkloadSettings", "metrics"),
    ("Metric", "command"),
    ("WorkloadSettings", "hooks"),
    ("WorkloadSettings", "fallback"),
    ("Fallback", "workload"),
    ("WorkloadSettings", "modes"),
    ("WorkloadSettings", "schedule"),
    ("WorkloadSettings", "windows"),
    ("Schedule", "cron"),
    ("Windows", "run"),
    ("Window", "opens"),
    ("Window", "lasts"),
    ("Probes", "liveness"),
    ("Probe", "http"),
    ("Threshold", "above"),
    ("Hook", "command"),
    ("TaskKind", "command"),
    ("TaskKind", "params"),
    ("TaskKind", "breaker"),
    ("TaskKind", "need"),
    ("TaskKind", "rate"),
    ("Rate", "starts"),
    ("DatasetSettings", "keys"),
    ("DatasetSettings", "over"),
    ("DatasetSettings", "have"),
    ("DatasetSettings", "fill"),
    ("Dimension", "dates"),
    ("Dimension", "values"),
    ("Dates", "from"),
    ("Source", "files"),
    ("FilesSource", "root"),
    ("Fill", "task"),
    ("Fill", "params"),
    ("WorkloadSettings", "repair"),
    ("WorkloadSettings", "tunables"),
    ("WorkloadSettings", "degrade"),
    ("DegradeStep", "step"),
    ("DegradeStep", "env"),
    ("DegradeStep", "quality_loss"),
    ("Tunable", "min"),
    ("Tunable", "max"),
    ("Tunable", "file"),
    ("Repair", "modules"),
    ("Module", "install"),
    ("Repair", "file_holders"),
    ("FileHolder", "command"),
    ("AlertSettings", "channels"),
    ("AlertSettings", "routes"),
    ("AlertSettings", "summary"),
    ("Channel", "webhook"),
    ("Channel", "mail"),
    ("Channel", "command"),
    ("Channel", "apprise"),
    ("Webhook", "url"),
    ("Mail", "host"),
    ("Mail", "from"),
    ("Mail", "to"),
    ("Apprise", "url"),
    ("Route", "to"),
    ("Route", "escalate"),
    ("Escalation", "after"),
    ("Escalation", "to"),
    ("Summary", "to"),
}


def actor_types() -> dict[str, type[Struct]]:
    """The types of the built-in actors; none while there is no roster."""
    if importlib.util.find_spec("actors.roster") is None:
        return {}
    return {kind.name: kind.Settings for kind in importlib.import_module("actors.roster").BUILT_IN}


def without_actors(text: str) -> str:
    """The text up to the section of the actors, which is the last."""
    before, section, _ = text.partition("\nactors:")
    assert section
    return before + "\n"


def uncommented() -> str:
    """The text with every key that is absent by default put in, in the place of what it stands for."""
    lines = DEFAULT.read_text("utf-8").splitlines()
    shown = [re.sub(r"^( *)#: ?", r"\1", line) for line in lines]
    added = {line for line, before in zip(shown, lines, strict=True) if line != before}
    keys = {line.rstrip() for line in added if re.fullmatch(r" *[a-z_]+:", line)}
    return "\n".join(line for line in shown if not any(re.fullmatch(rf"{key} (null|{{}}|\[\])", line) for key in keys))


def structs_in(kind: object) -> list[type[Struct]]:
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if isinstance(kind, type) and issubclass(kind, Struct):
        return [kind]
    return [found for argument in get_args(kind) for found in structs_in(argument)]


def differences(kind: type[Struct], tree: object, key: str) -> list[str]:
    """Fields that are not mentioned, or not with their default."""
    assert isinstance(tree, dict), key
    found = []
    for field in msgspec.structs.fields(kind):
        path = f"{key}.{field.encode_name}"
        if field.encode_name not in tree:
            found.append(f"{path}: not mentioned")
            continue
        written = tree[field.encode_name]
        if (kind.__name__, field.encode_name) not in EXAMPLES:
            default = field.default_factory() if field.default_factory is not NODEFAULT else field.default
            if read_as(field.type, written) != default:
                found.append(f"{path}: {written!r} is not the default, {default!r}")
        if (kind.__name__, field.encode_name) in EXAMPLES or get_origin(field.type) is not dict:
            found += nested(field.type, written, path)
    return found


def nested(kind: object, written: object, path: str) -> list[str]:
    found: list[str] = []
    for inner in structs_in(kind):
        is_mapping = get_origin(kind) is dict
        each = written if is_mapping and isinstance(written, dict) else {"": written}
        if isinstance(written, list):
            each = {str(number): one for number, one in enumerate(written)}
        for name, value in each.items():
            if value is not None:
                found += differences(inner, value, f"{path}.{name}" if name else path)
    return found


def read_as(kind: object, written: object) -> object:
    faults = Reading()
    tree = read_yaml(yaml.safe_dump(written), "default.yaml", faults.faults)
    assert tree is not None
    value = reader(kind)(faults, tree, "")
    assert not faults.faults
    return value


def load_text(text: str, folder: Path, types: dict[str, type[Struct]]) -> Settings:
    (folder / "gyrostat.yaml").write_text(text)
    return load(folder / "gyrostat.yaml", actor_types=types, resolve=None, environ={})


def test_the_file_as_it_stands_gives_the_defaults(tmp_path):
    settings = load_text(without_actors(DEFAULT.read_text("utf-8")), tmp_path, {})
    assert settings.node == NodeSettings()
    assert settings.mode == load(None, actor_types={}, resolve=None, environ={}).mode
    assert settings.alerts == AlertSettings()
    assert settings.declared == {"example": WorkloadSettings(command=["sleep", "86400"])}


def test_every_field_of_a_node_and_a_workload_is_mentioned_with_its_default():
    whole = yaml.safe_load(uncommented())
    found = differences(NodeSettings, whole["node"], "node")
    found += differences(WorkloadSettings, whole["workloads"]["example"], "workloads.example")
    found += differences(TaskKind, whole["tasks"]["example"], "tasks.example")
    found += differences(DatasetSettings, whole["datasets"]["prices"], "datasets.prices")
    found += differences(AlertSettings, whole["alerts"], "alerts")
    assert not found, "\n" + "\n".join(found)


def test_every_field_of_an_actor_is_mentioned_with_its_default(tmp_path):
    types = actor_types()
    sections = yaml.safe_load(uncommented())["actors"] or {}
    found = [
        line for name, kind in types.items() for line in differences(kind, sections.get(name, {}), f"actors.{name}")
    ]
    assert not found, "\n" + "\n".join(found)
    bare = load(None, actor_types=types, resolve=None, environ={})
    assert load_text(DEFAULT.read_text("utf-8"), tmp_path, types).actors == bare.actors


def test_what_is_commented_out_can_be_used_as_it_stands(tmp_path):
    settings = load_text(without_actors(uncommented()), tmp_path, {})
    example = settings.declared["example"]
    assert settings.node.name == "alpha"
    assert set(settings.node.peers) == {"beta"}
    assert example.probes.liveness is not None
    assert set(example.thresholds) == {"memory"}
    assert example.metrics["queue_depth"].command == ["./bin/depth"]
    assert set(example.hooks) == {"repair"}
    assert set(example.modes) == {"sandbox"}
    assert set(settings.tasks["example"].params) == {"day"}
    assert set(example.repair.modules) == {"acmelib"}
    assert set(example.tunables) == {"timeout"}
    assert [one.kind for one in settings.alerts.channels.values()] == ["webhook", "mail", "command", "apprise"]
    assert settings.alerts.routes[0].escalate[0].to == ["pager"]


def test_every_key_is_explained_above_it():
    lines = [re.sub(r"^( *)#: ?", r"\1", line) for line in DEFAULT.read_text("utf-8").splitlines()]
    told = {
        "limits",
        "notify",
        "node",
        "beta",
        "workloads",
        "restart",
        "stop",
        "log",
        "actors",
        "liveness",
        "memory",
        "queue_depth",
        "repair",
        "sandbox",
        "windows",
        "day",
    }
    bare = [
        line
        for before, line in pairwise(lines)
        if (key := re.match(r" *([a-z_]+):", line)) and key[1] not in told and not before.lstrip().startswith("#")
    ]
    assert all(
        line.lstrip().split(":")[0]
        in {
            *("below", "peers", "thresholds", "metrics", "hooks", "modes", "schedule", "run"),
            *("degrade", "fallback", "tunables", "timeout", "modules", "acmelib", "file_holders", "tasks", "datasets"),
            *("channels", "url_file", "routes", "summary"),
        }
        for line in bare
    ), bare


def test_a_default_that_differs_is_seen():
    class Wrong(Struct, frozen=True):
        depth: int = 3
        width: int | None = None

    assert differences(Wrong, {"depth": 4}, "k") == ["k.depth: 4 is not the default, 3", "k.width: not mentioned"]


@pytest.mark.parametrize("path", sorted((ROOT / "config" / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_an_example_can_be_loaded(path):
    assert load(path, actor_types={}, resolve=None, environ={}).workloads


def test_the_web_example_is_what_it_says():
    settings = load(ROOT / "config/examples/web.yaml", actor_types={}, resolve=None, environ={})
    assert list(settings.workloads) == ["db", "web"]
    assert settings.workloads["web"].spec.depends_on == {"db": "ready"}
    compile(settings.workloads["db"].spec.command[2], "db", "exec")
