"""Profiles: the fold of a customer's events, and the audiences that follow from it."""

from tsunagu.profiles.audiences import Audience
from tsunagu.profiles.features import Happened, Plan, make_plan, recount
from tsunagu.profiles.fold import consent_key
from tsunagu.profiles.queries import (
    due_customers,
    load_history,
    load_states,
    next_due,
    stop_timers,
    store_consents,
    store_memberships,
    store_merges,
    store_states,
    store_timeline,
    wake_everyone,
)
from tsunagu.profiles.read_queries import (
    ConsentWord,
    CustomerView,
    Membership,
    ScoreValue,
    Suppression,
    TimelineEntry,
    customer_view,
    state_of,
    surviving_customer,
    timeline,
)
from tsunagu.profiles.state import State, decode_state, encode_state
from tsunagu.profiles.walk import Absorption, Fact, MembershipChange, ObservingWalk, Walk

__all__ = [
    "Absorption",
    "Audience",
    "ConsentWord",
    "CustomerView",
    "Fact",
    "Happened",
    "Membership",
    "MembershipChange",
    "ObservingWalk",
    "Plan",
    "ScoreValue",
    "State",
    "Suppression",
    "TimelineEntry",
    "Walk",
    "consent_key",
    "customer_view",
    "decode_state",
    "due_customers",
    "encode_state",
    "load_history",
    "load_states",
    "make_plan",
    "next_due",
    "recount",
    "state_of",
    "stop_timers",
    "store_consents",
    "store_memberships",
    "store_merges",
    "store_states",
    "store_timeline",
    "surviving_customer",
    "timeline",
    "wake_everyone",
]
