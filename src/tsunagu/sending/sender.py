"""The sender: claims what is due, hands it over line by line, and records what became of it.

One loop decides, in rounds: a transaction records the results that have come and marks a next
message for each free line, and only when it has committed do these leave. A slow line holds
nobody: the round goes on without it. The loop sleeps until a notification, a result, or the
next time at which something is due.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from time import monotonic

from tsunagu.channels import Channel, Result
from tsunagu.core import Figures
from tsunagu.core.failpoints import failpoint
from tsunagu.core.times import SECOND, wall
from tsunagu.sending.lines import Lines
from tsunagu.sending.models import Delay, Ending
from tsunagu.sending.outbox import Outbox, Report
from tsunagu.sending.writing import Prepared, Writer

GROUP = 128
# A claim is an answer of the second check, and must not be relied on for long.
CLAIM_SECONDS = 5.0
# How long results that have come wait for those of the other lines, to share a transaction.
PATIENCE = 0.01
SWEEP_SECONDS = 5.0
IDLE_SECONDS = 60.0


@dataclass
class _Group:
    """The claimed messages of one workspace that have not left."""

    workspace_id: int = 0
    claimed: float = 0.0
    ready: deque[Prepared] = field(default_factory=deque[Prepared])


class Sender:
    """The work of one sender while its session stands."""

    def __init__(self, outbox: Outbox, writer: Writer, lines: Lines, figures: Figures) -> None:
        self._outbox = outbox
        self._writer = writer
        self._lines = lines
        self._figures = figures
        self._due: dict[int, float] = {}
        self._group = _Group()
        self._reports: dict[int, Report] = {}
        self._flying: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stopping = False
        self._swept = -SWEEP_SECONDS
        self._used = monotonic()

    def notice(self, workspace_id: int) -> None:
        """Something may be due in a workspace now."""
        self._due[workspace_id] = min(monotonic(), self._due.get(workspace_id, monotonic()))
        self._wake.set()

    def stop(self) -> None:
        """Claim nothing more, finish what is being handed over, and return from `run`."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Work until `stop`."""
        try:
            while not self._done():
                self._wake.clear()
                self._collect()
                await self._sweep()
                await self._fill()
                await self._round()
                down = self._lines.circuit.probing
                self._figures.set("tsunagu.sending.provider_down", float(down))
                await self._sleep()
        finally:
            await asyncio.gather(*self._flying, return_exceptions=True)
            await self._lines.close()

    def _done(self) -> bool:
        if self._stopping:
            self._give_up_group()
        return self._stopping and not self._flying and not self._reports

    async def _sweep(self) -> None:
        """Look everywhere, at the start and from time to time: for dead senders' messages, new
        workspaces and notifications that never came."""
        if self._stopping or monotonic() - self._swept < SWEEP_SECONDS:
            return
        self._swept = monotonic()
        for workspace_id in await asyncio.to_thread(self._outbox.workspaces):
            self._count(await asyncio.to_thread(self._outbox.recover, workspace_id))
            self.notice(workspace_id)
        if not self._flying and monotonic() - self._used > IDLE_SECONDS:
            await self._lines.close()

    async def _fill(self) -> None:
        """Claim and write the next group, when there is none and a line to send it on."""
        if self._group.ready:
            await self._keep_group()
        while not self._group.ready and self._may_claim():
            workspace_id = min(self._due, key=self._due.__getitem__, default=None)
            if workspace_id is None or self._due[workspace_id] > monotonic():
                return
            if not self._lines.free and not await self._lines.open(1):
                return
            await self._claim(workspace_id, 1 if self._lines.circuit.probing else GROUP)

    async def _keep_group(self) -> None:
        """Give the group up when its check is old or no line can take it."""
        lost = self._lines.idle and not await self._lines.open(len(self._group.ready))
        old = monotonic() - self._group.claimed > CLAIM_SECONDS
        if lost or old or self._lines.circuit.wait > 0:
            self._give_up_group()

    def _may_claim(self) -> bool:
        circuit = self._lines.circuit
        if self._stopping or circuit.wait > 0 or (circuit.probing and self._flying):
            return False
        return self._lines.available

    async def _claim(self, workspace_id: int, limit: int) -> None:
        del self._due[workspace_id]
        started = monotonic()
        taken = await asyncio.to_thread(self._outbox.claim, workspace_id, limit)
        self._count(taken.ended)
        if taken.next_due is not None:
            due = started + max(0, taken.next_due - taken.now) / SECOND
            self._due[workspace_id] = min(due, self._due.get(workspace_id, due))
        if not taken.claims:
            return
        written = await asyncio.to_thread(
            self._writer.write, workspace_id, taken.claims, taken.messages, taken.now
        )
        if written.failed:
            self._report(workspace_id).failed += written.failed
        self._group = _Group(workspace_id, started, deque(written.ready))
        await self._lines.open(len(written.ready))
        self._used = monotonic()

    def _give_up_group(self) -> None:
        """Put back what was claimed and has not left; it will be checked anew."""
        group, self._group = self._group, _Group()
        if group.ready:
            self._report(group.workspace_id).released += [p.claim.send_id for p in group.ready]
            self.notice(group.workspace_id)

    async def _round(self) -> None:
        group = self._group
        starts = [group.ready.popleft() for _ in range(min(self._lines.free, len(group.ready)))]
        if starts:
            await self._commit(group.workspace_id, starts)
        for workspace_id in list(self._reports):
            await self._commit(workspace_id, [])

    async def _commit(self, workspace_id: int, starts: list[Prepared]) -> None:
        """One transaction for one workspace, then let go what it allowed."""
        report = self._reports.pop(workspace_id, None) or Report()
        # All of a group is archived before its first message leaves.
        group = self._group.ready if starts else ()
        archive = [p.archive for p in (*starts, *group) if p.archive is not None]
        allowed, recorded = await asyncio.to_thread(
            self._outbox.round, workspace_id, report, archive, [p.claim.send_id for p in starts]
        )
        self._count(recorded)
        if archive:
            self._group.ready = deque(
                Prepared(p.claim, p.outgoing, None) for p in self._group.ready
            )
        for prepared in starts:
            if prepared.claim.send_id in allowed:
                self._let_go(workspace_id, prepared)
        if len(allowed) < len(starts):
            # Sends were stopped, or another sender took the messages over.
            self._report(workspace_id).released += [
                p.claim.send_id for p in starts if p.claim.send_id not in allowed
            ]
            self._give_up_group()

    def _let_go(self, workspace_id: int, prepared: Prepared) -> None:
        task = asyncio.create_task(self._hand_over(workspace_id, prepared, self._lines.take()))
        task.add_done_callback(lambda _: self._wake.set())
        self._flying.add(task)

    def _collect(self) -> None:
        """Let go of finished hand-overs; an error in one is an error of the sender."""
        for task in [t for t in self._flying if t.done()]:
            self._flying.discard(task)
            task.result()

    async def _hand_over(self, workspace_id: int, prepared: Prepared, line: Channel) -> None:
        failpoint("sender.hand_over.before")
        result = await line.deliver(prepared.outgoing)
        failpoint("sender.hand_over.after")
        self._lines.give_back(line)
        self._judge(result)
        self._report(workspace_id).results.append((prepared.claim, result))
        lag = (wall() - prepared.claim.decided_wall) / SECOND
        self._figures.set("tsunagu.sending.lag", lag)

    def _judge(self, result: Result) -> None:
        """What a result says about the provider itself."""
        circuit = self._lines.circuit
        if result.kind == "later":
            circuit.failed()
        elif result.kind == "unknown":
            circuit.broke()
        else:
            circuit.succeeded()

    async def _sleep(self) -> None:
        if self._reports or (self._group.ready and self._lines.free):
            await self._gather()
            return
        try:
            async with asyncio.timeout(self._rest()):
                await self._wake.wait()
        except TimeoutError:
            return
        await self._gather()

    async def _gather(self) -> None:
        """Once some results have come, wait a moment for those of the other lines."""
        if self._reports and self._flying:
            await asyncio.wait(self._flying, timeout=PATIENCE)

    def _rest(self) -> float:
        """Seconds until there is something to do without being woken."""
        now = monotonic()
        rest = self._swept + SWEEP_SECONDS - now
        wait = self._lines.circuit.wait
        if self._due and not self._group.ready and (wait > 0 or self._may_claim()):
            rest = min(rest, max(wait, min(self._due.values()) - now))
        return max(0.0, rest)

    def _report(self, workspace_id: int) -> Report:
        return self._reports.setdefault(workspace_id, Report())

    def _count(self, recorded: list[Ending] | list[Ending | Delay]) -> None:
        for what in recorded:
            name = what.state if isinstance(what, Ending) else "later"
            self._figures.add(f"tsunagu.sending.{name}")
