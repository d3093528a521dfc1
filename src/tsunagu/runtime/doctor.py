"""`tsunagu doctor`: what runs, where the data is, how far the work has come, what is wrong.

It works while nothing runs, starts nothing and changes nothing.
"""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Literal

import psutil
import psycopg
from rich.console import Console

from tsunagu.eventlog import overdue_tasks
from tsunagu.runtime.database import database_of, embedded_server
from tsunagu.runtime.heartbeat import answers
from tsunagu.runtime.locks import SUPERVISOR, FolderLock
from tsunagu.runtime.ports import holder
from tsunagu.runtime.roles import Role, wanted_roles
from tsunagu.runtime.settings import Settings
from tsunagu.runtime.words import Say
from tsunagu.serve.status import (
    ProcessState,
    WorkspaceState,
    database_state,
    processes,
    workspace_states,
)
from tsunagu.storage import Database, Row

_SLOW_PIPELINE, _SLOW_LAKE, _SLOW_OUTBOX = 10.0, 180.0, 60.0
_LITTLE_SPACE, _TOO_LITTLE_SPACE = 5_000_000_000, 500_000_000
_WRONG_CLOCK = 1.0
_MARKS = {"well": "[green]✓[/green]", "note": "[yellow]•[/yellow]", "wrong": "[red]✗[/red]"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `mend` says what to do about it."""

    kind: Literal["well", "note", "wrong"]
    what: str
    mend: str = ""


def examine(settings: Settings, say: Say) -> int:
    """Prints all findings; the exit status is 1 when something is wrong."""
    console = Console(highlight=False)
    wrong = 0
    for finding in findings(settings, say):
        console.print(f"{_MARKS[finding.kind]} ", end="")
        console.print(finding.what, markup=False)
        if finding.mend:
            console.print(f"    → {finding.mend}", markup=False)
        wrong += finding.kind == "wrong"
    things = "1 thing is" if wrong == 1 else f"{wrong} things are"
    verdict = say(f"{things} wrong.", f"{wrong} 件の問題があります。")
    console.print(verdict if wrong else say("All is well.", "問題はありません。"))
    return int(wrong > 0)


def findings(settings: Settings, say: Say) -> Generator[Finding]:
    """Everything that can be found out, the closest to the machine first."""
    yield from _folder(settings, say)
    running = _supervisor(settings, say)
    yield running
    database = database_of(settings)
    if settings.database_url is None and not embedded_server(settings).running:
        yield Finding(
            "wrong",
            say("PostgreSQL does not run.", "PostgreSQL が動いていません。"),
            say("Start everything with: tsunagu serve", "起動: tsunagu serve"),
        )
        yield from _ports(settings, say, [])
        return
    try:
        with database.connect("pipeline") as connection:
            yield from _server(connection, settings, say)
            found = processes(connection)
            yield from _roles(found, settings, say)
            yield from _ports(settings, say, found)
            for state in workspace_states(connection):
                yield from _workspace(state, say)
                yield from _upkeep(connection, state, say)
    except psycopg.Error as error:
        yield _unreachable(error, database, settings, say)


def _folder(settings: Settings, say: Say) -> Generator[Finding]:
    folder = settings.folder
    if not folder.exists():
        yield Finding(
            "wrong",
            say(f"There is no data folder {folder}.", f"データフォルダー {folder} がありません。"),
            say(
                "Start with `tsunagu serve`, or name the right folder: TSUNAGU_HOME=...",
                "`tsunagu serve` で開始するか、TSUNAGU_HOME で正しいフォルダーを指定してください。",
            ),
        )
        return
    places = (
        {folder, (folder / "postgres").resolve()} if settings.database_url is None else {folder}
    )
    for place in sorted(place for place in places if place.exists()):
        free = shutil.disk_usage(place).free
        what = say(
            f"Data is in {place}; {_bytes(free)} are free.",
            f"データは {place} にあります(空き {_bytes(free)})。",
        )
        kind = "wrong" if free < _TOO_LITTLE_SPACE else "note" if free < _LITTLE_SPACE else "well"
        mend = say("Make room on this disk soon.", "早めにディスクの空きを増やしてください。")
        yield Finding(kind, what, "" if kind == "well" else mend)
    if not os.access(folder, os.W_OK):
        yield Finding(
            "wrong",
            say(f"This account may not write to {folder}.", f"{folder} に書き込めません。"),
            say(
                f"Run as the account that owns it, or: chown {folder}", "所有者で実行してください。"
            ),
        )


def _supervisor(settings: Settings, say: Say) -> Finding:
    if settings.folder.exists():
        with FolderLock(settings.folder, SUPERVISOR) as lock:
            if not lock.take(shared=True):
                pid = lock.note()
                return Finding(
                    "well",
                    say(
                        f"`tsunagu serve` runs (process {pid}).", f"`tsunagu serve` 稼働中({pid})。"
                    ),
                )
    return Finding(
        "note",
        say(
            "`tsunagu serve` does not run on this folder.",
            "このフォルダーで `tsunagu serve` は動いていません。",
        ),
    )


def _server(
    connection: psycopg.Connection[Row], settings: Settings, say: Say
) -> Generator[Finding]:
    state = database_state(connection)
    kind = say("embedded", "内蔵") if settings.database_url is None else "TSUNAGU_DATABASE_URL"
    yield Finding(
        "well",
        say(
            f"PostgreSQL {state.version} ({kind}) answers; it holds {_bytes(state.size)}.",
            f"PostgreSQL {state.version}({kind})は応答しています(データ量 {_bytes(state.size)})。",
        ),
    )
    if not state.fsync or state.synchronous_commit not in ("on", "remote_apply", "remote_write"):
        yield Finding(
            "wrong",
            say(
                "A commit does not wait for the disk: accepted events can be lost in a power cut.",
                "コミットがディスクを待ちません。停電で受け付けたイベントが失われます。",
            ),
            say(
                "Set fsync, full_page_writes and synchronous_commit to on.",
                "fsync、full_page_writes、synchronous_commit を on にしてください。",
            ),
        )
    away = abs(state.clock - time.time())
    if away > _WRONG_CLOCK:
        yield Finding(
            "wrong",
            say(
                f"This machine's clock and the database's differ by {away:.0f} s.",
                f"このマシンとデータベースの時計が {away:.0f} 秒ずれています。",
            ),
            say("Keep both on time with NTP.", "NTP で両方を合わせてください。"),
        )


def _roles(found: Sequence[ProcessState], settings: Settings, say: Say) -> Generator[Finding]:
    for role in wanted_roles(settings):
        living = [p for p in found if p.role == role.name and _lives(p)]
        if not living:
            yield Finding(
                "wrong",
                say(f"No {role.title} runs.", f"{role.name} が動いていません。"),
                say(
                    f"`tsunagu serve` keeps it running; its log says why it ended. Alone: "
                    f"tsunagu run {role.name}",
                    f"`tsunagu serve` が再起動します。理由はログにあります。単独起動: "
                    f"tsunagu run {role.name}",
                ),
            )
        for process in living:
            yield Finding(
                "well",
                say(
                    f"{role.name}: process {process.pid} on {process.host}, "
                    f"for {_duration(process.age, say)}.",
                    f"{role.name}: プロセス {process.pid}({process.host})、"
                    f"稼働 {_duration(process.age, say)}。",
                ),
            )


def _lives(process: ProcessState) -> bool:
    if process.host == socket.gethostname() and not psutil.pid_exists(process.pid):
        return False
    return process.alive


def _ports(settings: Settings, say: Say, found: Sequence[ProcessState]) -> Generator[Finding]:
    """Ports of roles that do not run here must be free, those of the others must answer."""
    here = {p.role: p for p in found if p.host == socket.gethostname() and _lives(p)}
    for role in wanted_roles(settings):
        if role.port is None:
            continue
        port = int(getattr(settings, role.port))
        answering = answers(settings.host, port)
        if role.name in here and not answering:
            yield Finding(
                "wrong",
                say(
                    f"{role.name} does not answer on {settings.host}:{port}.",
                    f"{role.name} が {settings.host}:{port} で応答しません。",
                ),
                say(
                    f"End process {here[role.name].pid}; it is started again.",
                    f"プロセス {here[role.name].pid} を終了してください。再起動されます。",
                ),
            )
        elif role.name not in here and answering:
            yield _taken(role, port, say)


def _taken(role: Role, port: int, say: Say) -> Finding:
    process = holder(port)
    who = f"{process.pid} ({process.name()})" if process else "?"
    return Finding(
        "wrong",
        say(
            f"Port {port}, meant for {role.name}, is used by process {who}.",
            f"{role.name} 用のポート {port} をプロセス {who} が使っています。",
        ),
        say(
            f"End that program, or set TSUNAGU_{str(role.port).upper()} to another port.",
            f"そのプログラムを終了するか、TSUNAGU_{str(role.port).upper()} を変えてください。",
        ),
    )


def _workspace(state: WorkspaceState, say: Say) -> Generator[Finding]:
    name = state.workspace.name
    yield _judged(
        state.pipeline.seconds > _SLOW_PIPELINE,
        say(
            f"{name}: the pipeline is {state.pipeline.events:,} events behind, "
            f"{state.pipeline.seconds:.1f} s.",
            f"{name}: 処理待ち {state.pipeline.events:,} 件、{state.pipeline.seconds:.1f} 秒遅れ。",
        ),
        say(
            "See the pipeline's log lines; a long load is caught up by itself.",
            "pipeline のログを確認してください。大量の投入は自然に追いつきます。",
        ),
    )
    yield _judged(
        state.lake.seconds > _SLOW_LAKE,
        say(
            f"{name}: the lake is {state.lake.events:,} events behind, {state.lake.seconds:.0f} s.",
            f"{name}: レイク待ち {state.lake.events:,} 件、{state.lake.seconds:.0f} 秒遅れ。",
        ),
        say("See the lake's log lines.", "lake のログを確認してください。"),
    )
    stuck = state.late > _SLOW_OUTBOX and not state.workspace.sends_paused
    yield _judged(
        stuck,
        say(
            f"{name}: {state.waiting:,} messages wait ({state.due:,} could leave now), "
            f"{state.handing:,} are being handed over.",
            f"{name}: 配信待ち {state.waiting:,} 通(今すぐ送信可能 {state.due:,} 通)、"
            f"引き渡し中 {state.handing:,} 通。",
        ),
        say(
            "See the sender's log lines, and whether the mail server answers.",
            "sender のログと、メールサーバーの応答を確認してください。",
        ),
    )
    yield from _exceptions(state, say)


def _exceptions(state: WorkspaceState, say: Say) -> Generator[Finding]:
    name = state.workspace.name
    if state.workspace.sends_paused:
        yield Finding(
            "note",
            say(f"{name}: all sending is stopped.", f"{name}: 配信は停止中です。"),
            f"tsunagu send resume -w {name}",
        )
    if state.unknown:
        yield Finding(
            "note",
            say(
                f"{name}: of {state.unknown:,} messages nobody knows whether they left.",
                f"{name}: 送信結果が不明のメッセージが {state.unknown:,} 通あります。",
            ),
            say(
                "They are never sent again by themselves; the customers' pages show which.",
                "自動では再送しません。お客様ごとの画面で確認できます。",
            ),
        )
    if state.dead_letters:
        yield Finding(
            "wrong",
            say(
                f"{name}: {state.dead_letters:,} events could not be processed.",
                f"{name}: 処理できなかったイベントが {state.dead_letters:,} 件あります。",
            ),
            f"tsunagu dead-letters list -w {name}",
        )


def _upkeep(
    connection: psycopg.Connection[Row], state: WorkspaceState, say: Say
) -> Generator[Finding]:
    name = state.workspace.name
    for task, late in overdue_tasks(connection, state.workspace.id):
        yield Finding(
            "note",
            say(
                f"{name}: the lake's upkeep {task!r} is {_duration(late, say)} late.",
                f"{name}: レイクの手入れ {task} が{_duration(late, say)}遅れています。",
            ),
            say(
                f"See the lake's log lines, or do it now: tsunagu lake upkeep -w {name}",
                f"lake のログを確認するか、今すぐ実行: tsunagu lake upkeep -w {name}",
            ),
        )


def _judged(wrong: bool, what: str, mend: str) -> Finding:
    return Finding("wrong", what, mend) if wrong else Finding("well", what)


def _unreachable(error: psycopg.Error, database: Database, settings: Settings, say: Say) -> Finding:
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.InvalidParameterValue):
        return Finding(
            "wrong",
            say("The database has no tables of ours yet.", "データベースにまだ表がありません。"),
            "tsunagu migrate",
        )
    return Finding(
        "wrong",
        say(f"The database does not answer: {first}", f"データベースが応答しません: {first}"),
        say(
            "Check that the server of TSUNAGU_DATABASE_URL runs and lets this login in.",
            "TSUNAGU_DATABASE_URL のサーバーと接続権限を確認してください。",
        )
        if settings.database_url
        else say("Wait some seconds, then ask again.", "数秒待ってから再実行してください。"),
    )


def _bytes(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def _duration(seconds: float, say: Say) -> str:
    for length, en, ja in ((86_400, "days", "日"), (3_600, "hours", "時間"), (60, "min", "分")):
        if seconds >= 2 * length:
            return say(f"{seconds / length:.0f} {en}", f"{seconds / length:.0f} {ja}")
    return say(f"{seconds:.0f} s", f"{seconds:.0f} 秒")
