import json
import os
import stat
import subprocess
import sys

import pytest

from bus.addresses import IPC_PATH_BYTES_MAX
from bus.endpoints import (
    COMMANDS_NAME,
    Endpoints,
    check_alive,
    endpoints_of,
    read_endpoints,
    remove_endpoints,
    run_dir_for,
    write_endpoints,
)
from bus.errors import BusError, NotConnected


def test_the_file_says_where_the_node_answers_and_only_we_can_read_it(run_dir):
    key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
    endpoints = endpoints_of(run_dir, node="alpha", epoch=3).also(facts="tcp://10.0.0.1:5555", key=key)
    path = write_endpoints(run_dir, endpoints)
    assert json.loads(path.read_text()) == {
        "node": "alpha",
        "pid": os.getpid(),
        "epoch": 3,
        "facts": [f"ipc://{run_dir}/facts.sock", "tcp://10.0.0.1:5555"],
        "commands": [f"ipc://{run_dir}/commands.sock"],
        "replay": [f"ipc://{run_dir}/replay.sock"],
        "key": key,
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in run_dir.iterdir()] == ["endpoints.json"]


def test_writing_again_replaces_the_file(run_dir):
    for epoch in (1, 2):
        write_endpoints(run_dir, endpoints_of(run_dir, node="alpha", epoch=epoch))
    assert read_endpoints(run_dir).epoch == 2


def test_a_state_directory_a_run_directory_and_the_file_itself_lead_to_it(run_dir, monkeypatch):
    made = run_dir_for(run_dir / "run")
    wanted = endpoints_of(made, node="alpha", epoch=1)
    path = write_endpoints(made, wanted)
    monkeypatch.chdir(run_dir)
    for where in (run_dir, made, path, str(path), ".", "run"):
        assert read_endpoints(where) == wanted


def test_where_no_node_runs_one_clear_line_says_so(run_dir):
    with pytest.raises(NotConnected, match=f"^no node runs at {run_dir}: there is no endpoints.json$"):
        read_endpoints(run_dir)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"node": 1}', "\xff"])
def test_a_file_that_holds_no_endpoints_is_named(run_dir, text):
    (run_dir / "endpoints.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(BusError, match=r"endpoints\.json"):
        read_endpoints(run_dir)


def test_an_address_that_is_not_permitted_is_not_followed(run_dir):
    write_endpoints(run_dir, Endpoints(node="alpha", commands=("tcp://10.0.0.1:5555",)))
    with pytest.raises(BusError, match="needs keys"):
        read_endpoints(run_dir)


def test_a_node_takes_away_its_own_file_and_not_that_of_a_later_start(run_dir):
    write_endpoints(run_dir, endpoints_of(run_dir, node="alpha", epoch=2))
    remove_endpoints(run_dir, epoch=1)
    assert read_endpoints(run_dir).epoch == 2
    remove_endpoints(run_dir, epoch=2)
    remove_endpoints(run_dir, epoch=2)
    remove_endpoints(run_dir)
    with pytest.raises(NotConnected):
        read_endpoints(run_dir)


def test_a_run_directory_is_made_with_its_parents_and_only_we_can_enter_it(run_dir):
    made = run_dir_for(run_dir / "var" / "run")
    assert made == run_dir / "var" / "run"
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert run_dir_for(made) == made


def test_a_run_directory_open_to_others_is_refused(run_dir):
    (run_dir / "run").mkdir(mode=0o755)
    with pytest.raises(BusError, match="has mode 0755"):
        run_dir_for(run_dir / "run")


def test_a_run_directory_that_cannot_be_made_is_refused(run_dir):
    (run_dir / "file").touch()
    with pytest.raises(BusError, match="cannot make"):
        run_dir_for(run_dir / "file" / "run")


@pytest.mark.parametrize("xdg", [True, False])
def test_a_path_too_long_for_the_kernel_gives_a_short_one_that_clients_find_too(run_dir, monkeypatch, xdg):
    if xdg:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(run_dir))
    else:
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    state_dir = run_dir / ("long-" * 25)
    short = run_dir_for(state_dir / "run")
    try:
        assert len(os.fsencode(short / COMMANDS_NAME)) <= IPC_PATH_BYTES_MAX
        assert short.parent == run_dir if xdg else short.name.startswith("gyrostat-")
        assert run_dir_for(state_dir / "run") == short
        write_endpoints(short, endpoints_of(short, node="alpha", epoch=1))
        for where in (state_dir, state_dir / "run"):
            assert read_endpoints(where).node == "alpha"
        short.chmod(0o755)
        with pytest.raises(BusError, match="has mode 0755"):
            read_endpoints(state_dir)
    finally:
        remove_endpoints(short)
        short.rmdir()


def test_a_process_that_is_gone_is_told_at_once():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    check_alive(Endpoints(node="alpha", pid=os.getpid()))
    check_alive(Endpoints(node="alpha", pid=0))
    check_alive(Endpoints(node="alpha", pid=1))
    with pytest.raises(NotConnected, match=f"node alpha does not run: its process {ended.pid} is gone"):
        check_alive(Endpoints(node="alpha", pid=ended.pid))
