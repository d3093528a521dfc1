"""Commands for the lake: ask it by SQL, export from it, and look after it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tsunagu.runtime.cli_access import DEFAULT_WORKSPACE, InWorkspace, connected_to, show_table
from tsunagu.runtime.words import speaker

if TYPE_CHECKING:
    from tsunagu.analysis import Analysts, Asking, Limits
    from tsunagu.eventlog import Retention

say = speaker()
lake = typer.Typer(
    help=say("The lake: its tables, upkeep and retention.", "レイクの状態、手入れ、保存期間。"),
    no_args_is_help=True,
)
KnownAt = Annotated[
    str | None,
    typer.Option(
        "--known-at",
        help=say(
            "Answer as of what was known at this time (2026-05-01T12:00:00Z)",
            "この時点で分かっていたことだけで答えます (2026-05-01T12:00:00Z)",
        ),
    ),
]
Fresh = Annotated[
    bool,
    typer.Option(
        "--fresh",
        help=say(
            "First wait until the lake holds all that was processed by now",
            "処理済みのイベントがすべてレイクに入るまで待ってから答えます",
        ),
    ),
]
_OF_CUSTOMERS = re.compile(r"\b(customers|customer_history|customer_events|identity)\b", re.I)
_EXPORT_SECONDS = 3600.0
_MOST_ROWS = 2**62


def register(commands: typer.Typer) -> None:
    """Adds these commands to the command line."""
    commands.add_typer(lake, name="lake")
    commands.command("sql", help=_SQL)(sql)
    commands.command("export", help=_EXPORT)(export)


_SQL = say(
    "Ask the lake: one SELECT over events, customer_events, customers, customer_history, identity.",
    "レイクに SQL で尋ねます: events, customer_events, customers, customer_history, identity。",
)
_EXPORT = say(
    "Write events, customers or the rows of a SELECT to a .parquet, .arrow or .csv file.",
    "イベント、お客様、SELECT の結果を .parquet / .arrow / .csv に書き出します。",
)


def sql(
    question: Annotated[str, typer.Argument(help=say("One SELECT", "SELECT 文"))],
    workspace: InWorkspace = DEFAULT_WORKSPACE,
    rows: Annotated[int, typer.Option("--rows", "-n", min=1, max=1_000_000)] = 100,
    kind: Annotated[Literal["table", "csv", "json"], typer.Option("--format")] = "table",
    known_at: KnownAt = None,
    fresh: Fresh = False,
) -> None:
    from dataclasses import replace

    from tsunagu.runtime.asking import analysts_of
    from tsunagu.runtime.settings import load_settings

    identity = _workspace(workspace, fresh=fresh)
    if kind == "table" and not fresh and known_at is None:
        _tell_age(workspace, question)
    with analysts_of(load_settings()) as analysts:
        limits = replace(analysts.limits, rows=rows)
        with analysts.ask(identity, question, limits=limits, known_at=_time(known_at)) as asking:
            _show(asking, kind)
    if asking.result.truncated:
        typer.echo(
            say(
                f"There are more rows; these are the first {rows:,}. --rows shows more.",
                f"続きがあります。最初の {rows:,} 行を表示しました。--rows で増やせます。",
            ),
            err=True,
        )


def _tell_age(workspace: str, question: str) -> None:
    """Say as of when the customers in the lake are, where a question looks at them."""
    from tsunagu.core.times import iso
    from tsunagu.eventlog import lake_tasks

    if not _OF_CUSTOMERS.search(question):
        return
    with connected_to(workspace) as (connection, found):
        looked = dict(lake_tasks(connection, found.id)).get("customers")
    if looked is not None:
        at = iso(looked)[:19] + "Z"
        typer.echo(
            say(
                f"Customers are as of {at} or later; --fresh first brings them up to date.",
                f"お客様の表は {at} 以降の時点のものです。--fresh で最新にしてから答えます。",
            ),
            err=True,
        )


def export(
    what: Annotated[
        str,
        typer.Argument(help=say("events, customers or a SELECT", "events、customers か SELECT 文")),
    ],
    to: Annotated[Path, typer.Option("--to", dir_okay=False)],
    workspace: InWorkspace = DEFAULT_WORKSPACE,
    known_at: KnownAt = None,
    fresh: Fresh = False,
) -> None:
    from tsunagu.analysis import format_of
    from tsunagu.core import Invalid
    from tsunagu.runtime.asking import analysts_of
    from tsunagu.runtime.settings import load_settings

    format_of(to)
    if not to.absolute().parent.is_dir():
        raise Invalid(
            say(
                f"There is no folder {to.parent} to write {to.name} into. Make it first.",
                f"{to.name} を書き込むフォルダー {to.parent} がありません。先に作成してください。",
            )
        )
    question = _WHOLE.get(what.strip().lower(), what)
    if " " not in question.strip():
        raise Invalid(
            say(
                f"{what!r} is nothing to export. Give events, customers, or a SELECT in quotes.",
                f"{what!r} は書き出せません。events、customers、または引用符で囲んだ SELECT 文を"
                "指定してください。",
            )
        )
    identity = _workspace(workspace, fresh=fresh)
    with analysts_of(load_settings()) as analysts:
        rows, seconds = _write(analysts, identity, question, to, _time(known_at))
    size = to.stat().st_size / 1_000_000
    typer.echo(
        say(
            f"{to}: {rows:,} rows, {size:,.1f} MB, {seconds:.1f} s",
            f"{to}: {rows:,} 行、{size:,.1f} MB、{seconds:.1f} 秒",
        )
    )


_WHOLE = {
    "events": "select * from customer_events",
    "customers": "select * from customers",
}


def _write(
    analysts: Analysts, workspace: int, question: str, to: Path, known_at: int | None
) -> tuple[int, float]:
    """The file appears under its name when it is whole."""
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    from tsunagu.analysis import format_of, write_result

    part = to.with_name(f".{to.name}.part")
    shown = Progress(
        TextColumn(say("{task.completed:,} rows", "{task.completed:,} 行")),
        TimeElapsedColumn(),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    try:
        with (
            shown as progress,
            part.open("wb") as sink,
            analysts.ask(
                workspace, question, limits=_export_limits(analysts), known_at=known_at
            ) as asking,
        ):
            task = progress.add_task("", total=None)
            result = write_result(
                asking, sink, format_of(to), lambda rows: progress.update(task, completed=rows)
            )
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)
    return result.rows, result.seconds


def _export_limits(analysts: Analysts) -> Limits:
    from dataclasses import replace

    return replace(analysts.limits, rows=_MOST_ROWS, result=_MOST_ROWS, seconds=_EXPORT_SECONDS)


def _workspace(name: str, *, fresh: bool) -> int:
    from tsunagu.eventlog import request_flush

    with connected_to(name) as (connection, found):
        if fresh:
            request_flush(connection, found.id)
        return found.id


def _time(text: str | None) -> int | None:
    from tsunagu.core import Invalid
    from tsunagu.core.times import parse_time

    if text is None:
        return None
    try:
        return parse_time(text)
    except ValueError:
        raise Invalid(
            f"--known-at {text!r} is not a time. Write it as 2026-05-01T12:00:00Z."
        ) from None


def _show(asking: Asking, kind: Literal["table", "csv", "json"]) -> None:
    import msgspec

    from tsunagu.analysis import columns, plain_rows, write_result

    if kind == "csv":
        write_result(asking, sys.stdout.buffer, "csv")
        return
    names = [column.name for column in columns(asking.schema)]
    rows = list(plain_rows(asking))
    if kind == "json":
        for row in rows:
            typer.echo(msgspec.json.encode(dict(zip(names, row, strict=True))).decode())
        return
    show_table(names, rows)


@lake.command("status", help=say("Its tables, and what was done to them.", "各表の状態。"))
def status(workspace: InWorkspace = DEFAULT_WORKSPACE) -> None:
    from tsunagu.core.times import iso
    from tsunagu.eventlog import lake_tasks
    from tsunagu.runtime.settings import load_settings
    from tsunagu.storage.lake import TABLES, LakeTable

    with connected_to(workspace) as (connection, found):
        tasks = lake_tasks(connection, found.id)
    home = load_settings().folder / "lake" / str(found.id)
    rows: list[tuple[object, ...]] = []
    for layout in TABLES:
        if (home / layout.name).exists():
            table = LakeTable(home / layout.name, layout)
            parts = table.parts()
            size = f"{sum(part.size for part in parts) / 1_000_000:,.1f}"
            total = f"{sum(part.rows for part in parts):,}"
            rows.append((layout.name, total, len(parts), size, table.delta_version))
    headings = [say("table", "表"), say("rows", "行"), say("files", "ファイル"), "MB"]
    show_table([*headings, say("version", "版")], rows)
    typer.echo("")
    show_table(
        [say("upkeep", "手入れ"), say("last done", "最終実行")],
        [(name, iso(at)[:19] + "Z") for name, at in tasks],
    )


@lake.command(
    "upkeep",
    help=say(
        "Join small files, drop late repeats and what has expired, and delete old files, now.",
        "小さいファイルの結合、遅い重複と期限切れの削除、古いファイルの消去を今行います。",
    ),
)
def upkeep(workspace: InWorkspace = DEFAULT_WORKSPACE) -> None:
    from tsunagu.access import workspace_by_name
    from tsunagu.eventlog import upkeep_now
    from tsunagu.runtime.database import open_database
    from tsunagu.runtime.settings import load_settings

    settings = load_settings()
    with open_database(settings) as database, database.connect("pipeline") as connection:
        found = workspace_by_name(connection, workspace)
        done = upkeep_now(connection, settings.folder / "lake", found.id)
    show_table([say("task", "作業"), say("done", "件数")], list(done.items()))


@lake.command(
    "retention",
    help=say(
        "Show how many events the retention removes; with FILE, a draft that is not published.",
        "保存期間で消えるイベント数を示します。FILE を渡すと未公開の案で数えます。",
    ),
)
def retention(
    file: Annotated[Path | None, typer.Argument(exists=True, dir_okay=False)] = None,
    workspace: InWorkspace = DEFAULT_WORKSPACE,
) -> None:
    from tsunagu.access import business_now
    from tsunagu.core.times import iso
    from tsunagu.eventlog import preview_retention, published_retention
    from tsunagu.runtime.settings import load_settings
    from tsunagu.storage import in_workspace

    with (
        connected_to(workspace) as (connection, found),
        in_workspace(connection, found.id) as cursor,
    ):
        rules = _draft(file) if file else published_retention(cursor, found.id)
        now = business_now(cursor, found.id)
    if rules is None:
        typer.echo(
            say(
                "Everything is kept. Publish a document of kind retention, called lake, to change "
                "that; give its file here first to see what it would remove.",
                "すべて保存しています。変えるには種類 retention、名前 lake の定義を公開します。"
                "その前に、このコマンドへファイルを渡すと消える件数が分かります。",
            )
        )
        return
    counted = preview_retention(load_settings().folder / "lake", found.id, rules, now)
    headings = [say("event", "イベント"), say("expired", "期限切れ"), say("oldest", "最古")]
    show_table(headings, [(e.name, f"{e.rows:,}", iso(e.oldest)[:10]) for e in counted])
    total = sum(expired.rows for expired in counted)
    typer.echo(say(f"{total:,} events would go.", f"{total:,} 件が消えます。"))


def _draft(file: Path) -> Retention:
    """The retention of a file that may not be published yet."""
    from tsunagu.core import Invalid
    from tsunagu.eventlog import RETENTION, Retention
    from tsunagu.runtime.documents import read_documents
    from tsunagu.serve.definitions import check

    for kind, _, document in read_documents([file]):
        if kind == RETENTION:
            checked = check(kind, document)
            assert isinstance(checked, Retention)
            return checked
    raise Invalid(f"{file} holds no document of kind {RETENTION}.")
