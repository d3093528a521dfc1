"""Commands that load files in bulk and list the loads there were."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tsunagu.runtime.cli_access import DEFAULT_WORKSPACE, InWorkspace, connected_to, show_table
from tsunagu.runtime.words import speaker

if TYPE_CHECKING:
    from tsunagu.collect.bulk import Counts, Load
    from tsunagu.runtime.load import LoadReport, Watching

say = speaker()
_INTERRUPTED = 130
_LOAD = say(
    "Load files of events or of any table, each row once, into the lake and the profiles.",
    "イベントや表のファイルを、一行も重複させずにレイクとプロファイルへ読み込みます。",
)
_LOADS = say("List the loads, the latest first.", "読み込みの一覧(新しい順)。")
_FILES = say(
    "NDJSON, Parquet, CSV or fixed-width; plain, gzip or zstd; globs in quotes",
    "NDJSON、Parquet、CSV、固定長。gzip、zstd も可。ワイルドカードは引用符で囲む",
)
_MAP = say(
    "A mapping document, or the name of a ready one; without it: the Segment spec",
    "マッピング文書、または用意済みのものの名前。なければ Segment 仕様として読む",
)
_RESUME = say("Go on with the load of this number", "この番号の読み込みを再開")
_AGAIN = say(
    "Read files once more although they are loaded", "読み込み済みのファイルをもう一度読む"
)
_LAKE_ONLY = say(
    "Feed no profiles yet; the next run of the same load does",
    "プロファイルはまだ更新しない(同じ読み込みの次の実行で更新)",
)
_MOST_BAD = say("Stop at more bad rows than this", "不正な行がこれを超えたら止める")


def register(commands: typer.Typer) -> None:
    """Adds these commands to the command line."""
    commands.command("load", help=_LOAD)(load)
    commands.command("loads", help=_LOADS)(loads)


def load(
    files: Annotated[list[str] | None, typer.Argument(help=_FILES)] = None,
    mapping: Annotated[str | None, typer.Option("--map", help=_MAP)] = None,
    source: Annotated[
        str, typer.Option(help=say("Where the events come from", "イベントの出どころ"))
    ] = "files",
    resume: Annotated[int | None, typer.Option("--resume", help=_RESUME)] = None,
    again: Annotated[bool, typer.Option("--again", help=_AGAIN)] = False,
    most_bad: Annotated[int, typer.Option("--most-bad", min=0, help=_MOST_BAD)] = 100_000,
    lake_only: Annotated[bool, typer.Option("--lake-only", help=_LAKE_ONLY)] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
    workspace: InWorkspace = DEFAULT_WORKSPACE,
) -> None:
    from tsunagu.access import audit, workspace_by_name
    from tsunagu.collect import bulk
    from tsunagu.core import Invalid
    from tsunagu.runtime.database import open_database
    from tsunagu.runtime.load import run_load
    from tsunagu.runtime.settings import load_settings
    from tsunagu.storage import in_workspace

    if bool(files) == (resume is not None):
        raise Invalid(
            say(
                "Name files to load, or a load to go on with: --resume NUMBER.",
                "読み込むファイルか、再開する番号(--resume 番号)のどちらかを指定してください。",
            )
        )
    settings = load_settings()
    with open_database(settings) as database, database.connect("pipeline") as connection:
        found = workspace_by_name(connection, workspace)
        text = None if mapping is None else _mapping_text(mapping)
        with in_workspace(connection, found.id) as cursor:
            if resume is not None:
                opened = bulk.load_to_resume(cursor, found.id, resume)
            else:
                want = bulk.wanted(files or [], text, source)
                opened = bulk.open_load(cursor, found.id, want, again=again)
            audit(cursor, found.id, "command line", "load", f"load {opened.load_id}")
        before = opened.state
        try:
            with _watching(opened) as watching:
                report = run_load(
                    database,
                    settings.folder / "lake",
                    opened,
                    watching,
                    most_bad=most_bad,
                    fed=not lake_only,
                )
        except KeyboardInterrupt:
            _say_interrupted(opened)
            raise typer.Exit(_INTERRUPTED) from None
    _tell(report, before == "done", as_json)


def loads(
    workspace: InWorkspace = DEFAULT_WORKSPACE,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000)] = 50,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    import msgspec

    from tsunagu.collect.bulk import list_loads
    from tsunagu.core.times import iso
    from tsunagu.storage import in_workspace

    with (
        connected_to(workspace) as (connection, found),
        in_workspace(connection, found.id) as cursor,
    ):
        listed = list_loads(cursor, found.id, limit)
    if as_json:
        for one in listed:
            typer.echo(msgspec.json.encode(_facts(one)).decode())
        return
    if not listed:
        typer.echo(
            say(
                "Nothing was loaded yet. Begin: tsunagu load FILES",
                "まだ読み込みはありません。開始: tsunagu load ファイル",
            )
        )
        return
    headings = [
        *(
            say("load", "番号"),
            say("begun", "開始"),
            say("state", "状態"),
            say("files", "ファイル"),
        ),
        *(say("read", "進み"), say("rows", "行"), say("loaded", "取込"), say("repeats", "重複")),
        say("bad", "不正"),
    ]
    rows = [
        (
            *(one.load_id, iso(one.received_at)[:16].replace("T", " "), one.state),
            *(_named(one), f"{_share(one):.0%}", f"{one.counts.rows:,}"),
            *(f"{one.counts.loaded:,}", f"{one.counts.repeats:,}", f"{one.counts.bad:,}"),
        )
        for one in listed
    ]
    show_table(headings, rows)
    for one in listed:
        if one.reason:
            typer.echo(f"\n{one.load_id}: {one.reason}")


def _mapping_text(name: str) -> str:
    """The document in a file, or the ready one of this name."""
    from tsunagu.collect.mapping import named_mapping, write_mapping

    return write_mapping(named_mapping(name))


def _named(load: Load) -> str:
    more = len(load.files) - 1
    return Path(load.files[0].path).name + (f" +{more}" if more else "")


def _share(load: Load) -> float:
    if load.state == "done" or not load.bytes:
        return 1.0
    return min(1.0, load.counts.bytes / load.bytes)


@contextmanager
def _watching(load: Load) -> Generator[Watching]:
    """A bar for the reading and one for the profiles, with rate and time left, on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from tsunagu.runtime.load import Watching

    columns = [
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[told]}"),
        TimeRemainingColumn(),
    ]
    with Progress(*columns, console=Console(stderr=True)) as bars:
        reading = bars.add_task(
            say("Reading", "読み込み"), total=load.bytes, completed=load.counts.bytes, told=""
        )
        feeding = bars.add_task(say("Profiles", "プロファイル"), total=None, told="", visible=False)
        started, rows = time.monotonic(), load.counts.rows

        def read(counts: Counts) -> None:
            rate = (counts.rows - rows) / max(0.001, time.monotonic() - started)
            told = say(
                f"{counts.rows:,} rows, {rate:,.0f}/s", f"{counts.rows:,} 行、毎秒 {rate:,.0f}"
            )
            if counts.bad:
                told += say(f", {counts.bad:,} bad", f"、不正 {counts.bad:,}")
            bars.update(reading, completed=counts.bytes, told=told)

        def fed(done: int, total: int) -> None:
            bars.update(feeding, completed=done, total=total, visible=True)

        yield Watching(read, fed)


