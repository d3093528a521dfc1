"""Benches `crash` and `crash-recorded`: weeks played twice, undisturbed and with kills.

The first plays a simulated world, whose customers answer; the second the recorded year of the
demonstration, of real data.

Processes are killed at random moments and at every failpoint, once each. Afterwards each
customer's story must be the same in both plays, except of those who have a message of which
nobody knows whether it arrived; and no mail may have arrived twice. The mailbox is spared: it
stands for somebody else's server. `--size` is the number of random kills.
"""

from __future__ import annotations

import random
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg

from tsunagu import access, eventlog
from tsunagu.channels.email import Mailbox
from tsunagu.runtime.bench.installation import Installation, installation
from tsunagu.runtime.bench.measures import Measure
from tsunagu.runtime.bench.stories import Story, differing, read_stories, unknown_customers
from tsunagu.runtime.demo.driver import Driver, Progress
from tsunagu.runtime.demo.installation import Installation as Places
from tsunagu.runtime.demo.recording import Recording
from tsunagu.runtime.demo.retail import Retail, open_retail
from tsunagu.runtime.demo_server import installation_of
from tsunagu.runtime.world.live import Show, open_world
from tsunagu.runtime.world.model import LARGE, NONE, Shop, World
from tsunagu.sending import MailSettings
from tsunagu.storage.lake import LakeReader

KILLS = 20
SEED = "crash"
VICTIMS = ("collector", "pipeline", "sender", "lake", "public", "postgres")
FAILPOINTS = (
    "collect.before_commit:9",
    "collect.after_commit:5",
    "pipeline.before_commit:40",
    "pipeline.after_commit:30",
    "sender.claim.before_commit:2",
    "sender.claim.after_commit:2",
    "sender.handing.before_commit:3",
    "sender.handing.after_commit:4",
    "sender.hand_over.before:4",
    "sender.hand_over.after:5",
    "sender.result.before_commit:3",
    "sender.result.after_commit:4",
    "lake.promised:1",
    "lake.copied:1",
    "lake.written:1",
    "lake.committed:1",
    "lake.done:1",
    "public.before_commit:2",
    "public.after_commit:2",
)


@dataclass
class Play:
    """What one play of the world left behind.

    `copies` counts arrivals by Message-ID; `lake` is its rows, and its distinct message ids.
    """

    stories: dict[str, Story]
    unknown: dict[str, int]
    copies: dict[str, int]
    lake: tuple[int, int]
    kills: list[str] = field(default_factory=list[str])
    fired: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class Piece:
    """What is played: where its workspace is, and how it goes with a driver and a mailbox."""

    name: str
    opened: Callable[[Places], int]
    perform: Callable[[Places, Driver, Mailbox, Progress], None]


