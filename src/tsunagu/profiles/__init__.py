"""Profiles: the fold of a customer's events, and the audiences that follow from it."""

from tsunagu.profiles.features import Plan, make_plan
from tsunagu.profiles.fold import consent_key
from tsunagu.profiles.state import State, decode_state, encode_state
from tsunagu.profiles.walk import Absorption, Fact, MembershipChange, ObservingWalk, Walk

__all__ = [
    "Absorption",
    "Fact",
    "MembershipChange",
    "ObservingWalk",
    "Plan",
    "State",
    "Walk",
    "consent_key",
    "decode_state",
    "encode_state",
    "make_plan",
]
