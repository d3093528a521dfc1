"""Experiments: did a journey change what customers do, treated against the sticky holdout?

Both arms are counted from the moment of entry and asked for the same goal within the same
time, whether or not a mail was sent: what is compared is what chance assigned (intention to
treat). Only enrolments whose time for the goal is over are counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from duckdb import DuckDBPyConnection
from scipy.stats import binomtest

from tsunagu.insights import queries
from tsunagu.insights.proportions import Interval, difference, p_value, rate

# A sample ratio this unlikely means that assignment or counting is broken, not bad luck
# (Fabijan et al., "Diagnosing Sample Ratio Mismatch", KDD 2019, use the same order).
SUSPICIOUS = 0.001

Answer = Literal["helps", "harms", "unknown"]
Words = dict[str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One enrolment of an experiment. Times are microseconds; `reached` is 0 for never."""

    arm: str
    entered: int
    reached: int = 0


@dataclass(frozen=True, slots=True)
class Arm:
    """What happened in one arm."""

    n: int
    reached: int
    rate: Interval


@dataclass(frozen=True, slots=True)
class Comparison:
    """Treated against holdout. `difference` is in proportions of the customers of an arm."""

    treated: Arm
    holdout: Arm
    difference: Interval
    confidence: float
    p_value: float
    answer: Answer
    planned_holdout: float
    ratio_p_value: float
    waiting: int

    @property
    def ratio_holds(self) -> bool:
        """Whether the sizes of the arms agree with the planned share."""
        return self.ratio_p_value >= SUSPICIOUS


def outcomes_of(lake: DuckDBPyConnection, journey: str, goal: str) -> list[Outcome]:
    """The enrolments of a journey and when each first reached the goal event, from the lake."""
    rows = lake.execute(queries.OUTCOMES, {"journey": journey, "goal": goal}).fetchall()
    return [Outcome(*row) for row in rows]


def compare(
    outcomes: Sequence[Outcome],
    *,
    within: int,
    now: int,
    planned_holdout: float,
    confidence: float = 0.95,
) -> Comparison:
    """Compare the arms of one journey as known at `now`.

    Args:
        outcomes: the enrolments of both arms.
        within: the time from entry that the goal has, in microseconds.
        now: enrolments whose time ends later are still waiting and are not compared.
        planned_holdout: the share that the journey holds out.
        confidence: of the intervals.
    """
    over = [o for o in outcomes if o.entered + within <= now]
    treated, holdout = (_arm(over, name, within, confidence) for name in ("treated", "holdout"))
    counts = (treated.reached, treated.n, holdout.reached, holdout.n)
    gap = difference(*counts, confidence)
    everyone = treated.n + holdout.n
    drawn = binomtest(holdout.n, everyone, planned_holdout).pvalue if everyone else 1.0
    return Comparison(
        treated=treated,
        holdout=holdout,
        difference=gap,
        confidence=confidence,
        p_value=p_value(*counts),
        answer="helps" if gap.low > 0 else "harms" if gap.high < 0 else "unknown",
        planned_holdout=planned_holdout,
        ratio_p_value=float(drawn),
        waiting=len(outcomes) - len(over),
    )


def _arm(outcomes: Sequence[Outcome], name: str, within: int, confidence: float) -> Arm:
    inside = [o for o in outcomes if o.arm == name]
    reached = sum(1 for o in inside if o.reached and o.reached - o.entered < within)
    return Arm(len(inside), reached, rate(reached, len(inside), confidence))


def document(
    comparison: Comparison, journey: str, title: Words, *, as_of: int, caveats: Sequence[Words]
) -> dict[str, Any]:
    """The comparison as the report that the console and the API show."""
    return {
        "journey": journey,
        "title": title,
        "as_of": as_of,
        **asdict(comparison),
        "ratio_holds": comparison.ratio_holds,
        "method": "Miettinen-Nurminen score interval (1985), intention to treat",
        "sentence": sentence(comparison),
        "caveats": [*caveats, *_own_caveats(comparison)],
    }


def sentence(comparison: Comparison) -> Words:
    """The answer in one sentence, in both languages."""
    gap = comparison.difference
    points = f"{gap.value * 100:+.1f} ({gap.low * 100:+.1f} … {gap.high * 100:+.1f})"
    if not comparison.treated.n or not comparison.holdout.n:
        return {
            "en": "There is nothing to compare yet: one of the two groups is empty.",
            "ja": "まだ比べられません。どちらかのグループにお客様がいません。",
        }
    verdict = {
        "helps": ("The journey helps", "このジャーニーは効果があります"),
        "harms": ("The journey does harm", "このジャーニーは逆効果です"),
        "unknown": ("No effect can be shown", "効果は確認できません"),
    }[comparison.answer]
    level = f"{comparison.confidence:.0%}"
    return {
        "en": f"{verdict[0]}: {points} percentage points against the holdout ({level} interval).",
        "ja": f"{verdict[1]}。ホールドアウトとの差は {points} ポイントです（{level}信頼区間）。",
    }


def _own_caveats(comparison: Comparison) -> list[Words]:
    found: list[Words] = []
    if not comparison.ratio_holds:
        found.append(
            {
                "en": (
                    f"The groups' sizes do not fit the planned holdout of "
                    f"{comparison.planned_holdout:.0%} (p = {comparison.ratio_p_value:.1e}). "
                    "Do not trust the result before the cause is found."
                ),
                "ja": (
                    f"グループの人数が予定のホールドアウト率 {comparison.planned_holdout:.0%} と"
                    f"合いません（p = {comparison.ratio_p_value:.1e}）。"
                    "原因がわかるまで、この結果は使わないでください。"
                ),
            }
        )
    if comparison.waiting:
        found.append(
            {
                "en": (
                    f"{comparison.waiting:,} enrolments still have time to reach the goal "
                    "and are not counted."
                ),
                "ja": f"まだ期限内の {comparison.waiting:,} 件は数えていません。",
            }
        )
    return found
