"""The recorded part of the demonstration: a year of a retailer, loaded and then replayed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tsunagu.channels.email import Mailbox
from tsunagu.core import NewEvent
from tsunagu.core.times import HOUR
from tsunagu.runtime.demo.driver import Driver, Progress
from tsunagu.runtime.demo.installation import Installation, find_or_make, new_write_key
from tsunagu.runtime.demo.library import demo_library, publish_library
from tsunagu.runtime.demo.post_office import arrived_since
from tsunagu.runtime.demo.posting import Poster
from tsunagu.runtime.demo.reading import Reader, read_letter
from tsunagu.runtime.demo.recording import CUT_OFF, END, SOURCE, START, ZONE, Recording

WORKSPACE = "Retail 2017"
STEP = 6 * HOUR
SCANNED = 20


@dataclass
class Retail:
    """The workspace of the recorded year with its driver."""

    installation: Installation
    driver: Driver
    recording: Recording

    def load(self, progress: Progress) -> int:
        """Publish the audience and load the history before the cut-off; how many events.

        Audiences count from the first event. The journey comes at the cut-off, so that history
        enters none.
        """
        driver = self.driver
        workspace, library = driver.workspace_id, demo_library()
        driver.within(lambda c: publish_library(c, workspace, library, ("policy", "audience")))
        total = self.recording.count(START, CUT_OFF)
        if driver.now() < CUT_OFF:
            driver.load(self.recording.events(START, CUT_OFF), total, progress)
            driver.wait()
            driver.move(CUT_OFF)
        driver.within(lambda c: publish_library(c, workspace, library, ("message", "journey")))
        return total

    def replay(self, progress: Progress) -> None:
        """Play the weeks after the cut-off through the HTTP API. Nobody reacts to mails here."""
        tape = _Tape(self.recording.events(self.driver.now(), END))
        key = new_write_key(self.installation, self.driver.workspace_id, SOURCE)
        with Poster(self.installation.collector_url, key) as poster:
            self.driver.replay(
                poster.post,
                lambda _, until: tape.until(until),
                lambda _: False,
                start=CUT_OFF,
                stop=END,
                step=STEP,
                progress=progress,
            )

    def scan(self, mailbox: Mailbox) -> int:
        """Open the links of some mails as scanners do; how many requests that took."""
        mails = [
            m for m in arrived_since(mailbox, 0) if m.summary.recipient.startswith("household")
        ]
        with Reader() as reader:
            return sum(
                reader.scan(read_letter(mail, self.installation.public_url))
                for mail in mails[:SCANNED]
            )


def open_retail(installation: Installation) -> int:
    """The id of the recorded year's workspace."""
    return find_or_make(installation, WORKSPACE, zone=ZONE, currency="USD", start=START)


class _Tape:
    """Events in order of time, taken a step at a time."""

    def __init__(self, events: Iterator[NewEvent]) -> None:
        self._events = events
        self._next = next(events, None)

    def until(self, stop: int) -> list[NewEvent]:
        """The next events before `stop`."""
        found: list[NewEvent] = []
        while self._next is not None and (self._next.at or 0) < stop:
            found.append(self._next)
            self._next = next(self._events, None)
        return found
