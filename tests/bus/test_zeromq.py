import stat
import subprocess
import sys
import threading
from typing import Any

import msgspec
import pytest
import zmq

from bus import handover
from bus.codec import BATCH_MAX, decode_batch, decode_header
from bus.endpoints import run_dir_for
from bus.envelope import RawCommand
from bus.errors import ActorUnavailable, BusError, DeadlineExceeded, InboxFull, Refused, UnknownTarget
from bus.fact_sender import BATCH_BYTES
from bus.handover import Handover
from bus.message import Done, Stream
from bus.zeromq import Listen, Peer, ZeroMQCarrier
from tests.bus.conftest import PATIENCE_S, add, noting, wait_until
from tests.bus.vocabulary import VERBS, Add, Fly, Moved, Rest, Sampled, Settled, Sum

OWNER = """
import sys, time
from bus.hub import Bus
from bus.zeromq import Listen, ZeroMQCarrier
listen = Listen([f"ipc://{sys.argv[1]}/facts.sock"], [f"ipc://{sys.argv[1]}/commands.sock"])
Bus("alpha", epoch=1, monotonic=time.monotonic, wall=time.time, carrier=ZeroMQCarrier(listen, epoch=1, node="alpha"))
print("up", flush=True)
sys.stdin.read()
"""


def listen_in(run_dir):
    return Listen([f"ipc://{run_dir}/facts.sock"], [f"ipc://{run_dir}/commands.sock"])


# -- where it may be


def test_a_second_bus_in_the_same_directory_is_refused_and_harms_not_the_first(run_dir, make):
    first = make("alpha", listen_in(run_dir))
    first.serve("adder", VERBS, add)
    with pytest.raises(BusError, match="is in use by another bus"):
        make("gamma", listen_in(run_dir))
    asker = make("beta", Listen(), [Peer("alpha", commands=first._carrier.commands[0])])
    assert asker.ask(Add(left=1, right=2), timeout_s=PATIENCE_S, node="alpha") == Sum(total=3)


@pytest.mark.parametrize("address", ["tcp://0.0.0.0:5555", "tcp://127.0.0.1:5555", "tcp://192.168.0.1:5555"])
def test_tcp_without_keys_is_refused_for_listening_and_for_peers(address):
    for listen, peers in (
        (Listen(facts=[address]), ()),
        (Listen(commands=[address]), ()),
        (Listen(replay=[address]), ()),
        (Listen(), [Peer("beta", facts=address)]),
        (Listen(), [Peer("beta", commands=address)]),
        (Listen(), [Peer("beta", replay=address)]),
    ):
        with pytest.raises(BusError, match="needs keys"):
            ZeroMQCarrier(listen, peers, epoch=1, node="alpha")


def test_a_peer_over_tcp_whose_key_is_missing_or_none_is_refused(holders):
    for key, why in (("", "which needs its public key"), ("short", "this is no key: 5 characters")):
        peer = Peer("beta", facts="tcp://10.0.0.1:5", key=key)
        with pytest.raises(BusError, match=why):
            ZeroMQCarrier(Listen(), [peer], epoch=1, node="alpha", security=holders.security("alpha"))


def test_a_path_too_long_for_the_kernel_is_refused(run_dir):
    with pytest.raises(BusError, match="at most 10"):
        ZeroMQCarrier(listen_in(run_dir / ("x" * 100)), epoch=1, node="alpha")


def test_a_directory_open_to_others_is_refused(run_dir, make):
    run_dir.chmod(0o755)
    with pytest.raises(BusError, match="has mode 0755"):
        make("alpha", listen_in(run_dir))


def test_a_port_in_use_is_refused_and_nothing_stays_open(run_dir, make, holders):
    first = make("alpha", Listen(["tcp://127.0.0.1:*"]), security=holders.security("alpha"))
    taken = first._carrier.facts[0]
    with pytest.raises(BusError, match=f"cannot use {taken}: Address already in use"):
        make("beta", Listen([f"ipc://{run_dir}/facts.sock", taken]), security=holders.security("beta"))
    first.close()
    make("beta", Listen([f"ipc://{run_dir}/facts.sock", taken]), security=holders.security("beta")).close()


def test_two_peers_of_one_name_are_refused():
    with pytest.raises(BusError, match="two peers of one name"):
        ZeroMQCarrier(Listen(), [Peer("beta"), Peer("beta")], epoch=1, node="alpha")


