"""Faults of what a program needs: other workloads, services of others, its own settings, the remedy itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from actors.faults.fault import Done, Fault, NotWell
from actors.faults.stand import Stand
from bus.messages import ReloadConfig

CLIENT: Final = """
client:                                  # asks the service at each question put to it
  command: [$python, client.py, "$client"]
  stop: {grace: 1s}
  probes:
    liveness: {http: "http://127.0.0.1:$client/health", every: 500ms, timeout: 500ms}
    work: {http: "http://127.0.0.1:$client/work", every: 300ms, timeout: 2s, failures: 2}
"""

SERVICE: Final = """
service:                                 # what client asks
  command: [$python, service.py, "$service"]
  stop: {grace: 1s}
  probes:
    readiness: {http: "http://127.0.0.1:$service/", every: 300ms, timeout: 500ms, failures: 1}
"""

DEPENDS: Final = "  depends_on: {service: ready}\n"

TUNED: Final = """\
  config_files: [client.json]
  tunables:
    timeout: {type: float, min: 0.1, max: 3.0, file: client.json, key: timeout}
"""

RATED: Final = """\
  env: {RATE: "8"}
  tunables:
    rate: {type: int, min: 1, max: 8, env: RATE}
"""

AT_START: Final = """
client:
  command: [$python, client.py, "$client", --at-start]
  stop: {grace: 1s}
"""

GREET: Final = """
greet:                                   # an INI file and an environment
  command: [$python, greet.py]
  env: {GREET_NAME: world}
  env_last_good: true
  config_files: [greeting.ini]
"""

POOL: Final = """
pool:                                    # buffers and files, as many as it is told
  command: [$python, pool.py]
  env: {WORKERS: "4"}
  limits: {rlimits: {nofile: "64:4096", as: 400MB}}
  repair: {open_files_max: 1024}
  tunables:
    workers: {type: int, min: 1, max: 4, env: WORKERS}
"""

HOOKED: Final = """
pool:
  command: [$python, pool.py]
  heal: {crash: ["hook:mend", "hook:shrink"], crash_loop: ["hook:mend", "hook:shrink"]}
  limits: {rlimits: {as: 400MB}}
  hooks:
    mend: {command: [sleep, "600"], timeout: 500ms}
    shrink: {command: [sh, -c, "echo 10 >size"], timeout: 5s}
"""


def _config(stand: Stand, *, timeout: float = 0.5, scheme: str = "http") -> None:
    port = stand.stage.ports["service"]
    stand.write("client.json", {"url": f"{scheme}://localhost:{port}/", "timeout": timeout})


def _outside(stand: Stand, *options: str) -> None:
    """The service is none of the node's."""
    _config(stand)
    stand.helper(sys.executable, "service.py", str(stand.stage.ports["service"]), *options)


def _asks(stand: Stand) -> str:
    return stand.get("client", "/work", 2.0).strip()


def _answered(stand: Stand) -> str:
    """Whether it got its answers of late. Nothing is asked: that would be more questions yet."""
    return stand.fresh("answered", 0.8)


# -- dependencies


def _service_late(stand: Stand) -> Done:
    stand.write_config({'service.py, "$service"': 'late.py, "$service"'})
    stand.write("late.py", "import runpy, time\ntime.sleep(2)\nrunpy.run_path('service.py', run_name='__main__')\n")
    return stand.done("the service that client depends on takes 2 s to come up", cause_s=2.0)


def _flap(stand: Stand) -> Done:
    done = stand.kill("service")
    for after_s in (1.0, 2.0):
        stand.later(after_s, lambda: os.kill(stand.scene.pid("service"), signal.SIGKILL))
    return Done(done.at_s, f"{done.text}, and twice more within 2 s", cause_s=2.0)


def _service_hangs(stand: Stand) -> Done:
    return stand.signal("service", signal.SIGSTOP)


# -- services of others


def _slow(stand: Stand) -> Done:
    done = stand.done("the service answers after 0.8 s; client waits for 0.5 s")
    stand.write("slow", "")
    return done


def _limit(stand: Stand) -> Done:
    done = stand.done("the service refuses more than 6 questions within 0.2 s: 429")
    stand.write("limit", "")
    return done


