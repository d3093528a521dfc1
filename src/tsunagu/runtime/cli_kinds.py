"""Commands about kinds of identifiers: which hold, and what was held back and why."""

from __future__ import annotations

from typing import Annotated

import typer

from tsunagu.runtime.cli_access import DEFAULT_WORKSPACE, InWorkspace, connected_to, show_table
from tsunagu.runtime.words import speaker

say = speaker()


def register(identities: typer.Typer) -> None:
    """Adds these commands to `tsunagu identity`."""
    identities.command(
        "kinds",
        help=say(
            "The kinds of identifiers that hold; publish one with `tsunagu publish`.",
            "有効な識別子の種類。追加や変更は定義の公開で行います。",
        ),
    )(list_kinds)
    identities.command(
        "held",
        help=say("Identifiers that were held back, and why.", "保留された識別子と、その理由。"),
    )(list_held)


def list_kinds(workspace: InWorkspace = DEFAULT_WORKSPACE) -> None:
    """Prints the kinds, the strongest first."""
    from tsunagu.serve.kind_routes import kinds_of
    from tsunagu.storage import in_workspace

    with (
        connected_to(workspace) as (connection, found),
        in_workspace(connection, found.id) as cursor,
    ):
        listed = kinds_of(cursor, found.id)
    show_table(
        [
            *(say("name", "名前"), say("strength", "強さ"), say("unique", "一意")),
            *(say("a customer holds", "お客様ごと"), say("others may state it", "他者の利用")),
            *(say("form", "正規化"), say("stands at", "場所"), say("by", "定義")),
        ],
        [
            (
                *(k.name, k.document.strength, say("yes", "はい") if k.document.unique else ""),
                *(k.document.per_customer, k.document.per_identifier, k.document.normaliser),
                ", ".join(k.document.sources) or "context.externalIds." + k.name,
                say("built in", "組み込み") if k.built_in else say("published", "公開"),
            )
            for k in listed
        ],
    )


def list_held(
    kind: Annotated[str | None, typer.Option("--kind")] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", help="blocked, full, apart, shared")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000)] = 50,
    workspace: InWorkspace = DEFAULT_WORKSPACE,
) -> None:
    """Prints what was held back, the latest first."""
    from tsunagu import identity
    from tsunagu.core.times import iso
    from tsunagu.storage import in_workspace

    with (
        connected_to(workspace) as (connection, found),
        in_workspace(connection, found.id) as cursor,
    ):
        held = identity.list_held(cursor, found.id, kind=kind, reason=reason, limit=limit)
    show_table(
        [
            *(say("kind", "種類"), say("value", "値"), say("why", "理由")),
            *(say("times", "回数"), say("last", "最後"), say("customer", "お客様")),
            say("stated by", "いっしょに現れた識別子"),
        ],
        [
            (
                *(h.kind, h.value, _WHY[h.reason], h.times, iso(h.last_at)[:19], h.customer_id),
                ", ".join(f"{of} {value}" for of, value in h.stated_by),
            )
            for h in held
        ],
    )


_WHY = {
    "blocked": say("identifies nobody", "誰も特定しない値"),
    "full": say("its customer holds enough of them", "お客様ごとの上限"),
    "apart": say("another customer's", "別のお客様のもの"),
    "shared": say("stated by too many", "多人数で共有"),
}
