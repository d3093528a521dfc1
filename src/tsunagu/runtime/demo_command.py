"""`tsunagu demo`: a clean installation, the job on real data, what it found, the way in."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing

from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from tsunagu.channels.email import Mailbox
from tsunagu.core import Invalid
from tsunagu.runtime.demo.driver import Driver
from tsunagu.runtime.demo.job import PLAYING, Outcome, run_demo
from tsunagu.runtime.demo.results import Finding, flush
from tsunagu.runtime.demo_server import (
    OPERATOR,
    demo_settings,
    end_server,
    end_started,
    installation_of,
    living,
    start_clean,
)
from tsunagu.runtime.settings import Settings
from tsunagu.runtime.words import Say
from tsunagu.runtime.world.live import Show, open_world
from tsunagu.runtime.world.report import compare_shops

Words = Mapping[str, str]


def demo(*, once: bool, say: Say) -> int:
    """Runs the demonstration; 0 when the loop closed. Without `once` the server goes on."""
    console = Console(highlight=False)
    settings = demo_settings()
    if end_server(settings):
        console.print(say("Ended the demonstration before.", "前回のデモを終了しました。"))
    begun = time.monotonic()
    console.print(say("Starting a clean installation …", "新しい環境を起動しています …"))
    server, password = start_clean(settings)
    keep = False
    try:
        ready = time.monotonic()
        took = ready - begun
        console.print(f"[green]✓[/green] {say('All roles run', '全プロセス稼働')} ({took:.1f} s)")
        with _Stages(console, say) as stages:
            outcome = run_demo(installation_of(settings), stages)
        _show(console, outcome, time.monotonic() - ready, say)
        keep = not once
        if keep:
            _show_way_in(console, settings, password, say)
    finally:
        if not keep:
            end_started(server)
    return 0 if outcome.closed else 1


def world(settings: Settings, say: Say) -> int:
    """Plays the simulated world on the running installation, in a workspace of its own.

    Raises:
        Invalid: not all roles run.
    """
    missing = {"collector", "pipeline", "lake", "sender", "public"} - living(settings)
    if missing:
        names = ", ".join(sorted(missing))
        raise Invalid(
            say(
                f"The world needs a running installation; {names} are missing. "
                "Start with: tsunagu serve",
                f"起動中の環境が必要です(不足: {names})。先に tsunagu serve を実行してください。",
            )
        )
    console = Console(highlight=False)
    installation = installation_of(settings)
    with (
        Driver(installation.database, open_world(installation)) as driver,
        closing(Mailbox(installation.mailbox_folder)) as mailbox,
        _Stages(console, say) as stages,
    ):
        stages.started(PLAYING)
        begun = time.monotonic()
        Show(installation, driver, mailbox).play(stages.progress)
        flush(installation, driver)
        found = compare_shops(installation, driver)
        played = {"en": "The world was played", "ja": "シミュレーション完了"}
        stages.finished(played, time.monotonic() - begun)
    for finding in found:
        console.print(f"• {_finding(finding, say)}")
    return 0


def end_demo(say: Say) -> int:
    """Ends the demonstration's server; its data stay until the next run."""
    ended = end_server(demo_settings())
    print(
        say("The demonstration has ended.", "デモを終了しました。")
        if ended
        else say("No demonstration runs.", "デモは動いていません。")
    )
    return 0


class _Stages:
    """Shows the job's stages, each with a bar while it works and a line when it is done."""

    def __init__(self, console: Console, say: Say) -> None:
        self._say = say
        self._progress = Progress(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:,.0f} / {task.total:,.0f}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> _Stages:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def started(self, title: Words) -> None:
        """A stage begins."""
        words = self._say(title["en"], title["ja"])
        self._progress.console.print(f"[bold]{words}[/bold]")
        self._task = self._progress.add_task("", total=0)

    def progress(self, done: int, total: int) -> None:
        """The stage has come so far."""
        if self._task is not None:
            self._progress.update(self._task, completed=done, total=total)

    def finished(self, words: Words, seconds: float) -> None:
        """The stage is over."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = None
        said = self._say(words["en"], words["ja"])
        self._progress.console.print(f"[green]✓[/green] {said} ({seconds:.1f} s)")


def _show(console: Console, outcome: Outcome, seconds: float, say: Say) -> None:
    console.print(f"\n[bold]{say('What it found', '分かったこと')}[/bold]")
    for finding in outcome.findings:
        console.print(f"• {_finding(finding, say)}")
    console.print(f"\n[bold]{say('Did the loop close?', '輪は閉じたか')}[/bold]")
    table = Table.grid(padding=(0, 1))
    for check in outcome.checks:
        mark = "[green]✓[/green]" if check.holds else "[red]✗[/red]"
        table.add_row(mark, say(check.words["en"], check.words["ja"]))
    console.print(table)
    verdict = (
        say("The loop closed", "輪は閉じました")
        if outcome.closed
        else say("The loop did not close", "輪は閉じませんでした")
    )
    console.print(f"[bold]{verdict}[/bold] ({seconds:.1f} s)")


def _finding(found: Finding, say: Say) -> str:
    title, sentence = found.title, found.sentence
    return f"[bold]{say(title['en'], title['ja'])}[/bold]  {say(sentence['en'], sentence['ja'])}"


def _show_way_in(console: Console, settings: Settings, password: str, say: Say) -> None:
    rows = [
        (say("console", "コンソール"), f"http://{settings.host}:{settings.console_port}"),
        (say("sign in as", "サインイン名"), OPERATOR),
        (say("password", "パスワード"), password),
        (say("to end it", "終了"), ".venv/bin/tsunagu demo --end"),
    ]
    grid = Table.grid(padding=(0, 2))
    for row in rows:
        grid.add_row(*row)
    title = say("The console is open", "コンソールを開けます")
    console.print(Panel(grid, title=title, border_style="green", expand=False))
