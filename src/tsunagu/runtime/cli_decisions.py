"""Commands that decide who is one person: merge, part, keep apart; and what led to it."""

from __future__ import annotations

import getpass
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from tsunagu.runtime.cli_access import DEFAULT_WORKSPACE, InWorkspace, deciding_in, show_table
from tsunagu.runtime.words import speaker

if TYPE_CHECKING:
    from psycopg import Cursor

    from tsunagu.identity import Identifier
    from tsunagu.serve.identity_preview import Outcome
    from tsunagu.storage import Row

say = speaker()
_HOW = say("An identifier as KIND:VALUE, such as user_id:u-1", "識別子。例 user_id:u-1")
One = Annotated[str, typer.Argument(help=_HOW)]
Several = Annotated[list[str], typer.Argument(help=_HOW)]
Yes = Annotated[
    bool, typer.Option("--yes", "-y", help=say("Do it without asking", "確認せずに実行"))
]
MOST = 1_000


def register(identities: typer.Typer) -> None:
    """Adds these commands to `tsunagu identity`."""
    identities.command("show", help=say("Why this is one person.", "同じ人とした根拠。"))(show)
    identities.command(
        "merge", help=say("Decide that two are one person.", "二人を同じ人にします。")
    )(merge)
    identities.command(
        "part",
        help=say("Let identifiers leave their customer.", "識別子を別の人として分けます。"),
    )(part)
    identities.command(
        "keep-apart", help=say("Never join these two.", "この二人を別の人のままにします。")
    )(keep_apart)
    identities.command("undo", help=say("Take a decision back.", "判断を取り消します。"))(undo)
    identities.command("history", help=say("What was decided.", "これまでの判断。"))(history)


@contextmanager
def _cursor(workspace: str) -> Generator[tuple[Cursor[Row], int]]:
    """A transaction of the role that may write to the log."""
    from tsunagu.storage import in_workspace

    with (
        deciding_in(workspace) as (connection, found),
        in_workspace(connection, found.id) as cursor,
    ):
        yield cursor, found.id


def _identifier(text: str) -> Identifier:
    from tsunagu.core import Invalid
    from tsunagu.identity import BUILT_IN

    kind, colon, value = text.partition(":")
    if not colon or not kind or not value:
        raise Invalid(f"{text!r} is no identifier; write it as KIND:VALUE, such as user_id:u-1.")
    return kind, BUILT_IN.kind(kind).normalise(value) or value


def _by() -> str:
    return f"command line, {getpass.getuser()}"


def show(one: One, workspace: InWorkspace = DEFAULT_WORKSPACE) -> None:
    """Prints a customer's identifiers and the edges between them."""
    from tsunagu.core.times import iso
    from tsunagu.serve.identity import holding
    from tsunagu.serve.identity_queries import links_of

    with _cursor(workspace) as (cursor, workspace_id):
        found = holding(cursor, workspace_id, _identifier(one))
        links = links_of(cursor, workspace_id, found.identifiers, limit=MOST)
    typer.echo(str(found.customer))
    show_table(
        [say("kind", "種類"), say("value", "値")], [list(named) for named in found.identifiers]
    )
    show_table(
        [
            *(say("one", "一方"), say("other", "もう一方"), say("grounds", "根拠")),
            *(say("source", "出どころ"), say("since", "いつから")),
            *(say("weight", "重み"), say("by", "判断した人"), say("cut", "分離済み")),
        ],
        [
            (
                *(":".join(link.a), ":".join(link.b), link.kind, link.source),
                *(iso(link.at)[:19], link.weight, link.by, say("yes", "はい") if link.cut else ""),
            )
            for link in links
        ],
    )


def merge(a: One, b: One, workspace: InWorkspace = DEFAULT_WORKSPACE, *, yes: Yes = False) -> None:
    """Shows what would change, asks, and enters the decision."""
    from tsunagu.serve import identity

    left, right = _identifier(a), _identifier(b)
    with _cursor(workspace) as (cursor, workspace_id):
        _show_merge(cursor, workspace_id, left, right)
        _agree(yes=yes)
        made = identity.merge(cursor, workspace_id, left, right, _by(), identity.OPERATOR)
    typer.echo(made)


def part(leaving: Several, workspace: InWorkspace = DEFAULT_WORKSPACE, *, yes: Yes = False) -> None:
    """Shows what would become of both sides, asks, and enters the decision."""
    from tsunagu.serve import identity

    named = [_identifier(one) for one in leaving]
    with _cursor(workspace) as (cursor, workspace_id):
        _show_part(cursor, workspace_id, named)
        _agree(yes=yes)
        made = identity.part(cursor, workspace_id, named, _by(), identity.OPERATOR)
    typer.echo(made)


