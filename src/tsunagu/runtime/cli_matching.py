"""Commands of matching: train a model, plan what it would change, apply the plan."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from tsunagu.runtime.cli_access import (
    DEFAULT_WORKSPACE,
    InWorkspace,
    connected_to,
    deciding_in,
    show_table,
)
from tsunagu.runtime.words import speaker

if TYPE_CHECKING:
    from tsunagu.identity.matching import Proposal
    from tsunagu.serve.matching import ModelReport

say = speaker()
STEPS = {
    "reading": ("reading the customers", "お客様のデータを読み込み中"),
    "older merges": ("weighing older merges again", "以前の統合を再評価中"),
    "columns": ("looking at the columns", "項目を確認中"),
    "keys": ("trying keys", "ブロッキングキーを試行中"),
    "weights": ("learning the weights", "重みを学習中"),
    "likely pairs": ("looking for likely pairs", "有望なペアを探索中"),
    "choosing keys": ("choosing keys", "ブロッキングキーを選定中"),
    "thresholds": ("setting the thresholds", "しきい値を設定中"),
    "candidates": ("making candidate pairs", "候補ペアを作成中"),
    "scores": ("weighing the pairs", "ペアを評価中"),
    "clusters": ("putting people together", "人ごとにまとめ中"),
    "reasons": ("writing the reasons", "根拠を作成中"),
    "keeping": ("keeping the plan", "計画を保存中"),
}
By = Annotated[str, typer.Option("--by", help=say("Who decides this", "決める人"))]


def register(identities: typer.Typer) -> None:
    """Adds these commands to `tsunagu identity`."""
    identities.command(
        "train",
        help=say(
            "Learn from the customers who may be one person, and publish the model.",
            "お客様のデータから名寄せモデルを学習し、公開します。",
        ),
    )(train)
    identities.command(
        "match",
        help=say(
            "Plan what the model would change (merges, partings, questions), or apply a plan.",
            "モデルによる名寄せの計画(統合・分割・確認)を作ります。--apply で実行します。",
        ),
    )(match)


def train(by: By = "cli", workspace: InWorkspace = DEFAULT_WORKSPACE) -> None:
    """Trains, publishes and says what was found."""
    from tsunagu.serve import matching

    with connected_to(workspace) as (connection, found), _steps() as tell:
        told = matching.train(connection, found.id, by, tell=tell)
    report = told.model.report
    show_table(
        [say("figure", "項目"), say("value", "値")],
        [
            (say("model", "モデル"), told.version),
            (say("records", "レコード"), report.records),
            (say("candidate pairs", "候補ペア"), report.pairs),
            (say("recall of blocking, estimated", "ブロッキングの再現率(推定)"), report.recall),
            (say("precision, estimated", "精度(推定)"), report.precision),
            (say("linked from weight", "結び付ける重み"), told.model.upper),
            (say("asked from weight", "確認する重み"), told.model.lower),
            (say("answers by people", "人の回答"), told.answers),
            (say("by which they move the weights", "回答による重みの補正"), told.model.shift),
            (
                say("of those above: said the same", "上限以上で同じと回答"),
                _of(told.above_same, told.above),
            ),
        ],
    )
    show_answers(told)


def show_answers(told: ModelReport) -> None:
    """Says what people's answers tell of the model, and warns where they contradict it."""
    if told.bands:
        show_table(
            [
                say("weight when asked", "確認時の重み"),
                say("answers", "回答"),
                say("same", "同じ人"),
                say("expected", "見込み"),
                "",
            ],
            [
                (
                    f"{band.least:+.0f} … {band.under:+.0f}",
                    band.answers,
                    f"{band.same / band.answers:.1%} ({band.low:.1%} … {band.high:.1%})",
                    f"{band.expected:.1%}",
                    say("contradicts", "食い違い") if band.contradicts else "",
                )
                for band in told.bands
            ],
        )
    if told.contradicted:
        share, stated = told.above_same / told.above, told.model.report.precision
        typer.echo(
            say(
                f"Warning: people called {share:.1%} of the pairs above the threshold the same "
                f"(95%: {told.low:.1%} to {told.high:.1%}); the model states {stated:.1%}. "
                "Look at the samples of a plan before you apply it.",
                f"警告: しきい値以上の組のうち、人が同じと答えたのは {share:.1%} です"
                f"（95% 区間 {told.low:.1%}〜{told.high:.1%}）。モデルの推定は {stated:.1%} です。"
                "計画を実行する前に例を確認してください。",
            ),
            err=True,
        )


def match(
    apply: Annotated[
        int | None, typer.Option("--apply", help=say("Number of a plan", "計画の番号"))
    ] = None,
    samples: Annotated[int, typer.Option("--samples", min=0, max=100)] = 5,
    as_json: Annotated[bool, typer.Option("--json")] = False,
    by: By = "cli",
    workspace: InWorkspace = DEFAULT_WORKSPACE,
) -> None:
    """Makes a plan and shows samples; with `--apply` does what a plan says."""
    from tsunagu.serve import matching

    with deciding_in(workspace) as (connection, found):
        if apply is not None:
            outcomes = matching.apply(connection, found.id, apply, by)
            if as_json:
                typer.echo(msgspec.json.encode(outcomes).decode())
                return
            show_table([say("outcome", "結果"), say("count", "件数")], sorted(outcomes.items()))
            return
        with _steps() as tell:
            planned = matching.plan(connection, found.id, by, samples=samples, tell=tell)
    if as_json:
        typer.echo(msgspec.json.encode(asdict(planned)).decode())
        return
    typer.echo(
        say(
            f"Plan {planned.plan_id}: {planned.merges} merges, {planned.partings} partings, "
            f"{planned.reviews} questions. Do it with --apply {planned.plan_id}.",
            f"計画 {planned.plan_id}: 統合 {planned.merges} 件、分割 {planned.partings} 件、"
            f"確認 {planned.reviews} 件。"
            f"--apply {planned.plan_id} で実行します。",
        )
    )
    show_table(
        [say("would", "操作"), say("customer", "お客様"), say("and", "と"), say("weight", "重み")],
        [(p.action, *_sides(p), f"{p.weight:+.1f}") for p in planned.samples],
    )


def _sides(proposal: Proposal) -> tuple[str, str]:
    """Both sides: customers, or the identifiers that an older model made one customer's."""
    if proposal.merged is None:
        return str(proposal.a), str(proposal.b)
    return ":".join(proposal.merged.a), ":".join(proposal.merged.b)


@contextmanager
def _steps() -> Generator[Callable[[str], None]]:
    """Shows which step goes on, and for how long all have taken."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda step: bar.update(task, description=say(*STEPS[step]))


def _of(some: int, total: int) -> str:
    return f"{some} / {total}"
