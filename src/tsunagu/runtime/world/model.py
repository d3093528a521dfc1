"""Customers who answer: a small world in which the effect of a mail is known because it was
planted.

A world has shops; the customers of a shop are alike, those of another may be moved by mails
otherwise. All chance is a hash of the world's name and the customer's, so a world can be
played again from any point. What a shop's journey must be found to do, `truth`, follows from
the same figures by arithmetic and is never estimated.
"""

from __future__ import annotations

from dataclasses import dataclass

from tsunagu.core import Body, Json, NewEvent, chance, encode_body
from tsunagu.core.events import CONSENT_GIVEN
from tsunagu.core.times import DAY, HOUR, MINUTE, SECOND, parse_time
from tsunagu.runtime.demo.synthetic import SYNTHETIC, consent_properties, contact

ZONE = "Asia/Tokyo"
SOURCE = "world"
CURRENCY = "JPY"
CAMPAIGN_NAME = "spring"
COUPON: Json = {"coupon_campaign": CAMPAIGN_NAME, "coupon_ends": "2026-05-12"}

START = parse_time("2026-04-01T00:00:00+09:00")
CAMPAIGN = START + 10 * DAY + 10 * HOUR
# The reminder journey takes customers in when the third local day after the campaign begins.
ENTRY = START + 13 * DAY
END = ENTRY + 29 * DAY
STEP = 12 * HOUR  # after each, customers look at their mails

CONSENTING = 0.85
REDEEMING = 0.15  # without any mail
READING = 0.6  # of those who got a mail
UNSUBSCRIBING = 0.08  # of those who read it
CLICKING = 0.3  # of those who read it, on top of the persuaded
_FIRST_REDEMPTION, _LAST_REDEMPTION = ENTRY + 2 * DAY, ENTRY + 24 * DAY


@dataclass(frozen=True, slots=True)
class Effect:
    """What reading a mail does: it persuades to redeem, or it puts off those who would have.

    The shares are of the readers; only the first mail of a customer puts off.
    """

    persuades: float = 0.0
    deters: float = 0.0

    def __post_init__(self) -> None:
        if self.persuades and self.deters:
            raise ValueError("an effect either persuades or deters")


NONE = Effect()
SMALL = Effect(persuades=0.06)
LARGE = Effect(persuades=0.2)
HARM = Effect(deters=0.5)


@dataclass(frozen=True, slots=True)
class Shop:
    """Customers who are alike."""

    name: str
    customers: int
    effect: Effect


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that reached a customer; `number` is 1 for the customer's first."""

    customer: str
    number: int


@dataclass(frozen=True, slots=True)
class Reaction:
    """What a customer does with a mail."""

    reads: bool = False
    clicks: bool = False
    unsubscribes: bool = False
    redeems: bool = False
    put_off: bool = False


@dataclass(frozen=True, slots=True)
class World:
    """A world: its name is the seed of all its chance."""

    name: str
    shops: tuple[Shop, ...]

    def customers(self) -> list[tuple[str, Shop]]:
        """All customers by their user id, with their shop."""
        return [
            (f"{shop.name}-{number}", shop)
            for shop in self.shops
            for number in range(1, shop.customers + 1)
        ]

    def events(self) -> list[NewEvent]:
        """What happens whatever is mailed: sign-ups, consents, orders, the coupon campaign."""
        found: list[NewEvent] = []
        for customer, shop in self.customers():
            found += self._life(customer, shop)
        return sorted(found, key=lambda e: (e.at or 0, e.message_id))

    def plans(self) -> dict[str, int]:
        """When each customer will redeem the coupon without any mail, of those who will."""
        span = (_LAST_REDEMPTION - _FIRST_REDEMPTION) // SECOND
        return {
            customer: _FIRST_REDEMPTION + int(self._chance("when", customer) * span) * SECOND
            for customer, _ in self.customers()
            if self._chance("redeems", customer) < REDEEMING
        }

    def react(self, mail: Mail, effect: Effect) -> Reaction:
        """What the customer does with a mail; the same mail is always met alike."""
        if self._chance("reads", mail.customer, mail.number) >= READING:
            return Reaction()
        drawn = self._chance("mood", mail.customer, mail.number)
        for share, reaction in (
            (UNSUBSCRIBING, Reaction(reads=True, unsubscribes=True)),
            (effect.persuades, Reaction(reads=True, clicks=True, redeems=True)),
            (effect.deters if mail.number == 1 else 0.0, Reaction(reads=True, put_off=True)),
            (CLICKING, Reaction(reads=True, clicks=True)),
        ):
            if drawn < share:
                return reaction
            drawn -= share
        return Reaction(reads=True)

    def redeems_after(self, mail: Mail, read_at: int) -> int:
        """When a persuaded customer redeems: within the three days after reading."""
        drawn = self._chance("persuaded", mail.customer, mail.number)
        return read_at + int(drawn * (3 * DAY // SECOND)) * SECOND + MINUTE

    def _life(self, customer: str, shop: Shop) -> list[NewEvent]:
        first = START + int(self._chance("first", customer) * 9 * 24 * 60) * MINUTE
        traits = contact(customer).traits | {"shop": shop.name}
        body = encode_body(Body(traits=traits, context=SYNTHETIC))
        key = f"identify-{customer}"
        found = [NewEvent(key, "identify", "", customer, None, first, SOURCE, body)]
        if self._chance("consents", customer) < CONSENTING:
            key, at = f"consent-{customer}", first + MINUTE
            found.append(_track(CONSENT_GIVEN, key, customer, at, consent_properties()))
        for number in range(4):
            wait = 9 * DAY + int(self._chance("wait", customer, number) * 4 * 24 * 60) * MINUTE
            key, at = f"order-{customer}-{number}", first + 2 * MINUTE + number * wait
            total = round(800 + self._chance("spends", customer, number) * 6000)
            properties: Json = {"order_id": key, "total": total, "currency": CURRENCY}
            found.append(_track("Order Completed", key, customer, at, properties))
        key = f"coupon-{customer}"
        body = encode_body(Body(traits=COUPON, context=SYNTHETIC))
        found.append(NewEvent(key, "identify", "", customer, None, CAMPAIGN, SOURCE, body))
        key = f"received-{customer}"
        properties = {"campaign": CAMPAIGN_NAME}
        found.append(_track("Campaign Received", key, customer, CAMPAIGN, properties))
        return found

    def _chance(self, what: str, customer: str, number: int = 0) -> float:
        return chance("world", self.name, what, customer, number)


def redemption(customer: str, at: int) -> NewEvent:
    """The customer redeems the coupon, which can be done once."""
    key = f"redemption-{customer}"
    return _track("Coupon Redeemed", key, customer, at, {"campaign": CAMPAIGN_NAME})


def _track(name: str, key: str, customer: str, at: int, properties: Json) -> NewEvent:
    body = encode_body(Body(properties=properties, context=SYNTHETIC))
    return NewEvent(key, "track", name, customer, None, at, SOURCE, body)


def truth(effect: Effect) -> float:
    """The difference that assignment to the journey makes to the chance of redeeming.

    It counts everybody assigned, also those without consent who get no mail. A customer who
    gives consent, would not redeem unasked and is persuaded by neither of two mails does not
    redeem; the second mail comes unless the first was answered by unsubscribing.
    """
    persuaded, left = READING * effect.persuades, READING * UNSUBSCRIBING
    unmoved = (1 - persuaded - left) * (1 - persuaded) + left
    mailed = 1 - (1 - REDEEMING) * unmoved - REDEEMING * READING * effect.deters
    return round(CONSENTING * (mailed - REDEEMING), 9)
