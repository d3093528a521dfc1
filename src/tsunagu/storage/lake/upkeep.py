"""Upkeep of the lake's tables: small files joined, late repeats and expired rows left out.

Every change writes new files beside the old ones and swaps them in one Delta commit that adds
no row, so a reader sees the table before or after it. The old files stay until no reader can
need them. Killed at any line, the table is as before; what was written is vacuumed later.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from tsunagu.core.failpoints import failpoint
from tsunagu.core.times import moment
from tsunagu.storage.lake.files import lake_connection, literal, parquet, rewritten
from tsunagu.storage.lake.table import EVENTS, LakeTable, Layout, Part

# No question, export or report may hold a list of files longer than this; vacuum waits twice it.
LONGEST_READ_HOURS = 6
SMALL_BYTES = 32_000_000
JOINED_BYTES = 128_000_000
MOST_SMALL = 10
MEMORY = "512MB"


@dataclass(frozen=True)
class Expiry:
    """Events called `name`, or all without a rule of their own, expire when known before `before`.

    Args:
        name: an event's name; None for all others.
        before: microseconds.
    """

    name: str | None
    before: int


@dataclass(frozen=True)
class Expired:
    """How many events of a name have expired; `oldest` is when the first became known."""

    name: str
    rows: int
    oldest: int


def join_small(folder: Path, layout: Layout, *, most: int = MOST_SMALL) -> int:
    """Make one file of a partition's small ones where there are `most`; returns how many went.

    Raises:
        Retryable: others kept committing; the table is as it was.
    """
    table = LakeTable(folder, layout)
    small: dict[str | None, list[Part]] = {}
    for part in table.parts():
        if part.size < SMALL_BYTES:
            small.setdefault(part.partition, []).append(part)
    gone = 0
    for parts in small.values():
        for group in _groups(parts) if len(parts) >= most else ():
            gone += len(group) if _rewrite(table, group, None) else 0
    return gone


def drop_late_repeats(folder: Path, *, received_after: int) -> int:
    """Drop events received after a time whose message id an earlier event of the lake has.

    Repeats within 30 days never reach the lake; this finds the later ones.

    Raises:
        Retryable: others kept committing; what was dropped until then stays dropped.
    """
    table = LakeTable(folder, EVENTS)
    parts = {part.path: part for part in table.parts()}
    if not parts:
        return 0
    with _workplace(folder) as place:
        found = place / "repeats.parquet"
        query = _LATE_REPEATS.format(
            files=parquet(list(parts), named=True),
            after=received_after,
        )
        with lake_connection(memory=MEMORY, spill=place) as connection:
            connection.execute(f"copy ({query}) to {literal(str(found))} (format parquet)")
            guilty = connection.execute(
                _BY_FILE.format(files=literal(str(found)), condition="true")
            ).fetchall()
        without = f"position in (from {literal(str(found))} select position)"
        return sum(rows for path, rows in guilty if _rewrite(table, [parts[path]], without))


def expire(folder: Path, rules: Sequence[Expiry]) -> int:
    """Drop the events that have expired; returns how many.

    Raises:
        Retryable: others kept committing; what was dropped until then stays dropped.
    """
    table = LakeTable(folder, EVENTS)
    parts = {part.path: part for part in _old_enough(table, rules)}
    if not parts:
        return 0
    condition = _expired(rules)
    with lake_connection(memory=MEMORY) as connection:
        guilty = connection.execute(
            _BY_FILE.format(files=parquet(list(parts), named=True), condition=condition)
        ).fetchall()
    return sum(rows for path, rows in guilty if _rewrite(table, [parts[path]], condition))


def count_expired(folder: Path, rules: Sequence[Expiry]) -> list[Expired]:
    """What `expire` would drop, by name, the most first."""
    parts = _old_enough(LakeTable(folder, EVENTS), rules)
    if not parts:
        return []
    source = parquet([part.path for part in parts])
    with lake_connection(memory=MEMORY) as connection:
        found = connection.execute(
            _BY_NAME.format(files=source, condition=_expired(rules))
        ).fetchall()
    return [Expired(*row) for row in found]


def sweep(home: Path, *, older_than_hours: float) -> None:
    """Remove what killed readers and upkeep left in a workspace's lake."""
    for place in [*home.glob("reading/*"), *home.glob("upkeep/*")]:
        if time.time() - place.stat().st_mtime > older_than_hours * 3600:
            shutil.rmtree(place, ignore_errors=True)


_BY_FILE = "select filename, count(*) from {files} where {condition} group by 1 order by 1"
_BY_NAME = """
select coalesce(name, ''), count(*), epoch_us(min(known_at))
from {files} where {condition}
group by 1 order by 2 desc, 1
"""
_LATE_REPEATS = """
with every as (
    select md5_number(message_id) as key, received_at, position, filename from {files}
)
select distinct late.position, late.filename
from every as late
join every as first on first.key = late.key
    and (first.received_at < late.received_at
        or (first.received_at = late.received_at and first.position < late.position))
where late.received_at > make_timestamptz({after})
"""


def _rewrite(table: LakeTable, parts: Sequence[Part], without: str | None) -> bool:
    """Put one new set of files in the place of some; False if another upkeep was there first."""
    with _workplace(table.folder) as place:
        paths = [part.path for part in parts]
        added = rewritten(paths, table.folder, table.layout, place, without=without)
    failpoint("lake.rewritten")
    kept = sum(file.rows for file in added)
    swapped = False
    try:
        swapped = table.swap(parts, added, changed=kept < sum(part.rows for part in parts))
    finally:
        if not swapped:
            for file in added:
                file.path.unlink(missing_ok=True)
    failpoint("lake.swapped")
    return swapped


def _groups(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """Neighbours of up to the size of a joined file."""
    group: list[Part] = []
    for part in parts:
        if group and sum(one.size for one in group) + part.size > JOINED_BYTES:
            yield group
            group = []
        group.append(part)
    if len(group) > 1:
        yield group


def _old_enough(table: LakeTable, rules: Sequence[Expiry]) -> list[Part]:
    """The files of the months in which something may have expired."""
    if not rules:
        return []
    last = moment(max(rule.before for rule in rules)).strftime("%Y-%m")
    return [part for part in table.parts() if (part.partition or "") <= last]


def _expired(rules: Sequence[Expiry]) -> str:
    named = [rule.name for rule in rules if rule.name is not None]
    others = f"name not in ({', '.join(map(literal, named))})" if named else "true"
    return " or ".join(
        f"({others if rule.name is None else f'name = {literal(rule.name)}'}"
        f" and known_at < make_timestamptz({rule.before}))"
        for rule in rules
    )


@contextmanager
def _workplace(folder: Path) -> Generator[Path]:
    """A folder for what is on its way, gone afterwards."""
    place = folder.parent / "upkeep" / uuid4().hex
    place.mkdir(parents=True)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
