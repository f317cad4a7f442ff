import msgspec
import pytest

from actors.settings import (
    METRICS,
    Hook,
    ListenSettings,
    LogPolicy,
    ModeOverride,
    NodeSettings,
    Notify,
    PeerSettings,
    Probe,
    Probes,
    RestartPolicy,
    Seconds,
    Settings,
    StopPolicy,
    Threshold,
    WorkloadSettings,
    revision,
    spec_hash,
)
from actors.settings.node import default_node_name, is_name
from actors.settings.probes import tcp_address
from actors.settings.units import Bytes, Level, dec_hook, enc_hook
from actors.settings.workloads import judges
from tests.settings.conftest import MailSettings, PaceSettings

KEY = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
"""Public key of the example in ZeroMQ's own manual."""


@pytest.mark.parametrize("written", ["TERM", "SIGTERM", "sigterm", "term"])
def test_a_signal_is_kept_without_its_prefix(written):
    assert StopPolicy(signal=written).signal == "TERM"


def test_an_unknown_signal_is_refused_with_those_allowed():
    with pytest.raises(ValueError, match=r'signal: unknown signal "STOP"; allowed: TERM, INT, HUP, QUIT, KILL, USR1'):
        StopPolicy(signal="STOP")


@pytest.mark.parametrize(
    ("threshold", "clears_at"),
    [
        (Threshold(above=200.0), 180),
        (Threshold(below=100.0), 110),
        (Threshold(above=200.0, clear=150.0), 150),
        (Threshold(below=0.0), 0),
    ],
)
def test_an_issue_ends_a_tenth_inside_the_limit_unless_told_where(threshold, clears_at):
    assert threshold.clear_at() == pytest.approx(clears_at)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "exactly one of above and below"),
        ({"above": 1.0, "below": 2.0}, "exactly one of above and below"),
        ({"above": 1.0, "clear": 2.0}, "at or under above"),
        ({"below": 2.0, "clear": 1.0}, "at or over below"),
        ({"above": Level(80, "percent"), "clear": Level(1, "bytes")}, "one unit only: these are bytes and percent"),
        ({"above": Level(80, "percent"), "unit": "bytes"}, "one unit only"),
    ],
)
def test_a_threshold_that_can_never_be_true_is_refused(given, problem):
    with pytest.raises(ValueError, match=problem):
        Threshold(**given)


def test_a_threshold_takes_its_unit_from_its_value_and_else_from_its_metric():
    assert Threshold(above=Level(80, "percent")).unit_for("memory") == "percent"
    assert Threshold(above=80.0).unit_for("memory") == "bytes"
    assert Threshold(above=80.0).unit is None


def test_a_threshold_keeps_plain_numbers_that_can_be_sent():
    threshold = Threshold(above=Level(80, "percent"), clear=Level(70, "percent"))
    assert (type(threshold.above), type(threshold.clear)) == (float, float)
    sent = msgspec.msgpack.encode(threshold, enc_hook=enc_hook)
    assert msgspec.msgpack.decode(sent, type=Threshold, dec_hook=dec_hook) == threshold


def test_settings_of_a_workload_can_be_stored_and_read_back():
    spec = WorkloadSettings(
        command=["a"],
        thresholds={"memory": Threshold(above=Level(80, "percent"))},
        probes=Probes(work=Probe(exec_=["b"])),
        hooks={"fix": Hook(command=["c"])},
    )
    stored = msgspec.json.encode(spec, enc_hook=enc_hook)
    assert msgspec.json.decode(stored, type=WorkloadSettings, dec_hook=dec_hook) == spec


def test_the_table_of_metrics_cannot_be_changed():
    with pytest.raises(TypeError):
        METRICS["memory"] = "count"  # type: ignore[index]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"http": "http://a/", "tcp": "a:1"},
        {"http": "a/b"},
        {"http": "ftp://a/"},
        {"http": "http://"},
        {"http": "http://a:99999/"},
        {"http": "http://[::1/"},
        {"http": "http://a b/"},
        {"tcp": "8000"},
        {"tcp": "a:0"},
        {"tcp": "a:70000"},
        {"tcp": ":80"},
        {"tcp": "::1:80"},
        {"exec_": []},
        {"tcp": "a:1", "every": Seconds(0)},
        {"tcp": "a:1", "timeout": Seconds(0)},
    ],
)
def test_a_probe_that_cannot_be_asked_is_refused(given):
    with pytest.raises(ValueError, match=r"exactly one|is no URL|is no address|is empty|more than 0s"):
        Probe(**given)


