"""Random histories of events, merges, partings, keeping apart, consent and new models.

The pipeline takes the log in batches of any length, over real PostgreSQL; beside it the log is
replayed by rules that are written anew (`rebuild.py`), one event at a time and without a database.
Models are published, plan and apply as the command does; what each would part or ask about is
also told by the rebuild, from its own edges and records (`judges.py`), and must be the same. Set
`TSUNAGU_IDENTITY_STEPS` to the number of steps for the long run (10,000).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any, ClassVar
from uuid import uuid4

import msgspec
import pytest
from feeding import Feeding
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from judges import JUDGES, Judge
from rebuild import ORDERS, Rebuild, pair
from stored import rebuilt, stored

from tsunagu import access, eventlog
from tsunagu.core import Body, Invalid, NewEvent, decode_body, encode_body
from tsunagu.core.events import (
    DECISION_SOURCE,
    IDENTITY_KEPT_APART,
    IDENTITY_MERGED,
    IDENTITY_PARTED,
)
from tsunagu.core.times import SECOND, parse_time
from tsunagu.identity import DEFAULTS, IDENTIFIER, Decision, Identifier, as_properties
from tsunagu.identity.matching import MATCH_MODEL, MATCH_MODEL_NAME
from tsunagu.serve import matching, matching_reviews
from tsunagu.storage import Database, in_workspace

START = parse_time("2024-05-01T00:00:00Z")
CONSENT = {"channel": "email", "purpose": "marketing"}
STEPS = int(os.environ.get("TSUNAGU_IDENTITY_STEPS", "400"))
LENGTH = 25
# In so many steps everything that a plan may come to is seen.
ENOUGH = 5_000
USERS = ["u1", "u2", "u3", "u4"]
DEVICES = ["d1", "d2", "d3"]
ADDRESSES = ["a@shop.example", "b@shop.example", "c@shop.example"]
NAMES = [None, "hana", "ken", "mari"]
CITIES = [None, "kyoto", "otaru"]
MOST_PLANS = 3
Person = tuple[str | None, str | None]


class Machine(RuleBasedStateMachine):
    """One workspace and its log."""

    make: ClassVar[Callable[[], Feeding]]
    tally: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self.feeding = self.make()
        self.now = START
        self.waiting: list[NewEvent] = []
        self.rebuild = Rebuild(self.feeding.workspace)
        self.given: set[int] = set()
        self.plans = self.heard = 0
        self.last_judge = JUDGES[0]

    def tell(self, name: str, source: str, body: Body, **ids: str | None) -> None:
        self.now += SECOND
        kind = "identify" if name == "identify" else "track"
        self.waiting.append(
            NewEvent(
                str(uuid4()), kind, name, ids.get("user"), ids.get("device"), self.now, source,
                encode_body(body), known_at=self.now,
            )
        )  # fmt: skip

    def decide(self, decision: Decision) -> None:
        self.tell(decision.name, DECISION_SOURCE, Body(properties=as_properties(decision)))
        self.given |= set(self.rebuild.first)

    def people(self, least: int) -> list[int]:
        """Who holds so many identifiers, in an order that is the same in every workspace."""
        held = {c: sorted(self.rebuild.held(c)) for c in self.rebuild.living()}
        return sorted((c for c in held if len(held[c]) >= least), key=lambda c: held[c])

    @initialize(
        people=st.lists(
            st.tuples(
                st.sampled_from(USERS),
                st.sampled_from(DEVICES),
                st.tuples(st.sampled_from(NAMES), st.sampled_from(CITIES)),
                st.booleans(),
            ),
            min_size=2,
            max_size=5,
        ),
        judge=st.sampled_from(JUDGES),
    )
    def somebody_is_there(self, people: list[tuple[str, str, Person, bool]], judge: Judge) -> None:
        self.last_judge = judge
        for user, device, person, alone in people:
            self.happens(user, device, None, "identify", person, alone=alone)

    @rule(
        user=st.sampled_from([None, *USERS]),
        device=st.sampled_from(DEVICES),
        email=st.sampled_from([None, None, *ADDRESSES]),
        name=st.sampled_from(["identify", "Order Completed", "Consent Given", "Consent Withdrawn"]),
        person=st.tuples(st.sampled_from(NAMES), st.sampled_from(CITIES)),
        alone=st.booleans(),
    )
    def happens(
        self,
        user: str | None,
        device: str | None,
        email: str | None,
        name: str,
        person: Person,
        *,
        alone: bool,
    ) -> None:
        if user and alone:
            device = None
        stated = [(k, v) for k, v in (("user_id", user), ("anonymous_id", device)) if v]
        traits: dict[str, Any] = {}
        if name == "identify":
            told = {"email": email, "name": person[0], "city": person[1]}
            traits = {"nick": f"{len(self.rebuild.rows)}"} | {k: v for k, v in told.items() if v}
            stated += [("email", email)] if email else []
        properties = CONSENT if name.startswith("Consent") else {}
        self.tell(
            name, "shop", Body(properties=properties, traits=traits), user=user, device=device
        )
        self.rebuild.happened(self.now, stated, name, traits)

    @precondition(lambda self: len(self.rebuild.owners) > 1)
    @rule(data=st.data(), reason=st.sampled_from(["operator", "review", "model"]))
    def merges(self, data: st.DataObject, reason: str) -> None:
        known = sorted(self.rebuild.owners)
        a, b = data.draw(st.lists(st.sampled_from(known), min_size=2, max_size=2, unique=True))
        weight = 7.5 if reason == "model" else None
        self.decide(Decision(IDENTITY_MERGED, (a,), b, "hana", reason, weight))
        before = self.rebuild.words.copy()
        sides = {self.rebuild.owners[a], self.rebuild.owners[b]}
        with self.consent_stays():
            self.rebuild.decided_one(a, b, reason)
        after = self.rebuild.words.get(self.rebuild.owners[a])
        if any(not before[side][0] for side in sides & before.keys()) and len(sides) == 2:
            joined = self.rebuild.owners[a] == self.rebuild.owners[b]
            assert not joined or (after is not None and not after[0])

    @precondition(lambda self: len(self.people(1)) > 1)
    @rule(data=st.data())
    def keeps_apart(self, data: st.DataObject) -> None:
        living = self.people(1)
        two = data.draw(st.lists(st.sampled_from(living), min_size=2, max_size=2, unique=True))
        a, b = (data.draw(st.sampled_from(sorted(self.rebuild.held(c)))) for c in two)
        self.decide(Decision(IDENTITY_KEPT_APART, (a,), b, "hana", "operator"))
        self.rebuild.apart.append((a, b))

    @precondition(lambda self: self.people(2))
    @rule(data=st.data(), reason=st.sampled_from(["operator", "model"]))
    def parts(self, data: st.DataObject, reason: str) -> None:
        some = self.people(2)
        held = sorted(self.rebuild.held(data.draw(st.sampled_from(some))))
        right = data.draw(st.sampled_from(held))
        rest = [i for i in held if i != right]
        leaving = tuple(sorted(data.draw(st.sets(st.sampled_from(rest), min_size=1))))
        self.decide(Decision(IDENTITY_PARTED, leaving, right, "hana", reason))
        with self.consent_stays():
            self.rebuild.part(leaving, right)

    @precondition(lambda self: self.plans < MOST_PLANS)
    @rule(judge=st.sampled_from(JUDGES), meanwhile=st.booleans())
    def a_new_model_plans(self, judge: Judge, *, meanwhile: bool) -> None:
        self.plans += 1
        self.plan_and_apply(judge, meanwhile=meanwhile)

    def plan_and_apply(self, judge: Judge, *, meanwhile: bool) -> None:
        self.take()
        workspace = self.feeding.workspace
        document = msgspec.json.decode(judge.model().model_dump_json())
        with self.feeding.database.connect("pipeline") as connection:
            with in_workspace(connection, workspace) as cursor:
                access.publish(cursor, workspace, MATCH_MODEL, MATCH_MODEL_NAME, document, "hana")
            planned = matching.plan(connection, workspace, "hana")
            self.is_what_the_judge_would_say(planned, judge)
            if meanwhile:
                self.happens("u1", "d1", None, "identify", ("mari", "otaru"), alone=False)
                self.take()
            done = matching.apply(connection, workspace, planned.plan_id, "hana", chunk=2)
            self.tally.update(done)
        self.follow()

    def is_what_the_judge_would_say(self, planned: matching.Planned, judge: Judge) -> None:
        told = {
            pair((ka, va), (kb, vb)): (action, pytest.approx(weight))
            for action, weight, ka, va, kb, vb in self.feeding.rows(
                "select action, weight, kind_a, value_a, kind_b, value_b from match_changes "
                "where plan_id = %s and kind_a is not null",
                planned.plan_id,
            )
        }
        expected = {
            edge: ("part" if weight < judge.lower else "review", weight)
            for edge, weight in self.rebuild.doubted(judge).items()
        }
        assert told == expected

    @precondition(lambda self: self.plans)
    @rule(data=st.data(), answer=st.sampled_from(["same", "different"]))
    def a_person_answers(self, data: st.DataObject, answer: str) -> None:
        feeding = self.feeding
        self.take()
        with (
            feeding.database.connect("pipeline") as connection,
            in_workspace(connection, feeding.workspace) as cursor,
        ):
            asked = matching_reviews.open_reviews(cursor, feeding.workspace)
            if not asked:
                return
            review = data.draw(st.sampled_from([one.review_id for one in asked]))
            with suppress(Invalid):  # other evidence joins the two as well
                matching_reviews.answer_review(cursor, feeding.workspace, review, answer, "hana")
                self.tally[f"answer {answer}"] += 1
        self.follow()

    def follow(self) -> None:
        """Let the rebuild hear the decisions that the platform entered by itself."""
        told = self.feeding.rows(
            "select position, name, body from inbox where workspace_id = %s and source = %s "
            "and position > %s order by position",
            *(self.feeding.workspace, DECISION_SOURCE, self.heard),
        )
        for position, name, body in told:
            self.heard = position
            properties = decode_body(body).properties
            left = tuple((kind, value) for kind, value in properties["left"])
            right = (properties["right"][0], properties["right"][1])
            with self.consent_stays():
                if name == IDENTITY_PARTED:
                    if properties["reason"] == "model":
                        self.only_models_joined(left, right)
                    self.rebuild.part(left, right)
                elif name == IDENTITY_MERGED:
                    self.rebuild.decided_one(left[0], right, properties["reason"])
                else:
                    self.rebuild.apart.append((left[0], right))
        self.given |= set(self.rebuild.first)

    @contextmanager
    def consent_stays(self) -> Generator[None]:
        """Whatever is decided, who had withdrawn consent by an identifier has withdrawn it."""
        before = self.withdrawn()
        yield
        assert before <= self.withdrawn()

    def withdrawn(self) -> set[Identifier]:
        words = self.rebuild.words
        return {i for i, c in self.rebuild.owners.items() if c in words and not words[c][0]}

    def only_models_joined(self, left: tuple[Identifier, ...], right: Identifier) -> None:
        """No model parts what an event shows to be one, or somebody decided."""
        held = set(self.rebuild.held(self.rebuild.owners[right]))
        for (a, b), (kind, cut) in self.rebuild.edges.items():
            if not cut and {a, b} <= held and (a in left) != (b in left):
                assert kind == "model"

    @rule()
    def is_taken(self) -> None:
        self.take()

    def take(self) -> None:
        if self.waiting:
            feeding = self.feeding
            with (
                feeding.database.connect("pipeline") as connection,
                in_workspace(connection, feeding.workspace) as cursor,
            ):
                eventlog.append(
                    cursor, feeding.workspace, self.waiting, received_at=self.now, now=None
                )
            self.waiting = []
            feeding.clock(self.now)
        self.heard = self.last_decision()
        self.feeding.drain()

    def last_decision(self) -> int:
        ((last,),) = self.feeding.rows(
            "select coalesce(max(position), 0) from inbox where workspace_id = %s and source = %s",
            *(self.feeding.workspace, DECISION_SOURCE),
        )
        return last

    @invariant()
    def every_id_leads_to_somebody(self) -> None:
        self.given |= set(self.rebuild.first)
        living = set(self.rebuild.living())
        assert all(self.rebuild.current(c) in living for c in self.given)

    def teardown(self) -> None:
        self.plan_and_apply(self.last_judge, meanwhile=False)
        self.take()
        found, expected = stored(self.feeding), rebuilt(self.rebuild)
        for what in expected:
            assert found[what] == expected[what], what
        ids = {c for (c,) in self.feeding.rows("select customer_id from customers")}
        assert self.given <= ids


@pytest.mark.timeout(300 + STEPS)
def test_a_history_of_decisions_equals_its_rebuild(
    database: Database,
    make_workspace: Callable[..., int],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    def make() -> Feeding:
        workspace = make_workspace(clock="driven", clock_now=START)
        feeding = Feeding(database, workspace, tmp_path_factory.mktemp("lake"))
        for kind in ("anonymous_id", "email"):
            wide = DEFAULTS[kind].model_copy(update={"per_identifier": 50})
            feeding.publish(IDENTIFIER, kind, wide.model_dump())
        feeding.publish(
            "audience",
            "buyers",
            {
                "title": {"en": "Buyers", "ja": "購入者"},
                "rule": f"did('Order Completed') >= {ORDERS}",
            },
        )
        return feeding

    tally = Counter[str]()
    case = type("Case", (Machine,), {"make": staticmethod(make), "tally": tally})
    run_state_machine_as_test(
        case,
        settings=settings(
            max_examples=max(STEPS // LENGTH, 1),
            stateful_step_count=LENGTH,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
    if STEPS >= ENOUGH:
        assert {"merge done", "part done", "review done", "part changed"} <= tally.keys()
    print("what plans and answers came to:", dict(tally))
