"""The command that proposes a mapping for a file and shows what a mapping makes of it."""

from __future__ import annotations

from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated

import typer
from rich.cells import cell_len, set_cell_size

from tsunagu.core import Invalid
from tsunagu.runtime.cli_access import show_table
from tsunagu.runtime.words import speaker

if TYPE_CHECKING:
    from tsunagu.collect.mapping import Mapped, Proposal

say = speaker()
_MAP = say(
    "Propose how a file becomes events, or show what a mapping makes of it.",
    "ファイルをイベントにするマッピングを提案します。既存のマッピングの結果も確認できます。",
)
_FILE = say(
    "A file or quoted glob; without it the ready mappings are listed",
    "ファイル(ワイルドカードは引用符で囲む)。省略すると用意済みのマッピングを一覧します",
)
_OUT = say("Write the mapping to this file", "マッピングをこのファイルに書き出す")
_WITH = say(
    "Show this mapping (a document or the name of a ready one) instead of a proposal",
    "提案のかわりに、このマッピング(文書または用意済みの名前)の結果を表示",
)
_FIXED = say(
    "Columns of a fixed-width file with their widths: code:6,name:20,amount:9",
    "固定長ファイルの列と幅(例: code:6,name:20,amount:9)",
)
_SHOWN = 10
_LEAST_TIME = 19
_LEAST = 24


def register(commands: typer.Typer) -> None:
    """Adds this command to the command line."""
    commands.command("map", help=_MAP)(map_file)


def map_file(
    file: Annotated[str | None, typer.Argument(help=_FILE)] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help=_OUT)] = None,
    mapping: Annotated[str | None, typer.Option("--map", help=_WITH)] = None,
    fixed: Annotated[str | None, typer.Option("--fixed", help=_FIXED)] = None,
) -> None:
    from tsunagu.collect.files import FileForm, FixedColumn
    from tsunagu.collect.mapping import propose, with_mapping, write_mapping

    if file is None:
        _list_ready()
        return
    if out is not None and not out.absolute().parent.is_dir():
        raise Invalid(f"There is no folder {out.parent} to write {out.name} into. Make it first.")
    if mapping is not None:
        proposal = with_mapping(file, mapping)
    else:
        form = None
        if fixed is not None:
            columns = tuple(FixedColumn(name=name, width=width) for name, width in _widths(fixed))
            form = FileForm(format="fixed", fixed=columns)
        proposal = propose(file, form)
    document = write_mapping(proposal.mapping)
    _show(proposal, document)
    if out is not None:
        out.write_text(_commented(proposal, document), encoding="utf-8")
        typer.echo(
            say(
                f"\nWritten to {out}. Look through it, then: tsunagu load {file} --map {out}",
                f"\n{out} に書き出しました。内容を確認し、次で読み込みます:"
                f" tsunagu load {file} --map {out}",
            )
        )


def _list_ready() -> None:
    from tsunagu.collect.mapping import library

    rows = [(name, ready.about) for name, ready in library().items()]
    show_table([say("ready mapping", "用意済みのマッピング"), say("for", "対象")], rows)


def _widths(told: str) -> list[tuple[str, int]]:
    """The columns of `code:6,name:20`."""
    found: list[tuple[str, int]] = []
    for part in told.split(","):
        name, _, width = part.strip().rpartition(":")
        if not name or not width.isdecimal() or not 1 <= int(width) <= 10_000:
            raise Invalid(
                f"--fixed: {part.strip()!r} is no column; write name:width with a width from 1"
                " to 10000, for example code:6,name:20"
            )
        found.append((name, int(width)))
    return found


def _show(proposal: Proposal, document: str) -> None:
    typer.echo(document)
    for reason in proposal.reasons:
        typer.echo(f"  {reason.field}: {reason.text}")
    typer.echo("")
    _show_events(proposal.mapped)
    bad = proposal.mapped.bad
    for row in bad[:_SHOWN]:
        typer.echo(say(f"line {row.row}: {row.reason}", f"{row.row} 行目: {row.reason}"))
    good = proposal.mapped.events.num_rows
    rows = proposal.sample.num_rows
    typer.echo(
        say(
            f"\n{rows} rows of the sample: {good} events, {len(bad)} bad rows,"
            f" {proposal.mapped.passed_over} rows left out by `where`.",
            f"\nサンプル {rows} 行: イベント {good} 件、不正な行 {len(bad)} 件、"
            f"条件(where)で除いた行 {proposal.mapped.passed_over} 件。",
        )
    )


def _show_events(mapped: Mapped) -> None:
    """Ten events as a table, one line each."""
    headings = [say("time (UTC)", "時刻 (UTC)"), say("event", "イベント"), say("who", "だれ")]
    headings.append(say("what it carries", "内容"))
    rows: list[tuple[str, str, str, str]] = []
    for event in mapped.events.slice(0, _SHOWN).to_pylist():
        at = event["at"].strftime("%Y-%m-%d %H:%M:%S") if event["at"] else say("load", "読込時")
        parts = (event[part] for part in ("properties", "traits", "context"))
        who = event["user_id"] or event["anonymous_id"]
        rows.append((at, event["name"] or event["type"], who, " ".join(filter(None, parts))))
    room = get_terminal_size().columns - 6 - _LEAST_TIME
    room -= sum(max((cell_len(row[at]) for row in rows), default=0) for at in (1, 2))
    show_table(headings, [(*row[:3], set_cell_size(row[3], max(room, _LEAST))) for row in rows])


def _commented(proposal: Proposal, document: str) -> str:
    """The document with the reasons as comments above it."""
    reasons = "".join(f"# {reason.field}: {reason.text}\n" for reason in proposal.reasons)
    return f"{reasons}\n{document}"
