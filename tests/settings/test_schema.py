"""The JSON Schema of the config: valid itself, current in docs, as wide as the loader, and as strict about shapes."""

import json
import re
import tempfile
from pathlib import Path
from textwrap import dedent, indent

import jsonschema
import msgspec
import pytest
from msgspec import Struct

from actors.cli.config_keys import keys_of_roster, schema_of_roster
from actors.loading import built_in_types
from actors.roster import Roster
from actors.settings import ConfigError, Seconds, load
from actors.settings.catalog import find, keys_of
from actors.settings.fielddocs import field_docs
from actors.settings.reading import Reading
from actors.settings.scalars import read_any
from actors.settings.schema import config_schema
from actors.settings.sections import SECTIONS
from actors.settings.yaml12 import read_yaml
from tests.settings import test_default_yaml as default_yaml
from tests.settings.test_faults_table import WEB, WHOLE_FILES, WORKLOAD_KEYS

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = schema_of_roster()
JUDGE = jsonschema.Draft7Validator(SCHEMA)

# What a look at one key is enough for; the rest takes several keys, or this machine, and is the loader's.
OF_ONE_KEY = re.compile(
    r"unknown key|is a (text|number|list|mapping); |this is a |is empty; allowed: (?!a program|leave)|is missing"
    r"|is not a (duration|size|share)|is not allowed; allowed: (at|more|less)|is too large"
    r'|"\w+" is unknown; allowed: (always|warning|none, socket|sandbox)'
)


def value_of(text):
    """What an editor sees of a file."""
    reading = Reading()
    tree = read_yaml(text, "x.yaml", reading.faults)
    return None if tree is None else read_any(reading, tree, "")


def loads(text):
    """Whether it is a whole config, and not a part of one that is told about."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "gyrostat.yaml")
        path.write_text(text, "utf-8")
        try:
            load(path, actor_types=built_in_types(), resolve=None, environ={})
        except ConfigError:
            return False
    return True


def blocks():
    """Every example of a config in the documentation and beside the program."""
    for path in [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]:
        for number, text in enumerate(re.findall(r"```yaml\n(.*?)```", path.read_text("utf-8"), re.DOTALL)):
            if re.match(rf"(#.*\n)*({'|'.join(SECTIONS)}):", text) and loads(text):
                yield pytest.param(text, id=f"{path.name}-{number}")
    for path in sorted((ROOT / "config" / "examples").glob("*.yaml")):
        yield pytest.param(path.read_text("utf-8"), id=path.name)


def test_the_schema_is_one_of_draft_7_and_every_reference_leads_somewhere():
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    named = set(re.findall(r'"#/definitions/([^"]+)"', json.dumps(SCHEMA)))
    assert named <= SCHEMA["definitions"].keys()
    assert tuple(SCHEMA["properties"]) == SECTIONS


EXAMPLES = list(blocks())


def test_there_are_examples():
    assert len(EXAMPLES) > 10


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_that_the_loader_takes_the_schema_takes(text):
    assert [error.message for error in JUDGE.iter_errors(value_of(text))] == []


def test_the_file_with_every_key_and_the_same_with_all_of_it_in_use_fit():
    for text in (default_yaml.DEFAULT.read_text("utf-8"), default_yaml.uncommented()):
        assert [(list(error.absolute_path), error.message) for error in JUDGE.iter_errors(value_of(text))] == []


@pytest.mark.parametrize(
    ("line", "fault"), [pair for pair in WORKLOAD_KEYS if OF_ONE_KEY.search(pair[1]) and "steps" not in pair[0]]
)
def test_what_is_wrong_with_one_key_an_editor_shows(line, fault):
    assert not JUDGE.is_valid(value_of(WEB + indent(line, "    "))), fault


@pytest.mark.parametrize("text", ["nodes: {}", "mode: on", "mode:", "workloads: {Web: {command: a}}", "- a"])
def test_a_bad_file_does_not_fit(text):
    assert text in [each for each, _ in WHOLE_FILES] or text in {"mode:", "workloads: {Web: {command: a}}"}
    assert not JUDGE.is_valid(value_of(text))


def test_short_ways_of_writing_fit():
    text = """\
        workloads:
          db: {command: "sleep 1", env: {A: 1, B: true}, restart: , thresholds: {memory: {above: 80%, for: 1m30s}}}
          web: {command: [sleep, 1], depends_on: db, stop: {grace: 5}, log: {max_size: 64KiB}}
          job: {command: [sleep, 1], depends_on: [db, web]}
        actors:
          monitor:
          of_mine: {use: "mine:Actor", depth: 3}
        """
    assert JUDGE.is_valid(value_of(dedent(text)))


def test_the_types_of_the_actors_are_found_without_the_actors():
    assert dict(built_in_types()).items() >= dict(Roster().settings_types).items()


def test_a_type_of_somebody_else_is_described_with_what_stands_beneath_its_fields():
    class Inner(Struct, frozen=True):
        every: Seconds = Seconds(5)
        """Seconds. None: never."""

    class Outer(Struct, frozen=True):
        inner: Inner = Inner()
        many: dict[str, Inner] = msgspec.field(default_factory=dict)

    docs: dict[type[Struct], dict[str, str]] = {Inner: {"every": "Seconds. null: never."}}
    schema = config_schema({"mine": Outer}, lambda kind: docs.get(kind, {}))
    keys = {key.path: key for key in keys_of(schema)}
    assert keys["actors.mine.inner.every"].said == "Seconds. null: never."
    assert keys["actors.mine.many.*.every"].default == "5s"
    assert keys["actors.mine.enabled"].words == "true or false"
    assert not jsonschema.Draft7Validator(schema).is_valid({"actors": {"mine": {"inner": {"evry": 1}}}})
    assert field_docs(Inner) == {}  # a class within a function has no place that can be read


def test_every_key_says_what_it_is_for():
    keys = keys_of_roster()
    assert [key.path for key in keys if not key.said and not key.path.startswith("actors.")] == []
    assert [key.path for key in keys if not key.said and "." in key.path.removeprefix("actors.")] == []
    assert len({key.path for key in keys}) == len(keys)


@pytest.mark.parametrize(
    ("wanted", "paths"),
    [
        ("node.name", ["node.name"]),
        ("workloads.web.restart.policy", ["workloads.*.restart.policy"]),
        ("workloads.*.restart.policy", ["workloads.*.restart.policy"]),
        ("restart.policy", ["workloads.*.restart.policy"]),
        ("alerts.routes[0].to", ["alerts.routes.*.to"]),
        (
            "backoff_first",
            ["workloads.*.restart.backoff_first", "datasets.*.fill.backoff_first", "actors.reconciler.backoff_first"],
        ),
    ],
)
def test_a_key_is_found_by_its_whole_path_or_its_end(wanted, paths):
    assert [key.path for key in find(keys_of_roster(), wanted)[0]] == paths


def test_an_unknown_key_gets_the_nearest():
    assert find(keys_of_roster(), "workloads.web.restrat") == ([], 'did you mean "workloads.*.restart"?')
    assert find(keys_of_roster(), "grcae")[1].startswith("did you mean")