def _come_later(stand: Stand) -> Done:
    port = str(stand.stage.ports["service"])
    stand.later(3.0, lambda: stand.helper(sys.executable, "service.py", port))
    return stand.done("nobody listens where client connects to at its start; in 3 s somebody does", cause_s=3.0)


def _certificate(stand: Stand, first: str, last: str) -> None:
    """A certificate of one's own for localhost, valid from first to last (YYMMDDHHMMSSZ), in cert.pem and key.pem."""
    stand.write("ca.cnf", "[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\n"
                "default_md=sha256\npolicy=any\nx509_extensions=names\n[any]\ncommonName=supplied\n"
                "[names]\nsubjectAltName=DNS:localhost\nbasicConstraints=critical,CA:true\n")  # fmt: skip
    stand.write("index.txt", "")
    stand.write("serial", "01\n")
    request = ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
               "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=localhost"]  # fmt: skip
    sign = ["openssl", "ca", "-batch", "-selfsign", "-config", "ca.cnf", "-keyfile", "key.pem", "-in", "request.pem",
            "-out", "cert.pem", "-notext", "-startdate", first, "-enddate", last]  # fmt: skip
    for command in (request, sign):
        subprocess.run(command, cwd=stand.directory, check=True, capture_output=True)


def tls_files(stand: Stand) -> None:
    """A service with a certificate that is valid, and client.json for it."""
    _certificate(stand, "240101000000Z", "490101000000Z")
    _config(stand, timeout=1.0, scheme="https")
    stand.notes["service"] = _serve_tls(stand)


def _serve_tls(stand: Stand) -> subprocess.Popen[bytes]:
    port = str(stand.stage.ports["service"])
    return stand.helper(sys.executable, "service.py", port, "--tls", "cert.pem", "key.pem")


def expire(stand: Stand) -> Done:
    """From now on the service has one that has expired."""
    stand.notes["service"].kill()
    stand.notes["service"].wait()
    _certificate(stand, "240101000000Z", "240201000000Z")
    stand.notes["service"] = _serve_tls(stand)
    stand.notes["expired"] = True
    return stand.done("the certificate of the service is one that expired")


def _client_lives(stand: Stand) -> str:
    return stand.get("client", "/health" if "expired" in stand.notes else "/work").strip()


# -- settings


def _greeting(stand: Stand) -> None:
    stand.write("greeting.ini", "[greeting]\nword = hello\nevery = 0.1\n")


def _greets(stand: Stand) -> str:
    text = (stand.directory / "greeted").read_text()
    if text != "hello world\n":
        raise NotWell(f"it greets {text!r}")
    return stand.fresh("greeted", 0.4)


def _drop_word(stand: Stand) -> Done:
    stand.write("greeting.ini", "[greeting]\nevery = 0.1\n")
    return stand.kill("greet", "greeting.ini has lost its key `word`")


def _drop_variable(stand: Stand) -> Done:
    stand.write_config({"GREET_NAME: world": "GREET_NAMES: world"})
    done = stand.done("GREET_NAME is misspelt in the node's config; reload")
    stand.scene.ask(ReloadConfig(), 10.0)
    return done


def _pool(stand: Stand) -> None:
    stand.write("size", "10")
    stand.write("open", "10")


def _rounds(stand: Stand) -> str:
    return stand.fresh("rounds", 0.8)


def _more_files(stand: Stand) -> Done:
    stand.write("open", "200")
    return stand.kill("pool", "it now opens 200 files at a time, and may open 64")


def _more_memory(stand: Stand) -> Done:
    stand.write("size", "110")
    return stand.kill("pool", "its buffers are now of 110 MB, four at a time; it may take 400 MB")


def _two(stand: Stand) -> Done:
    stand.write("greeting.ini", "[greeting]\nevery = 0.1\n")
    done = stand.kill("greet", "greeting.ini has lost its key `word`")
    return Done(done.at_s, f"{done.text}, and {stand.signal('service', signal.SIGSTOP).text}")


def _two_files(stand: Stand) -> None:
    _greeting(stand)
    _config(stand)


def _both(stand: Stand) -> str:
    return f"{_greets(stand)}; {stand.get('service', '/').strip()}"


