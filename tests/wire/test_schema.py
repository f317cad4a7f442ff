"""The documents say what goes over the wire: they are current, valid, and every real frame fits them."""

import json
import re
from functools import cache

import jsonschema
import msgpack
import msgspec
import pytest
import yaml

from actors.cli import schema as command
from actors.cli.door import run
from bus.asyncapi import asyncapi
from bus.codec import encode_batch, encode_command, encode_reply
from bus.envelope import Envelope, RawCommand, RawReply
from bus.heartbeat import Heartbeat, encode_heartbeat
from bus.message import Done
from bus.messages import COMMANDS, FACTS
from bus.schema import Vocabulary, command_name, fact_name, json_schema, reply_name
from tests.bus import vocabulary as words
from tests.wire import make

DOCS = make.GOLDEN.parents[2] / "docs"
OURS = Vocabulary(
    facts={kind.type_name(): kind for kind in (words.Moved, words.Settled, words.Sampled, words.Odd)},
    commands={(kind.target, kind.verb): kind for kind in (words.Add, words.Rest, words.Fly)},
)
FACT_EXAMPLES = [
    words.Moved(subject="web", step=7),
    words.Moved(subject="web", step=-1, note="back"),
    words.Settled(subject="web", step=7),
    words.Sampled(subject="web", value=0.5),
    words.Sampled(subject="web", value=3),
    words.Odd(subject="web", anything=None),
    words.Odd(subject="web", anything={"deep": [1, {"er": 2.5}]}),
]
COMMAND_EXAMPLES = [
    (words.Add(left=1, right=2), words.Sum(total=3)),
    (words.Rest(), Done(detail="rested")),
    (words.Fly(), Done()),
]


@cache
def document(ours):
    return json_schema(OURS if ours else command.shipped())


def check(name, value, *, ours=False):
    """Raises ValidationError when a value does not fit the schema of that name."""
    whole = document(ours)
    schema = {"$schema": whole["$schema"], "$defs": whole["$defs"], "$ref": f"#/$defs/{name}"}
    jsonschema.Draft202012Validator(schema).validate(value)


def fits(name, value, *, ours=False):
    try:
        check(name, value, ours=ours)
    except jsonschema.ValidationError:
        return False
    return True


def body(*facts):
    envelopes = [
        Envelope(
            id=f"alpha.7/{number}",
            source="alpha/x",
            type=fact.type_name(),
            time=1.5,
            subject=fact.subject,
            correlationid="",
            causationid="",
            data=fact,
        )
        for number, fact in enumerate(facts)
    ]
    return msgpack.unpackb(encode_batch(facts[0].stream, 7, 1, envelopes)[1])


def raw(value):
    return msgspec.Raw(msgspec.msgpack.encode(value))


@pytest.mark.parametrize("form", command.FILES)
def test_the_file_in_docs_is_what_the_types_say_today(form):
    kept = (DOCS / command.FILES[form]).read_text("utf-8")
    assert kept == command.text_of(form), "bin/node schema --out docs writes it anew"


def test_the_document_is_a_json_schema_and_every_reference_in_it_leads_somewhere():
    for ours in (True, False):
        jsonschema.Draft202012Validator.check_schema(document(ours))
        assert {*references(document(ours))} <= {f"#/$defs/{name}" for name in document(ours)["$defs"]}


def test_every_shipped_message_has_its_schema_and_a_description():
    schemas = document(ours=False)["$defs"]
    wanted = {fact_name(kind) for kind in FACTS.values()}
    wanted |= {name(kind) for kind in COMMANDS.values() for name in (command_name, reply_name)}
    assert wanted == {name for name in schemas if re.match(r"(fact|command|reply)\.", name)}
    for kind in (*FACTS.values(), *COMMANDS.values(), *make.replies()):
        assert schemas[kind.__name__]["description"], kind.__name__
        assert [*schemas[kind.__name__].get("properties", {})] == [*kind.__struct_encode_fields__]


