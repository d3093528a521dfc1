"""One role in one process: its log, its signals, its database, its heartbeat.

Started by the supervisor it hangs on a lifeline and leads a process group of its own; started
by hand (`tsunagu run ROLE`) it ends on Ctrl-C like any program.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType

from tsunagu.core import Figures, Invalid, TsunaguError
from tsunagu.runtime.database import database_of, keep_database, open_database
from tsunagu.runtime.heartbeat import Heartbeat
from tsunagu.runtime.lifeline import Lifeline, end_group
from tsunagu.runtime.locks import CHILDREN, FolderLock
from tsunagu.runtime.logs import configure_logs
from tsunagu.runtime.ports import require_free
from tsunagu.runtime.roles import KEEPER, ROLES, Work
from tsunagu.runtime.secrets import load_secrets
from tsunagu.runtime.settings import Settings

_GRACE = 15.0
_KEEPER_GRACE = 120.0
_log = logging.getLogger("tsunagu.runtime")


def run_role(name: str, settings: Settings, *, supervised: bool) -> int:
    """Works as the role until told to stop; the exit status."""
    if name not in ROLES and not (name == KEEPER and supervised):
        raise Invalid(f"There is no role {name!r}; the roles are: {', '.join(ROLES)}.")
    configure_logs(name)
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    if not supervised:
        return _guarded(stop, lambda: _run_alone(name, settings, stop))
    lifeline = Lifeline()
    lifeline.watch(_interrupt_main, _KEEPER_GRACE if name == KEEPER else _GRACE)
    try:
        return _guarded(stop, lambda: _run_supervised(name, settings, stop, lifeline))
    finally:
        if lifeline.parent_gone.is_set():
            _log.warning("The supervisor is gone, so this process ends too")
            end_group()


def _guarded(stop: threading.Event, work: Callable[[], None]) -> int:
    try:
        work()
    except TsunaguError as error:
        _log.error("%s", error)
        return 1
    if not stop.is_set():
        _log.error("The work ended without being told to")
        return 1
    return 0


def _run_alone(name: str, settings: Settings, stop: threading.Event) -> None:
    with open_database(settings) as database:
        work = Work(settings, load_secrets(settings.folder), database, Figures(), stop)
        _work(name, work, lambda: _log.info("Ready"), shared=False)


def _run_supervised(
    name: str, settings: Settings, stop: threading.Event, lifeline: Lifeline
) -> None:
    if name == KEEPER:
        keep_database(settings, stop, lifeline)
        return
    with ExitStack() as held:
        children = held.enter_context(FolderLock(settings.folder, CHILDREN))
        children.take(shared=True, timeout=_GRACE)
        secrets = load_secrets(settings.folder)
        work = Work(settings, secrets, database_of(settings), Figures(), stop)
        # the supervisor has looked that nobody else is at the ports before it started us
        _work(name, work, lifeline.ready, shared=ROLES[name].copies is not None)


def _work(name: str, work: Work, ready: Callable[[], None], *, shared: bool) -> None:
    os.umask(0o077)  # mails and lake files are for this account alone
    role, settings = ROLES[name], work.settings
    port = None
    if role.port is not None:
        port = (settings.host, int(getattr(settings, role.port)))
        require_free(settings.host, {role.port: port[1]}, shared=shared)
    with Heartbeat(work.database, name, work.figures, port, ready):
        role.run(work)


def _interrupt_main() -> None:
    """Wakes the main thread as a signal does, also where a library handles the signals."""
    main = threading.main_thread().ident
    if main is not None:
        signal.pthread_kill(main, signal.SIGTERM)
