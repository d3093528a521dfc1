"""Decisions about identity taken back, each by another decision: nothing is erased from the log.

A merge is undone by parting what it brought, along the evidence; a parting by a merge. Who was kept
apart can only be merged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from psycopg import Cursor

from tsunagu import identity
from tsunagu.core import Invalid, NotFound
from tsunagu.core.events import IDENTITY_KEPT_APART, IDENTITY_MERGED, IDENTITY_PARTED
from tsunagu.identity import Decision, Identifier
from tsunagu.identity.evidence import Pair, side_of
from tsunagu.serve import identity as deciding
from tsunagu.serve import identity_queries as queries
from tsunagu.serve.identity_queries import Made
from tsunagu.storage import Row

OPERATOR = deciding.OPERATOR
Reason = Literal["apart", "gone", "joined"]
_WHY: Mapping[Reason, str] = {
    "apart": "Who was kept apart is joined only by a decision to merge them.",
    "gone": "It is not done yet, or was undone already.",
    "joined": "Other evidence joins the two as well; name the identifiers that leave.",
}


def undoing(cursor: Cursor[Row], workspace_id: int, message_id: str, by: str) -> Decision:
    """The decision that would take another one back; nothing is written.

    Raises:
        NotFound: no decision went into the log under this message id.
        Invalid: it is not done yet, was undone already, or cannot be taken back by itself.
    """
    made = queries.decision_called(cursor, workspace_id, message_id)
    if made is None:
        raise NotFound(f"There is no decision about identity {message_id!r}.")
    (found,) = undo_of(cursor, workspace_id, [made], by)
    if isinstance(found, str):
        raise Invalid(_WHY[found])
    return found


def undo_of(
    cursor: Cursor[Row], workspace_id: int, made: Sequence[Made], by: str
) -> list[Decision | Reason]:
    """The decision that would take each back, or why there is none.

    `apart`: who was kept apart is only merged. `gone`: it is not done yet, or was undone.
    `joined`: other evidence holds the two together as well.
    """
    named = [_named(one) for one in made]
    owners = identity.customers_of(cursor, workspace_id, {one for pair in named for one in pair})
    wholes: dict[int, _Whole] = {}
    found: list[Decision | Reason] = []
    for one, (left, right) in zip(made, named, strict=True):
        owner = owners.get(left)
        together = owner is not None and owner == owners.get(right)
        if one.name == IDENTITY_KEPT_APART:
            found.append("apart")
        elif together == (one.name == IDENTITY_PARTED):
            found.append("gone")
        elif owner is None or one.name == IDENTITY_PARTED:
            found.append(Decision(IDENTITY_MERGED, (left,), right, by, OPERATOR))
        else:
            if owner not in wholes:
                wholes[owner] = _whole(cursor, workspace_id, owner)
            found.append(_parting(wholes[owner], left, right, by))
    return found


def _named(made: Made) -> tuple[Identifier, Identifier]:
    (kind, value), *_ = made.told["left"]
    other_kind, other = made.told["right"]
    return (str(kind), str(value)), (str(other_kind), str(other))


@dataclass(frozen=True)
class _Whole:
    """A customer's identifiers, the oldest first, and what joins them."""

    identifiers: list[Identifier]
    joined: list[Pair]


def _whole(cursor: Cursor[Row], workspace_id: int, customer: int) -> _Whole:
    held = [one for one, _ in identity.owners_of(cursor, workspace_id, customer)]
    return _Whole(held, queries.joined(cursor, workspace_id, [customer])[customer])


def _parting(whole: _Whole, left: Identifier, right: Identifier, by: str) -> Decision | Reason:
    """What `right` brought leaves, as far as no other evidence joins it with `left`."""
    leaving = side_of(whole.joined, right, left)
    if not leaving or len(leaving) > identity.MOST_PARTED:
        return "joined"
    stays = next(one for one in whole.identifiers if one not in leaving)
    return Decision(IDENTITY_PARTED, tuple(leaving), stays, by, OPERATOR)


def undo(cursor: Cursor[Row], workspace_id: int, message_id: str, by: str) -> str:
    """Take a decision back; the message id of the decision that does it.

    The cursor is of the role `pipeline`. Call it last in the transaction.

    Raises:
        NotFound: no decision went into the log under this message id.
        Invalid: it is not done yet, was undone already, or cannot be taken back by itself.
    """
    decision = undoing(cursor, workspace_id, message_id, by)
    return deciding.enter(cursor, workspace_id, decision)
