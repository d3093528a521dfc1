"""Comparing a shadow with what is live: which customers differ, in what, and why.

Left out of the comparison is what a replay cannot have: messages that were sent, and timers of
journeys. They stay with their customers when the shadow takes its place. So is what no window
reaches any more: when it is dropped depends on when somebody looked.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping
from typing import Any

from psycopg import Cursor

from tsunagu.profiles import Plan, Sight, State, decode_state
from tsunagu.runtime.replay import side_queries
from tsunagu.runtime.replay.models import Difference, Replay
from tsunagu.storage import Row

_PAGE = 5_000
_LONGEST = 200


def compare_page(
    cursor: Cursor[Row], replay: Replay, plan: Plan, after: int
) -> tuple[list[Difference], int, int | None]:
    """Compare the next customers after one; the differences, how many, and where to go on.

    Customers who had an event that the replay has not read yet are passed over.
    """
    live = side_queries.folds(cursor, replay.workspace_id, after, _PAGE)
    shadow = side_queries.folds(cursor, replay.shadow, after, _PAGE)
    ends = [max(side) for side in (live, shadow) if len(side) == _PAGE]
    bound = min(ends, default=None)
    customers = {c for c in live.keys() | shadow.keys() if bound is None or c <= bound}
    found = list(differences(replay, plan, customers, live, shadow, passing=True))
    return found, len(customers), bound


def compare_some(
    cursor: Cursor[Row], replay: Replay, plan: Plan, customers: Collection[int]
) -> Generator[Difference]:
    """Compare these customers, at the end of both logs."""
    listed = sorted(customers)
    for start in range(0, len(listed), _PAGE):
        page = set(listed[start : start + _PAGE])
        live = side_queries.folds(cursor, replay.workspace_id, 0, 0, page)
        shadow = side_queries.folds(cursor, replay.shadow, 0, 0, page)
        yield from differences(replay, plan, page, live, shadow, passing=False)


def compare_lists(cursor: Cursor[Row], replay: Replay, known: Collection[int]) -> list[Difference]:
    """Customers who are alike but do not stand in the same lists of audiences and consents."""
    unlike = side_queries.unlike_members(cursor, replay) - set(known)
    return [Difference(customer, ("lists",), {}) for customer in sorted(unlike)]


def differences(
    replay: Replay,
    plan: Plan,
    customers: Collection[int],
    live: Mapping[int, bytes],
    shadow: Mapping[int, bytes],
    *,
    passing: bool,
) -> Generator[Difference]:
    """The differences of these customers, given the stored folds of both sides."""
    sight = Sight(plan)
    for customer in sorted(customers):
        mine, other = live.get(customer), shadow.get(customer)
        held = None if mine is None else decode_state(mine)
        if passing and held is not None and not replay.has_read(held.position):
            continue
        made = None if other is None else decode_state(other)
        if held is not None and made is not None:
            now = max(held.now, made.now)
            sight.look(held, now)
            sight.look(made, now)
        found = _difference(customer, held, made)
        if found is not None:
            yield found


def _difference(customer: int, live: State | None, made: State | None) -> Difference | None:
    if live is None or made is None:
        if live is made:
            return None
        return Difference(customer, ("only live" if made is None else "only replayed",), {})
    what: list[str] = []
    detail: dict[str, object] = {}
    for name in sorted(live.traits.keys() | made.traits.keys()):
        a, b = live.traits.get(name), made.traits.get(name)
        if (a and a[0]) != (b and b[0]):
            detail[name] = {"live": _told(a), "replayed": _told(b)}
    if detail:
        what.append("traits")
    if live.consents != made.consents:
        what.append("consents")
    entered = sorted(set(made.audiences) - set(live.audiences))
    left = sorted(set(live.audiences) - set(made.audiences))
    if entered or left:
        what.append("audiences")
        detail["audiences"] = {"only live": left, "only replayed": entered}
    if _history(live) != _history(made):
        what.append("history")
        detail["events"] = {"live": live.events, "replayed": made.events}
    return Difference(customer, tuple(what), detail) if what else None


def _history(state: State) -> tuple[Any, ...]:
    places = {name: (at, position) for name, (_, at, position) in state.traits.items()}
    return (
        places,
        state.counters,
        state.first_seen,
        state.last_seen,
        state.events,
        state.position,
    )


def _told(trait: tuple[Any, int, int] | None) -> dict[str, object] | None:
    """A trait's value, shortened, with the position of the event that set it."""
    if trait is None:
        return None
    value, _, position = trait
    shown = value if isinstance(value, int | float | bool) else str(value)[:_LONGEST]
    return {"value": shown, "event": position}
