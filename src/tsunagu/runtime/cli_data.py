"""Commands for definitions, events and the emergency stop of sending."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tsunagu.runtime.cli_access import DEFAULT_WORKSPACE, InWorkspace, connected_to, show_table
from tsunagu.runtime.words import speaker

say = speaker()
sends = typer.Typer(
    help=say("Stop and resume all sending.", "配信の停止と再開。"), no_args_is_help=True
)
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000)]


def register(commands: typer.Typer) -> None:
    """Adds these commands to the command line."""
    commands.add_typer(sends, name="send")
    commands.command("publish", help=_PUBLISH)(publish)
    commands.command("events", help=_EVENTS)(events)


_PUBLISH = say(
    "Publish definitions from YAML or JSON files: a mapping with kind, name and document.",
    "YAML か JSON のファイルから定義を公開します(kind、name、document)。",
)
_EVENTS = say("Show the latest events of the log.", "最新のイベントを表示します。")


def publish(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False)],
    workspace: InWorkspace = DEFAULT_WORKSPACE,
) -> None:
    """All files together, in one transaction: audiences and messages before journeys."""
    from tsunagu.access import audit
    from tsunagu.runtime.documents import read_documents
    from tsunagu.serve.definitions import publish_document
    from tsunagu.storage import in_workspace

    documents = read_documents(files)
    done: list[tuple[str, str, int]] = []
    with (
        connected_to(workspace) as (connection, found),
        in_workspace(connection, found.id) as cursor,
    ):
        for kind, name, document in documents:
            version = publish_document(cursor, found.id, kind, name, document, "command line")
            audit(cursor, found.id, "command line", f"publish {kind}", f"{name} v{version}")
            done.append((kind, name, version))
    show_table([say("kind", "種類"), say("name", "名前"), say("version", "版")], done)


def events(
    workspace: InWorkspace = DEFAULT_WORKSPACE,
    limit: Limit = 20,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help=say("Go on with new ones", "新着も表示"))
    ] = False,
) -> None:
    from tsunagu.access import workspace_by_name
    from tsunagu.runtime.database import open_database
    from tsunagu.runtime.settings import load_settings
    from tsunagu.runtime.tail import tail

    with open_database(load_settings()) as database, database.connect("pipeline") as connection:
        found = workspace_by_name(connection, workspace)
        for shown in tail(connection, found.id, limit, follow=follow):
            typer.echo(shown)


@sends.command("stop", help=say("Hand over no message any more.", "すべての配信を止めます。"))
def stop_sends(workspace: InWorkspace = DEFAULT_WORKSPACE) -> None:
    _pause(workspace, True)
    typer.echo(
        say(
            f"Nothing is sent from {workspace} until: tsunagu send resume -w {workspace}",
            f"{workspace} の配信を止めました。再開: tsunagu send resume -w {workspace}",
        )
    )


@sends.command("resume", help=say("Send again.", "配信を再開します。"))
def resume_sends(workspace: InWorkspace = DEFAULT_WORKSPACE) -> None:
    _pause(workspace, False)
    typer.echo(say(f"{workspace} sends again.", f"{workspace} の配信を再開しました。"))


def _pause(workspace: str, paused: bool) -> None:
    from tsunagu.access import audit, pause_sends
    from tsunagu.storage import in_workspace

    with (
        connected_to(workspace) as (connection, found),
        in_workspace(connection, found.id) as cursor,
    ):
        pause_sends(cursor, found.id, paused)
        audit(cursor, found.id, "command line", "stop sends" if paused else "resume sends", "all")
