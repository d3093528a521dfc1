"""Commands that keep an installation: backup, restore, upgrade, and what waits after a restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tsunagu.runtime.cli_access import DEFAULT_WORKSPACE, InWorkspace, connected_to
from tsunagu.runtime.words import speaker

say = speaker()
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        exists=True,
        dir_okay=False,
        help=say("File with the passphrase for the keys", "キー用パスフレーズのファイル"),
    ),
]


def register(commands: typer.Typer, sends: typer.Typer) -> None:
    """Adds these commands to the command line, and to its `send` commands."""
    commands.command("backup", help=_BACKUP)(backup)
    commands.command("restore", help=_RESTORE)(restore)
    commands.command("upgrade", help=_UPGRADE)(upgrade)
    sends.command("settle", help=_SETTLE)(settle_sends)


_BACKUP = say(
    "Write database, lake, archive, mailbox and keys to a folder or a .tar file, while all runs.",
    "稼働したまま、データベース、レイク、アーカイブ、メールボックス、キーを"
    "フォルダーか .tar に保存します。",
)
_RESTORE = say(
    "Make an installation in TSUNAGU_HOME from a backup.",
    "バックアップから TSUNAGU_HOME に環境を復元します。",
)
_UPGRADE = say(
    "Bring tables and the embedded server of an older release to this one.",
    "旧版のテーブルと組み込みサーバーをこの版に更新します。",
)
_SETTLE = say(
    "End messages that wait as unknown: they are never sent. For after a restore.",
    "待機中のメッセージを「不明」として終え、配信しません。復元後に使います。",
)


def backup(
    to: Annotated[Path, typer.Argument()],
    passphrase_file: PassphraseFile = None,
    ask: Annotated[
        bool, typer.Option("--ask", help=say("Ask for a passphrase", "パスフレーズを入力"))
    ] = False,
) -> None:
    from tsunagu.runtime.backup.progress import Stages, shown_size
    from tsunagu.runtime.backup.take import take_backup
    from tsunagu.runtime.secrets import FILE as SECRETS
    from tsunagu.runtime.settings import load_settings

    passphrase = _read(passphrase_file) if passphrase_file else None
    if passphrase is None and ask:
        passphrase = _asked(confirm=True)
    made = take_backup(load_settings(), to, passphrase, Stages(), say)
    rows = sum(part.rows for part in made.rows)
    typer.echo(
        say(
            f"{to}: {shown_size(made.size)}, {rows:,} rows, as of {made.taken_at}.",
            f"{to}: {shown_size(made.size)}、{rows:,} 行、{made.taken_at} 時点。",
        )
    )
    if made.keys.files and not made.keys.locked:
        typer.echo(
            say(
                "It holds the keys readably: whoever has it can sign links and seals. Lock it "
                "away, or lock the keys: --ask",
                "キーが読める形で入っています。厳重に保管するか、--ask でキーを"
                "暗号化してください。",
            ),
            err=True,
        )
    if SECRETS not in made.keys.files:
        typer.echo(
            say(
                "The keys come from the environment and are not in it: keep them yourself.",
                "キーは環境変数にあり、含まれていません。別に保管してください。",
            ),
            err=True,
        )


def restore(
    source: Annotated[Path, typer.Argument(metavar="FROM")],
    passphrase_file: PassphraseFile = None,
    check: Annotated[
        bool,
        typer.Option("--check", help=say("Only check the backup", "バックアップの検査だけを行う")),
    ] = False,
) -> None:
    from tsunagu.runtime.backup.progress import Stages
    from tsunagu.runtime.backup.restore import check_backup, restore_backup
    from tsunagu.runtime.settings import load_settings

    if check:
        found = check_backup(source, Stages(), say)
        typer.echo(
            say(
                f"The backup of {found.taken_at} is whole.",
                f"{found.taken_at} のバックアップは完全です。",
            )
        )
        return

    def passphrase() -> str:
        return _read(passphrase_file) if passphrase_file else _asked(confirm=False)

    settings = load_settings()
    found, unknown = restore_backup(settings, source, passphrase, Stages(), say)
    typer.echo(
        say(
            f"{settings.folder} is as of {found.taken_at}. All sends are stopped, since nobody "
            f"here knows what was sent after that; {unknown} messages that waited are unknown "
            "and are not sent.\n"
            "Next: tsunagu serve; then, for each workspace, end what the old installation may "
            "have sent (tsunagu send settle --before TIME, the time at which it ended) and "
            "send again (tsunagu send resume).",
            f"{settings.folder} は {found.taken_at} の状態です。それ以後に配信されたものが"
            f"分からないため、すべての配信を止めました。待機中だった {unknown} 件は「不明」とし、"
            "配信しません。\n"
            "次に: tsunagu serve。各ワークスペースで、旧環境が配信した可能性のあるものを"
            "終わらせ(tsunagu send settle --before 旧環境の停止時刻)、配信を再開してください"
            "(tsunagu send resume)。",
        )
    )


def upgrade(
    old_programs: Annotated[
        Path | None,
        typer.Option(
            "--old-programs",
            exists=True,
            file_okay=False,
            help=say("Folder of the older server's programs", "旧サーバーのプログラムのフォルダー"),
        ),
    ] = None,
) -> None:
    from tsunagu.runtime.backup.progress import Stages
    from tsunagu.runtime.backup.upgrade import upgrade_installation
    from tsunagu.runtime.settings import load_settings

    before, after = upgrade_installation(load_settings(), old_programs, Stages(), say)
    if before == after:
        typer.echo(
            say(
                f"The tables are up to date; the server is PostgreSQL {after}.",
                f"テーブルは最新です。サーバーは PostgreSQL {after} です。",
            )
        )
        return
    typer.echo(
        say(
            f"The server is PostgreSQL {after} now. The data of PostgreSQL {before} is kept in "
            f"postgres/data.{before}; remove it when all is well.",
            f"サーバーは PostgreSQL {after} になりました。PostgreSQL {before} のデータは "
            f"postgres/data.{before} に残しています。問題がなければ削除してください。",
        )
    )


def settle_sends(
    before: Annotated[
        str,
        typer.Option(
            "--before",
            help=say("Only what was decided before this time", "この時刻より前の判断分だけ"),
        ),
    ],
    workspace: InWorkspace = DEFAULT_WORKSPACE,
) -> None:
    from tsunagu.access import audit
    from tsunagu.core import Invalid
    from tsunagu.core.times import iso, parse_time
    from tsunagu.runtime.database import open_database
    from tsunagu.runtime.settings import load_settings
    from tsunagu.sending import settle
    from tsunagu.storage import in_workspace

    try:
        until = parse_time(before)
    except ValueError:
        raise Invalid(f"{before!r} is no time; write for example 2026-05-01T10:30:00Z.") from None
    with connected_to(workspace) as (_, found):
        if not found.sends_paused:
            raise Invalid(
                say(
                    f"{workspace} is sending. Stop it first: tsunagu send stop -w {workspace}",
                    f"{workspace} は配信中です。先に止めてください: "
                    f"tsunagu send stop -w {workspace}",
                )
            )
    with (
        open_database(load_settings()) as database,
        database.connect("pipeline") as connection,
        in_workspace(connection, found.id) as cursor,
    ):
        audit(cursor, found.id, "command line", "settle sends", iso(until))
        ended = settle(cursor, found.id, before=until)
    typer.echo(
        say(
            f"{ended} messages are unknown and are not sent. Send the rest: "
            f"tsunagu send resume -w {workspace}",
            f"{ended} 件を「不明」とし、配信しません。残りを配信: "
            f"tsunagu send resume -w {workspace}",
        )
    )


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()


def _asked(*, confirm: bool) -> str:
    question = say("Passphrase for the keys", "キーのパスフレーズ")
    return str(typer.prompt(question, hide_input=True, confirmation_prompt=confirm))
