"""The second check, the meaning of results and the circuit, without I/O."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsunagu.channels import Result
from tsunagu.core.times import HOUR, MINUTE, SECOND, parse_time
from tsunagu.decisions import Policy
from tsunagu.sending.check import MAX_ATTEMPTS, outcome, retry_at, second_check
from tsunagu.sending.circuit import LONGEST_WAIT, TOLERATED, Circuit
from tsunagu.sending.models import Claim, Delay, Ending, Identity

NIGHTS = Policy.model_validate({"quiet_hours": {"from": "21:00", "to": "08:00"}})
EVENING = parse_time("2017-11-02T22:30:00")


def claim(**changes: Any) -> Claim:
    identity = Identity(7, "reminder", "say", "coupons", "email", "marketing", "user_id", "ken")
    fresh = Claim(identity, "1:say:1", 1, 1, "ken@shop.example", {}, 0, None, None, None, 0)
    return replace(fresh, **changes)


def test_an_obstacle_is_stronger_than_the_hour() -> None:
    verdict = second_check(NIGHTS, claim(obstacle="no_consent"), EVENING)
    assert (verdict.kind, verdict.reason) == ("refused", "no_consent")


def test_quiet_hours_are_those_of_the_customers_zone() -> None:
    here = second_check(NIGHTS, claim(), EVENING)
    assert (here.kind, here.until) == ("wait", parse_time("2017-11-03T08:00:00"))
    assert second_check(NIGHTS, claim(zone="America/New_York"), EVENING).kind == "allowed"
    assert second_check(NIGHTS, claim(zone="no such zone"), EVENING).kind == "wait"


def test_a_mandatory_notice_leaves_at_night() -> None:
    notice = replace(claim().identity, purpose="mandatory")
    assert second_check(NIGHTS, claim(identity=notice), EVENING).kind == "allowed"


@pytest.mark.parametrize(
    ("result", "state", "reason", "suppress"),
    [
        (Result("sent", "q1"), "sent", "", ""),
        (Result("unknown", detail="gone"), "unknown", "line_broke", ""),
        (Result("never", detail="554"), "failed", "refused_by_provider", ""),
        (Result("never", detail="550", bounced=True), "failed", "bounced", "ken@shop.example"),
    ],
)
def test_every_result_but_later_is_an_end(
    result: Result, state: str, reason: str, suppress: str
) -> None:
    ending = outcome(claim(), result, 0)
    assert isinstance(ending, Ending)
    assert (ending.state, ending.reason, ending.suppress) == (state, reason, suppress)


def test_what_is_put_off_waits_longer_each_time_and_not_for_ever() -> None:
    tried, waits = claim(), list[int]()
    while isinstance(what := outcome(tried, Result("later", detail="451"), EVENING), Delay):
        waits.append(what.not_before - EVENING)
        tried = replace(tried, attempts=what.attempts)
    assert len(waits) == MAX_ATTEMPTS - 1
    assert 10 * SECOND < waits[0] < 20 * SECOND
    assert 40 * MINUTE < waits[-1] <= HOUR
    assert waits == sorted(waits)
    assert (what.state, what.reason) == ("failed", "gave_up")


def test_messages_that_failed_together_come_back_apart() -> None:
    assert len({retry_at(send, 3, 0) for send in range(50)}) > 40


@given(st.text())
def test_a_providers_words_can_always_be_stored(words: str) -> None:
    ending = outcome(claim(), Result("never", detail=words + "\udcff\0"), 0)
    assert isinstance(ending, Ending)
    assert "\0" not in ending.detail
    ending.detail.encode()


class Hand:
    """A clock that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_provider_that_cannot_be_reached_is_asked_at_growing_intervals() -> None:
    clock = Hand()
    circuit, waits = Circuit(clock), list[float]()
    for _ in range(12):
        circuit.broke()
        circuit.broke()  # several lines notice the same outage
        waits.append(circuit.wait)
        clock.now += circuit.wait
    assert waits == sorted(waits)
    assert waits[0] < 1
    assert waits[-1] == LONGEST_WAIT
    assert circuit.probing
    circuit.succeeded()
    assert not circuit.probing
    assert circuit.wait == 0


def test_single_refusals_do_not_open_the_circuit_but_a_long_row_does() -> None:
    circuit = Circuit(Hand())
    for _ in range(5):
        for _ in range(TOLERATED - 1):
            circuit.failed()
        circuit.succeeded()
    assert circuit.wait == 0
    for _ in range(TOLERATED):
        circuit.failed()
    assert circuit.wait > 0
