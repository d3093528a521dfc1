"""The contact policy: one pure check for every message of every journey, agent and branch.

It answers yes, no with a reason, or not before a time. Mandatory notices pass frequency caps
and quiet hours, never consent law: consent and a usable address are asked of every message.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tsunagu.core.times import local, micros, parse_duration, zone
from tsunagu.profiles import State, consent_key

MANDATORY = "mandatory"


class QuietHours(BaseModel):
    """Local hours in which customers are left alone; `from` may be later than `to`."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    start: time = Field(alias="from")
    end: time = Field(alias="to")


class Cap(BaseModel):
    """At most `limit` messages on a channel within a sliding window."""

    model_config = ConfigDict(extra="forbid")
    channel: str
    limit: int = Field(ge=0, le=1000)
    within: str

    @field_validator("within")
    @classmethod
    def _is_duration(cls, value: str) -> str:
        parse_duration(value)
        return value


class Policy(BaseModel):
    """The document that rules all contact of a workspace."""

    model_config = ConfigDict(extra="forbid")
    quiet_hours: QuietHours | None = None
    caps: list[Cap] = []
    default_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policy says: allowed to `address`, refused for `reason`, or wait `until`."""

    kind: Literal["allowed", "refused", "wait"]
    reason: str = ""
    detail: str = ""
    address: str = ""
    until: int = 0


def check(policy: Policy, state: State, channel: str, purpose: str, now: int) -> Verdict:
    """May this customer get a message on `channel` for `purpose` at `now`?"""
    consent = state.consents.get(consent_key(channel, purpose))
    if purpose != MANDATORY and (consent is None or not consent.granted):
        said = "never given" if consent is None else "withdrawn"
        return Verdict("refused", "no_consent", f"{channel}/{purpose}: {said}")
    address = address_of(state, channel)
    if not address:
        return Verdict("refused", "no_address", f"no {channel} address is known")
    if purpose == MANDATORY:
        return Verdict("allowed", address=address)
    for cap in policy.caps:
        sent = _sent_within(state, cap, channel, now)
        if cap.channel == channel and sent >= cap.limit:
            return Verdict("refused", "frequency_cap", f"{sent} within {cap.within}")
    until = quiet_until(policy, state.trait("timezone"), now)
    if until:
        return Verdict("wait", "quiet_hours", until=until)
    return Verdict("allowed", address=address)


def address_of(state: State, channel: str) -> str:
    """The customer's address on a channel, or an empty text."""
    trait = {"email": "email", "sms": "phone"}.get(channel, channel)
    value = state.trait(trait)
    if not isinstance(value, str):
        return ""
    return value.strip() if channel != "email" or "@" in value else ""


def _sent_within(state: State, cap: Cap, channel: str, now: int) -> int:
    since = now - parse_duration(cap.within)
    return sum(1 for at, used in state.sends if used == channel and at > since)


def quiet_until(policy: Policy, zone_name: object, now: int) -> int:
    """When the quiet hours that hold `now` end in the customer's zone; 0 outside them."""
    quiet = policy.quiet_hours
    if quiet is None or quiet.start == quiet.end:
        return 0
    name = zone_name if isinstance(zone_name, str) else None
    here = local(now, zone(name, policy.default_zone))
    clock = here.time()
    overnight = quiet.start > quiet.end
    inside = (
        (clock >= quiet.start or clock < quiet.end)
        if overnight
        else quiet.start <= clock < quiet.end
    )
    if not inside:
        return 0
    day = here.date() + timedelta(days=1 if overnight and clock >= quiet.start else 0)
    return micros(datetime.combine(day, quiet.end, tzinfo=here.tzinfo))
