"""Decisions: what may be said to whom, and when."""

from tsunagu.decisions.policy import Policy, Verdict, address_of, check, quiet_until

__all__ = ["Policy", "Verdict", "address_of", "check", "quiet_until"]
