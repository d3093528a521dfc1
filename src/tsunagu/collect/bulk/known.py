"""All message ids that a workspace has seen, over HTTP and in loads, as its loader asks for them.

Two sources, one answer: key files of earlier loads (and of this one, as it grows), and the keys
of HTTP events, pulled once from PostgreSQL and then kept up with what the pipeline takes. The
pipeline asks the other way round (`LoadedKeys`) whether an HTTP event was loaded before.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
from psycopg import Connection, Cursor, IsolationLevel

from tsunagu.collect.bulk import queries
from tsunagu.collect.bulk.keys import Flags, Keys, Run, join_runs, keys_of
from tsunagu.core import Event, Retryable
from tsunagu.core.times import wall
from tsunagu.storage import Row, in_workspace

# So many files of one level become one of the next.
JOINED = 16


@dataclass(frozen=True, eq=False)
class KeyFile:
    """A run that lies in a file of the workspace's lake folder."""

    name: str
    level: int
    received_at: int
    run: Run


def key_path(home: Path, name: str) -> Path:
    """Where a key file of a workspace lies."""
    return home / "loaded_keys" / name


class KnownKeys:
    """What a loader must not load again.

    One worker asks while another settles: the lists are never changed, only put in place of
    each other, and a key is always in one of them.
    """

    def __init__(self, home: Path, scratch: Path) -> None:
        self._folder = key_path(home, "")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._scratch = scratch
        self._files: list[KeyFile] = []
        self._staged: list[Run] = []
        self._http: list[Run] = []
        self._position = 0

    def open(self, connection: Connection[Row], workspace_id: int, since: int) -> None:
        """Learn all that was seen since then; forget files of keys that are older."""
        with in_workspace(connection, workspace_id) as cursor:
            found = queries.key_files(cursor, workspace_id)
            old = [name for name, _, _, at in found if at < since]
            queries.drop_key_files(cursor, workspace_id, old)
        listed = {name for name, *_ in found}
        for path in self._folder.iterdir():
            # Left by a load that was killed, or no longer listed when the last load began: the
            # pipeline may still be opening what was taken off the list just now.
            if path.name not in listed:
                path.unlink()
        kept = listed - set(old)
        self._files = [
            KeyFile(name, level, at, Run.open(self._folder / name, keys))
            for name, level, keys, at in found
            if name in kept
        ]
        # one snapshot for both: no key falls between the pull and the first look for news
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        with in_workspace(connection, workspace_id) as cursor:
            self._position = queries.pipeline_position(cursor, workspace_id)
            for number, keys in enumerate(queries.seen_over_http(cursor, workspace_id, since)):
                self._http.append(self._laid_down(keys, f"http-{number}"))
        connection.isolation_level = None

    def holds(self, keys: Keys) -> Flags:
        """Which of the keys were seen; what is staged but not promised counts too."""
        found = np.zeros(len(keys), np.bool_)
        for run in (*(file.run for file in self._files), *self._staged, *self._http):
            found |= run.holds(keys)
        return found

    @property
    def news(self) -> int:
        """How much news came from HTTP so far; `heard_since` tells what came later."""
        return len(self._http)

    def add_staged(self, run: Run) -> None:
        """Keys of a part that is being written."""
        self._staged = [*self._staged, run]

    def listen(self, cursor: Cursor[Row], workspace_id: int, position: int) -> None:
        """Take in what the pipeline took up to a position. Call it under the pipeline's lease."""
        keys = queries.taken_over_http(cursor, workspace_id, self._position, position)
        self._position = position
        if len(keys):
            self._http.append(Run.of(keys))

    def heard_since(self, news: int, keys: Keys) -> Flags:
        """Which of the keys came over HTTP after a moment that `news` told."""
        found = np.zeros(len(keys), np.bool_)
        for run in self._http[news:]:
            found |= run.holds(keys)
        return found

    def write(self, run: Run) -> str:
        """Lay the keys of a part down; returns the file's name."""
        name = f"{uuid4().hex}.keys"
        run.write(self._folder / name)
        return name

    def replace_staged(self, old: Run, name: str, new: Run) -> None:
        """The keys of a part that is written anew; `name` is the file of the old ones."""
        self._staged = [*(run for run in self._staged if run is not old), new]
        if name:
            (self._folder / name).unlink()

    def promised(self, run: Run, name: str, received_at: int) -> None:
        """A staged run is now a file that everybody looks into."""
        opened = Run.open(self._folder / name, len(run))
        self._files = [*self._files, KeyFile(name, 0, received_at, opened)]
        self._staged = [other for other in self._staged if other is not run]

    def join(self, connection: Connection[Row], workspace_id: int) -> None:
        """Make one file of many of a level, so that a look stays cheap.

        The next load deletes the old ones; somebody may be opening them now.
        """
        for level in range(max((file.level for file in self._files), default=0) + 1):
            old = [file for file in self._files if file.level == level]
            if len(old) < JOINED:
                continue
            name = f"{uuid4().hex}.keys"
            count = join_runs([file.run for file in old], self._folder / name)
            newest = max(file.received_at for file in old)
            with in_workspace(connection, workspace_id) as cursor:
                queries.drop_key_files(cursor, workspace_id, [file.name for file in old])
                queries.add_key_file(cursor, workspace_id, name, level + 1, count, newest)
            opened = Run.open(self._folder / name, count)
            joined = KeyFile(name, level + 1, newest, opened)
            self._files = [*(file for file in self._files if file not in old), joined]

    def _laid_down(self, keys: Keys, name: str) -> Run:
        """A run that does not stay in memory."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        Run.of(keys).write(self._scratch / name)
        return Run.open(self._scratch / name, len(keys))


class LoadedKeys:
    """What the pipeline asks: was this HTTP event loaded before? One per workspace.

    A batch is prepared without the lease and stored under it; in between a load may promise
    events that the batch takes for new, so the batch asks again (`Brought.overtaken`).

    Args:
        lake_folder: of all workspaces' lakes.
    """

    def __init__(self, lake_folder: Path) -> None:
        self._lake_folder = lake_folder
        self._runs: dict[str, tuple[int, Run]] = {}
        self._lock = threading.Lock()

    def look(self, cursor: Cursor[Row], workspace_id: int, events: Sequence[Event]) -> Brought:
        """Which events of a batch a load of the last 30 days brought already."""
        runs = self.runs(cursor, workspace_id)
        repeats = _found(runs.values(), events)
        return Brought(self, workspace_id, frozenset(runs), repeats)

    def runs(self, cursor: Cursor[Row], workspace_id: int) -> dict[str, Run]:
        """The runs as this transaction sees them."""
        since = wall() - queries.REPEATS_FOR
        listed = {
            name: (at, keys)
            for name, _, keys, at in queries.key_files(cursor, workspace_id)
            if at >= since
        }
        with self._lock:
            known = {name: run for name, run in self._runs.items() if name in listed}
            for name, (at, keys) in listed.items():
                if name not in known:
                    path = key_path(self._lake_folder / str(workspace_id), name)
                    known[name] = (at, _opened(path, keys))
            self._runs = known
        return {name: run for name, (_, run) in known.items()}


@dataclass(frozen=True)
class Brought:
    """What was loaded when a batch was prepared; `repeats` are positions of its events."""

    keys: LoadedKeys
    workspace_id: int
    names: frozenset[str]
    repeats: set[int]

    def overtaken(self, cursor: Cursor[Row], events: Sequence[Event]) -> bool:
        """Whether a load has brought one of these events since; ask it under the lease."""
        runs = self.keys.runs(cursor, self.workspace_id)
        fresh = [run for name, run in runs.items() if name not in self.names]
        return bool(_found(fresh, [e for e in events if e.position not in self.repeats]))


def _opened(path: Path, keys: int) -> Run:
    try:
        return Run.open(path, keys)
    except FileNotFoundError:
        raise Retryable(
            f"{path} is not there: which events loads brought cannot be told. The pipeline needs "
            "the lake's folder; share it with this machine, or restore it from a backup."
        ) from None


def _found(runs: Collection[Run], events: Sequence[Event]) -> set[int]:
    if not runs or not events:
        return set()
    keys = keys_of(event.message_id for event in events)
    found = np.zeros(len(keys), np.bool_)
    for run in runs:
        found |= run.holds(keys)
    return {event.position for event, again in zip(events, found, strict=True) if again}