@pytest.mark.parametrize("fact", FACT_EXAMPLES, ids=repr)
def test_a_fact_as_it_is_sent_fits_its_schema(fact):
    check("Facts", body(fact), ours=True)
    check(fact_name(type(fact)), body(fact)[0], ours=True)


@pytest.mark.parametrize(("asked", "answer"), COMMAND_EXAMPLES, ids=repr)
def test_a_command_and_its_answer_as_they_are_sent_fit_their_schemas(asked, answer):
    sent = encode_command(RawCommand(id="1", source="x", target=asked.target, verb=asked.verb, data=raw(asked)))
    replied = encode_reply(RawReply(id="1", data=raw(answer)))
    refused = encode_reply(RawReply(id="1", error="refused", message="not now"))
    for name in ("Command", command_name(type(asked))):
        check(name, msgpack.unpackb(sent), ours=True)
    for frame in (replied, refused):
        for name in ("Reply", reply_name(type(asked))):
            check(name, msgpack.unpackb(frame), ours=True)


@pytest.mark.parametrize("line", make.lines_kept(), ids=lambda line: " ".join(line.split(" ", 2)[:2]))
def test_every_golden_frame_fits_the_schema_of_today_whatever_version_sent_it(line):
    kind, name, *frames = line.split(" ")
    value = msgpack.unpackb(bytes.fromhex(frames[-1]))
    check({"fact": "Facts", "command": "Command", "reply": "Reply"}[kind], value)
    if kind == "reply":
        check(name, value["data"])
    elif kind == "fact" and name in FACTS:
        check(f"fact.{name}", value[0])
    elif kind == "command" and tuple(name.split(".")) in COMMANDS:
        check(f"command.{name}", value)


def test_a_heartbeat_fits_its_schema():
    beat = Heartbeat(node="alpha", epoch=7, targets=("healer",), last={1: (7, 9)}, facts=("ipc:///x",))
    value = msgpack.unpackb(encode_heartbeat(beat)[2], strict_map_key=False)
    check("Heartbeat", json.loads(json.dumps(value)))


def test_what_is_wrong_does_not_fit():
    good = body(words.Moved(subject="web", step=7))
    assert fits("Facts", good, ours=True)
    for wrong in (
        [],
        good * 65,
        good[0],
        [{**good[0], "time": "now"}],
        [{**good[0], "data": {"subject": "web"}}],
        [{**good[0], "data": {"subject": "web", "step": "seven"}}],
        [{key: value for key, value in good[0].items() if key != "type"}],
    ):
        assert not fits("Facts", wrong, ours=True)
    ask = {"id": "1", "source": "x", "target": "adder", "verb": "add", "data": {"left": 1, "right": 2}}
    assert fits("Command", ask, ours=True)
    for change in ({"id": ""}, {"id": "x" * 257}, {"timeout_s": 0}, {"data": {"left": 1}}, {"data": 3}):
        assert not fits("Command", {**ask, **change}, ours=True)
    assert not fits("Command", {key: value for key, value in ask.items() if key != "data"}, ours=True)
    assert not fits(reply_name(words.Add), {"id": "1", "data": {}}, ours=True)


def test_unknown_fields_and_unknown_types_fit():
    good = body(words.Moved(subject="web", step=7))[0]
    assert fits("Facts", [{**good, "later": 1, "data": {**good["data"], "later": 2}}], ours=True)
    assert fits("Facts", [{**good, "type": "test.never_heard_of.v1", "data": {"x": 1}}], ours=True)


def test_what_a_docstring_says_of_a_field_stands_at_the_field():
    schema = document(ours=False)["$defs"]["GoalCompleted"]
    assert schema["description"] == "The metric met its target for the whole window."
    assert schema["properties"]["took_s"]["description"] == "seconds since it was set."


# -- AsyncAPI


def asyncapi_document():
    return yaml.safe_load((DOCS / "asyncapi.yaml").read_text("utf-8"))


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def at(whole, pointer):
    for step in pointer.removeprefix("#/").split("/"):
        whole = whole[step.replace("~1", "/").replace("~0", "~")]
    return whole


