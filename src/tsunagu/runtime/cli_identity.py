"""`tsunagu identity`: who is one person, on what grounds, and what was held back."""

from __future__ import annotations

import typer

from tsunagu.runtime import (
    cli_decisions,
    cli_households,
    cli_kinds,
    cli_matching,
    cli_quality,
)
from tsunagu.runtime.words import speaker

say = speaker()
identities = typer.Typer(
    help=say(
        "Identity: who is one person, and on what grounds.",
        "名寄せ: 誰と誰が同じ人か、その根拠。",
    ),
    no_args_is_help=True,
)


def register(commands: typer.Typer) -> None:
    """Adds these commands to the command line."""
    cli_decisions.register(identities)
    cli_kinds.register(identities)
    cli_matching.register(identities)
    cli_quality.register(identities)
    cli_households.register(identities)
    commands.add_typer(identities, name="identity")
