"""Commands for replays: fold the log anew into a shadow, compare, swap in, undo, drop."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from tsunagu.runtime.cli_access import DEFAULT_WORKSPACE, InWorkspace, show_table
from tsunagu.runtime.words import speaker

if TYPE_CHECKING:
    from tsunagu.runtime.replay.models import Replay
    from tsunagu.runtime.replay.service import Progress, Replaying

say = speaker()
replays = typer.Typer(
    help=say(
        "Fold the log anew into a shadow, compare it with what is live, and swap it in.",
        "ログを影の領域に畳み直し、現在の状態と比べ、入れ替えます。",
    ),
    no_args_is_help=True,
)
Number = Annotated[int, typer.Argument(metavar="NUMBER")]


def register(commands: typer.Typer) -> None:
    """Adds these commands to the command line."""
    commands.add_typer(replays, name="replay")


@replays.command(
    "start",
    help=say(
        "Fold a period of the log, or all of it, into a shadow and compare; goes on after a kill.",
        "ログの期間(または全体)を畳み直して比べます。中断した場合は続きから再開します。",
    ),
)
def start(
    stages: Annotated[
        str,
        typer.Option(
            help=say(
                "identity, profiles, audiences; each brings those that follow",
                "identity, profiles, audiences(後に続くものも含みます)",
            )
        ),
    ] = "identity,profiles,audiences",
    since: Annotated[str, typer.Option("--from", help=say("Known from", "この時刻から"))] = "",
    until: Annotated[str, typer.Option("--to", help=say("Known until", "この時刻まで"))] = "",
    workspace: InWorkspace = DEFAULT_WORKSPACE,
) -> None:
    from tsunagu.runtime.replay.service import stages_of

    asked = stages_of(stages)
    with _opened(workspace) as desk:
        replay = desk.begin(asked, _time(since), _time(until))
        with _progress(say("events", "イベント")) as progress:
            replay = desk.run(replay, progress)
        with _progress(say("customers", "お客様")) as progress:
            replay = desk.compare(replay, progress)
        _show_differences(desk, replay)


@replays.command("show", help=say("List the replays.", "リプレイの一覧。"))
def show(workspace: InWorkspace = DEFAULT_WORKSPACE) -> None:
    from tsunagu.core.times import iso

    def day(at: int | None) -> str:
        return "" if at is None else iso(at)

    with _opened(workspace) as desk:
        found = desk.every()
    headings = [
        say("number", "番号"),
        say("stages", "段階"),
        say("from", "から"),
        say("to", "まで"),
    ]
    show_table(
        [*headings, say("state", "状態"), say("position", "位置"), say("events", "イベント")],
        [
            (
                *(r.replay_id, ",".join(r.stages), day(r.from_at), day(r.to_at)),
                *(r.state, r.position, f"{r.events:,}"),
            )
            for r in found
        ],
    )


@replays.command(
    "compare",
    help=say("Compare anew with what is live now.", "現在の状態とあらためて比べます。"),
)
def compare(number: Number, workspace: InWorkspace = DEFAULT_WORKSPACE) -> None:
    with _opened(workspace) as desk:
        replay = desk.find(number)
        with _progress(say("events", "イベント")) as progress:
            replay = desk.run(replay, progress)
        with _progress(say("customers", "お客様")) as progress:
            replay = desk.compare(replay, progress)
        _show_differences(desk, replay)


@replays.command(
    "swap",
    help=say(
        "Let the shadow take the place of what is live. Nothing is sent.",
        "影を現在の状態と入れ替えます。何も配信されません。",
    ),
)
def swap(number: Number, workspace: InWorkspace = DEFAULT_WORKSPACE) -> None:
    _swap(number, workspace, undo=False)


@replays.command(
    "undo",
    help=say("Bring back what was live before the swap.", "入れ替える前の状態に戻します。"),
)
def undo(number: Number, workspace: InWorkspace = DEFAULT_WORKSPACE) -> None:
    _swap(number, workspace, undo=True)


@replays.command(
    "drop",
    help=say(
        "Remove a replay with its shadow; after a swap it cannot be undone any more.",
        "リプレイと影を削除します。入れ替え後は元に戻せなくなります。",
    ),
)
def drop(number: Number, workspace: InWorkspace = DEFAULT_WORKSPACE) -> None:
    with _opened(workspace) as desk:
        desk.drop(desk.find(number))
    typer.echo(say(f"Replay {number} is gone.", f"リプレイ {number} を削除しました。"))


def _swap(number: int, workspace: str, *, undo: bool) -> None:
    from tsunagu.core import Invalid

    with _opened(workspace) as desk:
        replay = desk.find(number)
        if undo != (replay.state == "swapped"):
            raise Invalid(
                say(
                    f"Replay {number} is {'not ' if undo else ''}swapped in.",
                    f"リプレイ {number} は入れ替え{'前' if undo else '済み'}です。",
                )
            )
        with _progress(say("events", "イベント")) as progress:
            replay, changed = desk.swap(replay, progress)
    typer.echo(
        say(
            f"{changed:,} customers changed. What was live before is kept; bring it back with "
            f"tsunagu replay {'swap' if undo else 'undo'} {number}, or remove it with "
            f"tsunagu replay drop {number}.",
            f"{changed:,} 名が変わりました。以前の状態は残しています。戻す: "
            f"tsunagu replay {'swap' if undo else 'undo'} {number} / 削除: "
            f"tsunagu replay drop {number}",
        )
    )


def _show_differences(desk: Replaying, replay: Replay) -> None:
    counted = desk.counted(replay)
    if not counted:
        typer.echo(
            say(
                f"Replay {replay.replay_id}: nothing differs from what is live.",
                f"リプレイ {replay.replay_id}: 現在の状態と違いはありません。",
            )
        )
        return
    show_table(
        [say("differs in", "違い"), say("customers", "お客様")],
        [(what, f"{count:,}") for what, count in counted.items()],
    )
    show_table(
        [say("customer", "お客様"), say("differs in", "違い"), say("why", "理由")],
        [(d.customer_id, ", ".join(d.what), d.detail or "") for d in desk.samples(replay, 10)],
    )
    if replay.whole:
        typer.echo(
            say(
                f"Swap it in: tsunagu replay swap {replay.replay_id}",
                f"入れ替える: tsunagu replay swap {replay.replay_id}",
            )
        )


@contextmanager
def _opened(workspace: str) -> Generator[Replaying]:
    from tsunagu.runtime.database import open_database
    from tsunagu.runtime.replay.service import replaying
    from tsunagu.runtime.settings import load_settings

    settings = load_settings()
    with (
        open_database(settings) as database,
        replaying(database, workspace, settings.folder / "lake") as desk,
    ):
        yield desk


@contextmanager
def _progress(what: str) -> Generator[Progress]:
    """A bar with the rate and the time left, at a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, highlight=False)
    bar = Progress(
        TextColumn("  {task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed:,.0f} / {task.total:,.0f}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task(what, total=1)
        began = time.monotonic()

        def tell(done: int, total: int) -> None:
            rate = done / max(time.monotonic() - began, 0.001)
            told = f"{what} ({rate:,.0f}/s)"
            bar.update(task, completed=done, total=max(total, 1), description=told)

        yield tell


def _time(text: str) -> int | None:
    from tsunagu.core import Invalid
    from tsunagu.core.times import parse_time

    if not text:
        return None
    try:
        return parse_time(text)
    except ValueError:
        raise Invalid(f"{text!r} is no time; write for example 2026-05-01T00:00:00Z.") from None
