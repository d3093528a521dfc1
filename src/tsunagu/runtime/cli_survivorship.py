"""`tsunagu profiles survivorship`: which value of a trait holds, and what another rule changes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tsunagu.runtime.cli_access import DEFAULT_WORKSPACE, InWorkspace, connected_to, show_table
from tsunagu.runtime.words import speaker

say = speaker()
survivorships = typer.Typer(
    help=say("Profiles: the values of customers.", "プロファイル: お客様の属性値。"),
    no_args_is_help=True,
)


@survivorships.callback()
def _group() -> None:  # pyright: ignore[reportUnusedFunction]
    """Commands about profiles."""


def register(commands: typer.Typer) -> None:
    """Adds these commands to the command line."""
    survivorships.command(
        "survivorship",
        help=say(
            "The strategies in force; with --preview, what a document would change.",
            "有効な採用ルール。--preview で、公開前に変わる値を確かめます。",
        ),
    )(survivorship)
    commands.add_typer(survivorships, name="profiles")


def survivorship(
    preview: Annotated[
        Path | None,
        typer.Option(
            "--preview",
            exists=True,
            dir_okay=False,
            help=say("A definition of the kind survivorship", "種類 survivorship の定義ファイル"),
        ),
    ] = None,
    workspace: InWorkspace = DEFAULT_WORKSPACE,
) -> None:
    """Prints the strategies, or what would change; nothing is published."""
    if preview is None:
        _show(workspace)
    else:
        _preview(preview, workspace)


def _show(workspace: str) -> None:
    from tsunagu.access import published
    from tsunagu.profiles import SURVIVORSHIP, SurvivorshipDocument
    from tsunagu.storage import in_workspace

    with (
        connected_to(workspace) as (connection, found),
        in_workspace(connection, found.id) as cursor,
    ):
        documents = [d for d in published(cursor, found.id) if d.kind == SURVIVORSHIP]
    document = SurvivorshipDocument.model_validate(documents[0].document if documents else {})
    rules = [
        *sorted(document.traits.items()),
        (say("all others", "その他すべて"), document.default),
    ]
    show_table(
        [say("trait", "属性"), say("strategy", "採用ルール"), say("sources", "優先する送信元")],
        [(name, rule.strategy, ", ".join(rule.sources)) for name, rule in rules],
    )


def _preview(file: Path, workspace: str) -> None:
    from tsunagu import profiles
    from tsunagu.core import Invalid
    from tsunagu.profiles import SURVIVORSHIP, SurvivorshipDocument
    from tsunagu.runtime.documents import read_documents
    from tsunagu.serve.definitions import check
    from tsunagu.storage import in_workspace

    documents = [d for kind, _, d in read_documents([file]) if kind == SURVIVORSHIP]
    if len(documents) != 1:
        raise Invalid(f"{file} must hold one definition of the kind {SURVIVORSHIP}.")
    document = SurvivorshipDocument.model_validate(check(SURVIVORSHIP, documents[0]).model_dump())
    with (
        connected_to(workspace) as (connection, found),
        in_workspace(connection, found.id) as cursor,
    ):
        told = profiles.preview(cursor, found.id, document)
    print(
        say(
            f"Of {told.looked_at:,} customers looked at, {told.changed:,} would change: "
            f"about {told.estimated:,} of all {told.customers:,}.",
            f"{told.looked_at:,} 人を調べ、{told.changed:,} 人の値が変わります"
            f"(全 {told.customers:,} 人では約 {told.estimated:,} 人)。",
        )
    )
    show_table(
        [
            *(say("customer", "お客様"), say("trait", "属性"), say("now", "今の値")),
            *(say("from", "送信元"), say("then", "変更後"), say("from", "送信元")),
        ],
        [
            (c.customer_id, c.trait, c.before, c.source_before, c.after, c.source_after)
            for c in told.samples
        ],
    )