def test_ipv6_loopback_and_a_second_address_carry_too(run_dir, make, holders):
    listen = Listen(
        [f"ipc://{run_dir}/facts.sock", "tcp://[::1]:*"], [f"ipc://{run_dir}/commands.sock", "tcp://127.0.0.1:*"]
    )
    holders.store("beta")
    here = make("alpha", listen, security=holders.security("alpha"))
    here.serve("adder", VERBS, add)
    peer = Peer("alpha", here._carrier.facts[1], here._carrier.commands[1], key=holders.key("alpha"))
    there = make("beta", Listen(), [peer], security=holders.security("beta"))
    heard: list[Any] = []
    there.subscribe([Moved], heard.append)
    wait_until(lambda: "evt." in here._carrier.subscriptions)
    here.publish(Moved(subject="web", step=1), source="x")
    wait_until(lambda: heard)
    assert there.ask(Add(left=1, right=1), timeout_s=PATIENCE_S, node="alpha") == Sum(total=2)


# -- its end


def test_closing_leaves_no_socket_file_and_may_be_done_twice(run_dir, make):
    bus = make("alpha", listen_in(run_dir))
    assert sorted(path.name for path in run_dir.iterdir() if stat.S_ISSOCK(path.stat().st_mode)) == [
        "commands.sock",
        "facts.sock",
        "replay.sock",
    ]
    bus.close()
    bus.close()
    assert [path.name for path in run_dir.iterdir()] == ["bus.lock"]
    make("alpha", listen_in(run_dir)).close()


