"""Bad input -> the exact line an operator sees."""

from textwrap import indent

import pytest

from actors.settings import WorkloadSettings
from actors.settings.faults import ConfigError, Fault, in_order, suggest
from tests.settings.conftest import PaceSettings

WEB = "workloads:\n  web:\n    command: [sleep, '1']\n"

WORKLOAD_KEYS = [
    ("restart: {polcy: always}", 'restart.polcy: unknown key; did you mean "policy"?'),
    ("xyzzy: 1", f"xyzzy: unknown key; allowed: {', '.join(WorkloadSettings.__struct_fields__)}"),
    ("probes: {work: {http: 'http://a/', status: ['99']}}",
     'probes.work.status: "99" is no status; allowed: "200" or "200-299", from 100 to 599'),
    ("probes: {work: {http: 'http://a/', body: '('}}", ('probes.work.body: "(" is no regular expression: missing ), '
     "unterminated subpattern at position 0")),
    ("probes: {work: {tcp: 'a:1', body: x}}",
     "probes.work: status, body, headers and answer_headers are for http only"),
    ("probes: {work: {http: 'http://a/', http_get: {port: 1}}}",
     "probes.work.http_get: is another way to write http; allowed: one of the two"),
    ("probes: {work: {http: 'http://a/', headers: {'a b': c}}}",
     'probes.work.headers: "a b" is no header; allowed: a name of HTTP, a value on one line'),
    ("umask: '9'", 'umask: "9" is no mask; allowed: three or four octal digits in quotes: "027"'),
    ("umask: 027", 'umask: "027" is a number; allowed: a text, in quotes: "027"'),
    ("limits: {nice: 20}", 'limits.nice: "20" is not allowed; allowed: at most 19'),
    ("limits: {ionice: fast}", ('limits.ionice: "fast" is unknown; allowed: idle, best-effort, best-effort:0 to '
     "best-effort:7, realtime, realtime:0 to realtime:7")),
    ("limits: {cpu_quota: 1.5}",
     'limits.cpu_quota: "1.5" is a number; allowed: a text, in quotes: "1.5"'),
    ('limits: {cpu_quota: "1.5"}',
     'limits.cpu_quota: "1.5" is no share of a core; allowed: a percentage of one core: 50%, 150%'),
    ("limits: {memory_max: 1kB}", "limits.memory_max: is too small; allowed: 1MB or more"),
    ("limits: {rlimits: {files: 5}}", ('limits.rlimits: there is no limit "files"; allowed: as, core, cpu, data, '
     "fsize, locks, memlock, msgqueue, nice, nofile, nproc, rss, rtprio, rttime, sigpending, stack")),
    ("limits: {rlimits: {nofile: 9:5}}",
     'limits.rlimits: nofile "9:5": the soft limit is above the hard one; allowed: SOFT:HARD'),
    ("limits: {rlimits: {nproc: 1MB}}",
     'limits.rlimits: nproc "1MB" is no limit; allowed: a number, a size (8MiB), unlimited, or SOFT:HARD'),
    ("notify: {ready: sdnotify}", 'notify.ready: "sdnotify" is unknown; allowed: none, socket, fd'),
    ("notify: {fd: 2}", 'notify.fd: "2" is not allowed; allowed: at least 3'),
    ("notify: {watchdog: 0s}", "notify.watchdog: has to be more than 0s"),
    ("stop: {steps: [INT]}", 'stop.steps: "INT" is no step; allowed: a signal and a duration, such as INT 5s'),
    ("stop: {steps: [FOO 5s]}",
     'stop.steps: unknown signal "FOO"; allowed: TERM, INT, HUP, QUIT, KILL, USR1, USR2'),
    ("stop: {steps: [INT soon]}", ('stop.steps: "soon" is not a duration; allowed: 500ms, 30s, 5m, 2h, 1d or 1m30s; a '
     "bare number is seconds")),
    ("critical: yes", 'critical: "yes" is a text; allowed: true or false'),
    ("critical: 1", 'critical: "1" is a number; allowed: true or false'),
    ('critical: "true"', 'critical: "true" is a text; allowed: true or false'),
    ("critical:", "critical: is empty; allowed: true or false"),
    ("critical: [true]", "critical: this is a list; allowed: true or false"),
    ("cwd: 12", 'cwd: "12" is a number; allowed: a text, in quotes: "12"'),
    ("cwd: {a: b}", "cwd: this is a mapping; allowed: a text"),
    ("cwd: ''", "cwd: is no directory; allowed: a path"),
    ("restart: always", ('restart: "always" is a text; allowed: a mapping with policy, backoff_first, backoff_max, '
     "start_limit, start_limit_window, stable_after, success_codes")),
    ("restart: {policy: alwys}", 'restart.policy: "alwys" is unknown; allowed: always, on-failure, never'),
    ("restart: {policy: }", "restart.policy: is empty; allowed: always, on-failure, never"),
    ("restart: {policy: [always]}", "restart.policy: this is a list; allowed: always, on-failure, never"),
    ("restart: {backoff_max: soon}", ('restart.backoff_max: "soon" is not a duration; allowed: 500ms, 30s, 5m, 2h, 1d '
     "or 1m30s; a bare number is seconds")),
    ("restart: {backoff_max: -5}", ('restart.backoff_max: "-5" is not a duration; allowed: 500ms, 30s, 5m, 2h, 1d or '
     "1m30s; a bare number is seconds")),
    ("restart: {backoff_max: }", ("restart.backoff_max: is empty; allowed: 500ms, 30s, 5m, 2h, 1d or 1m30s; a bare "
     "number is seconds")),
    ("restart: {backoff_max: 50ms}", "restart.backoff_max: has to be at least backoff_first"),
    ("restart: {start_limit: 0}", 'restart.start_limit: "0" is not allowed; allowed: at least 1'),
    ("restart: {start_limit: 2.5}", 'restart.start_limit: "2.5" is a number; allowed: a whole number'),
    ("restart: {start_limit: 1_000}", 'restart.start_limit: "1_000" is a text; allowed: a whole number'),
    ("restart: {start_limit: 9999999999999999999}",
     'restart.start_limit: "9999999999999999999" is too large; allowed: a whole number of at most 64 bits'),
    ("restart: {success_codes: 0}", 'restart.success_codes: "0" is a number; allowed: a list: [first, second]'),
    ("restart: {success_codes: [0, 256]}", 'restart.success_codes[1]: "256" is not allowed; allowed: at most 255'),
    ("stop: {signal: STOP}", 'stop.signal: unknown signal "STOP"; allowed: TERM, INT, HUP, QUIT, KILL, USR1, USR2'),
    ("depends_on: [wbe]", 'depends_on.wbe: no workload "wbe"; allowed: no dependency'),
    ("depends_on: web", "depends_on.web: a workload cannot depend on itself; allowed: another workload"),
    ("depends_on: [[a]]", "depends_on[0]: this is a list; allowed: a name, a list of names or {name: value}"),
    ("depends_on: {web: up}", 'depends_on.web: "up" is unknown; allowed: started, ready'),
    ("env: [A=1]", "env: this is a list; allowed: a mapping: {name: value}"),
    ("env: {A: }", 'env.A: is empty; allowed: a text or a number; "" for an empty one'),
    ("env: {A: [1]}", "env.A: this is a list; allowed: a text or a number"),
    ("env: {A=B: 1}", "env.A=B: cannot be an environment variable; allowed: no = in names, no zero byte"),
    ('env: {A: "a\\0"}', "env.A: cannot be an environment variable; allowed: no = in names, no zero byte"),
    ("probes: {liveness: {}}", "probes.liveness: exactly one of http, tcp and exec is needed"),
    ("probes: {liveness: {http: 'x'}}",
     'probes.liveness.http: "x" is no URL; allowed: http://host:port/path or https://...'),
    ("probes: {liveness: {tcp: 8000}}", 'probes.liveness.tcp: "8000" is a number; allowed: a text, in quotes: "8000"'),
    ("probes: {livenes: {tcp: 'a:1'}}", 'probes.livenes: unknown key; did you mean "liveness"?'),
    ("probes: {work: {exec: '\"a'}}", ("probes.work.exec: cannot be split: no closing quotation; allowed: a list of "
     "texts, or one text that is split as a shell would")),
    ("thresholds: {memry: {above: 1}}", 'thresholds.memry: unknown metric "memry"; did you mean "memory"?'),
    ("thresholds: {cpu: {above: 200MB}}", "thresholds.cpu.above: cpu is not in bytes; allowed: a percentage (80%)"),
    ("thresholds: {latency: {below: 5%}}", ("thresholds.latency.below: latency is not in percent; allowed: a duration "
     "(1s)")),
    ("thresholds: {memory: {above: 1s}}", ("thresholds.memory.above: memory is not in seconds; allowed: a size (200MB) "
     "or a percentage (80%)")),
    ("thresholds: {cpu: {above: lots}}", ('thresholds.cpu.above: "lots" is not a level; allowed: a number, a '
     "percentage (80%), a size (200MB) or a duration (1s)")),
    ("thresholds: {cpu: {}}", "thresholds.cpu: exactly one of above and below is needed"),
    ("thresholds: {cpu: {above: 80%, clear: 90%}}", "thresholds.cpu.clear: has to be at or under above"),
    ("thresholds: {cpu: {above: 80%, action: reboot}}", ('thresholds.cpu.action: "reboot" is no action; allowed: '
     "restart, end_strays, roll, hold, fallback, hook:NAME, signal:NAME, task:NAME")),
    ("thresholds: {cpu: {above: 80%, action: await_restart}}", ('thresholds.cpu.action: "await_restart" is no action; '
     "allowed: restart, end_strays, roll, hold, fallback, hook:NAME, signal:NAME, task:NAME")),
    ("thresholds: {cpu: {above: 80%, action: 'hook:fix'}}", ('thresholds.cpu.action: no hook "fix" in this workload; '
     "allowed: a hook of it")),
    ("thresholds: {cpu: {above: 80%, cool_down: -1s}}", ('thresholds.cpu.cool_down: "-1s" is not a duration; '
     "allowed: 500ms, 30s, 5m, 2h, 1d or 1m30s; a bare number is seconds")),
    ("drift: [memry]", 'drift[0]: unknown metric "memry"; did you mean "memory"?'),
    ("metrics: {a: {expression: 'beat / 2'}, beats: {push: true}}",
     'metrics.a.expression: unknown metric "beat"; did you mean "beats"?'),
    ("metrics: {a: {expression: b}, b: {expression: a}}",
     "metrics.a.expression: a and b need one another; allowed: other metrics"),
    ("metrics: {a: {expression: 'cpu ** 2'}}", ("metrics.a.expression: Pow is no part of an expression; allowed: "
     "numbers, metrics, + - * / // % < <= > >= == != and or not, x if y else z, abs, max, min, round")),
    ("hooks: {fix: {}}", "hooks.fix.command: is missing"),
    ("hooks: {fix: {command: []}}", "hooks.fix.command: is empty; allowed: a program and its arguments"),
    ("hooks: {fix: {command: a, undo: []}}", "hooks.fix.undo: is empty; allowed: a program and its arguments"),
    ('hooks: {fix: {command: a, undo: ["b\\0"]}}', "hooks.fix.undo: a zero byte cannot be given to a process"),
    ("heal: {crash: [hook:fix]}", 'heal.crash: no hook "fix" in this workload; allowed: a hook of it'),
    ("heal: {crash: [hook]}", 'heal.crash: "hook" needs a name; allowed: hook:NAME'),
    ("heal: {crash: [signal:STOP]}", ('heal.crash: unknown signal "STOP"; allowed: TERM, INT, HUP, QUIT, KILL, USR1, '
     "USR2")),
    ("heal: {crash: [restrat]}", 'heal.crash: unknown remedy "restrat"; did you mean "restart"?'),
    ("heal: {crash: [end_stray]}", 'heal.crash: unknown remedy "end_stray"; did you mean "end_strays"?'),
    ("heal: {crash: [restart:web]}", 'heal.crash: "restart" takes no name; allowed: restart'),
    ("heal: {crash: [Re Start]}", ('heal.crash: "Re Start" is no remedy; allowed: restart, end_strays, roll, '
     "hold, fallback, hook:NAME, signal:NAME, task:NAME")),
    ("heal: {crash: [roll]}", ("heal.crash: it has no instances to restart in turn; allowed: restart, or "
     "instances: N")),
    ("heal: {crash: [fallback]}", ("heal.crash: it declares no fallback; allowed: fallback: {workload: NAME}")),
    ("heal: {crash: [task]}", 'heal.crash: "task" needs a name; allowed: task:NAME'),
    ("heal: {crash: [task:clear]}", 'heal.crash: no task "clear"; allowed: a kind under tasks:'),
    ("fallback: {workload: web}", ("fallback.workload: a workload cannot stand in for itself; "
     "allowed: another workload")),
    ("fallback: {workload: spare}", 'fallback.workload: no workload "spare"; allowed: another workload'),
    ("fallback: {workload: spare, ready_within: 0s}", "fallback.ready_within: has to be more than 0s"),
    ("fallback: {workload: spare, back_after: 2h}", "fallback.back_after_max: has to be at least back_after"),
    ("runs_in: [live, test]", 'runs_in[1]: "test" is unknown; allowed: sandbox, live'),
    ("runs_in: []", "runs_in: is empty; leave it out for every mode, or use autostart: false"),
    ("modes: {test: {}}", 'modes.test: "test" is unknown; allowed: sandbox, live'),
    ("modes: {live: {command: ['']}}", "modes.live.command: is empty; allowed: a program and its arguments"),
    ("modes: {live: {command: []}}", "modes.live.command: is empty; allowed: a program and its arguments"),
    ("modes: {live: {cwd: ''}}", "modes.live.cwd: is no directory; allowed: a path"),
    ("log: {max_size: 10}", "log.max_size: is too small; allowed: 1kB or more"),
    ("log: {max_size: 10M}", ('log.max_size: "10M" is not a size; allowed: 200MB, 1.5GB or 64KiB (B, kB, MB, GB, TB; '
     "KiB, MiB, GiB, TiB); a bare number is bytes")),
    ("log: {keep: -1}", 'log.keep: "-1" is not allowed; allowed: at least 0'),
    ("command: x", "command: duplicate key; first on line 3"),
]  # fmt: skip

