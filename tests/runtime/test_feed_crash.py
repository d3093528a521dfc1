"""A feed that is killed goes on where it stood: everything once, at every place of dying."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from feeding import Feeding, Pure, Said, parts_of
from test_feed import NEW_YORK, PLAN, START, publish_rules, said_of

from tsunagu.core.times import DAY
from tsunagu.storage import Database

PART = 60
RUN = """
import sys
from pathlib import Path
from tsunagu.runtime.feed import feed
from tsunagu.storage import Database
url, lake, workspace, after, upto, part = sys.argv[1:]
feed(Database(url), Path(lake), int(workspace), after=int(after), upto=int(upto), part=int(part))
"""
# Of three parts: the first is not in, not in, in; the second in; the third not, in; then the
# timeline of none, of one, and of two.
PLACES = [
    "feed.before_commit",
    "feed.between_commits",
    "feed.after_commit",
    "feed.before_commit:2",
    "feed.between_commits",
    "feed.after_commit",
    "feed.before_told",
    "feed.after_told",
    "feed.before_told:2",
]


def some_history(seed: int) -> list[Said]:
    chance = random.Random(seed)
    names = ["Order Completed", "identify", "alias", "Page Viewed", "Consent Given"]
    drawn: list[Any] = []
    for _ in range(80):
        user, device = chance.choice([None, "u1", "u2", "u3"]), chance.choice(["d1", "d2", "d3"])
        drawn.append(
            (chance.randint(-9, 20), chance.choice(names), user, device, True, chance.randint(0, 8))
        )
    return said_of(drawn)


def some_people() -> list[Said]:
    """Eighty orders of forty customers, whom nothing merges."""
    drawn = [(1, "Order Completed", f"u{n % 40}", f"d{n % 40}", False, 0) for n in range(80)]
    return said_of(drawn)


class Killed:
    """A load put into the lake, and a process that feeds it."""

    def __init__(self, feeding: Feeding, said: list[Said]) -> None:
        self.feeding = feeding
        self.clock = max(s.at for s in said) + DAY
        publish_rules(feeding)
        feeding.clock(self.clock)
        self.after, self.upto, self.log = feeding.put(said)

    def start(self, **environment: str) -> subprocess.Popen[bytes]:
        feeding = self.feeding
        words = (feeding.lake, feeding.workspace, self.after, self.upto, PART)
        return subprocess.Popen(
            [sys.executable, "-c", RUN, feeding.database.url, *map(str, words)],
            env=os.environ | environment,
        )

    def expected(self) -> dict[str, Any]:
        pure = Pure(self.feeding.workspace, PLAN)
        for part in parts_of(self.log, self.after, PART):
            pure.take(part, self.clock, bulk=True)
        return pure.story()

    def check(self) -> None:
        found, expected = self.feeding.story(), self.expected()
        for name, of_name in expected.items():
            assert found[name] == of_name, name
        assert self.feeding.rows("select fed_position, told_position, events from load_feeds") == [
            (self.upto, self.upto, len(self.log))
        ]


@pytest.fixture
def feeding(database: Database, make_workspace: Callable[..., int], tmp_path: Path) -> Feeding:
    workspace = make_workspace(clock="driven", clock_now=START, zone=NEW_YORK)
    return Feeding(database, workspace, tmp_path / "lake", NEW_YORK)


def test_killed_at_every_place_and_run_again_everything_is_there_once(feeding: Feeding) -> None:
    killed = Killed(feeding, some_history(3))
    for place in PLACES:
        assert killed.start(TSUNAGU_FAILPOINT=place).wait(60) == -signal.SIGKILL, place
    assert killed.start().wait(60) == 0
    killed.check()
    assert killed.start().wait(60) == 0  # once more finds nothing to do
    killed.check()


def test_identifiers_that_are_there_before_their_profiles_are_found_again(
    feeding: Feeding,
) -> None:
    killed = Killed(feeding, some_people())
    assert killed.start(TSUNAGU_FAILPOINT="feed.between_commits").wait(60) == -signal.SIGKILL
    assert feeding.rows("select 1 from identifiers limit 1") == [(1,)]
    assert feeding.rows("select 1 from profiles limit 1") == []
    assert killed.start().wait(60) == 0
    killed.check()


def test_killed_again_and_again_at_random_everything_is_there_once(feeding: Feeding) -> None:
    killed = Killed(feeding, some_history(7))
    chance = random.Random(7)
    for _ in range(4):
        process = killed.start()
        time.sleep(0.5 + 0.7 * chance.random())
        process.kill()
        process.wait(60)
    assert killed.start().wait(60) == 0
    killed.check()
