"""Commands for workspaces, keys and operators."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tsunagu.runtime.words import speaker

if TYPE_CHECKING:
    from psycopg import Connection

    from tsunagu.access import Workspace

say = speaker()
InWorkspace = Annotated[
    str, typer.Option("--workspace", "-w", help=say("The workspace's name", "ワークスペース名"))
]
DEFAULT_WORKSPACE = "main"
Pages = Annotated[
    list[str] | None,
    typer.Option(
        "--page",
        help=say(
            "A web page's origin that may use it, such as https://*.shop.example; repeat for more",
            "使ってよいページのオリジン(例: https://*.shop.example)。繰り返せます",
        ),
    ),
]
NoPages = Annotated[
    bool,
    typer.Option("--no-pages", help=say("No web page may use it", "ウェブページからは使えません")),
]

workspaces = typer.Typer(help=say("Workspaces.", "ワークスペース。"), no_args_is_help=True)
keys = typer.Typer(help=say("API keys of a workspace.", "API キー。"), no_args_is_help=True)
operators = typer.Typer(
    help=say("People who sign in to the console.", "コンソールの操作者。"), no_args_is_help=True
)


def register(commands: typer.Typer) -> None:
    """Adds these commands to the command line."""
    commands.add_typer(workspaces, name="workspace")
    commands.add_typer(keys, name="key")
    commands.add_typer(operators, name="operator")


@contextmanager
def connected() -> Generator[Connection[Any]]:
    """A connection under the role of the console, in autocommit."""
    from tsunagu.runtime.database import open_database
    from tsunagu.runtime.settings import load_settings

    with open_database(load_settings()) as database, database.connect("app") as connection:
        yield connection


@contextmanager
def connected_to(name: str) -> Generator[tuple[Connection[Any], Workspace]]:
    """A connection, and the workspace of this name."""
    from tsunagu.access import workspace_by_name

    with connected() as connection:
        yield connection, workspace_by_name(connection, name)


@contextmanager
def deciding_in(name: str) -> Generator[tuple[Connection[Any], Workspace]]:
    """A connection under the role that may write to the log, and the workspace of this name."""
    from tsunagu.access import workspace_by_name
    from tsunagu.runtime.database import open_database
    from tsunagu.runtime.settings import load_settings

    with open_database(load_settings()) as database:
        with database.connect("app") as connection:
            found = workspace_by_name(connection, name)
        with database.connect("pipeline") as connection:
            yield connection, found


def show_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Prints rows as a table that also reads well in a pipe."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*headings, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    Console(highlight=False, markup=False).print(table)


def _day(at: int | None) -> str:
    from tsunagu.core.times import iso

    return "" if at is None else iso(at)[:16].replace("T", " ")


@workspaces.command("create", help=say("Make a workspace.", "ワークスペースを作ります。"))
def create_workspace(
    name: Annotated[str, typer.Argument()],
    zone: Annotated[str, typer.Option(help=say("Time zone", "タイムゾーン"))] = "UTC",
    currency: Annotated[str, typer.Option(help=say("Currency", "通貨"))] = "USD",
) -> None:
    from zoneinfo import available_timezones

    from tsunagu.access import audit, create_workspace
    from tsunagu.core import Invalid

    if zone not in available_timezones():
        raise Invalid(
            say(
                f"There is no time zone {zone!r}; write for example Asia/Tokyo.",
                f"タイムゾーン {zone!r} はありません。例: Asia/Tokyo",
            )
        )
    with connected() as connection, connection.transaction(), connection.cursor() as cursor:
        made = create_workspace(connection, name, zone=zone, currency=currency)
        audit(cursor, made, "command line", "create workspace", name)
    typer.echo(say(f"Workspace {name} is there.", f"ワークスペース {name} を作りました。"))


@workspaces.command("list", help=say("List the workspaces.", "ワークスペースの一覧。"))
def list_workspaces() -> None:
    from tsunagu.access import list_workspaces

    with connected() as connection:
        found = list_workspaces(connection)
    show_table(
        [say("name", "名前"), say("zone", "ゾーン"), say("currency", "通貨"), say("sends", "配信")],
        [
            (w.name, w.zone, w.currency, say("stopped", "停止") if w.sends_paused else "")
            for w in found
        ],
    )


@keys.command(
    "create", help=say("Make a key and show it once.", "キーを作り、一度だけ表示します。")
)
def create_key(
    name: Annotated[str, typer.Argument()],
    kind: Annotated[Literal["write", "api", "analyst"], typer.Option()] = "write",
    source: Annotated[
        str, typer.Option(help=say("Where its events come from", "イベントの出どころ"))
    ] = "api",
    pages: Pages = None,
    no_pages: NoPages = False,
    workspace: InWorkspace = DEFAULT_WORKSPACE,
) -> None:
    from tsunagu.access import audit, create_key
    from tsunagu.storage import in_workspace

    origins = _origins(pages, no_pages)
    with (
        connected_to(workspace) as (connection, found),
        in_workspace(connection, found.id) as cursor,
    ):
        key = create_key(cursor, found.id, kind, name, source, origins=origins)
        audit(cursor, found.id, "command line", "create key", name, {"kind": kind})
    typer.echo(key)


@keys.command(
    "pages",
    help=say(
        "Say which web pages may use a key: all, without an option.",
        "キーを使えるウェブページを決めます。指定がなければすべてのページです。",
    ),
)
def set_pages(
    name: Annotated[str, typer.Argument()],
    pages: Pages = None,
    no_pages: NoPages = False,
    workspace: InWorkspace = DEFAULT_WORKSPACE,
) -> None:
    from tsunagu.access import admit_pages, audit
    from tsunagu.storage import in_workspace

    origins = _origins(pages, no_pages)
    with (
        connected_to(workspace) as (connection, found),
        in_workspace(connection, found.id) as cursor,
    ):
        admit_pages(cursor, found.id, name, origins)
        audit(cursor, found.id, "command line", "key pages", name, {"origins": origins})
    typer.echo(f"{name}: {_admitted(origins)}")


def _origins(pages: list[str] | None, no_pages: bool) -> tuple[str, ...] | None:
    from tsunagu.access import origin_patterns

    return () if no_pages else origin_patterns(pages) if pages else None


def _admitted(origins: tuple[str, ...] | None) -> str:
    if origins is None:
        return say("all pages", "すべてのページ")
    return " ".join(origins) or say("no page", "ページからは不可")


@keys.command("list", help=say("List the keys.", "キーの一覧。"))
def list_keys(workspace: InWorkspace = DEFAULT_WORKSPACE) -> None:
    from tsunagu.access import list_keys

    with connected_to(workspace) as (connection, found):
        listed = list_keys(connection, found.id)
    show_table(
        [
            *(say("name", "名前"), say("kind", "種類"), say("source", "出どころ")),
            *(say("made", "作成"), say("revoked", "取り消し"), say("pages", "ページ")),
        ],
        [
            (
                *(k.name, k.kind, k.source, _day(k.created_at), _day(k.revoked_at)),
                _admitted(k.origins) if k.kind == "write" else "",
            )
            for k in listed
        ],
    )


@keys.command("revoke", help=say("End a key.", "キーを取り消します。"))
def revoke_key(
    name: Annotated[str, typer.Argument()], workspace: InWorkspace = DEFAULT_WORKSPACE
) -> None:
    from tsunagu.access import audit, revoke_key
    from tsunagu.storage import in_workspace

    with (
        connected_to(workspace) as (connection, found),
        in_workspace(connection, found.id) as cursor,
    ):
        revoke_key(cursor, found.id, name)
        audit(cursor, found.id, "command line", "revoke key", name)
    typer.echo(say(f"Key {name} is revoked.", f"キー {name} を取り消しました。"))


@operators.command("create", help=say("Let a person sign in.", "操作者を追加します。"))
def create_operator(
    name: Annotated[str, typer.Argument()],
    ask: Annotated[
        bool, typer.Option("--ask", help=say("Ask for a password", "パスワードを入力"))
    ] = False,
) -> None:
    from tsunagu.access import audit, create_operator
    from tsunagu.runtime.first_start import new_password

    question = say("Password", "パスワード")
    password = (
        str(typer.prompt(question, hide_input=True, confirmation_prompt=True))
        if ask
        else new_password()
    )
    with connected() as connection, connection.transaction(), connection.cursor() as cursor:
        create_operator(connection, name, password)
        audit(cursor, None, "command line", "create operator", name)
    typer.echo(say(f"{name} can sign in.", f"{name} がサインインできます。") if ask else password)


@operators.command("list", help=say("List the operators.", "操作者の一覧。"))
def list_operators() -> None:
    from tsunagu.access import list_operators

    with connected() as connection:
        found = list_operators(connection)
    show_table(
        [say("name", "名前"), say("made", "作成")], [(o.name, _day(o.created_at)) for o in found]
    )


@operators.command("revoke", help=say("Let a person no longer sign in.", "操作者を外します。"))
def revoke_operator(name: Annotated[str, typer.Argument()]) -> None:
    from tsunagu.access import audit, revoke_operator

    with connected() as connection, connection.transaction(), connection.cursor() as cursor:
        revoke_operator(connection, name)
        audit(cursor, None, "command line", "revoke operator", name)
    typer.echo(say(f"{name} can no longer sign in.", f"{name} を外しました。"))