WHOLE_FILES = [
    ("nodes: {}", ['gyrostat.yaml:1: nodes: unknown key; did you mean "node"?']),
    ("- a", ["gyrostat.yaml:1: this is a list; allowed: a mapping: node, mode, workloads, actors"]),
    ("hello", ['gyrostat.yaml:1: "hello" is a text; allowed: a mapping: node, mode, workloads, actors']),
    ("mode: on", ['gyrostat.yaml:1: mode: "on" is unknown; allowed: sandbox, live, dual']),
    ("node: alpha", [
        ('gyrostat.yaml:1: node: "alpha" is a text; allowed: a mapping with name, state_dir, run_dir, listen, peers, '
        "shutdown_grace"),
    ]),
    ("node: {name: A b}", ['gyrostat.yaml:1: node.name: "A b" is no name; allowed: 1 to 64 of a-z, 0-9, _ and -']),
    ("node:\n  facts: tcp://10.0.0.1:5000", [
        "gyrostat.yaml:2: node.facts: unknown key; allowed: name, state_dir, run_dir, listen, peers, shutdown_grace",
    ]),
    ("node:\n  listen:\n    commands: 10.0.0.1:5000", [
        'gyrostat.yaml:3: node.listen.commands: "10.0.0.1:5000" is no address; allowed: tcp://HOST:PORT',
    ]),
    ("node:\n  listen:\n    facts: ipc:///a", [
        ('gyrostat.yaml:3: node.listen.facts: "ipc:///a" is of this machine only, as run_dir is; allowed: '
        "tcp://HOST:PORT"),
    ]),
    ("node:\n  peers:\n    beta:\n      facts: tcp://b:70000\n    gamma:\n      commands: tcp://c:7102", [
        ('gyrostat.yaml:4: node.peers.beta.facts: "tcp://b:70000": 70000 is no port: 1 to 65535; allowed: '
        "tcp://HOST:PORT or ipc:///PATH"),
        ("gyrostat.yaml:5: node.peers.gamma.key: is missing, and tcp needs one; allowed: the 40 characters that "
        "gyrostat keys show prints there, in double quotes"),
    ]),
    ('node:\n  peers:\n    beta:\n      facts: tcp://b:1\n      key: "short"', [
        ("gyrostat.yaml:5: node.peers.beta.key: this is no key: 5 characters; allowed: the 40 characters that gyrostat "
        "keys show prints there, in double quotes"),
    ]),
    ("node:\n  peers:\n    Beta: {facts: ipc:///b}", [
        'gyrostat.yaml:2: node.peers: "Beta" is no name; allowed: 1 to 64 of a-z, 0-9, _ and -',
    ]),
    ("workloads: [a]", ["gyrostat.yaml:1: workloads: this is a list; allowed: a mapping: {name: settings}"]),
    ("workloads:\n  web:", ["gyrostat.yaml:2: workloads.web.command: is missing"]),
    ("workloads:\n  web: python3", [
        ('gyrostat.yaml:2: workloads.web: "python3" is a text; allowed: a mapping with command, cwd, env, user, '
        "runs_in, critical, autostart, restart, ..."),
    ]),
    ("workloads:\n  web: {command: }", [
        ("gyrostat.yaml:2: workloads.web.command: is empty; allowed: a list of texts, or one text that is split as a "
        "shell would"),
    ]),
    ("workloads:\n  web: {command: []}", [
        "gyrostat.yaml:2: workloads.web.command: is empty; allowed: a program and its arguments",
    ]),
    ("workloads:\n  web: {command: [a, [b]]}", [
        "gyrostat.yaml:2: workloads.web.command[1]: this is a list; allowed: a text or a number",
    ]),
    ('workloads:\n  web: {command: [a, "b\\0"]}', [
        "gyrostat.yaml:2: workloads.web.command: a zero byte cannot be given to a process",
    ]),
    ("workloads:\n  Web: {command: a}", [
        'gyrostat.yaml:2: workloads.Web: "Web" is no name; allowed: 1 to 64 of a-z, 0-9, _ and -',
    ]),
    (("workloads:\n  a: {command: x, depends_on: [b]}\n  b: {command: x, depends_on: [c]}\n"
     "  c:\n    command: x\n    depends_on:\n      a: ready"), [
        "gyrostat.yaml:7: workloads.c.depends_on.a: dependencies go in a circle: a -> b -> c -> a",
    ]),
    ("workloads:\n  db: {command: x}\n  web: {command: x, depends_on: [dbs]}", [
        'gyrostat.yaml:3: workloads.web.depends_on.dbs: no workload "dbs"; did you mean "db"?',
    ]),
    ("workloads:\n  db: {command: 'x', cirtical: true}\n  web: {command: x, depends_on: [db]}", [
        'gyrostat.yaml:2: workloads.db.cirtical: unknown key; did you mean "critical"?',
    ]),
    ("actors: {pacer: {}}", ['gyrostat.yaml:1: actors.pacer: unknown actor "pacer"; did you mean "pace"?']),
    ("actors:\n  pace: {evry: 5s}", ['gyrostat.yaml:2: actors.pace.evry: unknown key; did you mean "every"?']),
    ("actors:\n  pace: 5", [
        'gyrostat.yaml:2: actors.pace: "5" is a number; allowed: a mapping with the settings of the actor',
    ]),
    ("actors:\n  Pace: {}", ['gyrostat.yaml:2: actors.Pace: "Pace" is no name; allowed: 1 to 64 of a-z, 0-9, _ and -']),
    ("actors:\n  pace: {enabled: on}", [
        'gyrostat.yaml:2: actors.pace.enabled: "on" is a text; allowed: true or false',
    ]),
    ("actors:\n  pace: {depth: [}", ["gyrostat.yaml:2: not YAML: did not find expected node content"]),
]  # fmt: skip