def test_after_a_kill_the_next_start_takes_the_directory_over(run_dir, make):
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(run_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert owner.stdout is not None
    assert owner.stdout.readline() == b"up\n"
    with pytest.raises(BusError, match=rf"\(pid {owner.pid}\)"):
        make("alpha", listen_in(run_dir))
    owner.kill()
    owner.communicate()
    assert (run_dir / "facts.sock").exists()
    make("alpha", listen_in(run_dir)).close()


def test_a_process_that_never_closes_its_bus_ends_all_the_same(run_dir):
    done = subprocess.run(
        [sys.executable, "-c", OWNER, str(run_dir)], stdin=subprocess.DEVNULL, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0


def test_what_was_queued_before_the_close_is_still_sent(pair):
    heard: list[Any] = []
    pair.subscribe([Moved], lambda envelope: heard.append(envelope.data.step))
    for step in range(5_000):
        pair.here.publish(Moved(subject="web", step=step), source="mover")
    pair.here.close()
    wait_until(lambda: len(heard) >= 5_000)
    assert heard == list(range(5_000))


def test_a_closed_bus_takes_facts_and_commands_without_harm(run_dir, make):
    bus = make("alpha", Listen(), [Peer("beta", commands=f"ipc://{run_dir}/nobody.sock")])
    bus.close()
    bus.publish(Moved(subject="web", step=1), source="x")
    assert bus._carrier.counters["dropped_out"] == 1
    with pytest.raises(UnknownTarget):
        bus.ask(Rest(), timeout_s=1.0, node="beta")


def test_a_carrier_is_used_once(run_dir, make):
    bus = make("alpha", listen_in(run_dir))
    with pytest.raises(BusError, match="was started before"):
        bus._carrier.start(bus)
    bus.close()
    with pytest.raises(BusError, match="was started before"):
        bus._carrier.start(bus)
    unused = ZeroMQCarrier(Listen(), epoch=1, node="alpha")
    unused.close()
    unused.close()


def test_the_bus_may_be_closed_from_its_own_thread_and_its_last_answers_arrive(run_dir, make):
    for _ in range(30):
        here = make("alpha", listen_in(run_dir))
        there = make("beta", Listen(), [Peer("alpha", commands=here._carrier.commands[0])])
        here.serve("adder", VERBS, lambda _request, here=here: here.close())
        with pytest.raises(ActorUnavailable, match="stopping"):
            there.ask(Rest(), timeout_s=PATIENCE_S, node="alpha")
        there.close()
        here.close()


def test_closing_answers_what_is_still_asked_of_peers(run_dir, make):
    bus = make("alpha", Listen(), [Peer("beta", commands=f"ipc://{run_dir}/nobody.sock")])
    future = bus.send(Rest(), timeout_s=PATIENCE_S, node="beta")
    bus.close()
    with pytest.raises(ActorUnavailable, match="the bus is closing"):
        future.result(PATIENCE_S)


# -- facts


@pytest.fixture
def raw_reader():
    """A bare SUB, closed also when the test fails."""
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.setsockopt(zmq.RCVHWM, 0)
        socket.subscribe(b"evt.")
        yield socket


def test_a_burst_goes_out_in_batches_and_every_stream_is_numbered_without_gaps(run_dir, make, raw_reader):
    bus = make("alpha", listen_in(run_dir), epoch=7)
    reader = raw_reader
    reader.connect(f"ipc://{run_dir}/facts.sock")
    wait_until(lambda: "evt." in bus._carrier.subscriptions)
    for step in range(3_000):
        kind = Settled if step // 500 % 2 else Moved
        bus.publish(kind(subject="web", step=step), source="mover")
    following, steps, messages = {Stream.FACTS: 1, Stream.STATE: 1}, 0, 0
    while steps < 3_000:
        assert reader.poll(int(PATIENCE_S * 1000))
        topic, frame, body = reader.recv_multipart()
        header = decode_header(frame)
        assert (header.epoch, header.first_seq) == (7, following[header.stream])
        following[header.stream] += header.count
        assert header.count <= BATCH_MAX
        what = "settled" if header.stream is Stream.STATE else "moved"
        assert topic == f"evt.test.{what}.alpha.web".encode()
        assert {raw.type for raw in decode_batch(header, body)} == {f"test.{what}.v1"}
        steps += header.count
        messages += 1
    assert messages < 3_000
    wait_until(lambda: bus._carrier.counters["batches"] >= messages)  # counted after they are sent
    assert bus._carrier.counters["batches"] == messages


def test_large_facts_share_a_message_only_up_to_so_many_bytes(run_dir, make, raw_reader):
    bus = make("alpha", listen_in(run_dir))
    raw_reader.connect(f"ipc://{run_dir}/facts.sock")
    wait_until(lambda: "evt." in bus._carrier.subscriptions)
    for step in range(200):
        bus.publish(Moved(subject="web", step=step, note="x" * (100_000 if step == 150 else 20_000)), source="x")
    sizes: dict[int, int] = {}
    while sum(sizes.values()) < 200:
        assert raw_reader.poll(int(PATIENCE_S * 1000))
        _, frame, body = raw_reader.recv_multipart()
        count = decode_header(frame).count
        assert count == 1 or len(body) <= BATCH_BYTES
        sizes[len(sizes)] = count


def test_when_too_many_facts_wait_samples_are_dropped_first_and_all_are_counted(monkeypatch, make):
    monkeypatch.setattr(handover, "SAMPLES_MAX", 5)
    monkeypatch.setattr(handover, "FACTS_MAX", 8)
    queue = Handover()
    bus = make("alpha")
    for step in range(10):
        for fact in (Sampled(subject="web", value=1.0), Moved(subject="web", step=step)):
            queue.put_fact("topic", fact.stream, bus.publish(fact, source="x"))
    kept = [stream for _, stream, _ in queue.facts]
    assert (kept.count(Stream.SAMPLES), kept.count(Stream.FACTS), queue.dropped) == (3, 5, 12)
    queue.close()


# -- commands


def test_a_command_goes_to_the_peer_that_names_its_target_first(run_dir, make):
    served: list[Any] = []
    peers = []
    for number, targets in enumerate((None, frozenset({"adder"}), frozenset({"bird"}))):
        name = f"node-{number}"
        listen = Listen(commands=[f"ipc://{run_dir_for(run_dir / name)}/commands.sock"])
        bus = make(name, listen)
        for target, verbs in (("adder", VERBS), ("bird", {"fly": Fly})):
            bus.serve(target, verbs, noting(served, lambda request, name=name: request.answer(Done(detail=name))))
        peers.append(Peer(name, commands=bus._carrier.commands[0], targets=targets))
    asker = make("asker", Listen(), peers)
    answers: list[Any] = []
    asked = [("rest", "adder", None), ("fly", "bird", None), ("fly", "bird", "node-1")]
    for number, (verb, target, node) in enumerate(asked, 1):
        raw = RawCommand(id=f"{verb}-{node}", source="x", target=target, verb=verb, timeout_s=PATIENCE_S)
        assert asker._carrier.command(raw, answers.append, node=node)
        wait_until(lambda number=number: len(answers) >= number)
    assert [msgspec.msgpack.decode(answer.data)["detail"] for answer in answers] == ["node-1", "node-2", "node-1"]
    assert len(served) == 3
    with pytest.raises(UnknownTarget):
        asker.ask(Rest(), timeout_s=PATIENCE_S, node="node-9")


def test_a_command_waits_for_its_peer_to_come_up(run_dir, make):
    asker = make("beta", Listen(), [Peer("alpha", commands=f"ipc://{run_dir}/commands.sock")])
    future = asker.send(Add(left=2, right=2), timeout_s=PATIENCE_S, node="alpha")
    bus = make("alpha", listen_in(run_dir))
    bus.serve("adder", VERBS, add)
    # The peer may be found between its start and serve(); what counts is that the command got there.
    try:
        assert future.result(PATIENCE_S) == Sum(total=4)
    except UnknownTarget:
        assert asker.ask(Add(left=2, right=2), timeout_s=PATIENCE_S, node="alpha") == Sum(total=4)


def test_a_command_whose_time_is_over_does_not_reach_a_peer_that_comes_up_later(run_dir, make):
    asker = make("beta", Listen(), [Peer("alpha", commands=f"ipc://{run_dir}/commands.sock")])
    late = asker.send(Rest(), timeout_s=0.1, node="alpha")
    with pytest.raises(DeadlineExceeded, match="was not connected within"):
        late.result(PATIENCE_S)
    asked: list[Any] = []
    bus = make("alpha", listen_in(run_dir))
    bus.serve("adder", VERBS, noting(asked, lambda request: request.answer(Done())))
    asker.send(Rest(), timeout_s=PATIENCE_S, node="alpha").result(PATIENCE_S)
    assert [request.envelope.verb for request in asked] == ["rest"]
    assert asker._carrier.counters["expired"] == 1


def test_an_unanswered_command_is_answered_by_its_deadline_and_forgotten(run_dir, make):
    bus = make("alpha", listen_in(run_dir))
    held: list[Any] = []
    bus.serve("adder", VERBS, held.append)
    asker = make("beta", Listen(), [Peer("alpha", commands=f"ipc://{run_dir}/commands.sock")])
    future = asker.send(Rest(), timeout_s=0.2, node="alpha")
    with pytest.raises(DeadlineExceeded, match="gave no answer within"):
        future.result(PATIENCE_S)
    table = asker._carrier._thread.peers.route("adder", "alpha")
    assert not table._open
    held[0].answer(Done())
    wait_until(lambda: asker._carrier.counters["answers_late"] == 1)


def test_a_command_or_an_answer_larger_than_a_frame_is_refused_and_the_connection_stays(run_dir, make):
    bus = make("alpha", listen_in(run_dir))
    bus.serve("adder", VERBS, lambda request: request.answer(Done(detail="x" * 2_000_000)))
    asker = make("beta", Listen(), [Peer("alpha", commands=f"ipc://{run_dir}/commands.sock")])
    with pytest.raises(Exception, match=r"reply: 20000.. bytes; at most 1048576"):
        asker.ask(Rest(), timeout_s=PATIENCE_S, node="alpha")
    with pytest.raises(Refused, match=r"command: 10.* bytes; at most 1048576"):
        asker.send(Rest(), timeout_s=PATIENCE_S, node="alpha", cause=_Huge()).result(PATIENCE_S)
    bus.serve("adder", VERBS, add)
    assert asker.ask(Add(left=1, right=1), timeout_s=PATIENCE_S, node="alpha") == Sum(total=2)


class _Huge:
    id = correlationid = "x" * 525_000


def test_too_many_commands_for_a_peer_that_is_away_are_refused(run_dir, monkeypatch, make):
    monkeypatch.setattr("bus.asker.WAITING_MAX", 3)
    asker = make("beta", Listen(), [Peer("alpha", commands=f"ipc://{run_dir}/commands.sock")])
    futures = [asker.send(Rest(), timeout_s=PATIENCE_S, node="alpha") for _ in range(4)]
    with pytest.raises(InboxFull, match="3 commands wait for node alpha"):
        futures[3].result(PATIENCE_S)


def test_the_thread_is_one_and_ticks(run_dir, make):
    bus = make("alpha", listen_in(run_dir))
    assert [thread.name for thread in threading.enumerate()].count("bus-io") == 1
    wait_until(lambda: bus._carrier.counters["ticks"] >= 2)
    assert bus._carrier.counters["faults"] == 0
