"""Did the loop close? Each check says in words what it looked at and what it found."""

from __future__ import annotations

from dataclasses import dataclass

from tsunagu.channels.email import Mailbox
from tsunagu.core import Json
from tsunagu.runtime.demo.evidence_queries import Evidence

Words = dict[str, str]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be true."""

    words: Words
    holds: bool


def closed_loop(
    recorded: Evidence,
    scanned: int,
    world: Evidence,
    answered: Json,
    mailbox: Mailbox,
    comparisons: int,
) -> list[Check]:
    """All checks.

    Args:
        recorded: what the recorded year's workspace holds.
        scanned: how many requests the mail scanners made there.
        world: what the simulated world's workspace holds.
        answered: what its customers did, counted on their side.
        mailbox: where the mails arrived.
        comparisons: how many comparisons with a holdout were computed.
    """
    sent = recorded.sent + world.sent
    unknown = recorded.unknown + world.unknown
    unsent = recorded.unsent + world.unsent
    copies = mailbox.copies()
    twice = sum(1 for times in copies.values() if times > 1)
    clicks, leaving = int(answered.get("clicks", 0)), int(answered.get("unsubscribes", 0))
    return [
        _check(
            f"{len(copies):,} mails arrived for {sent:,} sent, none twice",
            f"送信 {sent:,} 通に対して {len(copies):,} 通が届き、重複はありません",
            recorded.sent > 0
            and world.sent > 0
            and not twice
            and not unsent
            and sent <= len(copies) <= sent + unknown,
        ),
        _check(
            f"{recorded.archived + world.archived:,} of them lie in the archive",
            f"うち {recorded.archived + world.archived:,} 通が保管されています",
            recorded.archived + world.archived == sent,
        ),
        _check(
            f"{scanned:,} requests of mail scanners unsubscribed {recorded.unsubscribes:,}",
            f"メールスキャナーの {scanned:,} 回のアクセスで停止された配信は"
            f" {recorded.unsubscribes:,} 件です",
            scanned > 0 and recorded.unsubscribes == 0 and recorded.clicks == 0,
        ),
        _check(
            f"{world.clicks:,} of {clicks:,} clicks came back as events",
            f"クリック {clicks:,} 回のうち {world.clicks:,} 回がイベントとして戻りました",
            0 < clicks == world.clicks,
        ),
        _check(
            f"{world.unsubscribes:,} of {leaving:,} unsubscribes came back as events",
            f"配信停止 {leaving:,} 件のうち {world.unsubscribes:,} 件がイベントとして戻りました",
            0 < leaving == world.unsubscribes,
        ),
        _check(
            f"{world.refused_after_unsubscribing:,} later mails to them were refused for "
            f"their missing consent, {world.sent_after_unsubscribing:,} were sent",
            f"その後のメール {world.refused_after_unsubscribing:,} 通は同意なしとして止まり、"
            f"送られたのは {world.sent_after_unsubscribing:,} 通です",
            world.refused_after_unsubscribing > 0 and world.sent_after_unsubscribing == 0,
        ),
        _check(
            f"{comparisons} comparisons with a holdout were computed",
            f"ホールドアウトとの比較を {comparisons} 件計算しました",
            comparisons > 0,
        ),
    ]


def _check(english: str, japanese: str, holds: bool) -> Check:
    return Check({"en": english, "ja": japanese}, holds)
