"""One person, by evidence; and never two people glued together by a shared device."""

from hypothesis import given
from hypothesis import strategies as st

from tsunagu.core import Body, Event
from tsunagu.core.events import IDENTITY_MERGED
from tsunagu.identity import Decision, Known, Resolution, identifiers_of, resolve


def event(position: int, user: str | None, device: str | None, kind: str = "track") -> Event:
    return Event(
        position, position, position, f"m{position}", kind, "Seen", user, device, 0, "t", b"{}"
    )


def run(events: list[Event], known: Known, previous: str | None = None) -> Resolution:
    body = Body(previous_id=previous)
    return resolve(1, events, [identifiers_of(e, body) for e in events], known)


def test_an_anonymous_visitor_who_signs_in_is_the_same_customer() -> None:
    found = run([event(1, None, "d1"), event(2, "u1", "d1"), event(3, "u1", None)], Known())
    assert len(set(found.customers)) == 1
    assert found.merges == []
    assert [(e.a, e.b) for e in found.edges.values()] == [
        (("anonymous_id", "d1"), ("user_id", "u1"))
    ]


def test_two_customers_known_apart_merge_into_the_older() -> None:
    found = run([event(1, None, "d1"), event(2, "u1", None), event(3, "u1", "d1")], Known())
    assert found.customers[2] == found.customers[0]
    assert [(m.loser, m.survivor) for m in found.merges] == [
        (found.customers[1], found.customers[0])
    ]


def test_an_alias_between_two_devices_of_one_customer_merges_it_once() -> None:
    events = [event(1, None, "d1"), event(2, "u1", None), event(3, "u1", "d1", "alias")]
    known = Known()
    run([event(0, None, "d1", "alias")], known, previous="d2")
    found = run(events[1:], known, previous="d2")
    assert len(found.merges) == 1


def test_a_shared_tablet_glues_nobody_together() -> None:
    found = run([event(1, "u1", "tablet"), event(2, "u2", "tablet"), event(3, "u2", None)], Known())
    assert found.customers[0] != found.customers[1] == found.customers[2]
    assert found.merges == []
    assert ("anonymous_id", "tablet") in found.identifiers


def test_a_placeholder_identifies_nobody() -> None:
    assert identifiers_of(event(1, "undefined", "d1"), Body()) == [("anonymous_id", "d1")]


people = st.sampled_from([None, "u1", "u2", "u3"])
devices = st.sampled_from([None, "d1", "d2", "d3"])


@given(st.lists(st.tuples(people, devices).filter(any), max_size=30), st.data())
def test_the_cut_of_the_log_does_not_matter(
    stated: list[tuple[str | None, str | None]], data: st.DataObject
) -> None:
    log = [event(n + 1, user, device) for n, (user, device) in enumerate(stated)]
    cut = data.draw(st.integers(0, len(log)))
    whole = run(log, Known())
    stored = Known()
    first = run(log[:cut], stored)
    for merge in first.merges:  # what the database does between batches
        stored.owners = {
            i: merge.survivor if c == merge.loser else c for i, c in stored.owners.items()
        }
    second = run(log[cut:], stored)
    assert first.customers + second.customers == whole.customers
    assert first.merges + second.merges == whole.merges


def test_a_decision_about_two_whom_nobody_knows_leaves_no_customer_without_a_name() -> None:
    left, right = ("user_id", "u1"), ("user_id", "u2")
    decision = Decision(IDENTITY_MERGED, (left,), right, "Mari", "operator")
    events = [event(1, None, None), event(2, "u1", None)]
    found = resolve(1, events, [[left, right], [left]], Known(), decided={1: decision})
    assert found.customers[0] == found.customers[1]
    assert found.identifiers == {left: (found.customers[0], 1)}
    assert len(found.created) == 1


def test_an_event_proves_more_than_a_model() -> None:
    user, device = ("user_id", "u1"), ("anonymous_id", "d1")
    by_model = Decision(IDENTITY_MERGED, (user,), device, "model 1", "model", 8.0)
    log = [event(1, "u1", None), event(2, None, "d1"), event(3, None, None), event(4, "u1", "d1")]
    stated = [[user], [device], [user, device], [user, device]]
    judged = resolve(1, log[:3], stated[:3], Known(), decided={3: by_model})
    assert [edge.by_model for edge in judged.edges.values()] == [True]
    seen_later = resolve(1, log, stated, Known(), decided={3: by_model})
    assert [(e.by_model, e.position) for e in seen_later.edges.values()] == [(False, 4)]
    log = [*log[:2], event(3, "u1", "d1"), event(4, None, None)]
    seen_before = resolve(1, log, stated, Known(), decided={4: by_model})
    assert [(e.by_model, e.position) for e in seen_before.edges.values()] == [(False, 3)]
