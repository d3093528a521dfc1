"""Letting a shadow take the place of what is live, and back: one exchange under the lease.

Only what differs changes sides, in one transaction, while the pipeline waits for its lease and
everybody else goes on. What was live lies in the shadow afterwards, so undoing is the same
exchange again. Nothing is sent and no journey is entered: memberships change without a word.
"""

from __future__ import annotations

from psycopg import Cursor

from tsunagu import eventlog
from tsunagu.core import Invalid
from tsunagu.profiles import Plan, decode_state, encode_state
from tsunagu.runtime.replay import queries, side_queries
from tsunagu.runtime.replay.compare import compare_lists, compare_some
from tsunagu.runtime.replay.models import Replay
from tsunagu.storage import Row


def exchange(cursor: Cursor[Row], replay: Replay, plan: Plan) -> tuple[Replay, int]:
    """Exchange the sides of a replay that has read as much of the log as the pipeline.

    Call it under the pipeline's lease, in a transaction that sees both sides.

    Returns:
        The replay as it is now, and how many customers changed.

    Raises:
        Invalid: it found other customers, and was not asked to change who is one person.
    """
    candidates = queries.differing(cursor, replay) | side_queries.touched_since(cursor, replay)
    found = list(compare_some(cursor, replay, plan, candidates))
    found += compare_lists(cursor, replay, {one.customer_id for one in found})
    changed = {one.customer_id for one in found}
    if not replay.identifies and side_queries.identifies_otherwise(cursor, replay):
        raise Invalid(
            "The replay finds other customers than those that are live, so its profiles are not "
            "theirs. Start one with identity among its --stages."
        )
    sends = _sends(cursor, replay, changed)
    side_queries.exchange_profiles(cursor, replay, changed)
    if replay.identifies:
        side_queries.exchange_identity(cursor, replay)
        side_queries.exchange_owners(cursor, replay)
        side_queries.follow_merges(cursor, replay.workspace_id)
    _keep_sends(cursor, replay.workspace_id, changed, sends)
    queries.forget_differences(cursor, replay)
    queries.keep_differences(cursor, replay, found)
    queries.note_compared(cursor, replay, True)
    eventlog.disturb(cursor, replay.workspace_id)
    after = queries.set_state(cursor, replay, "ready" if replay.state == "swapped" else "swapped")
    return after, len(changed)


def _sends(
    cursor: Cursor[Row], replay: Replay, changed: set[int]
) -> dict[int, list[tuple[int, str]]]:
    """The messages that each changed customer was sent, whoever of them it was sent to.

    They are those of all who become the customer, and of whom the customer was part before: a
    customer who is taken apart must not be written to twice as often.
    """
    if not changed:
        return {}
    was = side_queries.current(cursor, replay.workspace_id, changed)
    becomes = side_queries.current(cursor, replay.shadow, changed | set(was.values()))
    holders = changed | set(was.values())
    folds = side_queries.folds(cursor, replay.workspace_id, 0, 0, holders)
    sent: dict[int, set[tuple[int, str]]] = {}
    held = {
        c: {(at, channel) for at, channel in decode_state(raw).sends} for c, raw in folds.items()
    }
    for customer, told in held.items():
        sent.setdefault(becomes.get(customer, customer), set()).update(told)
    for customer in changed:
        sent.setdefault(customer, set()).update(held.get(was.get(customer, customer), set()))
    return {customer: sorted(told) for customer, told in sent.items()}


def _keep_sends(
    cursor: Cursor[Row],
    workspace_id: int,
    changed: set[int],
    sends: dict[int, list[tuple[int, str]]],
) -> None:
    """Give the folds that are live now their sends, and the timers of their enrolments."""
    if not changed:
        return
    wakes = side_queries.wakes_of_enrolments(cursor, workspace_id, changed)
    rows: list[tuple[int, bytes, int]] = []
    for customer, raw in side_queries.folds(cursor, workspace_id, 0, 0, changed).items():
        state = decode_state(raw)
        state.sends = sends.get(customer, [])
        due = [at for at in (state.audience_wake, wakes.get(customer, 0)) if at]
        rows.append((customer, encode_state(state), min(due, default=0)))
    side_queries.write_folds(cursor, workspace_id, rows)
