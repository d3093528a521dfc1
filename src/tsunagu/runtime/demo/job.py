"""The main job: real data once round the loop, stage by stage, and the proof that it closed.

Two workspaces: a recorded year whose customers cannot answer, and a simulated world whose
customers do. Every stage can be run again: a job that was interrupted goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Protocol

from tsunagu.channels.email import Mailbox
from tsunagu.runtime.demo.driver import Driver
from tsunagu.runtime.demo.evidence_queries import Evidence, evidence
from tsunagu.runtime.demo.installation import Installation
from tsunagu.runtime.demo.library import JOURNEY, demo_library
from tsunagu.runtime.demo.proof import Check, Words, closed_loop
from tsunagu.runtime.demo.recording import CUT_OFF, END, Recording
from tsunagu.runtime.demo.results import (
    RECORDED,
    Finding,
    compare_journey,
    flush,
    score_coupons,
)
from tsunagu.runtime.demo.retail import Retail, open_retail
from tsunagu.runtime.world.live import Show, open_world
from tsunagu.runtime.world.report import compare_shops


class Tell(Protocol):
    """Whoever watches the job."""

    def started(self, title: Words) -> None:
        """A stage begins."""
        ...

    def progress(self, done: int, total: int) -> None:
        """The stage has come so far, in units of its own."""
        ...

    def finished(self, words: Words, seconds: float) -> None:
        """The stage is over; what it did, in a line."""
        ...


@dataclass
class Outcome:
    """What the job did and found."""

    checks: list[Check] = field(default_factory=list[Check])
    findings: list[Finding] = field(default_factory=list[Finding])
    seconds: dict[str, float] = field(default_factory=dict[str, float])

    @property
    def closed(self) -> bool:
        """Whether the loop closed: every check holds."""
        return bool(self.checks) and all(check.holds for check in self.checks)


def run_demo(installation: Installation, tell: Tell) -> Outcome:
    """Run the whole job, or what is left of it, on an installation whose roles all run.

    Raises:
        Retryable: a part of the installation did not answer; run it again to go on.
        NotFound: the package with the retail data is not installed.
    """
    with ExitStack() as stack:
        database = installation.database
        job = _Job(
            installation,
            tell,
            Mailbox(installation.mailbox_folder),
            stack.enter_context(Recording()),
            stack.enter_context(Driver(database, open_retail(installation))),
            stack.enter_context(Driver(database, open_world(installation))),
        )
        stack.callback(job.mailbox.close)
        return job.run()


@dataclass
class _Job:
    installation: Installation
    tell: Tell
    mailbox: Mailbox
    recording: Recording
    recorded: Driver
    simulated: Driver
    outcome: Outcome = field(default_factory=Outcome)

    def run(self) -> Outcome:
        """All stages in their order."""
        retail = Retail(self.installation, self.recorded, self.recording)
        show = Show(self.installation, self.simulated, self.mailbox)
        self._stage("load", LOADING, lambda: self._load(retail))
        self._stage("replay", REPLAYING, lambda: self._replay(retail))
        self._stage("world", PLAYING, lambda: self._play(show))
        self._stage("insights", LEARNING, self._learn)
        self._stage("proof", PROVING, lambda: self._prove(retail))
        return self.outcome

    def _stage(self, name: str, title: Words, work: Callable[[], Words]) -> None:
        self.tell.started(title)
        begun = time.monotonic()
        words = work()
        self.outcome.seconds[name] = time.monotonic() - begun
        self.tell.finished(words, self.outcome.seconds[name])

    def _load(self, retail: Retail) -> Words:
        begun = time.monotonic()
        events = retail.load(self.tell.progress)
        pace = events / max(time.monotonic() - begun, 0.001)
        return {
            "en": f"{events:,} events of history through the whole pipeline, {pace:,.0f}/s",
            "ja": f"履歴 {events:,} 件をパイプライン全体に通しました（毎秒 {pace:,.0f} 件）",
        }

    def _replay(self, retail: Retail) -> Words:
        retail.replay(self.tell.progress)
        events, found = self.recording.count(CUT_OFF, END), self._evidence(self.recorded)
        return {
            "en": (
                f"{events:,} events over HTTP; {found.enrolled:,} entered the journey, "
                f"{found.held_out:,} held out; {found.sent:,} mails sent, {found.refused:,} refused"
            ),
            "ja": (
                f"HTTP で {events:,} 件。ジャーニーに {found.enrolled:,} 世帯"
                f"（うちホールドアウト {found.held_out:,}）、"
                f"メール {found.sent:,} 通、見送り {found.refused:,} 通"
            ),
        }

    def _play(self, show: Show) -> Words:
        show.play(self.tell.progress)
        found = self._evidence(self.simulated)
        return {
            "en": (
                f"{found.sent:,} mails to {found.enrolled:,} simulated customers; "
                f"{found.clicks:,} clicks, {found.unsubscribes:,} unsubscribes"
            ),
            "ja": (
                f"シミュレーションのお客様 {found.enrolled:,} 人にメール {found.sent:,} 通。"
                f"クリック {found.clicks:,} 回、配信停止 {found.unsubscribes:,} 件"
            ),
        }

    def _learn(self) -> Words:
        flush(self.installation, self.recorded)
        flush(self.installation, self.simulated)
        journey = demo_library()["journey", JOURNEY]
        self.outcome.findings = [
            compare_journey(self.installation, self.recorded, JOURNEY, journey, caveats=[RECORDED]),
            *compare_shops(self.installation, self.simulated),
            score_coupons(self.installation, self.recorded),
        ]
        count = len(self.outcome.findings)
        return {"en": f"{count} reports from the lake", "ja": f"レイクから {count} 件のレポート"}

    def _prove(self, retail: Retail) -> Words:
        scanned = retail.scan(self.mailbox)
        self.recorded.wait()
        self.outcome.checks = closed_loop(
            self._evidence(self.recorded),
            scanned,
            self._evidence(self.simulated),
            self.simulated.place().get("did", {}),
            self.mailbox,
            sum(1 for f in self.outcome.findings if f.name.startswith("experiment:")),
        )
        held = sum(1 for check in self.outcome.checks if check.holds)
        count = len(self.outcome.checks)
        return {"en": f"{held} of {count} checks hold", "ja": f"{count} 件中 {held} 件を確認"}

    def _evidence(self, driver: Driver) -> Evidence:
        return driver.within(lambda cursor: evidence(cursor, driver.workspace_id))


LOADING: Words = {
    "en": "Load the history of a retailer before 30 October 2017",
    "ja": "小売の履歴（2017年10月29日まで）を読み込む",
}
REPLAYING: Words = {
    "en": "Replay the weeks to 24 December 2017 with the coupon reminder running",
    "ja": "2017年12月24日までを再生し、クーポンのお知らせを動かす",
}
PLAYING: Words = {
    "en": "Play a world whose customers answer their mails",
    "ja": "メールに反応するお客様の世界を動かす",
}
LEARNING: Words = {
    "en": "Compare with the holdouts and score the next campaign",
    "ja": "ホールドアウトと比べ、次のキャンペーンを予測する",
}
PROVING: Words = {
    "en": "Let mail scanners open links, and prove that the loop closed",
    "ja": "スキャナーにリンクを開かせ、輪が閉じたことを確かめる",
}