def _say_interrupted(load: Load) -> None:
    print(
        say(
            f"Stopped. What is loaded stays. Go on: tsunagu load --resume {load.load_id}",
            f"止めました。読み込んだ分は残ります。再開: tsunagu load --resume {load.load_id}",
        ),
        file=sys.stderr,
    )


def _tell(report: LoadReport, before: bool, as_json: bool) -> None:
    import msgspec

    load, counts, fed = report.load, report.load.counts, report.fed
    if as_json:
        seconds = {
            "read_seconds": round(report.read_seconds, 3),
            "profile_seconds": round(fed.profile_seconds, 3),
            "feed_seconds": round(fed.seconds, 3),
            "customers": fed.customers,
        }
        typer.echo(msgspec.json.encode(_facts(load) | seconds).decode())
        return
    if before:
        typer.echo(
            say(
                f"These files are loaded already (load {load.load_id}). Nothing to do.",
                f"これらのファイルは読み込み済みです(番号 {load.load_id})。",
            )
        )
        return
    typer.echo(
        say(
            f"Load {load.load_id}: {counts.rows:,} rows read, {counts.loaded:,} events loaded, "
            f"{counts.repeats:,} repeats, {counts.bad:,} bad, {counts.blocked:,} blocked; "
            f"{fed.customers:,} profiles written.",
            f"読み込み {load.load_id}: {counts.rows:,} 行を読み、{counts.loaded:,} 件を取り込み、"
            f"重複 {counts.repeats:,}、不正 {counts.bad:,}、計画による拒否 {counts.blocked:,}。"
            f"プロファイル {fed.customers:,} 件を更新。",
        )
    )
    if counts.bad or counts.blocked:
        typer.echo(
            say(
                "See the bad rows: tsunagu dead-letters list", "不正な行: tsunagu dead-letters list"
            )
        )


def _facts(load: Load) -> dict[str, Any]:
    counts = load.counts
    return {
        "load": load.load_id,
        "state": load.state,
        "files": [file.path for file in load.files],
        "bytes": load.bytes,
        "bytes_read": counts.bytes,
        "rows": counts.rows,
        "loaded": counts.loaded,
        "repeats": counts.repeats,
        "bad": counts.bad,
        "blocked": counts.blocked,
        "reason": load.reason,
    }
