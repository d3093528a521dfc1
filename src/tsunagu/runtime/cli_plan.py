"""Commands for the tracking plan: kept in Git, compared, tried on files, started from traffic."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tsunagu.runtime.cli_access import DEFAULT_WORKSPACE, InWorkspace, connected_to, show_table
from tsunagu.runtime.words import speaker

if TYPE_CHECKING:
    from tsunagu.collect.plan import PlanBook
    from tsunagu.core import Json
    from tsunagu.serve.plan import DocumentChanges

say = speaker()
plans = typer.Typer(
    help=say(
        "Tracking plan: what events are announced to carry.",
        "トラッキングプラン: イベントに何が入るかの取り決め。",
    ),
    no_args_is_help=True,
)
Files = Annotated[list[Path], typer.Argument(exists=True)]


def register(commands: typer.Typer) -> None:
    """Adds these commands to the command line."""
    commands.add_typer(plans, name="plan")


def _documents(files: list[Path]) -> list[tuple[str, str, Json]]:
    """The plan's documents in files and folders."""
    from tsunagu.collect.plan import PLAN_KIND, SCHEMA_KIND
    from tsunagu.core import Invalid
    from tsunagu.runtime.documents import read_documents

    paths = [p for f in files for p in (sorted(f.rglob("*.y*ml")) if f.is_dir() else [f])]
    found = read_documents(paths)
    others = sorted({kind for kind, _, _ in found} - {PLAN_KIND, SCHEMA_KIND})
    if others:
        raise Invalid(f"These are no documents of a tracking plan: {', '.join(others)}.")
    if not found:
        raise Invalid("There is no document in these files.")
    return found


@plans.command(
    "push",
    help=say(
        "Publish the plan's documents; breaking changes are named and have to be accepted.",
        "プランを公開します。互換性を壊す変更は示され、承認が要ります。",
    ),
)
def push(
    files: Files,
    workspace: InWorkspace = DEFAULT_WORKSPACE,
    accept: Annotated[
        bool,
        typer.Option(
            "--accept-breaking", help=say("Publish breaking changes too", "壊す変更も公開する")
        ),
    ] = False,
) -> None:
    from tsunagu.access import audit
    from tsunagu.serve.definitions import publish_document
    from tsunagu.serve.plan import document_changes
    from tsunagu.storage import in_workspace

    documents = _documents(files)
    with (
        connected_to(workspace) as (connection, found),
        in_workspace(connection, found.id) as cursor,
    ):
        changes = document_changes(cursor, found.id, documents)
        _show(changes)
        if any(one.breaking for one in changes) and not accept:
            typer.echo(
                say(
                    "Nothing was published. Mend the schema, give it a new version, or say "
                    "--accept-breaking.",
                    "公開していません。スキーマを直すか、新しい version にするか、"
                    "--accept-breaking を付けてください。",
                ),
                err=True,
            )
            raise typer.Exit(1)
        done: list[tuple[str, str, int]] = []
        for kind, name, document in documents:
            version = publish_document(cursor, found.id, kind, name, document, "command line")
            audit(cursor, found.id, "command line", f"publish {kind}", f"{name} v{version}")
            done.append((kind, name, version))
    show_table([say("kind", "種類"), say("name", "名前"), say("version", "版")], done)


@plans.command(
    "diff",
    help=say(
        "Show what publishing the files would change, and whom it breaks. Ends with 1 if it does.",
        "公開すると何が変わり、誰に影響するかを示します。影響があれば 1 で終わります。",
    ),
)
def diff(files: Files, workspace: InWorkspace = DEFAULT_WORKSPACE) -> None:
    from tsunagu.serve.plan import document_changes
    from tsunagu.storage import in_workspace

    documents = _documents(files)
    with (
        connected_to(workspace) as (connection, found),
        in_workspace(connection, found.id) as cursor,
    ):
        changes = document_changes(cursor, found.id, documents)
    _show(changes)
    if not changes:
        typer.echo(say("Nothing would change.", "変わるものはありません。"))
    raise typer.Exit(1 if any(one.breaking for one in changes) else 0)


def _show(changes: list[DocumentChanges]) -> None:
    for one in changes:
        typer.echo(f"{one.kind}/{one.name}")
        for change in one.changes:
            typer.echo(f"  {'!' if change.breaks else ' '} {change.words()}")
        for kind, name in one.readers:
            typer.echo(f"    {say('looked at by', '参照元')} {kind}/{name}")


@plans.command(
    "pull", help=say("Write the published plan into a folder.", "公開中のプランを書き出します。")
)
def pull(
    folder: Annotated[Path, typer.Argument(file_okay=False)],
    workspace: InWorkspace = DEFAULT_WORKSPACE,
) -> None:
    from tsunagu.access import published
    from tsunagu.collect.plan import PLAN_KIND, SCHEMA_KIND, as_document
    from tsunagu.serve.definitions import check as checked
    from tsunagu.storage import in_workspace

    with (
        connected_to(workspace) as (connection, found),
        in_workspace(connection, found.id) as cursor,
    ):
        documents = [
            (d.kind, d.name, as_document(checked(d.kind, d.document)))
            for d in published(cursor, found.id)
            if d.kind in (PLAN_KIND, SCHEMA_KIND)
        ]
    _write(folder, documents)


