import json

from tests.e2e.conftest import until

HUNDRED = "node: {name: alpha}\nworkloads:\n" + "".join(
    f'  w{number}: {{command: [sleep, "{2000 + number}"], stop: {{grace: 2s}}}}\n' for number in range(100)
)


def ready(site):
    return all(row["state"] == "ready" for row in site.rows().values())


def test_a_node_of_a_hundred_workloads_in_the_background(site):
    site.write(HUNDRED)
    code, out, err = site.call("start")
    assert (code, err) == (0, "")
    assert "runs in the background" in out
    assert "runs already" in site.call("start")[1]
    until(lambda: ready(site), "all are up")

    code, out, _ = site.call("status")
    assert code == 0
    assert sum(" ready " in line for line in out.splitlines()) == 100
    until(lambda: site.call("health")[0] == 0, "health is known")

    pids = {name: row["pid"] for name, row in site.rows().items()}
    assert site.call("stop", "w7")[0] == 0
    code, out, err = site.call("restart")
    assert (code, err) == (0, "")
    assert "99 still running" in out
    until(lambda: site.rows()["w8"]["state"] == "ready", "they are adopted")
    rows = site.rows()
    assert rows["w7"]["pid"] is None
    assert rows["w7"]["held"]
    del pids["w7"]
    assert {name: row["pid"] for name, row in rows.items() if name != "w7"} == pids

    assert site.call("start", "w7")[0] == 0
    until(lambda: ready(site), "the held one is up again")
    code, out, err = site.call("stop")
    assert (code, err) == (0, "")
    assert "stopped in" in out
    assert site.processes() == []
    assert site.call("stop")[0] == 3


def test_the_node_may_end_alone_and_its_workloads_stay(site):
    site.write('node: {name: alpha}\nworkloads: {one: {command: [sleep, "3001"], stop: {grace: 2s}}}\n')
    assert site.call("up", "--detach")[0] == 0
    until(lambda: ready(site), "it is up")
    pid = site.rows()["one"]["pid"]
    code, out, _ = site.call("stop", "--keep-workloads")
    assert code == 0
    assert "1 still running" in out
    assert [process.pid for process in site.processes()] == [pid]


def test_a_start_that_fails_says_why_and_ends_as_the_node_did(site):
    site.write("node: {name: alpha}\nworkloads: {one: {command: [no-such-program]}}\n")
    code, out, err = site.call("start")
    assert (code, out) == (2, "")
    assert 'no program "no-such-program"' in err
    assert err.splitlines()[-1] == "gyrostat: 1 fault; nothing was started"


def test_a_set_reaches_the_node(site):
    site.write('node: {name: alpha}\nworkloads: {one: {command: [sleep, "3001"], runs_in: [live]}}\n')
    assert site.call("up", "--detach", "--set", "mode=sandbox")[0] == 0
    assert site.status()["node"]["mode"] == "sandbox"
    assert site.rows() == {}


def test_events_and_logs_from_another_terminal(site):
    program = "import time\nfor n in range(10**6): print('line', n, flush=True); time.sleep(0.05)"
    site.write(f"node: {{name: alpha}}\nworkloads: {{talker: {{command: {json.dumps(['python3', '-c', program])}}}}}\n")
    assert site.call("start")[0] == 0
    until(lambda: "line 3" in site.call("logs", "talker")[1], "its log is shown")
    code, out, _ = site.call("logs", "--tail", "5")
    assert code == 0
    assert out
    assert site.call("signal", "talker", "TERM")[0] == 0
    until(lambda: site.rows()["talker"]["restarts"] == 1, "it is started again")
