"""A new model parts what an older one merged, or people are asked; nobody else is touched."""

from __future__ import annotations

import json
import os
import signal
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from matched import PEOPLE, TWICE, Make, Matched
from shop import START
from typer.testing import CliRunner

from tsunagu.core import Body, Invalid, NewEvent, encode_body
from tsunagu.core.events import IDENTITY_MERGED, IDENTITY_PARTED
from tsunagu.core.times import DAY
from tsunagu.identity import Decision
from tsunagu.identity.linking import Model
from tsunagu.runtime.cli import commands
from tsunagu.serve import identity as deciding
from tsunagu.serve import identity_undo, matching, matching_reviews
from tsunagu.serve.identity_queries import decisions_about, joined
from tsunagu.storage import Database

WORD = {"channel": "email", "purpose": "marketing"}


@pytest.fixture
def shop(database: Database, make_workspace: Make) -> Matched:
    """Those who registered twice are one by a first model."""
    shop = Matched(database, make_workspace(clock="driven", clock_now=START - 30 * DAY))
    for n in (0, 1, 2):
        shop.tell(f"u{n}", "Consent Given", START, **WORD)
        shop.tell(f"u{PEOPLE + n}", "Consent Withdrawn", START, **WORD)
    shop.drain()
    shop.train()
    shop.apply(shop.plan())
    shop.drain()
    return shop


def _merges(shop: Matched) -> list[tuple[Any, ...]]:
    """The merges of models in force, the lightest first: the weight, the identifiers."""
    return shop.rows(
        """
        select weight, kind_a, value_a, kind_b, value_b from identity_edges
        where kind = 'model' and cut_position is null order by 1, 3, 5
        """
    )


def _model(shop: Matched) -> Model:
    return shop.do(lambda c: matching.current_model(c, shop.workspace))[1]


def _strict(shop: Matched) -> Model:
    """A model that takes nobody for one person."""
    return shop.use(_model(shop).model_copy(update={"upper": 1000.0, "lower": 900.0}))


def _unsure(shop: Matched, *, lower: bool) -> tuple[int, int]:
    """Have a model that doubts the lighter merges: parts them, or with `lower` asks about them.

    The heavier ones are asked about where the lighter are parted. Returns how many are lighter
    and heavier.
    """
    weights = [weight for weight, *_ in _merges(shop)]
    light = sum(weight < weights[0] + 1e-6 for weight in weights)
    assert 5 < light < len(weights) - 5
    bar, above = weights[0] + 1e-6, 1000.0
    told = {"lower": weights[0] - 1.0, "upper": bar} if lower else {"lower": bar, "upper": above}
    shop.use(_model(shop).model_copy(update=told))
    return light, len(weights) - light


def _profiles(shop: Matched) -> dict[str, Any]:
    """Traits and whether consent is granted, by user id."""
    told = shop.rows(
        """
        select i.value, p.traits, (
            select bool_and(granted) from consents as c where c.customer_id = i.customer_id
        )
        from identifiers as i join profiles as p using (customer_id) where i.kind = 'user_id'
        """
    )
    return {user: (traits, granted) for user, traits, granted in told}


def test_the_model_that_merged_parts_nobody(shop: Matched) -> None:
    merges = _merges(shop)
    assert len(merges) > TWICE / 2
    again = shop.plan()
    assert (again.merges, again.partings) == (0, 0)
    assert _merges(shop) == merges


def test_a_new_model_parts_what_an_older_one_merged(shop: Matched) -> None:
    merges, ids = _merges(shop), shop.rows("select customer_id from customers")
    withdrawn = {user for user, (_, granted) in _profiles(shop).items() if granted is False}
    _strict(shop)
    planned = shop.plan()
    assert (planned.merges, planned.partings, planned.reviews) == (0, len(merges), 0)
    assert {p.action for p in planned.samples} == {"part"}
    assert shop.people() == PEOPLE + TWICE - len(merges)
    assert shop.apply(planned, chunk=7) == {"part done": len(merges)}
    shop.drain()
    assert shop.people() == PEOPLE + TWICE
    assert _merges(shop) == []
    told = shop.rows("select traits->>'lastName' from profiles where traits ? 'lastName'")
    assert len(told) == PEOPLE + TWICE
    assert {user for user, (_, granted) in _profiles(shop).items() if granted} == {
        f"u{n}" for n in (0, 1, 2) if f"u{n}" not in withdrawn
    }
    assert set(ids) <= set(shop.rows("select customer_id from customers"))
    again = shop.plan()
    assert (again.merges, again.partings, again.reviews) == (0, 0, 0)
    audited = "select sum((detail::jsonb->>'partings')::int) from audit_log where subject = %s"
    assert shop.rows(audited, str(planned.plan_id)) == [(len(merges),)]


