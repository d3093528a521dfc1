"""The command about data quality: how good the customer data is that each source brings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from tsunagu.runtime.cli_access import DEFAULT_WORKSPACE, InWorkspace, connected_to, show_table
from tsunagu.runtime.words import speaker

if TYPE_CHECKING:
    from tsunagu.identity.quality import ColumnQuality, Finding, SourceQuality
    from tsunagu.serve.quality import Quality

say = speaker()
PROBLEMS = {
    "placeholder": say("placeholders", "仮の値"),
    "unreadable": say("cannot be read", "読み取れない"),
    "held": say("held back", "保留中"),
    "shared": say("shared by many", "多人数で同じ値"),
    "missing": say("missing", "未記入"),
}


def register(identities: typer.Typer) -> None:
    """Adds the command to `tsunagu identity`."""
    identities.command(
        "quality",
        help=say(
            "How good the customer data is that each source brings, and what to mend.",
            "取り込み元ごとの、お客様データの品質と直すべき点。",
        ),
    )(quality)


def quality(
    days: Annotated[
        int, typer.Option("--days", min=1, max=365, help=say("The period", "対象の日数"))
    ] = 30,
    json: Annotated[bool, typer.Option("--json")] = False,
    workspace: InWorkspace = DEFAULT_WORKSPACE,
) -> None:
    """Prints the sources with what is worst, then the columns of each."""
    from tsunagu.runtime.asking import analysts_of
    from tsunagu.runtime.settings import load_settings
    from tsunagu.serve.quality import quality_of
    from tsunagu.serve.quality_routes import figures
    from tsunagu.storage import in_workspace

    with connected_to(workspace) as (connection, at), analysts_of(load_settings()) as analysts:
        found = quality_of(lambda: in_workspace(connection, at.id), analysts, at.id, days)
    if json:
        typer.echo(figures(found).model_dump_json(indent=2))
    elif found.sources:
        _show(found)
    else:
        typer.echo(
            say(
                f"No source sent an event in the last {days} days. Events stand in the lake half a "
                "minute after they were processed.",
                f"この {days} 日間に届いたイベントはありません。"
                "イベントは処理の約30秒後に集計に入ります。",
            )
        )


def _show(found: Quality) -> None:
    show_table(
        [
            *(say("source", "取り込み元"), say("customers", "お客様"), say("joined", "共通")),
            *(say("alone", "単独"), say("looked at", "調査数"), say("dead letters", "処理失敗")),
            *(say("off the plan", "計画違反"), say("worst", "直すべき点")),
        ],
        [
            (
                *(s.source, s.customers, s.joined, s.alone, _of(s.sampled, s.told)),
                *(s.dead_letters, _of(s.violating, s.checked)),
                ", ".join(map(_finding, s.worst)),
            )
            for s in found.sources
        ],
    )
    typer.echo("")
    show_table(
        [
            *(say("source", "取り込み元"), say("column", "項目"), say("filled", "記入")),
            *(say("good", "良好"), *PROBLEMS.values()),
        ],
        [_column(one, c) for one in found.sources for c in one.columns if c.filled],
    )


def _column(one: SourceQuality, column: ColumnQuality) -> Sequence[object]:
    counts = (column.filled, column.good, *(getattr(column, problem) for problem in PROBLEMS))
    return (one.source, column.column, *(f"{count / one.sampled:.1%}" for count in counts))


def _finding(finding: Finding) -> str:
    return f"{finding.column}: {finding.share:.0%} {PROBLEMS[finding.problem]}"


def _of(some: int, total: int) -> str:
    return f"{some:,} / {total:,}"
