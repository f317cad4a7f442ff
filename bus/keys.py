"""The keys of a node: its own CURVE pair, and the public keys it lets in. Touches files; opens no sockets.

A directory of mode 0700 with two files of mode 0600, each replaced in one step: own.json, allowed.json.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from bus.access import ROLES, AllowedKey, Role
from bus.errors import BusError
from bus.topics import is_token
from bus.z85 import decode

FOLDER_NAME: Final = "keys"
OWN_NAME: Final = "own.json"
ALLOWED_NAME: Final = "allowed.json"
LOCK_NAME: Final = "keys.lock"
ALLOWED_MAX: Final = 10_000

S = TypeVar("S", bound=msgspec.Struct)
MakePair = Callable[[], "KeyPair"]


class NoKeys(BusError):
    """The directory holds no key pair of its own."""


class KeyPair(msgspec.Struct, frozen=True, kw_only=True):
    """A CURVE pair, Z85. Its repr does not show the secret half."""

    public: str
    secret: str

    def __repr__(self) -> str:
        return f"KeyPair(public={self.public!r})"


class _Allowed(msgspec.Struct, frozen=True, kw_only=True):
    """allowed.json."""

    allowed: list[AllowedKey] = []


class Stamp(msgspec.Struct, frozen=True):
    """What tells one state of a file from the next; zeros when it is not there."""

    inode: int = 0
    size: int = 0
    changed_ns: int = 0


def make_pair() -> KeyPair:
    """A new pair. Its public half begins with no dash, so that it is never taken for an option of a command."""
    import zmq  # noqa: PLC0415 - who only reads keys needs no sockets

    while True:
        public, secret = (half.decode("ascii") for half in zmq.curve_keypair())
        if not public.startswith("-"):
            return KeyPair(public=public, secret=secret)


class KeyStore:
    """The keys in a directory. Two processes may change them at once: a lock puts one after the other."""

    def __init__(self, directory: str | Path) -> None:
        """directory: need not exist until a key is made or allowed."""
        self.directory = Path(directory)

    # -- the own pair

    def own(self) -> KeyPair:
        """The own pair.

        Raises: NoKeys when there is none; BusError when the file is open to others or holds none.
        """
        path = self.directory / OWN_NAME
        try:
            pair = self._read(path, KeyPair)
        except FileNotFoundError:
            msg = f"no keys in {self.directory}; make them with: gyrostat keys new"
            raise NoKeys(msg) from None
        try:
            for half in (pair.public, pair.secret):
                decode(half)
        except BusError as error:
            msg = f"{path}: {error}"
            raise BusError(msg) from None
        return pair

    def new(self, *, force: bool = False, make: MakePair = make_pair) -> KeyPair:
        """Make the own pair and keep it. force: also when there is one, which is then gone.

        Raises: BusError when there is one and force is not given.
        """
        with self._locked():
            if not force and (self.directory / OWN_NAME).exists():
                msg = f"{self.directory / OWN_NAME} is there already; show it with: gyrostat keys show"
                raise BusError(msg)
            pair = make()
            self._write(OWN_NAME, pair)
        return pair

    def rotate(self, *, make: MakePair = make_pair) -> tuple[str, KeyPair]:
        """Put a new pair in the place of the own one; the old public key and the new pair.

        Other hosts go on knowing the old public key until they are told the new one. Raises: NoKeys.
        """
        with self._locked():
            old = self.own().public
            pair = make()
            self._write(OWN_NAME, pair)
        return old, pair

    # -- who is let in

    def allowed(self) -> dict[str, AllowedKey]:
        """By name, in the order they were allowed.

        Raises: BusError when the file is open to others or does not hold keys.
        """
        path = self.directory / ALLOWED_NAME
        try:
            found = self._read(path, _Allowed).allowed
        except FileNotFoundError:
            return {}
        for each in found:
            try:
                check_entry(each)
            except BusError as error:
                msg = f"{path}: {each.name}: {error}"
                raise BusError(msg) from None
        return {each.name: each for each in found}

    def allow(self, name: str, key: str, role: Role) -> AllowedKey | None:
        """Let a public key in; what stood under that name before, which is let in no more.

        Raises: BusError when name is no token, key no key, role no role, or the key has another name already.
        """
        entry = AllowedKey(name=name, role=role, key=key)
        check_entry(entry)
        with self._locked():
            allowed = self.allowed()
            holder = next((each.name for each in allowed.values() if each.key == key and each.name != name), None)
            if holder is not None:
                msg = f"this key is {holder}'s already; revoke {holder} first, or use that name"
                raise BusError(msg)
            if name not in allowed and len(allowed) >= ALLOWED_MAX:
                msg = f"{ALLOWED_MAX} keys are allowed already; revoke some first"
                raise BusError(msg)
            before = allowed.get(name)
            self._write(ALLOWED_NAME, _Allowed(allowed=[*({**allowed, name: entry}).values()]))
        return before

    def revoke(self, name: str) -> AllowedKey:
        """Let a key in no more.

        Raises: BusError when there is none of that name.
        """
        with self._locked():
            allowed = self.allowed()
            gone = allowed.pop(name, None)
            if gone is None:
                msg = f"no key is called {name!r}; there are: {', '.join(allowed) or 'none'}"
                raise BusError(msg)
            self._write(ALLOWED_NAME, _Allowed(allowed=list(allowed.values())))
        return gone

    def stamp(self) -> Stamp:
        """The state of the file of allowed keys; another one after every change."""
        try:
            found = (self.directory / ALLOWED_NAME).stat()
        except OSError:
            return Stamp()
        return Stamp(found.st_ino, found.st_size, found.st_mtime_ns)

    # -- files

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone with the directory, which is made when missing."""
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_mode(self.directory, 0o700)
            lock = os.open(self.directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            msg = f"cannot keep keys in {self.directory}: {error.strerror}"
            raise BusError(msg) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _read(self, path: Path, kind: type[S]) -> S:
        try:
            _check_mode(self.directory, 0o700)
            _check_mode(path, 0o600)
            return msgspec.json.decode(path.read_bytes(), type=kind)
        except FileNotFoundError:
            raise
        except OSError as error:
            msg = f"cannot read {path}: {error.strerror}"
            raise BusError(msg) from error
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            msg = f"{path} holds no keys: {error}"
            raise BusError(msg) from None

    def _write(self, name: str, value: msgspec.Struct) -> None:
        """Replace a file in one step: after a crash it is the old or the new one, whole."""
        path = self.directory / name
        fresh = self.directory / f".{name}.{os.getpid()}"
        try:
            fresh.unlink(missing_ok=True)
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
            _sync(self.directory)
        except OSError as error:
            msg = f"cannot write {path}: {error.strerror}"
            raise BusError(msg) from error
        finally:
            fresh.unlink(missing_ok=True)


def check_entry(entry: AllowedKey) -> None:
    """Raises: BusError in one line when a name, key or role is none."""
    if not is_token(entry.name):
        msg = f"{entry.name!r} is no name: a-z, 0-9, _ and -, at most 64"
        raise BusError(msg)
    if entry.role not in ROLES:
        msg = f"{entry.role!r} is no role; there are: {', '.join(ROLES)}"
        raise BusError(msg)
    decode(entry.key)


def _check_mode(path: Path, mode: int) -> None:
    """Raises: BusError when a path is not ours or is open to others; OSError when it cannot be looked at."""
    status = path.stat()
    if status.st_uid != os.geteuid():
        msg = f"{path} belongs to uid {status.st_uid}, not to us ({os.geteuid()})"
        raise BusError(msg)
    if status.st_mode & 0o077:
        msg = f"{path} has mode {stat.S_IMODE(status.st_mode):04o}, and others must not read keys; chmod it to {mode:o}"
        raise BusError(msg)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
