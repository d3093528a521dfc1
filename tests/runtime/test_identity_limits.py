"""Shared tablets, family phones and test addresses glue nobody together, however the log is cut."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from feeding import Feeding, Pure, Said
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streams import streaming

from tsunagu import identity
from tsunagu.core import Body, Invalid
from tsunagu.core.times import parse_time, zone
from tsunagu.identity import DEFAULTS, IDENTIFIER, Kinds
from tsunagu.profiles import make_plan
from tsunagu.runtime import pipeline, stream
from tsunagu.storage import Database, in_workspace

START = parse_time("2024-05-01T00:00:00Z")
PLAN = make_plan({}, zone("UTC"))
STRICT = {
    "anonymous_id": DEFAULTS["anonymous_id"].model_copy(
        update={"per_customer": 3, "per_identifier": 2}
    ),
    "email": DEFAULTS["email"].model_copy(update={"per_customer": 2, "per_identifier": 2}),
    "card": DEFAULTS["card"].model_copy(update={"unique": True, "per_identifier": 1}),
}


@pytest.fixture
def make_feeding(
    database: Database, make_workspace: Callable[..., int], tmp_path: Path
) -> Callable[[], Feeding]:
    def make() -> Feeding:
        workspace = make_workspace(clock="driven", clock_now=START)
        return Feeding(database, workspace, tmp_path / "lake")

    return make


def identify(user: str | None, device: str | None = None, **traits: str) -> Said:
    return Said("identify", "identify", START, user, device, Body(traits=traits))


def external(user: str | None, device: str | None, *ids: tuple[str, str]) -> Said:
    listed = [{"type": kind, "id": value} for kind, value in ids]
    return Said("track", "Seen", START, user, device, Body(context={"externalIds": listed}))


def customers(feeding: Feeding) -> int:
    ((count,),) = feeding.rows("select count(*) from customers where merged_into is null")
    return count


def held(feeding: Feeding, **which: Any) -> list[identity.Held]:
    with (
        feeding.database.connect("app") as connection,
        in_workspace(connection, feeding.workspace) as cursor,
    ):
        return identity.list_held(cursor, feeding.workspace, **which)


def test_a_test_address_with_ten_thousand_users_glues_nobody(
    make_feeding: Callable[[], Feeding],
) -> None:
    feeding = make_feeding()
    feeding.post([identify(f"u{n}", email="everybody@shop.example") for n in range(10_000)])
    assert customers(feeding) == 10_000
    assert feeding.rows("select 1 from customers where merged_into is not null") == []
    apart, shared = sorted(held(feeding, value="everybody@shop.example"), key=lambda h: h.reason)
    assert (apart.reason, apart.times) == ("apart", 5)
    assert apart.stated_by == [("user_id", f"u{n}") for n in range(1, 6)]
    assert (shared.reason, shared.times) == ("shared", 9_994)
    # Whoever comes with it and has no user id yet is not taken for its first owner.
    feeding.post([identify(None, "new-device", email="everybody@shop.example")])
    assert customers(feeding) == 10_001
    feeding.post([identify(None, f"d{n}", email="test@shop.example") for n in range(100)])
    assert customers(feeding) == 10_101
    assert held(feeding, reason="blocked")[0].times == 100


def test_a_shared_tablet_is_held_back_after_a_few_people(
    make_feeding: Callable[[], Feeding],
) -> None:
    feeding = make_feeding()
    feeding.post([Said("track", "Seen", START, f"u{n}", "tablet") for n in range(8)])
    assert customers(feeding) == 8
    # Somebody signs up on it by an address alone: it is not the tablet's first user.
    feeding.post([identify(None, "tablet", email="new@shop.example")])
    assert customers(feeding) == 9
    assert {(h.kind, h.value, h.reason) for h in held(feeding)} == {
        ("anonymous_id", "tablet", "apart"),
        ("anonymous_id", "tablet", "shared"),
    }


def test_a_family_phone_names_only_its_first_owner(make_feeding: Callable[[], Feeding]) -> None:
    feeding = make_feeding()
    family = ["090-1234-0000", "０９０（１２３４）００００", "+81 90 1234 0000"]
    feeding.post([identify(f"u{n}", phone=phone) for n, phone in enumerate(family)])
    assert customers(feeding) == 3
    owner = feeding.rows(
        "select i.value, c.first_value from identifiers as i join customers as c "
        "using (workspace_id, customer_id) where kind = 'phone'"
    )
    assert owner == [("+819012340000", "u0")]


def test_a_customer_holds_no_more_than_the_kind_allows(
    make_feeding: Callable[[], Feeding],
) -> None:
    feeding = make_feeding()
    feeding.publish(IDENTIFIER, "email", STRICT["email"].model_dump())
    feeding.post([identify("u1", email=f"a{n}@shop.example") for n in range(5)])
    found = feeding.rows("select value from identifiers where kind = 'email' order by 1")
    assert found == [("a0@shop.example",), ("a1@shop.example",)]
    assert [(h.value, h.reason) for h in held(feeding)] == [
        (f"a{n}@shop.example", "full") for n in (2, 3, 4)
    ]


def test_one_person_is_found_by_line_card_and_phone(make_feeding: Callable[[], Feeding]) -> None:
    feeding = make_feeding()
    feeding.post(
        [
            external("u1", None, ("line", "U9")),
            external(None, "d1", ("LINE_ID", "U9"), ("card", "４２４２")),
            external(None, "d2", ("card", "4242"), ("店舗", "no name"), ("Shop No.", "7")),
            external(None, "d3", ("shop_no", "7")),
        ]
    )
    assert customers(feeding) == 1
    assert feeding.rows("select 1 from held_identifiers") == []


def test_two_customers_with_a_unique_kind_stay_apart(make_feeding: Callable[[], Feeding]) -> None:
    feeding = make_feeding()
    feeding.publish(IDENTIFIER, "card", STRICT["card"].model_dump())
    feeding.post(
        [
            external(None, device, ("card", card))
            for device, card in (("d1", "1"), ("d2", "2"), ("d1", "2"))
        ]
    )
    assert customers(feeding) == 2


def test_a_kind_is_checked_before_it_is_published(make_feeding: Callable[[], Feeding]) -> None:
    feeding = make_feeding()
    with pytest.raises(Invalid, match="no place in an event"):
        feeding.publish(IDENTIFIER, "member", {"sources": ["somewhere"]})
    with pytest.raises(Invalid, match="no name of a kind"):
        feeding.publish(IDENTIFIER, "会員", {"sources": ["properties.member"]})


people = st.sampled_from([None, "u1", "u2", "u3"])
devices = st.sampled_from([None, "d1", "d2", "d3", "d4", "d5"])
addresses = st.sampled_from([None, "a@x.jp", "b@x.jp", "c@x.jp", "d@x.jp"])
cards = st.sampled_from([None, None, "1", "2", "3"])
lines = st.tuples(st.booleans(), people, devices, addresses, cards).filter(
    lambda drawn: any(drawn[1:])
)


def said_of(drawn: list[Any]) -> list[Said]:
    said: list[Said] = []
    for alias, user, device, address, card in drawn:
        body = Body(
            traits={"email": address} if address else {},
            context={"externalIds": [{"type": "card", "id": card}]} if card else {},
            previous_id="d1" if alias and user else None,
        )
        kind = "alias" if alias and user else "identify"
        said.append(Said(kind, kind, START, user, device, body))
    return said


def _slowly(*given: Any) -> Any:
    """Store so late that the next batch is prepared from a snapshot without this one."""
    time.sleep(0.005)
    return pipeline.store(*given)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(lines, min_size=1, max_size=25), st.data())
def test_no_cut_of_the_log_changes_what_is_held_back(
    make_feeding: Callable[[], Feeding],
    database: Database,
    drawn: list[Any],
    data: st.DataObject,
) -> None:
    """Batches of any size, one stored while the next is prepared, or everything forgotten."""
    feeding = make_feeding()
    kinds = data.draw(st.sampled_from([{}, STRICT]))
    for name, kind in kinds.items():
        feeding.publish(IDENTIFIER, name, kind.model_dump())
    said = said_of(drawn)
    pure = Pure(feeding.workspace, PLAN, Kinds(kinds))
    log = feeding.wait(said)
    chance = random.Random(data.draw(st.integers(0, 99)))
    with streaming(database) as flow, pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "BATCH", data.draw(st.integers(1, 6)))
        patch.setattr(stream, "store", _slowly)
        more = True
        while more:
            for report in flow.turn(feeding.desk):
                more = report.more
            if chance.random() < 0.3:
                feeding.desk.forget()
    pure.take(log, START, bulk=False)
    found, expected = feeding.story(), pure.story()
    for part in ("owners", "customers", "edges", "stated_by", "held", "timeline"):
        assert found[part] == expected[part], part


def test_what_is_held_back_at_one_time_is_listed_page_by_page(
    make_feeding: Callable[[], Feeding],
) -> None:
    feeding = make_feeding()
    for number in range(7):
        both = [identify(f"a{number}-{n}", email=f"shared{number}@shop.example") for n in range(2)]
        feeding.post(both)
    feeding.rows("update held_identifiers set last_at = '2026-01-01' returning 1")
    every = held(feeding)
    assert len(every) == 7
    paged: list[identity.Held] = []
    while page := held(feeding, limit=3, after=paged[-1].place if paged else None):
        paged += page
    assert paged == every
