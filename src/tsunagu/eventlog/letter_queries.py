"""Finding dead letters: by words, state, stage, event, source and period, a page at a time.

Pages go by the letter's number, so the thousandth costs what the first does. Words are looked
for among what the other conditions leave; a message id is found by its index.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, LiteralString

from psycopg import Cursor

from tsunagu.core import Invalid, Json, NotFound
from tsunagu.core.times import moment
from tsunagu.eventlog.dead_letters import SELECT_LETTERS, DeadLetter
from tsunagu.storage import Row

MOST_COUNTED = 100_000
_STATES = ("open", "replayed", "discarded", "")


@dataclass(frozen=True)
class LetterFilter:
    """Which letters. Empty texts and None ask for nothing; `state` empty is every state.

    `words` stand in the event's name, the reason or the message id, or are the user's id.
    `since` and `until` are business times in microseconds, the second not included.
    """

    words: str = ""
    state: str = "open"
    stage: str = ""
    name: str = ""
    source: str = ""
    since: int | None = None
    until: int | None = None

    def as_json(self) -> Json:
        """The filter as a job keeps it."""
        return asdict(self)

    @staticmethod
    def from_json(told: Json) -> LetterFilter:
        """The filter of a job or a request.

        Raises:
            Invalid: there is no such state or condition.
        """
        known = {field.name for field in fields(LetterFilter)}
        if unknown := sorted(set(told) - known):
            raise Invalid(f"A filter has no {', '.join(unknown)}; it has {', '.join(known)}.")
        found = LetterFilter(**told)
        if found.state not in _STATES:
            raise Invalid(
                f"There is no state {found.state!r}: open, replayed, discarded, or empty."
            )
        return found


@dataclass(frozen=True, slots=True)
class LetterGroup:
    """How many open letters of one stage, event and source there are, and one of their reasons."""

    stage: str
    name: str
    type: str
    source: str
    count: int
    reason: str


MATCH: LiteralString = """
where workspace_id = %(workspace)s
    and (%(state)s = '' or state = %(state)s)
    and (%(stage)s = '' or stage = %(stage)s)
    and (%(name)s = '' or left(name, 200) = left(%(name)s, 200))
    and (%(source)s = '' or left(source, 200) = left(%(source)s, 200))
    and (%(since)s::timestamptz is null or at >= %(since)s)
    and (%(until)s::timestamptz is null or at < %(until)s)
    and (%(words)s = '' or name ilike %(contains)s or reason ilike %(contains)s
        or message_id ilike %(contains)s or event ->> 'user_id' = %(words)s)
"""


_PAGE: LiteralString = (
    SELECT_LETTERS
    + MATCH
    + """
    and (%(before)s::bigint is null or letter_id < %(before)s)
order by letter_id desc
limit %(limit)s
"""
)
_ONE: LiteralString = SELECT_LETTERS + "where workspace_id = %s and letter_id = %s"
_COUNTED: LiteralString = "select count(*) from ("
_COUNT: LiteralString = _COUNTED + SELECT_LETTERS + MATCH + "limit %(most)s) as matching"


def conditions(workspace_id: int, wanted: LetterFilter) -> dict[str, Any]:
    """The parameters of `MATCH`."""
    escaped = wanted.words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return {
        "workspace": workspace_id,
        "words": wanted.words,
        "contains": f"%{escaped}%",
        "state": wanted.state,
        "stage": wanted.stage,
        "name": wanted.name,
        "source": wanted.source,
        "since": None if wanted.since is None else moment(wanted.since),
        "until": None if wanted.until is None else moment(wanted.until),
    }


def dead_letters(
    cursor: Cursor[Row],
    workspace_id: int,
    wanted: LetterFilter,
    *,
    limit: int,
    before: int | None = None,
) -> list[DeadLetter]:
    """Letters, the latest first; `before` is the number of the last one of the page before."""
    found = cursor.execute(
        _PAGE, conditions(workspace_id, wanted) | {"before": before, "limit": limit}
    )
    return [DeadLetter(*row) for row in found.fetchall()]


def dead_letter(cursor: Cursor[Row], workspace_id: int, letter_id: int) -> DeadLetter:
    """One letter.

    Raises:
        NotFound: there is none of this number, or it is past its retention.
    """
    row = cursor.execute(_ONE, (workspace_id, letter_id)).fetchone()
    if row is None:
        raise NotFound(f"There is no dead letter {letter_id} in this workspace.")
    return DeadLetter(*row)


def letter_at(cursor: Cursor[Row], workspace_id: int, position: int) -> int | None:
    """The number of the letter that holds an event of the log, if one does."""
    row = cursor.execute(
        "select letter_id from dead_letters where workspace_id = %s and position = %s",
        (workspace_id, position),
    ).fetchone()
    return None if row is None else row[0]


def count_letters(
    cursor: Cursor[Row], workspace_id: int, wanted: LetterFilter, *, most: int = MOST_COUNTED
) -> int:
    """How many letters there are; counting ends at `most`."""
    row = cursor.execute(_COUNT, conditions(workspace_id, wanted) | {"most": most}).fetchone()
    return row[0] if row else 0


def letter_groups(cursor: Cursor[Row], workspace_id: int, *, limit: int = 50) -> list[LetterGroup]:
    """What the open letters are about, the most frequent first."""
    found = cursor.execute(
        """
        select stage, name, type, source, count(*), max(left(reason, 300))
        from dead_letters
        where workspace_id = %s and state = 'open'
        group by stage, name, type, source
        order by count(*) desc, stage, name, source
        limit %s
        """,
        (workspace_id, limit),
    )
    return [LetterGroup(*row) for row in found.fetchall()]
