"""A Notifier in a house, with real servers of HTTP and mail that take, refuse and are down as a test wants."""

import json
import threading
from asyncio import Server
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from actors.clock import ManualClock
from actors.notifier.actor import Notifier
from actors.notifier.settings import NotifierSettings, SendRetry
from actors.settings import Seconds, Workload, WorkloadSettings
from actors.settings.alerts import AlertSettings, Channel, Mail, Route, Webhook
from bus.errors import UnknownTarget
from bus.messages import (
    COMMANDS,
    ApprovalList,
    IncidentList,
    IssueList,
    IssueRaised,
    IssueResolved,
    ListAlerts,
    NodeTable,
)
from tests.harness import House


class Hooked:
    """A real server of HTTP. took: bodies it said yes to. answer: (status, headers) of what is asked next."""

    def __init__(self, port: int = 0) -> None:
        self.took: list[dict[str, Any]] = []
        self.asked: list[Any] = []
        self.answer: tuple[int, dict[str, str]] = (204, {})
        self.held = threading.Event()
        self.held.set()
        hooked = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hooked.asked.append((self.path, dict(self.headers.items()), body))
                hooked.held.wait(30)
                status, headers = hooked.answer
                if status < 300:
                    hooked.took.append(json.loads(body))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/hook/SECRETPATH?key=SECRETQUERY"

    def close(self):
        self.held.set()
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


class OnAnyPort(Controller):
    """Asks itself whether it is there, at the port that it was given."""

    def _trigger_server(self):
        assert isinstance(self.server, Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class Posted:
    """A real mail server. took: letters. refuse: what it answers to RCPT instead. login: (user, password) it wants."""

    def __init__(self, login: tuple[str, str] | None = None, **options: Any) -> None:
        self.took: list[Any] = []
        self.refuse = ""
        self.logins: list[tuple[str, str]] = []
        posted = self

        class Handler:
            async def handle_RCPT(self, server, session, envelope, address, rcpt_options):  # noqa: N802 - aiosmtpd's name
                if posted.refuse:
                    return posted.refuse
                envelope.rcpt_tos.append(address)
                return "250 OK"

            async def handle_DATA(self, server, session, envelope):  # noqa: N802 - as above
                posted.took.append(message_from_bytes(envelope.content, policy=policy.default))
                return "250 OK"

        def authenticate(server, session, envelope, mechanism, data):
            posted.logins.append((data.login.decode(), data.password.decode()))
            return AuthResult(success=posted.logins[-1] == login, handled=False)

        if login is not None:
            options = {"authenticator": authenticate, "auth_required": True, **options}
        self.controller = OnAnyPort(Handler(), hostname="127.0.0.1", port=0, **options)
        self.controller.start()
        self.port = self.controller.port

    def close(self):
        self.controller.stop()


def issue(number: str = "i1", subject: str = "web", **changes: Any) -> IssueRaised:
    said = {
        "subject": subject,
        "issue": number,
        "issue_kind": "crash",
        "severity": "warning",
        "fingerprint": f"f-{number}",
        "summary": "exited with code 1",
    }
    return IssueRaised(**{**said, **changes})


def over(number: str = "i1", subject: str = "web") -> IssueResolved:
    return IssueResolved(
        subject=subject, issue=number, issue_kind="crash", by="restart", verified="ready", time_to_repair_s=1.0
    )


def workload(name: str, *, config_name: str = "", tags: tuple[str, ...] = ()) -> Workload:
    spec = WorkloadSettings(command=["serve"], tags=list(tags))
    return Workload(name=name, config_name=config_name or name, mode="live", spec=spec, cwd=Path("/"), env={})


class Desk:
    """A Notifier, and the other actors as far as it asks them: they say what lasts, and it is as they say."""

    def __init__(self, directory: Path, clock: ManualClock | None = None) -> None:
        self.directory = directory
        self.clock = clock
        self.issues: list[Any] = []
        self.answers: dict[str, Any] = {
            "list_issues": lambda: IssueList(issues=list(self.issues)),
            "list_approvals": lambda: ApprovalList(approvals=[]),
            "list_nodes": lambda: NodeTable(nodes=[]),
            "list_incidents": lambda: IncidentList(incidents=[]),
        }
        self.house = self._house()

    def _house(self) -> House:
        house = House(self.directory, clock=self.clock)
        for target in {target for target, _ in COMMANDS} - {"notifier"}:
            house.bus.serve(
                target, {verb: kind for (owner, verb), kind in COMMANDS.items() if owner == target}, self._serve
            )
        return house

    def _serve(self, request: Any) -> None:
        answer = self.answers.get(request.envelope.verb)
        request.answer(answer() if answer is not None else UnknownTarget("nobody plays that part"))

    def begin(
        self, alerts: AlertSettings, *workloads: Workload, retry: SendRetry | None = None, **settings: Any
    ) -> None:
        self.house.view = msgspec.structs.replace(self.house.view, alerts=alerts, root=self.directory)
        wanted = {one.name: one for one in workloads}
        rule = retry or SendRetry(first=Seconds(0.05), longest=Seconds(0.2))
        self.house.start(Notifier, NotifierSettings(retry=rule, **settings), workloads=wanted)

    def again(self, alerts: AlertSettings, **settings: Any) -> None:
        """The node starts anew in the same state directory."""
        self.house.stop()
        self.house = self._house()
        self.begin(alerts, **settings)

    def publish(self, *facts: Any) -> None:
        """As other actors would; handled when this comes back."""
        for fact in facts:
            self.house.publish(fact)
        self.alerts()

    def pass_time(self, seconds: float) -> None:
        """Move the clock on by hand, and let what falls due be handled."""
        self.house.advance(seconds)
        for _ in range(5):
            self.alerts()
            self.house.advance(0.0)

    def alerts(self) -> Any:
        return self.house.ask(ListAlerts(limit=100_000))

    def rows(self) -> Any:
        return self.alerts().alerts


@pytest.fixture
def hook():
    server = Hooked()
    yield server
    server.close()


@pytest.fixture
def post():
    server = Posted()
    yield server
    server.close()


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path)
    yield desk
    desk.house.stop()


@pytest.fixture
def still(tmp_path):
    """The same on a clock that is moved by hand."""
    desk = Desk(tmp_path, ManualClock())
    yield desk
    desk.house.stop()


def hooked(url: str, **changes: Any) -> Channel:
    return Channel(webhook=Webhook(url=url), **changes)


def mailed(port: int, **changes: Any) -> Channel:
    said: dict[str, Any] = {"from_": "node@example.org", "to": ["ops@example.org"], "security": "none"}
    return Channel(mail=Mail(host="127.0.0.1", port=port, **{**said, **changes}), within=Seconds(5))


def routed(channels: dict[str, Channel], *routes: Route, **more: Any) -> AlertSettings:
    """Everything at once to all channels, when no routes are given."""
    quick = Route(to=list(channels), wait=Seconds(0), interval=Seconds(0))
    return AlertSettings(channels=channels, routes=list(routes) or [quick], **more)