def test_a_model_s_parting_is_taken_back_like_anybody_s(shop: Matched) -> None:
    (_, *edge), *_ = _merges(shop)
    a, b = (edge[0], edge[1]), (edge[2], edge[3])
    _strict(shop)
    shop.apply(shop.plan())
    shop.drain()
    told = shop.do(lambda c: decisions_about(c, shop.workspace, [a, b], limit=5))
    assert [(made.name, made.by) for made in told] == [(IDENTITY_PARTED, "model 2")]
    shop.do(lambda c: identity_undo.undo(c, shop.workspace, told[0].message_id, "Mari"))
    shop.drain()
    assert shop.people() == PEOPLE + TWICE - 1
    # What somebody joined again is not weighed any more.
    assert shop.plan().partings == 0


def test_what_a_model_decides_again_by_another_plan_is_done_again(shop: Matched) -> None:
    (_, *edge), *_ = _merges(shop)
    people = shop.people()
    leaving = [(edge[2], edge[3])]
    shop.do(lambda c: deciding.part(c, shop.workspace, leaving, "Mari", "operator"))
    shop.drain()
    # As where later partings leave the two with nothing that keeps them apart.
    lifted = "delete from identity_apart where workspace_id = %s"
    shop.do(lambda c: c.execute(lifted, (shop.workspace,)))
    assert shop.people() == people + 1
    assert shop.apply(shop.plan()) == {"merge done": 1}
    shop.drain()
    assert shop.people() == people


def test_who_was_parted_stays_apart_for_the_first_model_too(shop: Matched) -> None:
    first = _model(shop)
    _strict(shop)
    shop.apply(shop.plan())
    shop.drain()
    shop.use(first)
    again = shop.plan()
    assert (again.merges, again.partings) == (0, 0)


def test_each_merge_weighs_what_it_weighed_when_it_was_made(shop: Matched) -> None:
    _strict(shop)
    shop.plan()
    told = shop.rows(
        """
        select c.weight, e.weight from match_changes as c
        join identity_edges as e using (kind_a, value_a, kind_b, value_b)
        where c.action = 'part'
        """
    )
    assert len(told) == len(_merges(shop))
    assert all(now == pytest.approx(then, abs=1e-9) for now, then in told)


def test_what_is_unsure_is_asked_and_both_answers_hold(shop: Matched) -> None:
    merges = _merges(shop)
    light, heavy = _unsure(shop, lower=False)
    planned = shop.plan()
    assert (planned.partings, planned.reviews) == (light, heavy)
    assert shop.apply(planned) == {"part done": light, "review done": heavy}
    shop.drain()
    asked = shop.do(lambda c: matching_reviews.open_reviews(c, shop.workspace, 500))
    assert all(one.merged for one in asked)
    assert {(*one.a, *one.b) for one in asked} == {tuple(edge) for _, *edge in merges[light:]}
    one, other, third, *_ = asked
    assert one.traits_a["family"][:3] == one.traits_b["family"][:3]
    people = shop.people()

    def answer(review: int, said: str) -> None:
        shop.do(lambda c: matching_reviews.answer_review(c, shop.workspace, review, said, "Mari"))
        shop.drain()

    answer(one.review_id, "same")
    assert shop.people() == people
    assert shop.rows(
        "select kind, decided_by from identity_edges where value_a = %s and value_b = %s",
        *(one.a[1], one.b[1]),
    ) == [("review", "Mari")]
    answer(other.review_id, "different")
    answer(third.review_id, "later")
    assert shop.people() == people + 1
    left = shop.do(lambda c: matching_reviews.open_reviews(c, shop.workspace, 500))
    assert len(left) == heavy - 2
    # Who was confirmed is parted by no model, and who was parted is merged by none.
    _strict(shop)
    assert shop.plan().partings == heavy - 2
    # An answer taken back is asked again; nothing is parted or merged by that alone.
    for review in (one, other):
        told = review.review_id
        assert not shop.do(
            lambda c, told=told: matching_reviews.undo_answer(c, shop.workspace, told, "Mari")
        )
    shop.drain()
    assert shop.people() == people + 1
    left = shop.do(lambda c: matching_reviews.open_reviews(c, shop.workspace, 500))
    assert {one.review_id, other.review_id} < {review.review_id for review in left}
    answer(one.review_id, "different")
    answer(other.review_id, "same")
    assert shop.people() == people + 1


