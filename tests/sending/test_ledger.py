"""Any interleaving of senders, kills and changes of mind: at most one mail for a send key.

The senders' transactions are the real ones in a real database; only the line is played, by a
list of what was handed over.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sending_shop import SECRET, Shop

import tsunagu.sending.outbox as outbox_module
from tsunagu.access import create_workspace, pause_sends, set_clock
from tsunagu.channels import Result
from tsunagu.core.times import HOUR, parse_time
from tsunagu.sending import Seals
from tsunagu.sending.archive import Archived
from tsunagu.sending.models import Claim
from tsunagu.sending.outbox import Outbox, Report
from tsunagu.storage import Database, in_workspace

LINES = 2
START = parse_time("2017-11-01")
RESULTS = [
    Result("sent"),
    Result("later", detail="451"),
    Result("never", detail="550"),
    Result("unknown"),
]
PLACES = ["claim", "handing", "result", "recovery"]


class Killed(Exception):
    """The process ends here."""


class Doom:
    """Stands in for the failpoints: raises at one place, as SIGKILL would end the process."""

    place = ""

    def __call__(self, name: str) -> None:
        if name == self.place:
            self.place = ""
            raise Killed(name)


doom = Doom()


@dataclass
class Worker:
    """One sender's memory, which a kill wipes out."""

    outbox: Outbox
    ready: list[Claim] = field(default_factory=list[Claim])
    flying: list[Claim] = field(default_factory=list[Claim])
    report: Report = field(default_factory=Report)


class Senders(RuleBasedStateMachine):
    """Two senders work on one outbox while customers and operators change their minds."""

    database: Database
    number = 0

    def __init__(self) -> None:
        super().__init__()
        Senders.number += 1
        with self.database.connect("app") as app:
            workspace = create_workspace(
                app, f"senders {id(self)} {self.number}", clock="driven", clock_now=START
            )
        self.shop = Shop(self.database, workspace)
        self.clock = START
        self.customers = [self.shop.customer(name) for name in ("ken", "ai", "jo")]
        self.handed: Counter[int] = Counter()
        self.consents, self.paused = [True, True, True], False
        self.workers = [self.start(), self.start()]
        doom.place = ""

    def start(self) -> Worker:
        return Worker(Outbox(self.database, Seals(SECRET)))

    def attempt(self, number: int, call: Any, *arguments: Any) -> Any:
        """Run one step of a sender; a kill in it wipes out the sender."""
        try:
            return call(*arguments)
        except Killed:
            self.kill(number)
            return None

    @rule(who=st.integers(0, 2), many=st.integers(1, 4))
    def decide(self, who: int, many: int) -> None:
        self.shop.queue_all([self.customers[who]] * many)

    @rule(number=st.integers(0, 1), limit=st.integers(1, 6))
    def work(self, number: int, limit: int) -> None:
        """Claim when there is nothing ready, then one round."""
        worker = self.workers[number]
        if not worker.ready:
            taken = self.attempt(number, worker.outbox.claim, self.shop.workspace, limit)
            if taken is None:
                return
            worker.ready = taken.claims
        self.round(number, worker)

    def round(self, number: int, worker: Worker) -> None:
        starts = worker.ready[: LINES - len(worker.flying)]
        report, worker.report = worker.report, Report()
        archive = [kept(c) for c in worker.ready if c.archived is None]
        sends = [c.send_id for c in starts]
        done = self.attempt(
            number, worker.outbox.round, self.shop.workspace, report, archive, sends
        )
        if done is None:
            return
        allowed = done[0]
        worker.ready = [replace(c, archived=b"mail") for c in worker.ready[len(starts) :]]
        worker.report.released += [c.send_id for c in starts if c.send_id not in allowed]
        for claim in starts:
            if claim.send_id in allowed:
                self.handed[claim.send_id] += 1
                worker.flying.append(claim)

    @rule(number=st.integers(0, 1), result=st.sampled_from(RESULTS))
    def land(self, number: int, result: Result) -> None:
        worker = self.workers[number]
        if worker.flying:
            claim = worker.flying.pop(0)
            if result.kind in ("later", "never"):
                self.handed[claim.send_id] -= 1  # the provider did not take it
            worker.report.results.append((claim, result))

    @rule(number=st.integers(0, 1))
    def kill(self, number: int) -> None:
        """End a sender where it stands; the next one looks after what it left."""
        dead = self.workers[number].outbox
        dead.close()
        self.workers[number] = self.start()
        while str(dead.sender) in self.living():
            time.sleep(0.001)
        self.recover(number)

    def living(self) -> set[str]:
        rows = self.shop.run("select objid::text from pg_locks where locktype = 'advisory'")
        return {sender for (sender,) in rows}

    @rule(number=st.integers(0, 1))
    def recover(self, number: int) -> None:
        self.attempt(number, self.workers[number].outbox.recover, self.shop.workspace)

    @rule(place=st.sampled_from(PLACES), when=st.sampled_from(["before", "after"]))
    def plan_a_kill(self, place: str, when: str) -> None:
        doom.place = f"sender.{place}.{when}_commit"

    @rule(who=st.integers(0, 2))
    def change_mind(self, who: int) -> None:
        self.consents[who] = not self.consents[who]
        self.shop.consent(self.customers[who], self.consents[who])

    @rule()
    def stop_or_go_on(self) -> None:
        self.paused = not self.paused
        pause_sends(self.shop.app, self.shop.workspace, self.paused)

    @rule(hours=st.integers(1, 30))
    def pass_time(self, hours: int) -> None:
        self.clock += hours * HOUR
        with in_workspace(self.shop.app, self.shop.workspace) as cursor:
            set_clock(cursor, self.shop.workspace, self.clock)

    @precondition(lambda self: self.handed)
    @invariant()
    def nobody_gets_a_mail_twice(self) -> None:
        assert max(self.handed.values()) <= 1

    @invariant()
    def the_ledger_tells_the_truth(self) -> None:
        workspace = self.shop.workspace
        for send, state, waits, archived in self.shop.run(
            """
            select l.send_id, l.state, o.send_id is not null, a.send_id is not null
            from send_ledger as l
            left join outbox as o using (workspace_id, send_id)
            left join archive as a using (workspace_id, send_id)
            where workspace_id = %s
            """,
            workspace,
        ):
            assert waits == (state == "queued")
            assert archived or not self.handed[send]
            if state == "sent":
                assert self.handed[send] == 1
            if state in ("refused", "expired", "failed"):
                assert self.handed[send] == 0
        told = self.shop.run(
            "select message_id, count(*) from inbox where workspace_id = %s"
            " group by message_id having count(*) > 1",
            workspace,
        )
        assert told == []

    def teardown(self) -> None:
        for worker in self.workers:
            worker.outbox.close()
        self.shop.run("delete from outbox where workspace_id = %s", self.shop.workspace)
        self.shop.connection.close()
        self.shop.app.close()


def kept(claim: Claim) -> Archived:
    about = claim.identity
    return Archived(
        claim.send_id, claim.customer_id, about.channel, about.message,
        claim.message_version, claim.address, "Coupons", b"mail", START,
    )  # fmt: skip


def test_any_interleaving_sends_each_message_at_most_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "failpoint", doom)
    Senders.database = database
    run_state_machine_as_test(
        Senders,
        settings=settings(
            max_examples=15,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
