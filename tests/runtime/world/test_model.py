"""A world answers alike whenever it is asked, and its truth is what its customers do."""

from __future__ import annotations

import itertools

import pytest
from scipy.stats import binom

from tsunagu.runtime.world.calibration import TRUTHS, trial_run
from tsunagu.runtime.world.crowd import Crowd
from tsunagu.runtime.world.memory import play
from tsunagu.runtime.world.model import (
    CAMPAIGN,
    END,
    HARM,
    LARGE,
    NONE,
    SMALL,
    START,
    Effect,
    Mail,
    Shop,
    World,
    truth,
)

WORLD = World("test", (Shop("north", 200, LARGE), Shop("south", 200, HARM)))


def test_a_world_is_the_same_every_time_it_is_asked() -> None:
    again = World("test", WORLD.shops)
    assert WORLD.events() == again.events()
    assert WORLD.plans() == again.plans()
    other = World("another", WORLD.shops)
    assert WORLD.plans() != other.plans()
    assert len({event.message_id for event in WORLD.events()}) == len(WORLD.events())


def test_each_event_happens_in_exactly_one_step() -> None:
    crowd = Crowd(WORLD)
    whole = crowd.between(START, END)
    cuts = [START, START + 7, CAMPAIGN, CAMPAIGN + 1, END]
    parts = [crowd.between(*pair) for pair in itertools.pairwise(cuts)]
    assert [event for part in parts for event in part] == whole


def test_the_same_mail_read_again_changes_nothing() -> None:
    crowd = Crowd(WORLD)
    for name, _ in WORLD.customers():
        crowd.receive(name, f"mail to {name}", CAMPAIGN)
    plans = dict(crowd.plans)
    for name, _ in WORLD.customers():
        crowd.receive(name, f"mail to {name}", CAMPAIGN)
    assert crowd.plans == plans
    resumed = Crowd(WORLD, plans, crowd.mails)
    assert resumed.between(CAMPAIGN, END) == crowd.between(CAMPAIGN, END)


def test_readers_do_what_was_planted() -> None:
    world = World("shares", (Shop("s", 20_000, LARGE),))
    reactions = [world.react(Mail(name, 1), LARGE) for name, _ in world.customers()]
    readers = [reaction for reaction in reactions if reaction.reads]
    assert len(readers) / len(reactions) == pytest.approx(0.6, abs=0.015)
    assert sum(r.redeems for r in readers) / len(readers) == pytest.approx(0.2, abs=0.015)
    assert not any(reaction.put_off for reaction in reactions)
    assert any(world.react(Mail(name, 1), HARM).put_off for name, _ in world.customers())
    assert not any(world.react(Mail(name, 2), HARM).put_off for name, _ in world.customers())


def test_an_effect_cannot_persuade_and_deter() -> None:
    with pytest.raises(ValueError, match="either"):
        Effect(persuades=0.1, deters=0.1)
    assert truth(NONE) == pytest.approx(0)
    assert truth(HARM) < 0 < truth(SMALL) < truth(LARGE)


def test_the_truth_is_what_many_customers_show() -> None:
    """With 2,500 customers a shop, the estimate is within four standard errors of it."""
    shops = (Shop("large", 2500, LARGE), Shop("harm", 2500, HARM))
    for shop, found in play(World("many", shops)).items():
        a, b = found.treated, found.holdout
        assert a.n + b.n == 2500  # everybody enters, once
        error = sum(arm.rate.value * (1 - arm.rate.value) / arm.n for arm in (a, b)) ** 0.5
        assert abs(found.difference.value - TRUTHS[shop]) < 4 * error


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """20 runs of four comparisons: the count lies where 95% puts it but once in 10,000."""
    found = [trial for number in range(20) for trial in trial_run(number)]
    held = sum(trial.held for trial in found)
    assert binom.cdf(held, len(found), 0.95) > 1e-4
    assert found[:4] == trial_run(0)
