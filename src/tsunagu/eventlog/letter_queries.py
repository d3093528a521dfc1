"""Finding dead letters: by words, state, stage, event, source and period, a page at a time.

Pages go by the letter's number, so the thousandth costs what the first does. A message id and
a user's id are found by an index; other words are looked for among what the conditions leave.
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

    `words` are a message id or a user's id, or else stand in the name, the reason or the id.
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
    """How many open letters of one stage, event and source there are, and the latest reason."""

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
    and (%(name)s = '' or name_key = %(name)s)
    and (%(source)s = '' or source_key = %(source)s)
    and (%(since)s::timestamptz is null or at >= %(since)s)
    and (%(until)s::timestamptz is null or at < %(until)s)
    and (%(contains)s = '' or name ilike %(contains)s or reason ilike %(contains)s
        or message_id ilike %(contains)s)
    and (%(message)s = '' or message_key = %(message)s)
    and (%(user)s = '' or user_key = %(user)s)
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
_LONGEST_KEY = 200
_KEYS: dict[str, LiteralString] = {
    "message": "select from dead_letters where workspace_id = %s and message_key = %s limit 1",
    "user": "select from dead_letters where workspace_id = %s and user_key = %s limit 1",
}
_ONE: LiteralString = SELECT_LETTERS + "where workspace_id = %s and letter_id = %s"
_COUNTED: LiteralString = "select count(*) from ("
_COUNT: LiteralString = _COUNTED + SELECT_LETTERS + MATCH + "limit %(most)s) as matching"


def conditions(workspace_id: int, wanted: LetterFilter) -> dict[str, Any]:
    """The parameters of `MATCH`; words are looked for in names, reasons and message ids."""
    escaped = wanted.words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return {
        "workspace": workspace_id,
        "contains": f"%{escaped}%" if escaped else "",
        "message": "",
        "user": "",
        "state": wanted.state,
        "stage": wanted.stage,
        "name": wanted.name[:_LONGEST_KEY],
        "source": wanted.source[:_LONGEST_KEY],
        "since": None if wanted.since is None else moment(wanted.since),
        "until": None if wanted.until is None else moment(wanted.until),
    }


def settled_words(cursor: Cursor[Row], workspace_id: int, wanted: LetterFilter) -> dict[str, Any]:
    """The parameters of `MATCH`, with words that are an id looked up as that id.

    An index answers whether a letter has the message id or is about the user; only other words
    are looked for in every letter that the conditions leave.
    """
    found = conditions(workspace_id, wanted)
    key = wanted.words[:_LONGEST_KEY]
    for column, statement in _KEYS.items() if key else ():
        if cursor.execute(statement, (workspace_id, key)).fetchone() is not None:
            return found | {"contains": "", column: key}
    return found


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
        _PAGE, settled_words(cursor, workspace_id, wanted) | {"before": before, "limit": limit}
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
    row = cursor.execute(
        _COUNT, settled_words(cursor, workspace_id, wanted) | {"most": most}
    ).fetchone()
    return row[0] if row else 0


def letter_groups(cursor: Cursor[Row], workspace_id: int, *, limit: int = 50) -> list[LetterGroup]:
    """What the open letters are about, the most frequent first, with their latest reason."""
    found = cursor.execute(
        """
        select g.stage, g.name_key, l.type, g.source_key, g.count, l.reason
        from (
            select stage, name_key, source_key, count(*) as count
            from dead_letters
            where workspace_id = %(workspace)s and state = 'open'
            group by stage, name_key, source_key
            order by count(*) desc, stage, name_key, source_key
            limit %(limit)s
        ) as g
        cross join lateral (
            select type, left(reason, 300) as reason
            from dead_letters
            where workspace_id = %(workspace)s and state = 'open' and stage = g.stage
                and name_key = g.name_key and source_key = g.source_key
            order by letter_id desc
            limit 1
        ) as l
        order by g.count desc, g.stage, g.name_key, g.source_key
        """,
        {"workspace": workspace_id, "limit": limit},
    )
    return [LetterGroup(*row) for row in found.fetchall()]


def letters_by_source(cursor: Cursor[Row], workspace_id: int, since: int) -> dict[str, int]:
    """How many letters each source has had since a time, settled or not."""
    found = cursor.execute(
        """
        select source, count(*) from dead_letters
        where workspace_id = %s and at >= %s
        group by source
        """,
        (workspace_id, moment(since)),
    )
    return dict(found.fetchall())