def test_the_asyncapi_document_has_what_version_3_wants_and_nothing_else():
    whole = asyncapi_document()
    assert whole["asyncapi"] == "3.0.0"
    assert {*whole} <= {
        "asyncapi",
        "id",
        "info",
        "servers",
        "defaultContentType",
        "channels",
        "operations",
        "components",
    }
    assert whole["info"]["title"]
    assert whole["info"]["version"]
    for server in whole["servers"].values():
        assert server["host"]
        assert server["protocol"]
        used = re.findall(r"\{(\w+)\}", server["host"] + server["pathname"])
        assert used == [*server["variables"]]
    for part in ("messages", "schemas", "parameters"):
        assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in whole["components"][part])


def test_every_asyncapi_reference_leads_somewhere():
    whole = asyncapi_document()
    for pointer in {*references(whole)}:
        assert pointer.startswith("#/")
        at(whole, pointer)


def test_every_channel_defines_the_parameters_of_its_address_and_has_messages():
    whole = asyncapi_document()
    for channel in whole["channels"].values():
        assert re.findall(r"\{(\w+)\}", channel["address"] or "") == [*channel.get("parameters", {})]
        assert channel["messages"]
        assert all(server["$ref"].startswith("#/servers/") for server in channel["servers"])


def test_every_operation_uses_messages_of_its_own_channel():
    whole = asyncapi_document()
    for operation in whole["operations"].values():
        assert operation["action"] in {"send", "receive"}
        for side in (operation, operation.get("reply", {})):
            for message in side.get("messages", []):
                assert message["$ref"].startswith(side["channel"]["$ref"] + "/messages/")
    sent = {name for name, each in whole["operations"].items() if each["action"] == "send"}
    assert sent == {*(f"send.{name}" for name in FACTS), "send.heartbeat"}
    answered = {name for name, each in whole["operations"].items() if "reply" in each}
    assert answered == {f"receive.{target}.{verb}" for target, verb in COMMANDS}


def test_the_schemas_in_the_asyncapi_document_are_of_draft_7_and_real_frames_fit_them():
    whole = asyncapi(OURS, "1.0")
    schemas = whole["components"]["schemas"]
    for schema in schemas.values():
        jsonschema.Draft7Validator.check_schema(schema)
    assert "prefixItems" not in json.dumps(asyncapi_document())
    for fact in FACT_EXAMPLES:
        payload = whole["components"]["messages"][fact_name(type(fact))]["payload"]
        jsonschema.Draft7Validator({**payload, "components": whole["components"]}).validate(body(fact))


def test_two_versions_of_a_fact_share_their_channel():
    class MovedFurther(words.Moved, frozen=True, kw_only=True):
        """Moved, and how far."""

        version = 2
        metres: float

    both = {kind.type_name(): kind for kind in (words.Moved, MovedFurther)}
    channel = asyncapi(Vocabulary(facts=both, commands={}), "1.0")["channels"]["test.moved"]
    assert [*channel["messages"]] == ["fact.test.moved.v1", "fact.test.moved.v2"]


# -- the command


def said(capsys, *args):
    with pytest.raises(SystemExit) as ended:
        run(["schema", *args])
    assert not ended.value.code
    return capsys.readouterr().out


def test_the_command_prints_what_is_in_docs(capsys):
    assert said(capsys) == said(capsys, "--asyncapi") == (DOCS / "asyncapi.yaml").read_text("utf-8")
    assert said(capsys, "--json") == (DOCS / "schema.json").read_text("utf-8")


def test_the_command_writes_both_files_or_the_one_that_is_named(capsys, tmp_path):
    said(capsys, "--out", str(tmp_path / "new"))
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["asyncapi.yaml", "schema.json"]
    assert said(capsys, "--json", "--out", str(tmp_path / "one")).strip() == str(tmp_path / "one" / "schema.json")
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["schema.json"]
