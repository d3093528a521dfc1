"""A world played live: its customers get real mails and answer over HTTP.

They find a mail in the local mailbox, open its real links on the public pages, and buy and
redeem through the collector. What they do is decided by the same functions as in memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from tsunagu.channels.email import Mailbox
from tsunagu.core.times import HOUR
from tsunagu.runtime.demo.driver import Driver, Progress
from tsunagu.runtime.demo.installation import Installation, find_or_make, new_write_key
from tsunagu.runtime.demo.library import publish_library
from tsunagu.runtime.demo.post_office import arrived_since
from tsunagu.runtime.demo.posting import Poster
from tsunagu.runtime.demo.reading import Letter, Reader, read_letter
from tsunagu.runtime.world.crowd import Crowd
from tsunagu.runtime.world.library import world_library
from tsunagu.runtime.world.model import (
    CAMPAIGN,
    CURRENCY,
    END,
    LARGE,
    NONE,
    SOURCE,
    START,
    STEP,
    ZONE,
    Shop,
    World,
)

WORKSPACE = "World"

LIVE = World("live", (Shop("north", 300, LARGE), Shop("south", 300, NONE)))


def open_world(installation: Installation) -> int:
    """The id of the live world's workspace."""
    return find_or_make(installation, WORKSPACE, zone=ZONE, currency=CURRENCY, start=START)


@dataclass
class Show:
    """A live world in its workspace."""

    installation: Installation
    driver: Driver
    mailbox: Mailbox
    world: World = LIVE

    def play(self, progress: Progress) -> None:
        """Play the world to its end, or what is left of it."""
        library = world_library([shop.name for shop in self.world.shops])
        kinds = ("policy", "audience", "message", "journey")
        workspace = self.driver.workspace_id
        self.driver.within(lambda cursor: publish_library(cursor, workspace, library, kinds))
        place = self.driver.place()
        crowd = Crowd(self.world, place.get("plans"), place.get("mails"))
        key = new_write_key(self.installation, workspace, SOURCE)
        with Poster(self.installation.collector_url, key) as poster, Reader() as reader:
            react = self._react(crowd, reader)
            for start, stop, step in ((START, CAMPAIGN, CAMPAIGN - START), (CAMPAIGN, END, STEP)):
                self.driver.replay(
                    poster.post,
                    crowd.between,
                    react,
                    start=start,
                    stop=stop,
                    step=step,
                    progress=lambda done, _, before=(start - START) // HOUR: progress(
                        before + done, (END - START) // HOUR
                    ),
                )

    def _react(self, crowd: Crowd, reader: Reader) -> Callable[[int], bool]:
        names = {name for name, _ in self.world.customers()}

        def react(now: int) -> bool:
            place = self.driver.place()
            last, did = int(place.get("mail", 0)), Counter[str](place.get("did", {}))
            done: list[str] = []
            for mail in arrived_since(self.mailbox, last):
                last = mail.summary.mail_id
                customer = mail.summary.recipient.partition("@")[0]
                if customer in names:
                    letter = read_letter(mail, self.installation.public_url)
                    done += _answer(crowd, reader, customer, letter, now)
            if last != place.get("mail", 0):
                did.update(done)
                plans, mails = crowd.plans, crowd.mails
                self.driver.note(mail=last, did=dict(did), plans=plans, mails=mails)
            return bool(done)

        return react


def _answer(crowd: Crowd, reader: Reader, customer: str, letter: Letter, now: int) -> list[str]:
    """Do what the customer decides; the names of what was done."""
    reaction = crowd.receive(customer, letter.message_id, now)
    done = ["mails"]
    if reaction.clicks:
        reader.click(letter)
        done.append("clicks")
    if reaction.unsubscribes:
        reader.unsubscribe(letter)
        done.append("unsubscribes")
    return done
