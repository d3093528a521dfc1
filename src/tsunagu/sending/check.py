"""The second check, and what a result means, as pure functions.

The first check was made with the decision, perhaps hours ago. What the database knows against
a message at the moment of its claim comes as `obstacle`; quiet hours are asked here, by the
same function as at the decision.
"""

from __future__ import annotations

from tsunagu.channels import Result
from tsunagu.core import chance
from tsunagu.core.times import HOUR, SECOND
from tsunagu.decisions import Policy, Verdict, quiet_until
from tsunagu.decisions.policy import MANDATORY
from tsunagu.sending.models import Claim, Delay, Ending

MAX_ATTEMPTS = 10
FIRST_RETRY = 15 * SECOND
LONGEST_RETRY = HOUR

_DETAILS = {
    "erased": "the customer is no longer known",
    "expired": "the message was not worth sending any more",
    "no_consent": "there is no consent at the time of sending",
    "suppressed": "the address refused mail for good",
}


def second_check(policy: Policy, claim: Claim, now: int) -> Verdict:
    """May the claimed message leave now, never, or only later?"""
    if claim.obstacle is not None:
        return Verdict("refused", claim.obstacle, _DETAILS[claim.obstacle])
    if claim.identity.purpose == MANDATORY:
        return Verdict("allowed", address=claim.address)
    until = quiet_until(policy, claim.zone, now)
    if until:
        return Verdict("wait", "quiet_hours", until=until)
    return Verdict("allowed", address=claim.address)


def outcome(claim: Claim, result: Result, now: int) -> Ending | Delay:
    """What becomes of a message after a hand-over: only `later` is ever tried again."""
    detail = _storable(result.detail)
    if result.kind == "sent":
        return Ending(claim.identity, "sent", provider_id=_storable(result.provider_id))
    if result.kind == "unknown":
        return Ending(claim.identity, "unknown", "line_broke", detail)
    if result.kind == "never" and result.bounced:
        return Ending(claim.identity, "failed", "bounced", detail, suppress=claim.address)
    if result.kind == "never":
        return Ending(claim.identity, "failed", "refused_by_provider", detail)
    attempts = claim.attempts + 1
    if attempts >= MAX_ATTEMPTS:
        return Ending(claim.identity, "failed", "gave_up", f"{attempts} attempts; last: {detail}")
    return Delay(claim.send_id, retry_at(claim.send_id, attempts, now), attempts)


def retry_at(send_id: int, attempts: int, now: int) -> int:
    """When a message is tried again after its `attempts`-th failure.

    The wait doubles each time, less up to a quarter by chance, so that messages that failed
    together do not come back together.
    """
    wait = min(LONGEST_RETRY, FIRST_RETRY * 2 ** (attempts - 1))
    return now + int(wait * (1 - chance("retry", send_id, attempts) / 4))


def _storable(text: str) -> str:
    """A provider's words as the database can keep them, whatever bytes they were."""
    return text.encode("utf-8", "replace").decode().replace("\0", " ")
