"""The command line. Libraries are imported in the commands that need them: help is quick."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tsunagu.core.errors import TsunaguError
from tsunagu.runtime import (
    cli_access,
    cli_backup,
    cli_data,
    cli_identity,
    cli_lake,
    cli_letters,
    cli_load,
    cli_map,
    cli_plan,
    cli_replay,
    cli_sources,
    cli_survivorship,
)
from tsunagu.runtime.words import speaker

say = speaker()
Lang = Annotated[
    str | None, typer.Option("--lang", help=say("Language: en or ja", "言語: en か ja"))
]

commands = typer.Typer(
    name="tsunagu",
    help=say(
        "Tsunagu (つなぐ): collect, identify, understand, decide, speak, archive, measure.",
        "Tsunagu(つなぐ): 集める、名寄せする、理解する、決める、伝える、残す、測る。",
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
cli_access.register(commands)
cli_data.register(commands)
cli_identity.register(commands)
cli_letters.register(commands)
cli_plan.register(commands)
cli_load.register(commands)
cli_lake.register(commands)
cli_map.register(commands)
cli_sources.register(commands)
cli_backup.register(commands, cli_data.sends)
cli_replay.register(commands)
cli_survivorship.register(commands)


def app() -> None:
    """Runs the command line; an error of ours is shown as its message alone."""
    try:
        commands()
    except TsunaguError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


@commands.command(
    help=say("Start everything here and keep it running.", "すべてを起動し、動かし続けます。")
)
def serve(lang: Lang = None) -> None:
    from tsunagu.runtime.settings import load_settings
    from tsunagu.runtime.supervisor import serve

    raise typer.Exit(serve(load_settings(), speaker(lang)))


@commands.command(
    help=say(
        "Run one role alone: collector, console, public, pipeline, lake, sender, sources, mailbox.",
        "役割を一つだけ動かします: "
        "collector, console, public, pipeline, lake, sender, sources, mailbox。",
    )
)
def run(
    role: Annotated[str, typer.Argument()],
    supervised: Annotated[bool, typer.Option("--supervised", hidden=True)] = False,
) -> None:
    from tsunagu.runtime.process import run_role
    from tsunagu.runtime.settings import load_settings

    raise typer.Exit(run_role(role, load_settings(), supervised=supervised))


@commands.command(
    help=say(
        "Bring the database up to date; the first time, make the ways in and show them.",
        "データベースを最新にします。初回は入口(操作者とキー)を作って表示します。",
    )
)
def migrate(lang: Lang = None) -> None:
    from tsunagu.runtime.addresses import show_ways_in
    from tsunagu.runtime.database import open_database
    from tsunagu.runtime.first_start import first_start
    from tsunagu.runtime.settings import load_settings
    from tsunagu.storage import migrate

    settings = load_settings()
    with open_database(settings, tables=False) as database:
        migrate(database)
        found = first_start(database, settings)
    if found is not None:
        show_ways_in(found, speaker(lang))


@commands.command(
    help=say(
        "Say in plain words what runs, what is wrong and how to mend it.",
        "何が動いているか、何がおかしいか、どう直すかを説明します。",
    )
)
def doctor(lang: Lang = None) -> None:
    from tsunagu.runtime.doctor import examine
    from tsunagu.runtime.settings import load_settings

    raise typer.Exit(examine(load_settings(), speaker(lang)))


@commands.command(
    help=say(
        "Measure what this machine can do, beside its limits.",
        "このマシンの性能を、限界値と並べて測ります。",
    )
)
def bench(
    name: Annotated[str, typer.Argument()],
    size: Annotated[int | None, typer.Option("--size", min=1)] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help=say(
                "For identity: febrl3, japan, scale, live, stitch, or a labelled file of your own",
                "identity のデータ: febrl3、japan、scale、live、stitch、または正解付きのファイル",
            )
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    from tsunagu.runtime.bench import run_bench

    raise typer.Exit(run_bench(name, size=size, data=data, as_json=json))


@commands.command(
    help=say(
        "Play the whole loop on a year of real retail data.",
        "実際の小売データ一年分で、ひとまわり全体を動かします。",
    )
)
def demo(
    once: Annotated[
        bool, typer.Option("--once", help=say("End when done", "完了後に終了"))
    ] = False,
    end: Annotated[
        bool, typer.Option("--end", help=say("End the one that runs", "動作中のデモを終了"))
    ] = False,
    lang: Lang = None,
) -> None:
    from tsunagu.runtime.demo_command import demo, end_demo

    speaks = speaker(lang)
    raise typer.Exit(end_demo(speaks) if end else demo(once=once, say=speaks))


@commands.command(
    help=say(
        "Play simulated customers who answer, in a workspace with a clock of its own.",
        "反応するお客様のシミュレーションを、専用の時計を持つワークスペースで動かします。",
    )
)
def world(lang: Lang = None) -> None:
    from tsunagu.runtime.demo_command import world
    from tsunagu.runtime.settings import load_settings

    raise typer.Exit(world(load_settings(), speaker(lang)))
