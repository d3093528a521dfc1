"""The outbox as one sender sees it: its transactions, each with all that belongs together.

One session holds the sender's advisory lock and makes all its transactions. So a sender whose
session broke cannot mark one more message, and the others see at once that it is gone.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from psycopg import Connection, Cursor
from pydantic import ValidationError

from tsunagu.access import business_now, document_of, list_workspaces
from tsunagu.channels import Result
from tsunagu.content import Message
from tsunagu.core import NotFound
from tsunagu.core.failpoints import failpoint
from tsunagu.core.times import wall
from tsunagu.decisions import Policy
from tsunagu.sending import queries
from tsunagu.sending.archive import Archived, Seals, keep
from tsunagu.sending.check import outcome, second_check
from tsunagu.sending.models import EXPIRED, Claim, Delay, Ending
from tsunagu.sending.results import conclude
from tsunagu.storage import LOOK_UPS, Database, Row, in_workspace

_UNKNOWN_DETAIL = "the sender ended while it handed the message over"


@dataclass
class Taken:
    """A claimed group of one workspace. Times are microseconds of business time.

    `claims` may leave, `ended` were refused; `next_due` is when to look again, None when only
    a notification can bring work.
    """

    now: int
    claims: list[Claim]
    messages: dict[tuple[str, int], Message] = field(default_factory=dict[tuple[str, int], Message])
    ended: list[Ending] = field(default_factory=list[Ending])
    next_due: int | None = None


@dataclass
class Report:
    """What a round has to record of one workspace: results, and messages that never left."""

    results: list[tuple[Claim, Result]] = field(default_factory=list[tuple[Claim, Result]])
    failed: list[Ending] = field(default_factory=list[Ending])
    released: list[int] = field(default_factory=list[int])

    @property
    def empty(self) -> bool:
        """Whether there is nothing to record."""
        return not (self.results or self.failed or self.released)


class Outbox:
    """One sender's session. Its calls block; make them one at a time."""

    def __init__(self, database: Database, seals: Seals) -> None:
        self._seals = seals
        self._messages: dict[tuple[int, str, int], Message] = {}
        self._connection: Connection[Row] = database.connect("pipeline")
        self._connection.execute(LOOK_UPS)
        self.sender = 1 + secrets.randbelow(2**31 - 1)
        queries.register(self._connection, self.sender)

    def close(self) -> None:
        """End the session; what it still held is free for others at once."""
        self._connection.close()

    def workspaces(self) -> list[int]:
        """All workspaces."""
        return [w.id for w in list_workspaces(self._connection)]

    def recover(self, workspace_id: int) -> list[Ending]:
        """Put back what dead senders claimed; what they were handing over becomes unknown."""
        with in_workspace(self._connection, workspace_id) as cursor:
            queries.free_dead_claims(cursor, workspace_id)
            handed = queries.adopt_handed(cursor, workspace_id, self.sender)
            endings = [Ending(i, "unknown", "sender_died", _UNKNOWN_DETAIL) for i in handed]
            now = business_now(cursor, workspace_id)
            ended = conclude(cursor, workspace_id, self.sender, endings, now, wall())
            if ended:
                failpoint("sender.recovery.before_commit")
        if ended:
            failpoint("sender.recovery.after_commit")
        return ended

    def claim(self, workspace_id: int, limit: int) -> Taken:
        """Claim a group, and end or put back what may not leave now."""
        with in_workspace(self._connection, workspace_id) as cursor:
            now = business_now(cursor, workspace_id)
            claims = queries.claim(cursor, workspace_id, self.sender, now, limit)
            taken = Taken(now, [])
            if claims:
                policy = Policy.model_validate(queries.policy(cursor, workspace_id))
                delays = self._sort(taken, claims, policy)
                if delays:
                    queries.requeue(cursor, workspace_id, self.sender, delays)
                taken.messages = self._documents(cursor, workspace_id, taken.claims)
            taken.next_due = now if len(claims) == limit else queries.next_due(cursor, workspace_id)
            conclude(cursor, workspace_id, self.sender, taken.ended, now, wall())
            if claims:
                failpoint("sender.claim.before_commit")
        if claims:
            failpoint("sender.claim.after_commit")
        return taken

    def _sort(self, taken: Taken, claims: Sequence[Claim], policy: Policy) -> list[Delay]:
        delays: list[Delay] = []
        for claim in claims:
            verdict = second_check(policy, claim, taken.now)
            if verdict.kind == "allowed":
                taken.claims.append(claim)
            elif verdict.kind == "wait":
                delays.append(Delay(claim.send_id, verdict.until, claim.attempts))
            else:
                state = EXPIRED if verdict.reason == EXPIRED else "refused"
                taken.ended.append(Ending(claim.identity, state, verdict.reason, verdict.detail))
        return delays

    def _documents(
        self, cursor: Cursor[Row], workspace_id: int, claims: Sequence[Claim]
    ) -> dict[tuple[str, int], Message]:
        """The messages' documents; a version never changes, so it is read once."""
        found: dict[tuple[str, int], Message] = {}
        for name, version in {(c.identity.message, c.message_version) for c in claims}:
            key = (workspace_id, name, version)
            if key not in self._messages:
                try:
                    document = document_of(cursor, workspace_id, "message", name, version)
                    self._messages[key] = Message.model_validate(document)
                except (NotFound, ValidationError):
                    continue
            found[name, version] = self._messages[key]
        return found

    def round(
        self,
        workspace_id: int,
        report: Report,
        archive: Sequence[Archived] = (),
        starts: Collection[int] = (),
    ) -> tuple[set[int], list[Ending | Delay]]:
        """Record what the last hand-overs came to and mark the next ones.

        Args:
            archive: messages to keep before any of their group leaves.
            starts: messages that are to be handed over now.

        Returns:
            Those of `starts` that may leave, once this has returned; and what was recorded.
        """
        with in_workspace(self._connection, workspace_id) as cursor:
            now = business_now(cursor, workspace_id)
            keep(cursor, workspace_id, self._seals, archive)
            allowed: set[int] = set()
            if starts:
                allowed = queries.mark_handing(cursor, workspace_id, self.sender, starts)
            if report.released:
                queries.release(cursor, workspace_id, self.sender, report.released)
            outcomes = [outcome(claim, result, now) for claim, result in report.results]
            delays = [o for o in outcomes if isinstance(o, Delay)]
            if delays:
                queries.requeue(cursor, workspace_id, self.sender, delays)
            endings = [o for o in outcomes if isinstance(o, Ending)] + report.failed
            ended = conclude(cursor, workspace_id, self.sender, endings, now, wall())
            failpoint(f"sender.{_name(report, starts)}.before_commit")
        failpoint(f"sender.{_name(report, starts)}.after_commit")
        return allowed, [*ended, *delays]


def _name(report: Report, starts: Collection[int]) -> str:
    """What a round's failpoints are called by what it does."""
    if report.results:
        return "result"
    return "handing" if starts else "release"
