"""Deciding who is one person: what a merge would change, entering it into the log, and waiting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tsunagu import access, profiles
from tsunagu.console.identity_queries import former_ids
from tsunagu.console.reader import Cursor
from tsunagu.core import Invalid, NotFound
from tsunagu.identity import Identifier, customers_of
from tsunagu.journeys import EnrolmentView, enrolments_of
from tsunagu.profiles import CustomerView
from tsunagu.profiles.state import State, merge_states
from tsunagu.storage import Database, in_workspace

MOST_ENROLMENTS = 50


@dataclass(frozen=True)
class Side:
    """One of the two customers."""

    view: CustomerView
    running: list[EnrolmentView]

    @property
    def named(self) -> Identifier:
        """The identifier by which a decision names this customer."""
        return self.view.identifiers[0]


@dataclass(frozen=True)
class MergePreview:
    """Two customers, and the fold they would have as one; `survivor` is the id that stays."""

    a: Side
    b: Side
    survivor: int
    after: State


def side_of(cursor: Cursor, workspace_id: int, asked: int) -> Side:
    """A customer by any id it ever had.

    Raises:
        NotFound: there is none.
    """
    customer = profiles.surviving_customer(cursor, workspace_id, asked)
    view = None if customer is None else profiles.customer_view(cursor, workspace_id, customer)
    if view is None:
        raise NotFound(f"There is no customer {asked}.")
    ids = view.customer_ids
    enrolments = enrolments_of(cursor, workspace_id, ids, limit=MOST_ENROLMENTS)
    return Side(view, [one for one in enrolments if one.status == "active"])


def preview_merge(cursor: Cursor, workspace_id: int, a: int, b: int) -> MergePreview | None:
    """What merging two customers would give, by the fold that the pipeline uses.

    Returns:
        None where both ids lead to one customer already.

    Raises:
        NotFound: one of them does not exist.
        Invalid: one of them has no identifier, so that no decision can name it.
    """
    sides = [side_of(cursor, workspace_id, one) for one in (a, b)]
    ids = [side.view.customer_id for side in sides]
    if ids[0] == ids[1]:
        return None
    if not all(side.view.identifiers for side in sides):
        raise Invalid("A customer without an identifier cannot be merged.")
    survivor = former_ids(cursor, workspace_id, ids)[0].customer_id
    older, younger = ids if survivor == ids[0] else reversed(ids)
    rule = profiles.survivorship_of(access.published(cursor, workspace_id))
    states = [profiles.state_of(cursor, workspace_id, one) or State() for one in (older, younger)]
    return MergePreview(sides[0], sides[1], survivor, merge_states(states[0], states[1], rule))


def decide(database: Database, workspace_id: int, work: Callable[[Cursor], str]) -> str:
    """Enters a decision into the log, as the pipeline's role alone may; its message id.

    Raises:
        Invalid: it cannot be decided; the message says why.
    """
    with (
        database.connect("pipeline") as connection,
        in_workspace(connection, workspace_id) as cursor,
    ):
        return work(cursor)


def are_one(cursor: Cursor, workspace_id: int, a: int, b: int) -> int | None:
    """The customer that both ids lead to; None while they are two."""
    one = profiles.surviving_customer(cursor, workspace_id, a)
    return one if one == profiles.surviving_customer(cursor, workspace_id, b) else None


def owner_of(cursor: Cursor, workspace_id: int, identifier: Identifier) -> int | None:
    """Who owns an identifier now."""
    return customers_of(cursor, workspace_id, [identifier]).get(identifier)