def test_people_hold_together_what_no_model_would(shop: Matched) -> None:
    (_, *edge), (_, *held), *rest = _merges(shop)
    confirmed = (edge[0], edge[1]), (edge[2], edge[3])
    decision = Decision(IDENTITY_MERGED, (confirmed[0],), confirmed[1], "Mari", "review")
    shop.do(lambda c: deciding.enter(c, shop.workspace, decision))
    # Another way round: both are one with a third by somebody's decision.
    third = ("user_id", f"u{PEOPLE - 1}")
    shop.do(lambda c: deciding.merge(c, shop.workspace, (held[0], held[1]), third, "Mari", "x"))
    shop.drain()
    by_hand = Decision(IDENTITY_MERGED, ((held[2], held[3]),), third, "Mari", "operator")
    shop.do(lambda c: deciding.enter(c, shop.workspace, by_hand))
    shop.drain()
    _strict(shop)
    planned = shop.plan()
    assert planned.partings == len(rest)
    shop.apply(planned)
    shop.drain()
    owners = dict(shop.rows("select value, customer_id from identifiers where kind = 'user_id'"))
    assert owners[edge[1]] == owners[edge[3]]
    assert owners[held[1]] == owners[held[3]] == owners[third[1]]


def test_who_changed_since_the_plan_is_not_parted(shop: Matched) -> None:
    (_, _, one, *_), (_, *edge), *_ = merges = _merges(shop)
    _strict(shop)
    planned = shop.plan()
    shop.tell(one, "identify", START + DAY, city="Kyoto")
    shop.drain()
    # Confirmed by somebody, which changes no profile.
    told = (edge[0], edge[1]), (edge[2], edge[3])
    decision = Decision(IDENTITY_MERGED, (told[0],), told[1], "Mari", "review")
    shop.do(lambda c: deciding.enter(c, shop.workspace, decision))
    shop.drain()
    assert shop.apply(planned) == {"part done": len(merges) - 2, "part changed": 2}


def test_who_changes_while_the_plan_is_made_is_not_parted(shop: Matched) -> None:
    merges = _merges(shop)
    _strict(shop)

    def happens(step: str) -> None:
        if step == "keeping":
            shop.tell(merges[0][2], "identify", START + DAY, city="Kyoto")
            shop.drain()

    with shop.database.connect("pipeline") as connection:
        planned = matching.plan(connection, shop.workspace, "Mari", tell=happens)
    assert shop.apply(planned) == {"part done": len(merges) - 1, "part changed": 1}


def test_what_nobody_can_tell_apart_is_left_as_it_is(shop: Matched) -> None:
    merges = _merges(shop)
    lost = [merges[0][2], merges[0][4]]
    shop.do(lambda c: c.execute("delete from timeline where user_id = any(%s)", [lost]))
    _strict(shop)
    assert shop.plan().partings == len(merges) - 1


def test_a_chain_falls_apart_where_it_is_weak(shop: Matched) -> None:
    """Of three that one model glued, the one who is somebody else leaves."""
    (_, *edge), *_ = _merges(shop)[-1:]
    stranger = ("user_id", f"u{PEOPLE - 1}")
    by_model = Decision(IDENTITY_MERGED, ((edge[0], edge[1]),), stranger, "model 1", "model", 9.0)
    shop.do(lambda c: deciding.enter(c, shop.workspace, by_model))
    shop.drain()
    planned = shop.plan()
    assert planned.partings == 1
    shop.apply(planned)
    shop.drain()
    owners = dict(shop.rows("select value, customer_id from identifiers where kind = 'user_id'"))
    assert owners[edge[1]] == owners[edge[3]] != owners[stranger[1]]
    assert shop.plan().partings == 0


