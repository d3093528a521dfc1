"""Commands for dead letters: find, read, replay and discard them, one or many."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tsunagu.runtime.cli_access import DEFAULT_WORKSPACE, InWorkspace, show_table
from tsunagu.runtime.words import speaker

if TYPE_CHECKING:
    from tsunagu.access import Workspace
    from tsunagu.eventlog import LetterFilter
    from tsunagu.storage import Database

say = speaker()
letters = typer.Typer(
    help=say("Events that could not be processed.", "処理できなかったイベント。"),
    no_args_is_help=True,
)
_BY = "command line"
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000)]
Number = Annotated[int, typer.Argument(help=say("The letter's number", "番号"))]
Numbers = Annotated[list[int] | None, typer.Argument(help=say("Their numbers", "番号"))]
Words = Annotated[
    str, typer.Option("--words", help=say("In name, reason or id", "名前・理由・ID に含む"))
]
Stage = Annotated[str, typer.Option("--stage", help=say("Where it stopped", "止まった段階"))]
Named = Annotated[str, typer.Option("--event", help=say("The event's name", "イベント名"))]
Source = Annotated[str, typer.Option("--source", help=say("Where it came from", "出どころ"))]
Since = Annotated[str, typer.Option("--since", help=say("ISO 8601 time", "この時刻から"))]
Until = Annotated[str, typer.Option("--until", help=say("ISO 8601 time", "この時刻より前"))]
All = Annotated[
    bool, typer.Option("--all", help=say("All that the options find", "条件に合うものすべて"))
]


def register(commands: typer.Typer) -> None:
    """Adds these commands to the command line."""
    commands.add_typer(letters, name="dead-letters")


@contextmanager
def _opened(name: str) -> Generator[tuple[Database, Workspace]]:
    from tsunagu.access import workspace_by_name
    from tsunagu.runtime.database import open_database
    from tsunagu.runtime.settings import load_settings

    with open_database(load_settings()) as database:
        with database.connect("app") as connection:
            found = workspace_by_name(connection, name)
        yield database, found


def _filter(
    words: str, state: str, stage: str, name: str, source: str, since: str, until: str
) -> LetterFilter:
    from tsunagu.core import Invalid
    from tsunagu.core.times import parse_time
    from tsunagu.eventlog import LetterFilter

    try:
        first = parse_time(since) if since else None
        last = parse_time(until) if until else None
    except ValueError as error:
        raise Invalid(f"--since and --until take ISO 8601 times: {error}") from error
    return LetterFilter(words, state, stage, name, source, first, last)


@letters.command("list", help=say("List them, the latest first.", "新しい順の一覧。"))
def list_letters(
    workspace: InWorkspace = DEFAULT_WORKSPACE,
    limit: Limit = 50,
    state: Annotated[str, typer.Option("--state", help="open, replayed, discarded, all")] = "open",
    words: Words = "",
    stage: Stage = "",
    event: Named = "",
    source: Source = "",
    since: Since = "",
    until: Until = "",
) -> None:
    from tsunagu.core.times import iso
    from tsunagu.eventlog import dead_letters
    from tsunagu.storage import in_workspace

    named = "" if state == "all" else state
    wanted = _filter(words, named, stage, event, source, since, until)
    with (
        _opened(workspace) as (database, found),
        database.connect("app") as connection,
        in_workspace(connection, found.id) as cursor,
    ):
        rows = dead_letters(cursor, found.id, wanted, limit=limit)
    if not rows:
        typer.echo(say("No event is in dead letters.", "処理できなかったイベントはありません。"))
        return
    headings = [say("number", "番号"), say("time", "時刻"), say("event", "イベント")]
    show_table(
        [*headings, say("source", "出どころ"), say("stage", "段階"), say("reason", "理由")],
        [
            (one.letter_id, iso(one.at)[:19], f"{one.type} {one.name}", one.source, one.stage,
             one.reason)
            for one in rows
        ],
    )  # fmt: skip


@letters.command("show", help=say("Show one with its event.", "一件をイベントと一緒に表示します。"))
def show(number: Number, workspace: InWorkspace = DEFAULT_WORKSPACE) -> None:
    import json

    from tsunagu.eventlog import call_of
    from tsunagu.serve.letters import read_letter

    with _opened(workspace) as (database, found):
        letter = read_letter(database, found.id, number)
    typer.echo(f"{letter.stage} ({letter.state}): {letter.reason}", err=True)
    typer.echo(json.dumps(call_of(letter), ensure_ascii=False, indent=2))


@letters.command(
    "replay",
    help=say(
        "Enter letters into the log again: some by number, one mended, or all that are found.",
        "もう一度ログに入れます。番号で、直した内容で、または条件に合うものすべて。",
    ),
)
def replay(
    numbers: Numbers = None,
    workspace: InWorkspace = DEFAULT_WORKSPACE,
    event_file: Annotated[
        Path | None,
        typer.Option(
            "--file", exists=True, dir_okay=False, help=say("The mended event", "直したイベント")
        ),
    ] = None,
    everything: All = False,
    words: Words = "",
    stage: Stage = "",
    event: Named = "",
    source: Source = "",
    since: Since = "",
    until: Until = "",
) -> None:
    from tsunagu.core import Invalid
    from tsunagu.serve.letters import replay_letter

    if everything:
        wanted = _filter(words, "open", stage, event, source, since, until)
        _many(workspace, "replay", wanted)
        return
    if not numbers or (event_file is not None and len(numbers) != 1):
        raise Invalid("Name letters by number, one with --file, or say --all.")
    call = _read_call(event_file) if event_file else None
    with _opened(workspace) as (database, found):
        for number in numbers:
            made = replay_letter(database, found.id, number, _BY, call)
            typer.echo(f"{number} → {made}")


def _read_call(path: Path) -> dict[str, object]:
    import json

    from tsunagu.core import Invalid

    try:
        call = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Invalid(f"{path} is no JSON: {error}") from error
    if not isinstance(call, dict):
        raise Invalid(f"{path} holds no event: write one JSON object, as `show` prints it.")
    return call


@letters.command(
    "discard",
    help=say("Say that letters stay out. They can still be read.", "取り込まないと決めます。"),
)
def discard(
    numbers: Numbers = None,
    workspace: InWorkspace = DEFAULT_WORKSPACE,
    everything: All = False,
    words: Words = "",
    stage: Stage = "",
    event: Named = "",
    source: Source = "",
    since: Since = "",
    until: Until = "",
) -> None:
    from tsunagu.core import Invalid
    from tsunagu.serve.letters import discard_letter

    if everything:
        wanted = _filter(words, "open", stage, event, source, since, until)
        _many(workspace, "discard", wanted)
        return
    if not numbers:
        raise Invalid("Name letters by number, or say --all.")
    with _opened(workspace) as (database, found):
        for number in numbers:
            done = discard_letter(database, found.id, number, _BY)
            typer.echo(
                f"{number} {say('discarded', '除外') if done else say('was not open', '対象外')}"
            )


def _many(workspace: str, action: str, wanted: LetterFilter) -> None:
    """Ask for it and work on it here, with progress; the installation helps if it runs."""
    from tsunagu.collect import work_once
    from tsunagu.eventlog import job_by_id
    from tsunagu.serve.letters import ask_for_letters
    from tsunagu.storage import in_workspace

    with _opened(workspace) as (database, found), database.connect("pipeline") as connection:
        job = ask_for_letters(database, found.id, action, wanted, _BY)
        shown = 0.0
        while job.state == "running":
            if not work_once(connection, found.id):
                time.sleep(0.2)  # another process works on it
            with in_workspace(connection, found.id) as cursor:
                job = job_by_id(cursor, found.id, job.job_id)
            if time.monotonic() - shown > 1:
                shown = time.monotonic()
                typer.echo(f"{job.done + job.skipped:,} / {job.total:,}", err=True)
    typer.echo(
        say(
            f"{job.done:,} done, {job.skipped:,} need a person.",
            f"{job.done:,} 件完了、{job.skipped:,} 件は人の手直しが要ります。",
        )
    )