def test_a_time_out_may_be_longer_than_the_interval():
    assert Probe(tcp="a:1", every=Seconds(1), timeout=Seconds(2)).timeout == Seconds(2)


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:80", ("127.0.0.1", 80)), ("[::1]:80", ("::1", 80)), ("my-host.lan:8000", ("my-host.lan", 8000))],
)
def test_an_address_is_split_into_host_and_port(text, address):
    assert tcp_address(text) == address


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: RestartPolicy(backoff_first=Seconds(60)), "backoff_max: has to be at least"),
        (lambda: RestartPolicy(start_limit_window=Seconds(0)), "start_limit_window: has to be more"),
        (lambda: Hook(command=[]), "command: is empty"),
        (lambda: Hook(command=["a"], timeout=Seconds(0)), "timeout: has to be more"),
        (lambda: LogPolicy(max_size=Bytes(10)), "max_size: is too small"),
        (lambda: WorkloadSettings(command=[]), "command: is empty"),
        (lambda: WorkloadSettings(command=[""]), "command: is empty"),
        (lambda: WorkloadSettings(command=["a"], runs_in=[]), "runs_in: is empty"),
        (lambda: NodeSettings(name="Alpha"), 'name: "Alpha" is no name'),
        (lambda: NodeSettings(state_dir=""), "state_dir: is no directory"),
        (lambda: ListenSettings(facts="tcp://10.0.0.1"), 'facts: "tcp://10.0.0.1" is no address; allowed: tcp://'),
        (lambda: ListenSettings(facts="tcp://10.0.0.1:*"), 'facts: "tcp://10.0.0.1:\\*" says no port'),
        (lambda: ListenSettings(facts="ipc:///x"), 'facts: "ipc:///x" is of this machine only'),
        (lambda: ListenSettings(commands="tcp://127.0.0.1:0"), "commands: .* 0 is no port"),
        (lambda: ListenSettings(facts="tcp://a:1", replay="tcp://a:1"), "replay: .* is the address of facts already"),
        (lambda: PeerSettings(key=KEY), "has no address"),
        (lambda: PeerSettings(replay="tcp://b:1", key=KEY), "has no address"),
        (lambda: PeerSettings(facts="tcp://b:1"), "key: is missing, and tcp needs one"),
        (lambda: PeerSettings(facts="tcp://b:1", key=KEY[:-1]), "key: this is no key: 39 characters; allowed: the 40"),
        (
            lambda: PeerSettings(facts="tcp://b:1", key=KEY[:-1] + "~"),
            "key: this is no key: character 40, '~', is none",
        ),
        (lambda: PeerSettings(facts="ipc://b"), "facts: .*the path of a socket is absolute"),
        (lambda: NodeSettings(name="a", peers={"B": PeerSettings(facts="ipc:///b")}), 'peers: "B" is no name'),
        (lambda: NodeSettings(name="a", peers={"a": PeerSettings(facts="ipc:///b")}), 'peers: "a" is this node itself'),
    ],
)
def test_what_can_never_work_is_refused(make, problem):
    with pytest.raises(ValueError, match=problem):
        make()


def test_the_revision_tells_what_the_process_depends_on_and_the_spec_hash_everything():
    spec = WorkloadSettings(command=["a"])
    watched = WorkloadSettings(command=["a"], thresholds={"cpu": Threshold(above=80.0)})
    assert revision(spec) == revision(watched)
    assert spec_hash(spec) != spec_hash(watched)
    others = [
        WorkloadSettings(command=["b"]),
        WorkloadSettings(command=["a"], cwd="/"),
        WorkloadSettings(command=["a"], env={"A": "1"}),
        WorkloadSettings(command=["a"], user="nobody"),
        WorkloadSettings(command=["a"], modes={"sandbox": ModeOverride(env={"A": "1"})}),
    ]
    assert len({revision(each) for each in [spec, *others]}) == len(others) + 1


def test_the_order_of_variables_does_not_change_the_revision():
    there = WorkloadSettings(command=["a"], env={"A": "1", "B": "2"})
    back = WorkloadSettings(command=["a"], env={"B": "2", "A": "1"})
    assert revision(there) == revision(back)


def test_the_default_name_of_a_node_is_a_token():
    assert is_name(default_node_name())


def test_settings_of_an_actor_are_given_by_type(read):
    settings: Settings = read("", actor_types={"pace": PaceSettings})
    assert settings.actor("pace", PaceSettings).depth == 3
    with pytest.raises(TypeError, match="settings of pace are PaceSettings, not MailSettings"):
        settings.actor("pace", MailSettings)
    with pytest.raises(KeyError):
        settings.actor("mail", MailSettings)


def test_what_a_workload_tells_of_itself_stands_in_for_a_probe():
    told = WorkloadSettings(command=["x"], notify=Notify(ready="socket", watchdog=Seconds(2)))
    asked = WorkloadSettings(command=["x"], probes=Probes(work=Probe(tcp="a:1")))
    assert [judges(told, name) for name in ("startup", "liveness", "readiness", "work")] == [True, True, False, False]
    assert [judges(asked, name) for name in ("startup", "liveness", "readiness", "work")] == [False, False, False, True]