@plans.command(
    "infer",
    help=say(
        "Write schemas of the latest events of the log, to start from.",
        "最新のイベントから、出発点になるスキーマを書き出します。",
    ),
)
def infer(
    folder: Annotated[Path, typer.Argument(file_okay=False)],
    workspace: InWorkspace = DEFAULT_WORKSPACE,
    events: Annotated[
        int, typer.Option("--events", min=1, max=1_000_000, help=say("How many", "何件"))
    ] = 50_000,
) -> None:
    from tsunagu.collect.plan import SCHEMA_KIND, as_document
    from tsunagu.serve.plan import inferred
    from tsunagu.storage import in_workspace

    with (
        connected_to(workspace) as (connection, found),
        in_workspace(connection, found.id) as cursor,
    ):
        schemas = inferred(cursor, found.id, tail=events)
    _write(folder, [(SCHEMA_KIND, name, as_document(schema)) for name, schema in schemas])


@plans.command(
    "remove",
    help=say("Take events out of the plan, by document.", "イベントを取り決めから外します。"),
)
def remove(
    names: Annotated[list[str], typer.Argument()], workspace: InWorkspace = DEFAULT_WORKSPACE
) -> None:
    from tsunagu.access import audit, stop
    from tsunagu.collect.plan import SCHEMA_KIND
    from tsunagu.storage import in_workspace

    with (
        connected_to(workspace) as (connection, found),
        in_workspace(connection, found.id) as cursor,
    ):
        for name in names:
            stop(cursor, found.id, SCHEMA_KIND, name)
            audit(cursor, found.id, "command line", f"stop {SCHEMA_KIND}", name)
            typer.echo(name)


def _write(folder: Path, documents: list[tuple[str, str, Json]]) -> None:
    import yaml

    folder.mkdir(parents=True, exist_ok=True)
    for kind, name, document in documents:
        path = folder / f"{name.replace('/', '_')}.yaml"
        entry = {"kind": kind, "name": name, "document": document}
        path.write_text(
            yaml.safe_dump(entry, allow_unicode=True, sort_keys=False), encoding="utf-8"
        )
        typer.echo(str(path))
    if not documents:
        typer.echo(say("There is nothing to write yet.", "書き出すものがまだありません。"))


@plans.command(
    "check",
    help=say(
        "Hold the events of an NDJSON file against the plan. Ends with 1 if one violates it.",
        "NDJSON ファイルのイベントをプランと照らします。違反があれば 1 で終わります。",
    ),
)
def check(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    plan: Annotated[
        list[Path] | None,
        typer.Option(
            "--plan",
            exists=True,
            help=say("Files of a plan; else the published", "プランのファイル"),
        ),
    ] = None,
    workspace: InWorkspace = DEFAULT_WORKSPACE,
    show: Annotated[int, typer.Option("--show", min=0, help=say("Lines to show", "表示行数"))] = 20,
) -> None:
    from zoneinfo import ZoneInfo

    from tsunagu.collect.plan import make_book
    from tsunagu.core import Invalid
    from tsunagu.serve.letters import plan_book
    from tsunagu.storage import in_workspace

    if plan:
        book = make_book(_documents(plan), ZoneInfo("UTC"))
    else:
        with (
            connected_to(workspace) as (connection, found),
            in_workspace(connection, found.id) as cursor,
        ):
            book = plan_book(cursor, found.id)
    if book is None:
        raise Invalid("No tracking plan is published here; name its files with --plan.")
    counts = _check_lines(file, book, show)
    total = counts.pop("", 0)
    violating = counts.pop("!", 0)
    for words, count in counts.most_common(50):
        typer.echo(f"{count:>8,}  {words}")
    typer.echo(
        say(
            f"{violating:,} of {total:,} events violate the plan.",
            f"{total:,} 件中 {violating:,} 件がプランに反しています。",
        )
    )
    raise typer.Exit(1 if violating else 0)


def _check_lines(file: Path, book: PlanBook, show: int) -> Counter[str]:
    """How often each violation is met; under "" all events, under "!" those that violate."""
    from tsunagu.collect import read_line
    from tsunagu.collect.plan import look
    from tsunagu.core import Invalid, decode_body

    counts: Counter[str] = Counter()
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            counts[""] += 1
            try:
                event = read_line(line.strip(), "file")
            except Invalid as error:
                counts["!"] += 1
                counts[f"{say('no event', 'イベントではない')}: {error}"] += 1
                continue
            body = decode_body(event.body)
            if not book.covers(event.type, event.name):
                continue
            violations = look(book, book.announced(event.type, event.name, body.context), body)
            counts["!"] += bool(violations)
            for one in violations:
                counts[f"{event.name or event.type}: {one.place or 'event'} ({one.rule})"] += 1
                if show > 0:
                    show -= 1
                    typer.echo(f"{file}:{number}: {one.words()}")
    return counts