FAULTS: Final[Sequence[Fault]] = (
    Fault(
        name="dependency_late",
        what="what a program depends on is not there yet when the node starts",
        workloads=SERVICE + CLIENT + DEPENDS,
        ports=("client", "service"),
        prepare=_config,
        look=_asks,
        inject=_service_late,
        subjects=("client", "service"),
        starts_max=1,
        actions_max=1,
        before=True,
    ),
    Fault(
        name="dependency_flaps",
        what="what a program depends on is killed three times in a row",
        workloads=SERVICE + CLIENT + DEPENDS,
        ports=("client", "service"),
        prepare=_config,
        look=_asks,
        inject=_flap,
        subjects=("service",),
        starts_max=4,
        actions_max=6,
    ),
    Fault(
        name="dependency_hangs",
        what="a program fails because what it depends on stands still",
        workloads=SERVICE + CLIENT + DEPENDS,
        ports=("client", "service"),
        prepare=_config,
        look=_asks,
        inject=_service_hangs,
        subjects=("service",),
        starts_max=1,
    ),
    Fault(
        name="slow_service",
        what="a service of others is slower than a program waits for it",
        workloads=CLIENT + TUNED,
        ports=("client", "service"),
        prepare=lambda stand: _outside(stand, "--slow", "0.8"),
        look=_asks,
        inject=_slow,
        subjects=("client",),
        actions=("tune",),
    ),
    Fault(
        name="rate_limit",
        what="a service of others refuses so many questions: 429",
        workloads=CLIENT + RATED,
        ports=("client", "service"),
        prepare=lambda stand: _outside(stand, "--limit", "6"),
        look=_answered,
        inject=_limit,
        subjects=("client",),
        actions=("throttle", "tune"),
    ),
    Fault(
        name="refused_then_up",
        what="a program ends at its start for want of a service that comes 3 s later",
        workloads=AT_START,
        ports=("client", "service"),
        prepare=_config,
        look=_asks,
        inject=_come_later,
        subjects=("client",),
        before=True,
    ),
    Fault(
        name="certificate",
        what="the certificate of a service has expired",
        workloads=CLIENT + "  env: {SSL_CERT_FILE: cert.pem}\n",
        ports=("client", "service"),
        prepare=tls_files,
        look=_client_lives,
        inject=expire,
        subjects=("client",),
        must="tell",
        says="certificate",
        actions_max=0,
        starts_max=0,
        needs=("openssl",),
    ),
    Fault(
        name="key_missing",
        what="a key is gone from an INI file: KeyError at every start",
        workloads=GREET,
        prepare=_greeting,
        look=_greets,
        inject=_drop_word,
        subjects=("greet",),
        actions=("put_back_config",),
    ),
    Fault(
        name="variable_missing",
        what="a variable is misspelt in the node's config",
        workloads=GREET,
        prepare=_greeting,
        look=_greets,
        inject=_drop_variable,
        subjects=("greet",),
        actions=("put_back_env",),
    ),
    Fault(
        name="too_many_files",
        what="a program needs more open files than it may have",
        workloads=POOL,
        prepare=_pool,
        look=_rounds,
        inject=_more_files,
        subjects=("pool",),
        actions=("raise_open_files",),
    ),
    Fault(
        name="out_of_memory",
        what="as many workers as before need more memory than there is",
        workloads=POOL,
        prepare=_pool,
        look=_rounds,
        inject=_more_memory,
        subjects=("pool",),
        actions=("throttle", "tune"),
    ),
    Fault(
        name="remedy_hangs",
        what="the first hook of the plan never ends",
        workloads=HOOKED,
        prepare=_pool,
        look=_rounds,
        inject=_more_memory,
        subjects=("pool",),
        all_of=("hook:mend", "hook:shrink"),
        actions_max=6,
    ),
    Fault(
        name="two_at_once",
        what="two programs fail for two reasons at once",
        workloads=SERVICE.replace("readiness:", "liveness:").replace("failures: 1", "failures: 2") + GREET,
        ports=("service",),
        prepare=_two_files,
        look=_both,
        inject=_two,
        subjects=("service", "greet"),
        all_of=("put_back_config", "restart"),
    ),
)
