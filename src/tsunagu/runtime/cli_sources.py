"""Commands for sources: add, test, run, watch, pause, remove, and their secrets."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tsunagu.runtime.cli_access import DEFAULT_WORKSPACE, InWorkspace, connected_to, show_table
from tsunagu.runtime.source_documents import ask_secret, by_hand, read_source, remarks
from tsunagu.runtime.words import speaker

if TYPE_CHECKING:
    from tsunagu.collect.sources import Listed, Look, Premises, Vault
    from tsunagu.core import Json

say = speaker()
sources = typer.Typer(
    help=say("Where rows come from by themselves.", "データの取り込み元。"), no_args_is_help=True
)
Name = Annotated[str, typer.Argument(help=say("The source's name", "取り込み元の名前"))]
BY = "command line"


def register(commands: typer.Typer) -> None:
    """Adds these commands to the command line."""
    commands.add_typer(sources, name="source")


def _premises() -> Premises:
    from tsunagu.collect.sources import Premises
    from tsunagu.runtime.database import own_places
    from tsunagu.runtime.settings import load_settings

    settings = load_settings()
    return Premises(settings.folder, own_places(settings))


def _vault() -> Vault:
    return _premises().vault


@sources.command(
    "add",
    help=say(
        "Add a source, or change it. Take a document (--file) or the common settings.",
        "取り込み元を追加・変更します。文書(--file)か主な設定を指定します。",
    ),
)
def add(
    name: Name,
    place: Annotated[
        str,
        typer.Option(
            "--from",
            help=say(
                "A database URL, a folder, s3://…, sftp://… or imaps://…",
                "データベースの URL、フォルダー、s3://…、sftp://…、imaps://…",
            ),
        ),
    ] = "",
    file: Annotated[
        Path | None,
        typer.Option("--file", exists=True, dir_okay=False, help=say("A document", "文書")),
    ] = None,
    mapping: Annotated[
        str, typer.Option(help=say("A ready mapping or a file", "用意された対応表かファイル"))
    ] = "",
    table: Annotated[str, typer.Option(help=say("Table or view", "表かビュー"))] = "",
    cursor: Annotated[str, typer.Option(help=say("The column that grows", "増えていく列"))] = "",
    glob: Annotated[str, typer.Option(help=say("Which files", "ファイルの形"))] = "",
    move: Annotated[
        bool, typer.Option("--move", help=say("Move files when done", "済んだファイルを移す"))
    ] = False,
    every: Annotated[
        str, typer.Option(help=say("For example '15 minutes'", "例: '15 minutes'"))
    ] = "",
    cron: Annotated[str, typer.Option(help=say("For example '0 3 * * *'", "例: '0 3 * * *'"))] = "",
    secret: Annotated[
        list[str] | None,
        typer.Option(help=say("Ask for this secret", "この秘密情報を入力する")),
    ] = None,
    workspace: InWorkspace = DEFAULT_WORKSPACE,
) -> None:
    from tsunagu.access import audit
    from tsunagu.collect.sources import put_source, webhook_path
    from tsunagu.runtime.settings import load_settings
    from tsunagu.storage import in_workspace

    document = (
        read_source(file, mapping)
        if file is not None
        else by_hand(place, mapping, table, cursor, glob, move, every, cron)
    )
    secrets = {one: ask_secret(one) for one in secret or []}
    with (
        connected_to(workspace) as (connection, found),
        in_workspace(connection, found.id) as session,
    ):
        version = put_source(session, found, name, document, secrets, _vault(), BY)
        audit(session, found.id, BY, "source.put", name, {"version": version})
        path = webhook_path(session, found.id, name)
    typer.echo(say(f"Source {name}, version {version}.", f"取り込み元 {name}(第{version}版)。"))
    for remark in remarks(document):
        typer.echo(remark, err=True)
    if path is not None:
        typer.echo(f"{load_settings().collect_address}{path}")


@sources.command("list", help=say("List the sources.", "取り込み元の一覧。"))
def list_all(workspace: InWorkspace = DEFAULT_WORKSPACE) -> None:
    from tsunagu.collect.sources import list_sources
    from tsunagu.storage import in_workspace

    with (
        connected_to(workspace) as (connection, found),
        in_workspace(connection, found.id) as session,
    ):
        listed = list_sources(session, found.id)
    if not listed:
        typer.echo(
            say("There is no source yet: tsunagu source add NAME --from …", "まだありません。")
        )
        return
    headings = [say("name", "名前"), say("kind", "種類"), say("state", "状態")]
    headings += [say("events today", "本日の件数"), say("last well", "最後の成功")]
    headings += [say("next", "次回"), say("error", "エラー")]
    show_table(headings, [_line(one) for one in listed])


def _line(one: Listed) -> tuple[object, ...]:
    standing = one.standing
    return (
        one.name,
        one.source.kind,
        _state(one),
        one.events_today,
        _time(standing.last_ok_at),
        "" if standing.paused else _time(standing.next_run_at),
        (standing.last_error or "")[:80],
    )


def _state(one: Listed) -> str:
    words = {
        "paused": say("paused", "停止中"),
        "running": say("running", "実行中"),
        "failing": say("failing", "失敗"),
        "new": say("not run yet", "未実行"),
        "well": say("well", "正常"),
    }
    return words[one.state]


def _time(at: int | None) -> str:
    from tsunagu.core.times import iso

    return "" if at is None else iso(at)[:19].replace("T", " ")


@sources.command("show", help=say("Show one with its runs.", "一つを実行の履歴と表示します。"))
def show(name: Name, workspace: InWorkspace = DEFAULT_WORKSPACE) -> None:
    import yaml

    from tsunagu.collect.sources import find_source, list_runs, list_sources, secret_names
    from tsunagu.collect.sources import webhook_path as path_of
    from tsunagu.storage import in_workspace

    with (
        connected_to(workspace) as (connection, found),
        in_workspace(connection, found.id) as session,
    ):
        source = find_source(session, found.id, name)
        one = next(one for one in list_sources(session, found.id) if one.name == name)
        runs = list_runs(session, found.id, name, 20)
        secrets = secret_names(session, found.id, name, _vault())
        path = path_of(session, found.id, name)
    document = source.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    document["from"]["kind"] = source.kind
    typer.echo(yaml.safe_dump(document, allow_unicode=True, sort_keys=False).rstrip())
    typer.echo(say("secrets: ", "秘密情報: ") + (", ".join(secrets) or "-"))
    if path is not None:
        typer.echo(f"POST {path}")
    if one.standing.last_error:
        typer.echo(say("last error: ", "最後のエラー: ") + one.standing.last_error)
    headings = [say("began", "開始"), say("by", "きっかけ"), say("end", "結果")]
    headings += [say("rows", "行"), say("events", "イベント"), say("known", "既知")]
    headings += [say("refused", "不可"), say("error", "エラー")]
    show_table(
        headings,
        [
            (
                *(_time(run.started_at), run.cause, run.outcome, run.rows, run.events),
                *(run.known, run.refused, (run.error or "")[:100]),
            )
            for run in runs
        ],
    )


@sources.command(
    "test",
    help=say(
        "Connect and show what the first ten rows would become; nothing is stored.",
        "接続して、最初の10行がどのイベントになるかを表示します。何も保存しません。",
    ),
)
def look(
    name: Annotated[str, typer.Argument()] = "",
    file: Annotated[
        Path | None,
        typer.Option("--file", exists=True, dir_okay=False, help=say("A document", "文書")),
    ] = None,
    secret: Annotated[list[str] | None, typer.Option()] = None,
    workspace: InWorkspace = DEFAULT_WORKSPACE,
) -> None:
    document, secrets = _document(name, file, workspace)
    secrets |= {one: ask_secret(one) for one in secret or []}
    _show(_premises().look(document, name or "test", secrets))


def _document(name: str, file: Path | None, workspace: str) -> tuple[Json, dict[str, str]]:
    if file is not None:
        return read_source(file, ""), {}
    from tsunagu.collect.sources import find_source, open_secrets
    from tsunagu.storage import in_workspace

    with (
        connected_to(workspace) as (connection, found),
        in_workspace(connection, found.id) as session,
    ):
        source = find_source(session, found.id, name)
        secrets = open_secrets(session, found.id, name, _vault())
    return source.model_dump(mode="json", by_alias=True), secrets


def _show(look: Look) -> None:
    import msgspec

    if not look.columns:
        typer.echo(
            say("It answers. There are no new rows.", "接続できました。新しい行はありません。")
        )
        return
    typer.echo(f"{look.place}: {', '.join(look.columns)}")
    for event in look.events:
        who = event.user_id or event.anonymous_id or ""
        body = msgspec.json.encode(event.body).decode()
        typer.echo(f"{event.at or ''}  {event.type} {event.name}  {who}  {body}")
    for line in look.refused:
        typer.echo(f"! {line}")


@sources.command("run", help=say("Run one now and wait.", "今すぐ実行して待ちます。"))
def run(name: Name, workspace: InWorkspace = DEFAULT_WORKSPACE) -> None:
    from tsunagu.access import workspace_by_name
    from tsunagu.collect.sources import RUN_SECONDS, Child, Order
    from tsunagu.runtime.database import open_database, own_places
    from tsunagu.runtime.settings import load_settings

    settings = load_settings()
    with open_database(settings) as database:
        with database.connect("app") as connection:
            found = workspace_by_name(connection, workspace)
        child = Child(
            Order(
                home=str(settings.folder),
                url=database.url,
                workspace_id=found.id,
                name=name,
                cause=BY,
                forbidden=own_places(settings),
            )
        )
        ended = child.run(_progress, seconds=RUN_SECONDS, silence=RUN_SECONDS)
    _progress(ended)
    if sys.stderr.isatty():
        typer.echo("", err=True)
    typer.echo(f"{name}: {ended.outcome}{f' - {ended.error}' if ended.error else ''}")
    if ended.outcome not in ("done", "stopped"):
        raise typer.Exit(1)


def _progress(progress: Any) -> None:
    counted = say(
        f"{progress.rows:,} rows, {progress.events:,} events, {progress.known:,} known before, "
        f"{progress.refused:,} refused",
        f"{progress.rows:,} 行、イベント {progress.events:,}、既知 {progress.known:,}、"
        f"不可 {progress.refused:,}",
    )
    if sys.stderr.isatty():
        typer.echo(f"\r\x1b[K{counted}", nl=False, err=True)
    elif progress.outcome:
        typer.echo(counted, err=True)


@sources.command("pause", help=say("Stop running it by itself.", "自動の実行を止めます。"))
def pause(name: Name, workspace: InWorkspace = DEFAULT_WORKSPACE) -> None:
    _act("pause", name, workspace)
    typer.echo(say(f"{name} is paused.", f"{name} を停止しました。"))


@sources.command("resume", help=say("Run it again.", "再開します。"))
def resume(name: Name, workspace: InWorkspace = DEFAULT_WORKSPACE) -> None:
    _act("resume", name, workspace)
    typer.echo(say(f"{name} runs again.", f"{name} を再開しました。"))


@sources.command(
    "reset", help=say("Read from the beginning again.", "最初から読み直すようにします。")
)
def reset(name: Name, workspace: InWorkspace = DEFAULT_WORKSPACE) -> None:
    _act("reset", name, workspace)
    typer.echo(say(f"{name} begins anew.", f"{name} は最初から読み直します。"))


@sources.command(
    "remove", help=say("Remove one; its events stay.", "削除します。取り込んだイベントは残ります。")
)
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y")] = False,
    workspace: InWorkspace = DEFAULT_WORKSPACE,
) -> None:
    if not yes:
        typer.confirm(
            say(f"Remove {name} with its cursor and secrets?", f"{name} を削除しますか?"),
            abort=True,
        )
    _act("remove", name, workspace)
    typer.echo(say(f"{name} is removed.", f"{name} を削除しました。"))


def _act(what: str, name: str, workspace: str) -> None:
    from tsunagu.access import audit
    from tsunagu.collect import sources as room
    from tsunagu.storage import in_workspace

    acts = {
        "pause": room.pause,
        "resume": room.resume,
        "reset": room.reset,
        "remove": room.remove,
    }
    with (
        connected_to(workspace) as (connection, found),
        in_workspace(connection, found.id) as session,
    ):
        acts[what](session, found.id, name)
        audit(session, found.id, BY, f"source.{what}", name)


@sources.command("secret", help=say("Give a secret anew.", "秘密情報を入れ直します。"))
def secret(
    name: Name,
    which: Annotated[str, typer.Argument(help=say("For example password", "例: password"))],
    workspace: InWorkspace = DEFAULT_WORKSPACE,
) -> None:
    from tsunagu.access import audit
    from tsunagu.collect.sources import find_source, put_source
    from tsunagu.storage import in_workspace

    value = ask_secret(which)
    with (
        connected_to(workspace) as (connection, found),
        in_workspace(connection, found.id) as session,
    ):
        source = find_source(session, found.id, name)
        document = source.model_dump(mode="json", by_alias=True)
        put_source(session, found, name, document, {which: value}, _vault(), BY)
        audit(session, found.id, BY, "source.secret", name, {"secret": which})
    typer.echo(say(f"The secret {which} of {name} is kept.", f"{name} の {which} を保存しました。"))


@sources.command(
    "rotate-key",
    help=say("Encrypt all secrets with a new key.", "すべての秘密情報を新しい鍵で暗号化します。"),
)
def rotate_key() -> None:
    from tsunagu.access import audit, list_workspaces
    from tsunagu.collect.sources import seal_again
    from tsunagu.runtime.cli_access import connected
    from tsunagu.storage import in_workspace

    vault = _vault()
    vault.add_key()
    done = 0
    with connected() as connection:
        for found in list_workspaces(connection):
            with in_workspace(connection, found.id) as session:
                done += seal_again(session, found.id, vault)
                audit(session, found.id, BY, "source.rotate-key", "all")
    vault.drop_old_keys()
    typer.echo(say(f"{done} sources have a new key.", f"{done} 件を新しい鍵に替えました。"))
