"""Decisions about identity taken back, each by another decision: nothing is erased from the log.

A merge is undone by parting what it brought, along the evidence; a parting by a merge. Who was kept
apart can only be merged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from psycopg import Cursor

from tsunagu import identity
from tsunagu.core import Invalid, NotFound
from tsunagu.core.events import IDENTITY_KEPT_APART, IDENTITY_MERGED, IDENTITY_PARTED
from tsunagu.identity import Decision, Identifier
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
    found = undo_of(cursor, workspace_id, made, by)
    if isinstance(found, str):
        raise Invalid(_WHY[found])
    return found


def undo_of(cursor: Cursor[Row], workspace_id: int, made: Made, by: str) -> Decision | Reason:
    """The decision that would take another one back, or why there is none.

    `apart`: who was kept apart is only merged. `gone`: it is not done yet, or was undone.
    `joined`: other evidence holds the two together as well.
    """
    left = [(str(kind), str(value)) for kind, value in made.told["left"]]
    kind, value = made.told["right"]
    right = (str(kind), str(value))
    together = _together(cursor, workspace_id, [left[0], right])
    if made.name == IDENTITY_KEPT_APART:
        return "apart"
    if made.name == IDENTITY_PARTED:
        if together is not None:
            return "gone"
        return Decision(IDENTITY_MERGED, (left[0],), right, by, OPERATOR)
    if together is None:
        return "gone"
    leaving = queries.side_of(cursor, workspace_id, together, right, left[0])
    if not leaving:
        return "joined"
    _, stays = deciding.check_part(cursor, workspace_id, leaving)
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


def _together(
    cursor: Cursor[Row], workspace_id: int, identifiers: Sequence[Identifier]
) -> int | None:
    """The one customer that all of these lead to; None if they lead to several."""
    found = {identity.current_customer(cursor, workspace_id, *one) for one in identifiers}
    return found.pop() if len(found) == 1 else None
