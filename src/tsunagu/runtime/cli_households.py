"""`tsunagu identity households`: households and companies computed anew."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from tsunagu.runtime.cli_access import DEFAULT_WORKSPACE, InWorkspace, connected_to, show_table
from tsunagu.runtime.words import speaker

say = speaker()


def register(identities: typer.Typer) -> None:
    """Adds this command to `tsunagu identity`."""
    identities.command(
        "households",
        help=say(
            "Compute households and companies from the profiles of today.",
            "現在のプロフィールから世帯と企業を計算し直します。",
        ),
    )(run_households)


def run_households(
    as_json: Annotated[bool, typer.Option("--json")] = False,
    workspace: InWorkspace = DEFAULT_WORKSPACE,
) -> None:
    """Prints how many there are."""
    import msgspec

    from tsunagu.identity.household_queries import compute_households
    from tsunagu.storage import in_workspace

    with (
        connected_to(workspace) as (connection, found),
        in_workspace(connection, found.id) as cursor,
    ):
        figures = compute_households(cursor, found.id)
    if as_json:
        typer.echo(msgspec.json.encode(asdict(figures)).decode())
        return
    words = {
        "customers": say("customers", "お客様"),
        "households": say("households", "世帯"),
        "in_households": say("customers in one", "世帯に属するお客様"),
        "companies": say("companies", "企業"),
        "in_companies": say("customers of one", "企業に属するお客様"),
        "crowded": say("values of too many customers", "多すぎて使わなかった値"),
        "excluded": say("customers at excluded addresses", "除外した住所のお客様"),
    }
    show_table(
        [say("what", "項目"), say("number", "数")],
        [(words[name], f"{value:,}") for name, value in asdict(figures).items()],
    )
