"""Faults of a program's life: it is killed, hangs, cannot start, or its port is taken."""

from __future__ import annotations

import os
import signal
import sys
from typing import Final

import psutil

from actors.faults.fault import Done, Fault, NotWell
from actors.faults.stand import Stand

TICK: Final = """
tick:                                    # counts in a file; plain sh
  command: [sh, tick.sh]
"""

SHOP: Final = """
shop:                                    # threads of Python over HTTP
  command: [$python, shop.py, "$shop"]
  stop: {grace: 1s}
  probes:
    liveness: {http: "http://127.0.0.1:$shop/health", every: 300ms, timeout: 500ms, failures: 2}
    work: {http: "http://127.0.0.1:$shop/work", every: 300ms, timeout: 500ms, failures: 2}
"""

RELAY: Final = """
relay:                                   # JavaScript
  command: [node, relay.js, "$relay"]
  stop: {grace: 1s}
  config_files: [app.json]
  probes:
    work: {http: "http://127.0.0.1:$relay/", every: 300ms, timeout: 500ms, failures: 2}
"""


def tick_files(stand: Stand) -> None:
    """What tick.sh needs."""
    stand.write("tick.conf", "step=3\n")


def ticks(stand: Stand) -> str:
    """Whether it counts on."""
    return stand.fresh("ticks", 0.4)


def nothing(_: Stand) -> None:
    """Nothing is needed."""


def greeting(stand: Stand) -> None:
    """What relay.js needs."""
    stand.write("app.json", {"greeting": {"text": "good day"}})


def relays(stand: Stand) -> str:
    """Whether it greets."""
    if stand.get("relay", "/") != "GOOD DAY\n":
        raise NotWell("it greets wrongly")
    return "it greets"


def shops(stand: Stand) -> str:
    """Whether orders are taken."""
    return stand.get("shop").strip()


def _spoil_json(stand: Stand) -> Done:
    stand.write("app.json", '{"greeting": {"text": "good day"')
    return stand.kill("relay", "app.json cut short")


def _drop_key(stand: Stand) -> Done:
    done = stand.done("greeting.text is gone from app.json; SIGHUP")
    stand.write("app.json", {"greeting": {"txet": "good day"}})
    os.kill(stand.pid("relay"), signal.SIGHUP)
    return done


def _leave_child(stand: Stand) -> Done:
    child = int(stand.get("relay", "/child"))
    stand.scene.pids.add(child)
    stand.notes["child"] = child
    return stand.kill("relay", f"a child (pid {child}) has inherited the port")


def _child_gone(stand: Stand) -> str:
    text = relays(stand)
    child = stand.notes.get("child", 0)
    if child and psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        raise NotWell(f"child {child} lives")
    return text


TAKE: Final = """
import pathlib, socket, sys, threading
taken = socket.socket()
taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
pathlib.Path("waits").touch()
while True:
    try:
        taken.bind(("127.0.0.1", int(sys.argv[1])))
        break
    except OSError:
        pass
taken.listen()
threading.Event().wait()
"""
"""Takes a port in the moment in which it is let go."""


def _stranger(stand: Stand) -> Done:
    stranger = stand.notes["stranger"] = stand.helper(sys.executable, "-c", TAKE, str(stand.stage.ports["shop"]))
    stand.scene.until((stand.directory / "waits").exists, 10.0, "the stranger waits for the port")
    done = stand.kill("shop", f"a stranger (pid {stranger.pid}) waits for its port")
    stand.scene.until(lambda: bool(listeners(stranger.pid)), 10.0, "the stranger has the port")
    return done


def listeners(pid: int) -> list[int]:
    """Ports on which a process listens."""
    connections = psutil.Process(pid).net_connections()
    return [int(one.laddr.port) for one in connections if one.status == psutil.CONN_LISTEN]


def _stranger_lives(stand: Stand) -> str:
    stranger = stand.notes.get("stranger")
    if stranger is None:
        return shops(stand)
    if stranger.poll() is not None:
        raise NotWell("the stranger was ended")
    return "the stranger lives"


def _twin(stand: Stand) -> Done:
    port = stand.stage.ports["shop"]
    twin = stand.notes["twin"] = stand.helper(sys.executable, "shop.py", str(port))
    stand.scene.until(lambda: port in listeners(twin.pid), 10.0, "the twin listens")
    return stand.done(f"the same command was started by hand before the node (pid {twin.pid}) and has the port")


def _twin_gone(stand: Stand) -> str:
    stand.pid("shop")
    if stand.notes["twin"].poll() is None:
        raise NotWell("the one started by hand lives")
    return shops(stand)


FAULTS: Final = (
    Fault(
        name="crash",
        what="a program is killed",
        workloads=TICK,
        prepare=tick_files,
        look=ticks,
        inject=lambda stand: stand.kill("tick"),
        subjects=("tick",),
        starts_max=1,
    ),
    Fault(
        name="crash_loop",
        what="a config file is cut short and the program ends at every start",
        workloads=RELAY,
        ports=("relay",),
        prepare=greeting,
        look=relays,
        inject=_spoil_json,
        subjects=("relay",),
        actions=("put_back_config",),
        needs=("node",),
    ),
    Fault(
        name="bad_reload",
        what="a program reads a changed config, lives on and answers with errors",
        workloads=RELAY,
        ports=("relay",),
        prepare=greeting,
        look=relays,
        inject=_drop_key,
        subjects=("relay",),
        actions=("put_back_config",),
        needs=("node",),
    ),
    Fault(
        name="hang",
        what="a program stands still (SIGSTOP)",
        workloads=SHOP,
        ports=("shop",),
        prepare=nothing,
        look=shops,
        inject=lambda stand: stand.signal("shop", signal.SIGSTOP),
        subjects=("shop",),
        actions=("restart",),
        starts_max=1,
    ),
    Fault(
        name="deadlock",
        what="a lock is never let go: it is alive and takes no order",
        workloads=SHOP,
        ports=("shop",),
        prepare=nothing,
        look=shops,
        inject=lambda stand: stand.post("shop", "/deadlock"),
        subjects=("shop",),
        actions=("restart",),
        starts_max=1,
    ),
    Fault(
        name="port_orphan",
        what="a child that was left over keeps the port",
        workloads=RELAY,
        ports=("relay",),
        prepare=greeting,
        look=_child_gone,
        inject=_leave_child,
        subjects=("relay",),
        actions=("end_strays", "end_port_owner"),
        needs=("node",),
    ),
    Fault(
        name="port_stranger",
        what="a program of somebody else has taken the port",
        workloads=SHOP,
        ports=("shop",),
        prepare=nothing,
        look=_stranger_lives,
        inject=_stranger,
        subjects=("shop",),
        must="tell",
        says="pid ",
    ),
    Fault(
        name="port_twin",
        what="the same command, started by hand, has the port, and may be ended",
        workloads=f"{SHOP}  repair: {{port_owner: same_command}}\n",
        ports=("shop",),
        prepare=nothing,
        look=_twin_gone,
        inject=_twin,
        subjects=("shop",),
        actions=("end_port_owner",),
        before=True,
    ),
)