@pytest.mark.parametrize(("line", "fault"), WORKLOAD_KEYS, ids=[line for line, _ in WORKLOAD_KEYS])
def test_a_bad_key_of_a_workload_gives_one_line(faults, line, fault):
    assert faults(WEB + indent(line, "    ")) == [f"gyrostat.yaml:4: workloads.web.{fault}"]


@pytest.mark.parametrize(("text", "lines"), WHOLE_FILES, ids=[text for text, _ in WHOLE_FILES])
def test_a_bad_file_gives_its_lines(faults, text, lines):
    assert faults(text, actor_types={"pace": PaceSettings}) == lines


@pytest.mark.parametrize(
    "remedy",
    [
        "restart",
        "end_strays",
        "await_restart",
        "wait_dependency",
        "signal:SIGHUP",
        "hook:fix",
        "of_mine",
    ],
)
def test_a_remedy_in_order_gives_no_fault(faults, remedy):
    assert faults(WEB + f"    hooks: {{fix: {{command: x}}}}\n    heal: {{crash: ['{remedy}']}}\n") == []


def test_every_fault_is_found_at_once_and_told_in_the_order_of_the_file(faults):
    lines = faults("""\
        workloads:
          web:
            command: [sleep, '1']
            critical: no
            restart:
              polcy: always
              start_limit: many
            depends_on: [bd]
          db: {}
        node:
          name: UPPER
        mode: both
        extra: 1
        actors: {lost: {}}
        """)
    assert [line.split(": ")[:2] for line in lines] == [
        ["gyrostat.yaml:4", "workloads.web.critical"],
        ["gyrostat.yaml:6", "workloads.web.restart.polcy"],
        ["gyrostat.yaml:7", "workloads.web.restart.start_limit"],
        ["gyrostat.yaml:8", "workloads.web.depends_on.bd"],
        ["gyrostat.yaml:9", "workloads.db.command"],
        ["gyrostat.yaml:11", "node.name"],
        ["gyrostat.yaml:12", "mode"],
        ["gyrostat.yaml:13", "extra"],
        ["gyrostat.yaml:14", "actors.lost"],
    ]