def world_of(customers: int) -> Piece:
    """A world with an effect in one shop and none in the other."""
    half = max(1, customers // 2)
    shops = Shop("north", half, LARGE), Shop("south", customers - half, NONE)

    def perform(places: Places, driver: Driver, mailbox: Mailbox, progress: Progress) -> None:
        Show(places, driver, mailbox, World("crash", shops)).play(progress)

    return Piece("crash", open_world, perform)


def recorded_year() -> Piece:
    """The weeks after the cut-off of the retailer's year; its history is loaded undisturbed."""

    def perform(places: Places, driver: Driver, mailbox: Mailbox, progress: Progress) -> None:
        with Recording() as recording:
            retail = Retail(places, driver, recording)
            retail.load(lambda done, total: None)
            retail.replay(progress)

    return Piece("crash_recorded", open_retail, perform)


def measure(size: int | None) -> Iterator[Measure]:
    """The figures of the simulated world; `size` is the number of random kills."""
    yield from compared(world_of(200), KILLS if size is None else size)


def compared(piece: Piece, kills: int) -> Iterator[Measure]:
    """Play a piece undisturbed and with kills, and compare what became of each customer."""
    calm = play(piece)
    wild = play(piece, kills=kills, failpoints=FAILPOINTS)
    changed = differing(calm.stories, wild.stories)
    unexplained = {c: chapters for c, chapters in changed.items() if c not in wild.unknown}
    unknown, died = sum(wild.unknown.values()), len(wild.kills) + len(wild.fired)
    yield Measure(f"{piece.name}.kills", len(wild.kills), "processes")
    yield Measure(f"{piece.name}.failpoints", len(wild.fired), "processes", limit=len(FAILPOINTS))
    yield Measure(f"{piece.name}.customers", len(calm.stories), "customers")
    yield Measure(f"{piece.name}.mails", sum(calm.copies.values()), "mails")
    yield Measure(f"{piece.name}.twice", twice(wild), "mails", bar=0, below=True)
    yield Measure(f"{piece.name}.differences", len(unexplained), "customers", bar=0, below=True)
    yield Measure(
        f"{piece.name}.lake_twice", wild.lake[0] - wild.lake[1], "events", bar=0, below=True
    )
    yield Measure(f"{piece.name}.lake_lost", lost(wild), "events", bar=0, below=True)
    yield Measure(
        f"{piece.name}.unknown",
        unknown,
        "mails",
        limit=died * MailSettings.lines,
        bar=1.0,
        below=True,
        on_ratio=True,
    )


def lost(found: Play) -> int:
    """How many events of the timeline the lake does not hold."""
    told = sum(len(story.get("timeline", ())) for story in found.stories.values())
    return told - found.lake[1]


def twice(found: Play) -> int:
    """How many mails arrived more than once."""
    return sum(1 for copies in found.copies.values() if copies > 1)


def play(piece: Piece, *, kills: int = 0, failpoints: tuple[str, ...] = ()) -> Play:
    """Play a piece in an installation of its own, with so many kills and at these places."""
    with tempfile.TemporaryDirectory(prefix="tsunagu-failpoints-") as name:
        fired = Path(name)
        fired.chmod(0o777)
        variables = {"TSUNAGU_FAILPOINT_ONCE": name}
        if failpoints:
            variables["TSUNAGU_FAILPOINT"] = ",".join(failpoints)
        with installation("crash", **variables) as made:
            found = _play(made, piece, kills)
            found.fired = sorted(place.name for place in fired.iterdir())
            return found


def _play(made: Installation, piece: Piece, kills: int) -> Play:
    places = installation_of(made.settings)
    mailbox = Mailbox(places.mailbox_folder)
    with _Killer(made, kills) as killer, Driver(made.database, piece.opened(places)) as driver:
        piece.perform(places, driver, mailbox, killer.progress)
        killer.rest()
        driver.wait()
        with made.database.connect("pipeline") as connection:
            eventlog.request_flush(connection, driver.workspace_id)
            return Play(
                read_stories(connection, driver.workspace_id),
                unknown_customers(connection, driver.workspace_id),
                mailbox.copies(),
                _lake(places.lake_folder, driver.workspace_id),
                killer.killed,
            )


def _lake(folder: Path, workspace: int) -> tuple[int, int]:
    with LakeReader(folder, workspace) as lake:
        row = lake.connection.execute(
            "select count(*), count(distinct message_id) from events"
        ).fetchone()
    return (row[0], row[1]) if row else (0, 0)


class _Killer:
    """Kills processes of an installation at random moments of a play's progress."""

    def __init__(self, made: Installation, kills: int) -> None:
        self._made = made
        chance = random.Random(SEED)  # noqa: S311 - which process dies when is no secret
        self._due = sorted((chance.uniform(0.05, 0.95), chance.random()) for _ in range(kills))
        self._victims = [chance.choice(VICTIMS) for _ in range(kills)]
        self._flushed = -1
        self._timers: list[threading.Timer] = []
        self.killed: list[str] = []

    def __enter__(self) -> _Killer:
        return self

    def __exit__(self, *_: object) -> None:
        self.rest()

    def progress(self, done: int, total: int) -> None:
        """Called as the play goes on: what is due by now dies within the next moments."""
        self._flush(20 * done // max(1, total))
        while self._due and self._due[0][0] <= done / max(1, total):
            _, delay = self._due.pop(0)
            timer = threading.Timer(delay * 0.3, self._kill, (self._victims.pop(0),))
            timer.start()
            self._timers.append(timer)

    def _flush(self, twentieth: int) -> None:
        """Have the lake write often, so that its failpoints are passed."""
        if twentieth == self._flushed:
            return
        self._flushed = twentieth
        with suppress(psycopg.OperationalError), self._made.database.connect("app") as connection:
            for workspace in access.list_workspaces(connection):
                connection.execute("select pg_notify('tsunagu_flush', %s)", (str(workspace.id),))

    def rest(self) -> None:
        """Wait until nobody is about to be killed any more."""
        for timer in self._timers:
            timer.join()

    def _kill(self, victim: str) -> None:
        for process in self._made.role(victim):
            try:
                process.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
            self.killed.append(victim)
