"""What a decision about identity would change, told before it is made.

The previews fold with the pipeline's own functions and write nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from psycopg import Cursor

from tsunagu import access, profiles
from tsunagu.core import Invalid, Json, NotFound, decode_body
from tsunagu.core.times import zone
from tsunagu.identity import Identifier, Kinds
from tsunagu.profiles import CustomerView, Lived, ObservingWalk, Plan
from tsunagu.profiles.state import State, decode_state, encode_state, merge_states
from tsunagu.serve import definitions
from tsunagu.serve import identity as decisions
from tsunagu.serve.identity_queries import by_age, running
from tsunagu.storage import Row

MOST_PREVIEWED = 50_000
"""Events of a customer whose parting is previewed."""


@dataclass(frozen=True)
class Outcome:
    """A customer as it is, or would be; `customer` is the id before where two would have it.

    `consents` are by channel and purpose; `stricter` names those that stay withdrawn for what
    the other side said. `running` counts enrolments that go on.
    """

    customer: int
    identifiers: tuple[Identifier, ...]
    traits: Json
    consents: dict[str, bool]
    stricter: tuple[str, ...]
    audiences: tuple[str, ...]
    running: int
    events: int


@dataclass(frozen=True)
class MergePreview:
    """Both customers as they are, and the one that they would be."""

    before: tuple[Outcome, Outcome]
    after: Outcome


@dataclass(frozen=True)
class PartPreview:
    """The customer as it is, and both that it would be."""

    before: Outcome
    stays: Outcome
    leaves: Outcome


def preview_merge(
    cursor: Cursor[Row], workspace_id: int, a: Identifier, b: Identifier
) -> MergePreview:
    """What merging the owners of two identifiers would give.

    Raises:
        NotFound: nobody owns one of them.
        Invalid: one customer owns both.
    """
    ids = [decisions.holding(cursor, workspace_id, one).customer for one in (a, b)]
    if ids[0] == ids[1]:
        raise Invalid("Both identifiers lead to one customer already.")
    ids = by_age(cursor, workspace_id, ids)
    plan = _rules(cursor, workspace_id)[0]
    views = [_view(cursor, workspace_id, one) for one in ids]
    states = [profiles.state_of(cursor, workspace_id, one) or State() for one in ids]
    before = [
        _outcome(
            plan,
            view.customer_id,
            view.identifiers,
            state,
            running(cursor, workspace_id, view.customer_ids),
        )
        for view, state in zip(views, states, strict=True)
    ]
    merged = merge_states(states[0], states[1], plan.survivorship)
    granted = {key for state in states for key, said in state.consents.items() if said.granted}
    after = _outcome(
        plan,
        ids[0],
        [*before[0].identifiers, *before[1].identifiers],
        merged,
        before[0].running + before[1].running,
        stricter=(k for k in granted if not merged.consents[k].granted),
    )
    return MergePreview((before[0], before[1]), after)


def preview_part(
    cursor: Cursor[Row], workspace_id: int, leaving: Sequence[Identifier]
) -> PartPreview:
    """What would become of a customer whom these identifiers leave.

    Raises:
        NotFound: nobody owns them.
        Invalid: they have several owners, none would stay, or the customer has too many events.
    """
    whole_of, _ = decisions.check_part(cursor, workspace_id, leaving)
    plan, kinds = _rules(cursor, workspace_id)
    view = _view(cursor, workspace_id, whole_of.customer)
    if view.events > MOST_PREVIEWED:
        raise Invalid(f"This customer has more than {MOST_PREVIEWED} events; part it unseen.")
    whole = profiles.state_of(cursor, workspace_id, whole_of.customer) or State()
    gone = set(leaving)
    rows = profiles.lived_by(cursor, workspace_id, view.customer_ids)
    left = [lived for lived in rows if _leaves(lived, gone, whole_of.identifiers, kinds)]
    positions = {lived.event.position for lived in left}
    events = (
        [lived.event for lived in rows if lived.event.position not in positions],
        [lived.event for lived in left],
    )
    stay, leave = profiles.part_state(plan, whole, *events)
    stay_said, leave_said = profiles.part_state(plan, State(), *events)
    going = running(cursor, workspace_id, view.customer_ids)
    moving = running(cursor, workspace_id, view.customer_ids, positions)
    before = _outcome(plan, view.customer_id, view.identifiers, whole, going)
    kept = [one for one in view.identifiers if one not in gone]
    return PartPreview(
        before,
        _outcome(
            plan, view.customer_id, kept, stay, going - moving, stricter=_held(stay, stay_said)
        ),
        _outcome(plan, view.customer_id, leaving, leave, moving, stricter=_held(leave, leave_said)),
    )


def _rules(cursor: Cursor[Row], workspace_id: int) -> tuple[Plan, Kinds]:
    tz = zone(access.workspace_by_id(cursor, workspace_id).zone)
    found = definitions.load(cursor, workspace_id, tz, None)
    return found.plan, found.kinds


def _view(cursor: Cursor[Row], workspace_id: int, customer: int) -> CustomerView:
    view = profiles.customer_view(cursor, workspace_id, customer)
    if view is None:
        raise NotFound(f"There is no customer {customer}.")
    return view


def _outcome(
    plan: Plan,
    customer: int,
    identifiers: Sequence[Identifier],
    state: State,
    going: int,
    *,
    stricter: Iterable[str] = (),
) -> Outcome:
    return Outcome(
        customer,
        tuple(identifiers),
        state.values(),
        {key: said.granted for key, said in sorted(state.consents.items())},
        tuple(sorted(stricter)),
        _audiences(plan, state),
        going,
        state.events,
    )


def _audiences(plan: Plan, state: State) -> tuple[str, ...]:
    """The audiences that the rules answer for a state; it stays as it is."""
    walk = ObservingWalk(plan, {0: decode_state(encode_state(state))})
    walk.observe(0, state.now, state.position)
    members, _ = walk.answer({})
    return tuple(sorted(members.get(0, ())))


def _held(side: State, said: State) -> list[str]:
    """Which words of a side are withdrawn although it did not say so itself."""
    own = said.consents
    return [
        key
        for key, word in side.consents.items()
        if not word.granted and (key not in own or own[key].granted)
    ]


def _leaves(
    lived: Lived, gone: Collection[Identifier], held: Collection[Identifier], kinds: Kinds
) -> bool:
    stated = kinds.identifiers_of(lived.event, decode_body(lived.event.body))
    return next((one in gone for one in stated if one in held), False)
