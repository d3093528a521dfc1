"""Replays from start to end: fold the log into a shadow, compare, exchange, undo, drop.

Everything before the exchange touches the shadow alone. Each batch commits with the position
it has come to, so a replay that was killed goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg import Connection, Cursor

from tsunagu import access, eventlog
from tsunagu.core import Invalid, Retryable
from tsunagu.core.failpoints import failpoint
from tsunagu.core.times import zone
from tsunagu.profiles import Plan
from tsunagu.runtime.replay import queries
from tsunagu.runtime.replay.compare import compare_lists, compare_page
from tsunagu.runtime.replay.fold import fire_timers, fold_cut
from tsunagu.runtime.replay.models import STAGES, Difference, Replay
from tsunagu.runtime.replay.source import cuts
from tsunagu.runtime.replay.swap import exchange
from tsunagu.serve import definitions
from tsunagu.serve.definitions import Definitions
from tsunagu.storage import LOOK_UPS, Database, Row, in_workspace

BATCH = 5_000
_TRIES = 20
_LOCKS = 0x7265706C  # "repl"

# Told the positions and customers dealt with so far, and how many there are.
Progress = Callable[[int, int], None]


def stages_of(text: str) -> tuple[str, ...]:
    """The stages that a comma-separated list names; each brings those that follow from it.

    Raises:
        Invalid: one is unknown, or is not computed from the log alone.
    """
    wanted = [stage.strip() for stage in text.split(",") if stage.strip()]
    for stage in wanted:
        if stage == "insights":
            raise Invalid(
                "Insights are computed from the lake as it was known at a time, not folded from "
                "the log: run them anew after the swap, and leave them out of --stages."
            )
        if stage not in STAGES:
            raise Invalid(f"There is no stage {stage!r}; the stages are {', '.join(STAGES)}.")
    if not wanted:
        raise Invalid(f"Name the stages: {', '.join(STAGES)}.")
    return STAGES if "identity" in wanted else STAGES[1:]


@dataclass
class Replaying:
    """One workspace's replays on two connections: one that reads the log, one that writes."""

    workspace: access.Workspace
    lake: Path
    reading: Connection[Row]
    writing: Connection[Row]

    def every(self) -> list[Replay]:
        """All replays of the workspace."""
        with in_workspace(self.writing, self.workspace.id) as cursor:
            return queries.every(cursor, self.workspace.id)

    def find(self, replay_id: int) -> Replay:
        """A replay by its number.

        Raises:
            NotFound: there is none.
        """
        with in_workspace(self.writing, self.workspace.id) as cursor:
            return queries.find(cursor, self.workspace.id, replay_id)

    def begin(self, stages: Sequence[str], from_at: int | None, to_at: int | None) -> Replay:
        """A new replay, or the one of the same kind that was interrupted."""
        asked = (tuple(stages), from_at, to_at, self._plan().key)
        for found in self.every():
            same = (found.stages, found.from_at, found.to_at, found.plan) == asked
            if found.state == "running" and same:
                return found
        with in_workspace(self.writing, self.workspace.id) as cursor:
            plan = asked[-1]
            return queries.create(cursor, self.workspace.id, stages, from_at, to_at, plan)

    def run(self, replay: Replay, progress: Progress) -> Replay:
        """Fold all that the pipeline has read by now.

        Raises:
            Invalid: the audiences' rules are others than when the replay began.
            Retryable: another process works on this replay.
        """
        plan = self._plan_of(replay)
        with self._alone(replay):
            replay = self._catch_up(replay, plan, progress)
            if replay.state == "running":
                with self._both(replay) as cursor:
                    replay = queries.set_state(cursor, replay, "ready")
        return replay

    def compare(self, replay: Replay, progress: Progress) -> Replay:
        """Compare all customers; what differs is kept for `swap` and for showing.

        Raises:
            Invalid: the audiences' rules are others than when the replay began.
        """
        self._require_ready(replay)
        plan = self._plan_of(replay)
        with self._alone(replay):
            with self._both(replay) as cursor:
                queries.forget_differences(cursor, replay)
                replay = queries.note_compared(cursor, replay, False)
            done, after = 0, -(2**63)
            while True:
                with self._both(replay) as cursor:
                    found, count, bound = compare_page(cursor, replay, plan, after)
                    queries.keep_differences(cursor, replay, found)
                done += count
                progress(done, done)
                if bound is None:
                    break
                after = bound
            with self._both(replay) as cursor:
                known = queries.differing(cursor, replay)
                queries.keep_differences(cursor, replay, compare_lists(cursor, replay, known))
                queries.find_owners(cursor, replay)
                replay = queries.note_compared(cursor, replay, True)
        return replay

    def swap(self, replay: Replay, progress: Progress) -> tuple[Replay, int]:
        """Let the shadow take the place of what is live, or back; how many customers changed.

        Raises:
            Invalid: the replay does not hold all of the log, was not compared, or would join
                again whom somebody parted.
            Retryable: the log grows quicker than the replay follows.
        """
        self._require_ready(replay)
        if not replay.whole:
            raise Invalid(
                "This replay holds a part of the log, so it can be compared and not swapped in. "
                "Start one without --from and --to."
            )
        if not replay.compared:
            raise Invalid(f"Compare it first: tsunagu replay compare {replay.replay_id}")
        with self._both(replay) as cursor:
            if queries.parted(cursor, self.workspace.id):
                raise Invalid(
                    "Somebody was parted in two here, and a replay does not follow that yet: "
                    "swapped in, it would make one of them again, and undo the consents that "
                    "the parting holds back."
                )
        plan = self._plan_of(replay)
        with self._alone(replay):
            for _ in range(_TRIES):
                replay = self._catch_up(replay, plan, progress)
                try:
                    return self._swap_at_once(replay, plan)
                except _TooMuch:
                    continue
        raise Retryable("The log grows quicker than the replay follows. Try when less comes in.")

    def drop(self, replay: Replay) -> None:
        """Remove a replay with its shadow, which after a swap is what was live before."""
        with self._alone(replay), self._both(replay) as cursor:
            queries.drop(cursor, replay)

    def counted(self, replay: Replay) -> dict[str, int]:
        """How many customers differ in what."""
        with self._both(replay) as cursor:
            return queries.counted(cursor, replay)

    def samples(self, replay: Replay, limit: int) -> list[Difference]:
        """Some of the differences."""
        with self._both(replay) as cursor:
            return queries.samples(cursor, replay, limit)

    def _catch_up(self, replay: Replay, plan: Plan, progress: Progress) -> Replay:
        with self._both(replay) as cursor:
            stretches = queries.unread(cursor, replay)
            _, closed = queries.reached(cursor, self.workspace.id, eventlog.PIPELINE)
        kinds = self._definitions().kinds
        total, done = sum(high - low for low, high in stretches), 0
        for cut in cuts(self.reading, self.lake, replay, stretches, BATCH):
            with self._both(replay) as cursor:
                fold_cut(cursor, replay, plan, kinds, cut)
                failpoint("replay.folded")
            done += cut.high - cut.low
            progress(done, total)
        until = closed if replay.to_at is None else min(closed, replay.to_at)
        more = True
        while more:
            with self._both(replay) as cursor:
                more = fire_timers(cursor, replay, plan, until)
        return self.find(replay.replay_id)

    def _swap_at_once(self, replay: Replay, plan: Plan) -> tuple[Replay, int]:
        """Fold what came since under the lease and exchange, unless that is too much."""
        kinds = self._definitions().kinds
        with self._both(replay) as cursor:
            eventlog.hold_cursor(cursor, self.workspace.id, eventlog.PIPELINE)
            _, closed = queries.reached(cursor, self.workspace.id, eventlog.PIPELINE)
            stretches = queries.unread(cursor, replay)
            events = 0
            for cut in cuts(self.reading, self.lake, replay, stretches, BATCH):
                events += len(cut.events)
                if events > BATCH:
                    raise _TooMuch
                fold_cut(cursor, replay, plan, kinds, cut)
            while fire_timers(cursor, replay, plan, closed):
                pass
            now = queries.find(cursor, self.workspace.id, replay.replay_id)
            swapped = exchange(cursor, now, plan)
            failpoint("replay.before_commit")
        failpoint("replay.after_commit")
        return swapped

    @contextmanager
    def _both(self, replay: Replay) -> Generator[Cursor[Row]]:
        with queries.both_sides(self.writing, self.workspace.id, replay.shadow) as cursor:
            yield cursor

    @contextmanager
    def _alone(self, replay: Replay) -> Generator[None]:
        key = (_LOCKS, replay.replay_id % 2**31)
        row = self.reading.execute("select pg_try_advisory_lock(%s, %s)", key).fetchone()
        if not (row and row[0]):
            raise Retryable(f"Another process works on replay {replay.replay_id}.")
        try:
            yield
        finally:
            self.reading.execute("select pg_advisory_unlock(%s, %s)", key)

    def _require_ready(self, replay: Replay) -> None:
        if replay.state == "running":
            raise Invalid("This replay has not come to its end. Go on: tsunagu replay start")

    def _plan(self) -> Plan:
        return self._definitions().plan

    def _definitions(self) -> Definitions:
        with in_workspace(self.reading, self.workspace.id) as cursor:
            name = zone(self.workspace.zone)
            return definitions.load(cursor, self.workspace.id, name, None)

    def _plan_of(self, replay: Replay) -> Plan:
        plan = self._plan()
        if plan.key != replay.plan:
            raise Invalid(
                "The audiences' rules are others than when this replay began. Drop it and start "
                f"anew: tsunagu replay drop {replay.replay_id}"
            )
        return plan


class _TooMuch(Exception):
    """More has come than may be folded while the pipeline waits."""


@contextmanager
def replaying(database: Database, workspace: str, lake: Path) -> Generator[Replaying]:
    """The replays of a workspace, by its name."""
    with database.connect("owner") as reading, database.connect("owner") as writing:
        writing.execute(LOOK_UPS)
        yield Replaying(access.workspace_by_name(reading, workspace), lake, reading, writing)