def test_an_event_that_shows_both_holds_them_together(shop: Matched) -> None:
    shop.tell("u7", "identify", START + DAY, email="seven@example.com")
    shop.drain()
    device = ("anonymous_id", "d7")
    shop.append(_seen("e1", None, "d7", START + DAY))
    shop.drain()
    by_model = Decision(IDENTITY_MERGED, (device,), ("user_id", "u7"), "model 1", "model")
    shop.do(lambda c: deciding.enter(c, shop.workspace, by_model))
    shop.drain()
    merges = len(_merges(shop))
    shop.append(_seen("e2", "u7", "d7", START + DAY))
    shop.drain()
    assert len(_merges(shop)) == merges - 1
    ((customer,),) = shop.rows("select customer_id from identifiers where value = 'd7'")
    evidence = shop.do(lambda c: joined(c, shop.workspace, [customer]))[customer]
    assert (device, ("user_id", "u7")) in evidence


def _seen(message: str, user: str | None, device: str, at: int) -> NewEvent:
    body = encode_body(Body())
    return NewEvent(message, "track", "Page Viewed", user, device, at, "shop", body, at)


def test_other_evidence_is_no_answer_to_a_question(shop: Matched) -> None:
    light, _ = _unsure(shop, lower=True)
    assert shop.apply(shop.plan()) == {"review done": light}
    one, *_ = shop.do(lambda c: matching_reviews.open_reviews(c, shop.workspace, 500))
    third = ("user_id", f"u{PEOPLE - 1}")
    for side in (one.a, one.b):
        told = Decision(IDENTITY_MERGED, (side,), third, "Mari", "operator")
        shop.do(lambda c, told=told: deciding.enter(c, shop.workspace, told))
    shop.drain()
    with pytest.raises(Invalid, match="Other evidence"):
        shop.do(
            lambda c: matching_reviews.answer_review(
                c, shop.workspace, one.review_id, "different", "Mari"
            )
        )


def _die_midway(database: Database, workspace: int, plan: int) -> None:
    os.environ["TSUNAGU_FAILPOINT"] = "matching.apply.before_commit:3"
    with database.connect("pipeline") as connection:
        matching.apply(connection, workspace, plan, "Mari", chunk=5)


def test_a_kill_among_partings_loses_and_repeats_nothing(shop: Matched) -> None:
    merges = _merges(shop)
    _strict(shop)
    planned = shop.plan()
    process = get_context("fork").Process(
        target=_die_midway, args=(shop.database, shop.workspace, planned.plan_id)
    )
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    told = "select count(*) from match_changes where action = 'part' and outcome = 'done'"
    assert shop.rows(told) == [(10,)]
    assert shop.apply(planned) == {"part done": len(merges)}
    shop.drain()
    assert shop.people() == PEOPLE + TWICE
    entered = "select count(*) from inbox where name = 'Identity Parted' and workspace_id = %s"
    assert shop.rows(entered, shop.workspace) == [(len(merges),)]


def test_the_command_counts_and_shows_partings(
    shop: Matched, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TSUNAGU_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TSUNAGU_DATABASE_URL", shop.database.url)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("COLUMNS", "200")
    with shop.database.connect("owner") as connection:
        found = connection.execute(
            "select name from workspaces where workspace_id = %s", (shop.workspace,)
        ).fetchone()
    assert found is not None
    merges = _merges(shop)
    _strict(shop)

    def run(*words: str) -> str:
        told = ["identity", "match", *words, "--workspace", found[0]]
        result = CliRunner().invoke(commands, told)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    told = run("--samples", "1")
    assert f"0 merges, {len(merges)} partings, 0 questions" in told
    assert any(f"part   {':'.join(edge[:2])}" in told for _, *edge in merges)
    planned = json.loads(run("--json"))
    assert (planned["merges"], planned["partings"]) == (0, len(merges))
    assert {sample["action"] for sample in planned["samples"]} == {"part"}
    done = run("--apply", str(planned["plan_id"]), "--json")
    assert json.loads(done) == {"part done": len(merges)}