def test_a_circle_is_told_once_and_two_circles_are_two(faults):
    lines = faults("""\
        workloads:
          a: {command: x, depends_on: [b]}
          b: {command: x, depends_on: [a]}
          c: {command: x, depends_on: [d, a]}
          d: {command: x, depends_on: [c]}
        """)
    assert [line.rpartition("circle: ")[2] for line in lines] == ["a -> b -> a", "c -> d -> c"]


def test_faults_of_the_layers_come_after_those_of_the_file():
    at = [("flags", 0), ("environment", 0), ("a.yaml", 9), ("a.yaml", 2), ("a.yaml", 2)]
    faults = in_order(Fault(file, line, "key", "problem") for file, line in at)
    assert [(fault.file, fault.line) for fault in faults] == [
        ("a.yaml", 2),
        ("a.yaml", 9),
        ("environment", 0),
        ("flags", 0),
    ]


def test_a_config_error_says_each_fault_on_a_line_and_is_no_use_trying_again():
    error = ConfigError([Fault("a.yaml", 1, "k", "p", "x"), Fault("a.yaml", 0, "", "q")])
    assert str(error) == "a.yaml: q\na.yaml:1: k: p; allowed: x"
    assert error.retryable is False


def test_a_fault_is_one_line_whatever_the_file_holds():
    assert str(Fault("a\n.yaml", 1, "k\x1b[2J", "p\r\n", "\u2028ö")) == (
        r"a\n.yaml:1: k\x1b[2J: p\r\n; allowed: \u2028ö"
    )


def test_a_word_with_nothing_near_it_gets_the_whole_list():
    assert suggest("zzz", ["a", "b"]) == "a, b"
