"""Which of several nodes does what only one may do: a lease in PostgreSQL, or a lock on a file of one machine.

A lease counts by the server's clock. Each time it goes to another holder its token grows; whoever writes gives the
token along, and what is written to refuses an old one (FENCE), so that a leader which was paused and wakes can change
nothing. A lock on a file needs no token: the kernel keeps it for a process that is paused, and lets it go when that
dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from math import inf
from pathlib import Path
from typing import Any, Final, Protocol, TextIO

import msgspec

from actors.clock import Clock
from actors.settings.metrics import POSTGRES

TTL_S: Final = 5.0
"""Seconds after its last renewal for which a lease holds."""
RENEW_S: Final = 1.25
"""Seconds between two tries to renew or to get it."""
STATEMENT_MS: Final = 3000
"""Milliseconds that the server may take for one."""
STOP_WITHIN_S: Final = 4.0
PAUSED_MS: Final = 2000
"""Milliseconds after which the server ends a transaction that holds the lease fast and does nothing."""

SCHEMA_LOCK: Final = 7_203_498_114
"""Of an advisory lock, so that two that come first do not make the table at the same time."""
SCHEMA: Final = """CREATE TABLE IF NOT EXISTS leases (
    name TEXT PRIMARY KEY, holder TEXT NOT NULL, token BIGINT NOT NULL, ends TIMESTAMPTZ NOT NULL)"""
TAKE: Final = """INSERT INTO leases AS old VALUES (%(name)s, %(holder)s, 1, clock_timestamp() + %(ttl)s * interval '1s')
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, ends = excluded.ends,
        token = old.token + CASE WHEN old.token = %(token)s AND old.holder = excluded.holder THEN 0 ELSE 1 END
    WHERE (old.token = %(token)s AND old.holder = excluded.holder) OR old.ends <= clock_timestamp()
    RETURNING token"""
HOLDER: Final = "SELECT holder FROM leases WHERE name = %(name)s"
GIVE_BACK: Final = "UPDATE leases SET ends = clock_timestamp() WHERE name = %(name)s AND token = %(token)s"
FENCE: Final = (
    f"SET LOCAL idle_in_transaction_session_timeout = {PAUSED_MS}",
    "SELECT 1 FROM leases WHERE name = :lease AND token = :token AND ends > clock_timestamp() FOR SHARE",
)
"""What a transaction begins with that only the leader may commit; without a row it is none. Nobody else can take the
lease before the end of the transaction, and the server ends one whose writer was paused within it."""


class NotTaken(Exception):
    """It is not known who leads: the server or the file cannot be reached."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Whether this node leads. token: of the lease, 0 without one. leader: who does, empty when that is not known.

    why: it is not known, or empty.
    """

    leads: bool = False
    token: int = 0
    leader: str = ""
    why: str = ""


class Claim(Protocol):
    """A way to agree on one. holds_s: seconds for which what take() gave counts; used by one thread at a time."""

    holds_s: float

    def take(self) -> Standing:
        """Get it, or keep it. Raises: NotTaken."""

    def close(self) -> None:
        """Give it back, as far as that can be done."""


class Lease:
    """A row in PostgreSQL. name: of what is led. holder: this node."""

    def __init__(self, address: str, name: str, holder: str, ttl_s: float = TTL_S) -> None:
        self.holds_s = ttl_s
        self._address = address
        self._values: dict[str, Any] = {"name": name, "holder": holder, "ttl": ttl_s, "token": 0}
        self._connection: Any = None

    def take(self) -> Standing:
        """See Claim."""
        with self._told():
            rows = self._opened().execute(TAKE, self._values).fetchall()
            if rows:
                self._values["token"] = rows[0][0]
                return Standing(leads=True, token=rows[0][0], leader=self._values["holder"])
            rows = self._opened().execute(HOLDER, self._values).fetchall()
            return Standing(leader=rows[0][0] if rows else "")

    def close(self) -> None:
        """See Claim."""
        if self._connection is not None:
            with contextlib.suppress(NotTaken), self._told():
                self._connection.execute(GIVE_BACK, self._values)
            self._let_go()

    def _opened(self) -> Any:
        if self._connection is None:
            import psycopg  # noqa: PLC0415 - an optional package, of some megabytes

            self._connection = psycopg.connect(
                self._address,
                autocommit=True,
                connect_timeout=2,
                application_name="gyrostat",
                client_encoding="utf8",
                options=f"-c statement_timeout={STATEMENT_MS}",
                tcp_user_timeout=STATEMENT_MS,
            )
            with self._connection.transaction():
                self._connection.execute("SELECT pg_advisory_xact_lock(%s)", (SCHEMA_LOCK,))
                self._connection.execute(SCHEMA)
        return self._connection

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            from psycopg import Error  # noqa: PLC0415 - as above
        except ImportError:
            raise NotTaken("PostgreSQL needs the package psycopg: pip install 'gyrostat[postgres]'") from None
        try:
            yield
        except Error as error:
            self._let_go()
            raise NotTaken(" ".join(str(error).split()) or type(error).__name__) from None

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class FileLock:
    """A lock on a file, which also says who has it."""

    holds_s = inf

    def __init__(self, path: Path, holder: str) -> None:
        self._path = path
        self._holder = holder
        self._file: TextIO | None = None

    def take(self) -> Standing:
        """See Claim."""
        if self._file is not None:
            return Standing(leads=True, leader=self._holder)
        try:
            file = self._path.open("a+", encoding="utf-8")
        except OSError as error:
            raise NotTaken(f"{self._path} cannot be opened: {error.strerror}") from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            with file:
                file.seek(0)
                return Standing(leader=file.read(64).strip())
        self._file = file
        with contextlib.suppress(OSError):  # the disk is full: who has it is not said, and it is held all the same
            file.truncate(0)
            os.write(file.fileno(), self._holder.encode())
        return Standing(leads=True, leader=self._holder)

    def close(self) -> None:
        """See Claim."""
        if self._file is not None:
            self._file.close()
            self._file = None


def claim_of(agreed: str, name: str, holder: str, root: Path) -> Claim:
    """The claim on what is called name. agreed: postgresql://USER@HOST/NAME, or a path from root."""
    return Lease(agreed, name, holder) if agreed.startswith(POSTGRES) else FileLock(root / agreed, holder)


class Leadership:
    """Claims in a thread of its own, from start() to stop(). tell: called there when something has changed."""

    def __init__(self, claim: Claim, clock: Clock, tell: Callable[[Standing], None]) -> None:
        self._claim = claim
        self._clock = clock
        self._tell = tell
        self._standing = Standing()
        self._until_s = -inf
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leading", daemon=True)

    def start(self) -> None:
        """Begin to claim."""
        self._thread.start()

    def stop(self) -> None:
        """Give it back; a server that does not answer is not waited for, as a lease ends by itself."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join(STOP_WITHIN_S)

    def _run(self) -> None:
        told: Standing | None = None
        while not self._over.is_set():
            self._try()
            if self._standing != told:
                told = self._standing
                self._tell(told)
            self._over.wait(RENEW_S)
        self._claim.close()

    def _try(self) -> None:
        began_s = self._clock()
        try:
            self._standing = self._claim.take()
            self._until_s = began_s + self._claim.holds_s
        except NotTaken as error:
            if not self._standing.leads or self._clock() >= self._until_s:
                self._standing = Standing(why=str(error))