def keep_apart(
    a: One, b: One, workspace: InWorkspace = DEFAULT_WORKSPACE, *, yes: Yes = False
) -> None:
    """Asks, and enters the decision."""
    from tsunagu.serve import identity

    with _cursor(workspace) as (cursor, workspace_id):
        _agree(yes=yes)
        made = identity.keep_apart(
            cursor, workspace_id, _identifier(a), _identifier(b), _by(), identity.OPERATOR
        )
    typer.echo(made)


def undo(
    decision: Annotated[
        str,
        typer.Argument(
            help=say(
                "The decision's id, as `identity history` shows it",
                "判断の ID。`identity history` で確認できます",
            )
        ),
    ],
    workspace: InWorkspace = DEFAULT_WORKSPACE,
    *,
    yes: Yes = False,
) -> None:
    """Shows what would change, asks, and enters the decision that takes the other one back."""
    from tsunagu.core.events import IDENTITY_PARTED
    from tsunagu.serve.identity import enter
    from tsunagu.serve.identity_undo import undoing

    with _cursor(workspace) as (cursor, workspace_id):
        found = undoing(cursor, workspace_id, decision, _by())
        if found.name == IDENTITY_PARTED:
            _show_part(cursor, workspace_id, list(found.left))
        else:
            _show_merge(cursor, workspace_id, found.left[0], found.right)
        _agree(yes=yes)
        made = enter(cursor, workspace_id, found)
    typer.echo(made)


def history(one: One, workspace: InWorkspace = DEFAULT_WORKSPACE) -> None:
    """Prints the decisions that name an identifier of the customer, the latest first."""
    from tsunagu.core.times import iso
    from tsunagu.serve.identity import holding
    from tsunagu.serve.identity_queries import decisions_about

    with _cursor(workspace) as (cursor, workspace_id):
        found = holding(cursor, workspace_id, _identifier(one))
        made = decisions_about(cursor, workspace_id, found.identifiers, limit=MOST)
    show_table(
        [
            *(say("time", "時刻"), say("decision", "判断"), say("by", "判断した人")),
            *(say("one", "一方"), say("other", "もう一方"), say("id", "ID")),
        ],
        [
            (
                *(iso(m.at)[:19], m.name, m.by),
                ", ".join(":".join(named) for named in m.told["left"]),
                ":".join(m.told["right"]),
                m.message_id,
            )
            for m in made
        ],
    )


def _show_merge(
    cursor: Cursor[Row], workspace_id: int, left: Identifier, right: Identifier
) -> None:
    from tsunagu.serve.identity_preview import preview_merge

    found = preview_merge(cursor, workspace_id, left, right)
    _outcomes(
        [
            (say("now", "いま"), found.before[0]),
            (say("now", "いま"), found.before[1]),
            (say("merged", "統合後"), found.after),
        ]
    )


def _show_part(cursor: Cursor[Row], workspace_id: int, leaving: list[Identifier]) -> None:
    from tsunagu.serve.identity_preview import preview_part

    found = preview_part(cursor, workspace_id, leaving)
    _outcomes(
        [
            (say("now", "いま"), found.before),
            (say("stays", "残る側"), found.stays),
            (say("leaves", "分かれる側"), found.leaves),
        ]
    )


def _agree(*, yes: bool) -> None:
    if not yes:
        typer.confirm(say("Shall it be so?", "実行しますか。"), abort=True)


def _outcomes(sides: list[tuple[str, Outcome]]) -> None:
    consent = {True: say("granted", "同意"), False: say("withdrawn", "撤回")}
    show_table(
        [
            *("", say("customer", "お客様"), say("identifiers", "識別子"), say("traits", "属性")),
            *(say("consents", "同意"), say("audiences", "オーディエンス")),
            *(say("running journeys", "進行中"), say("events", "イベント")),
        ],
        [
            (
                *(name, side.customer, ", ".join(":".join(named) for named in side.identifiers)),
                ", ".join(f"{trait}={value}" for trait, value in sorted(side.traits.items())),
                ", ".join(f"{key} {consent[said]}" for key, said in side.consents.items()),
                *(", ".join(side.audiences), side.running, side.events),
            )
            for name, side in sides
        ],
    )
