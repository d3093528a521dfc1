"""`tsunagu serve`: one process that starts all others, restarts what dies, ends all in order.

PostgreSQL comes first and goes last; the collector goes first, so that what it has accepted
is still worked on while the rest ends. The supervisor itself opens no connection: it stays
small and has little that could fail.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

from tsunagu.core import Invalid, Retryable
from tsunagu.runtime.child import Child
from tsunagu.runtime.locks import CHILDREN, SUPERVISOR, FolderLock
from tsunagu.runtime.logs import line
from tsunagu.runtime.ports import require_free
from tsunagu.runtime.roles import KEEPER, wanted_roles
from tsunagu.runtime.settings import Settings, environment_of
from tsunagu.runtime.words import Say

_FIRST_DELAY, _LONGEST_DELAY, _STEADY = 0.2, 30.0, 20.0
_GRACE, _DATABASE_GRACE = 10.0, 130.0
_END_ORDER = (
    ("collector",),
    ("public", "console", "sources"),
    ("sender",),
    ("pipeline",),
    ("lake",),
)
_PATIENCE = 30.0


def serve(settings: Settings, say: Say) -> int:
    """Runs the whole installation until Ctrl-C or SIGTERM; the exit status.

    Raises:
        Invalid: it cannot start; the message says what to do.
    """
    # PostgreSQL's account must pass through; what lies in it is nobody's to list.
    settings.folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    with FolderLock(settings.folder, SUPERVISOR) as alone:
        if not alone.take(shared=False):
            raise Invalid(
                say(
                    f"Tsunagu already runs on {settings.folder} (process {alone.note()}). "
                    "End that one first, or choose another folder: TSUNAGU_HOME=...",
                    f"Tsunagu はすでに {settings.folder} で動いています"
                    f"(プロセス {alone.note()})。先に終了するか、TSUNAGU_HOME で"
                    "別のフォルダーを指定してください。",
                )
            )
        alone.write(str(os.getpid()))
        _await_previous(settings, say)
        roles = wanted_roles(settings)
        ports = {role.port: int(getattr(settings, role.port)) for role in roles if role.port}
        require_free(settings.host, ports)
        names = [
            role.name
            for role in roles
            for _ in range(int(getattr(settings, role.copies)) if role.copies else 1)
        ]
        return asyncio.run(_Supervisor(settings, names, say).run())


def _await_previous(settings: Settings, say: Say) -> None:
    """The processes of a supervisor that was killed end by themselves; wait for them."""
    with FolderLock(settings.folder, CHILDREN) as others:
        if others.take(shared=False):
            return
        _note(
            say(
                "The processes of the run before are still ending; waiting for them",
                "前回のプロセスが終了するのを待っています",
            )
        )
        if not others.take(shared=False, timeout=_PATIENCE):
            raise Retryable(
                say(
                    "Processes of the run before do not end. `tsunagu doctor` names them; "
                    "end them and start again.",
                    "前回のプロセスが終了しません。`tsunagu doctor` で確認し、終了させてから"
                    "もう一度起動してください。",
                )
            )


class _Supervisor:
    def __init__(self, settings: Settings, names: Sequence[str], say: Say) -> None:
        self._settings = settings
        self._say = say
        self._environment = environment_of(settings)
        self._children = [Child(name, self._environment, _write) for name in names]
        self._keeper = (
            Child(KEEPER, self._environment, _write) if settings.database_url is None else None
        )
        self._stopping = asyncio.Event()
        self._signals = 0
        self._keeping: list[asyncio.Task[None]] = []

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal)
        try:
            started = await self._start()
            if started and not self._stopping.is_set():
                self._tell_addresses()
                await self._stopping.wait()
        finally:
            self._stopping.set()
            await self._end()
        return 0 if started else 1

    def _on_signal(self) -> None:
        self._signals += 1
        self._stopping.set()
        if self._signals == 1:
            _note(
                self._say(
                    "Ending all processes in order (Ctrl-C again ends them at once)",
                    "順番に終了しています(もう一度 Ctrl-C を押すとすぐに終了します)",
                )
            )
            return
        for child in self._children:
            child.kill()

    async def _start(self) -> bool:
        if self._keeper is not None:
            self._keep(self._keeper)
            if not await self._until_ready([self._keeper]):
                return True
        if not await self._prepare():
            return self._stopping.is_set()
        for child in self._children:
            self._keep(child)
        await self._until_ready(self._children)
        return True

    async def _prepare(self) -> bool:
        """Brings the tables up to date; the first time it makes and shows the ways in."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tsunagu", "migrate"),
            env=self._environment,
            start_new_session=True,
        )
        ended = await self._unless_stopping(process.wait())
        if ended is None:
            process.terminate()
            await process.wait()
        return ended == 0

    async def _until_ready(self, children: Sequence[Child]) -> bool:
        """False when the end was asked for meanwhile."""

        async def all_ready() -> bool:
            for child in children:
                await child.ready.wait()
            return True

        return await self._unless_stopping(all_ready()) is True

    async def _unless_stopping(self, awaited: Any) -> Any:
        work, stop = asyncio.ensure_future(awaited), asyncio.ensure_future(self._stopping.wait())
        done, left = await asyncio.wait([work, stop], return_when=asyncio.FIRST_COMPLETED)
        for task in left:
            task.cancel()
        return work.result() if work in done else None

    def _keep(self, child: Child) -> None:
        self._keeping.append(asyncio.create_task(self._keep_running(child)))

    async def _keep_running(self, child: Child) -> None:
        delay = _FIRST_DELAY
        while not self._stopping.is_set():
            began = time.monotonic()
            status = await child.run()
            if self._stopping.is_set():
                return
            steady = time.monotonic() - began > _STEADY
            delay = _FIRST_DELAY if steady else delay
            self._tell_restart(child.name, status, delay)
            await self._unless_stopping(asyncio.sleep(delay))
            delay = min(delay * 2, _LONGEST_DELAY)

    async def _end(self) -> None:
        for names in _END_ORDER:
            await self._end_all([child for child in self._children if child.name in names])
        await self._end_all([child for child in self._children if child.pid])
        if self._keeper is not None and not await self._keeper.end(_DATABASE_GRACE):
            _note(self._say("PostgreSQL had to be left", "PostgreSQL を終了できませんでした"))
        await asyncio.gather(*self._keeping)
        _note(self._say("All processes have ended", "すべてのプロセスが終了しました"))

    async def _end_all(self, children: Sequence[Child]) -> None:
        ends = await asyncio.gather(*(child.end(_GRACE) for child in children))
        for child, cleanly in zip(children, ends, strict=True):
            if not cleanly:
                _note(
                    self._say(
                        f"{child.name} did not end in {_GRACE:.0f} s and was ended by force",
                        f"{child.name} は {_GRACE:.0f} 秒以内に終了しなかったため強制終了しました",
                    )
                )

    def _tell_restart(self, name: str, status: int, delay: float) -> None:
        if status < 0:
            how = signal.Signals(-status).name
            en, ja = f"was killed ({how})", f"強制終了されました({how})"
        else:
            en, ja = f"ended by itself (status {status})", f"停止しました(終了コード {status})"
        _note(
            self._say(
                f"{name} {en}; it is started again in {delay:g} s",
                f"{name} が{ja}。{delay:g} 秒後に再起動します",
            )
        )

    def _tell_addresses(self) -> None:
        from tsunagu.runtime.addresses import show_addresses

        show_addresses(self._settings, self._say)


def _write(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _note(text: str) -> None:
    _write(line("serve", "info", text))
