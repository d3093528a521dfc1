"""What a start shows the person who started it: the ways in, once, and the addresses."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from tsunagu.runtime.first_start import WaysIn
from tsunagu.runtime.settings import Settings
from tsunagu.runtime.words import Say


def _grid(rows: Sequence[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column(overflow="fold")
    for row in rows:
        grid.add_row(*row)
    return grid


def show_ways_in(found: WaysIn, say: Say) -> None:
    """Shows the first operator's password and the first keys."""
    rows = [
        (say("workspace", "ワークスペース"), found.workspace),
        (say("sign in as", "サインイン名"), found.operator),
        (say("password", "パスワード"), f"[bold]{found.password}[/bold]"),
        (say("write key (events)", "書き込みキー(イベント)"), found.write_key),
        (say("API key (profiles)", "API キー(プロフィール)"), found.api_key),
    ]
    title = say("Shown once: keep these now", "一度だけ表示されます。今すぐ控えてください")
    Console(highlight=False).print(Panel(_grid(rows), title=title, border_style="yellow"))


def show_addresses(settings: Settings, say: Say) -> None:
    """Shows where everything answers."""
    base = f"http://{settings.host}"
    host, port = settings.smtp_address
    mail = say("local mailbox, shown in the console", "ローカルメールボックス(コンソールで表示)")
    rows = [
        (say("console", "コンソール"), f"[bold]{base}:{settings.console_port}[/bold]"),
        (say("events", "イベント受信"), f"{settings.collect_address}/v1/track"),
        (say("customers' pages", "お客様向けページ"), settings.public_address),
        (say("mail goes to", "メール送信先"), mail if settings.local_mailbox else f"{host}:{port}"),
        (say("data", "データ"), str(settings.folder)),
        (say("state", "状態"), "tsunagu doctor"),
    ]
    title = say("Tsunagu runs — Ctrl-C ends it", "Tsunagu 起動中 — Ctrl-C で終了")
    Console(highlight=False).print(Panel(_grid(rows), title=title, border_style="green"))
