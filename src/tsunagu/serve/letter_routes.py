"""Dead letters over the API: find them, mend and replay them, discard them, many at once."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Query
from pydantic import BaseModel, Field

from tsunagu import eventlog
from tsunagu.access import Key
from tsunagu.core import Invalid, Json
from tsunagu.core.times import iso, parse_time
from tsunagu.eventlog import DeadLetter, LetterFilter, LetterJob
from tsunagu.serve import letters
from tsunagu.serve.auth import StatedKey
from tsunagu.serve.routes import FAILURES, Api
from tsunagu.storage import Database

_STATE = Literal["open", "replayed", "discarded", "all"]
_MISSING: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such dead letter."}}


class Letter(BaseModel):
    """A dead letter. `event` is the call as a client would send it, or the row that it was."""

    letter_id: int
    position: int | None
    message_id: str
    type: str
    name: str
    source: str
    stage: str
    reason: str
    state: str
    replayed_as: str | None
    settled_by: str | None
    at: str
    event: Json


class Wanted(BaseModel):
    """Which open letters; what is left out asks for nothing. Times are ISO 8601."""

    words: str = Field(default="", max_length=200)
    stage: str = ""
    name: str = ""
    source: str = ""
    since: str | None = None
    until: str | None = None


class Job(BaseModel):
    """Work on many letters. `skipped` ones cannot be events as they are."""

    job_id: int
    action: str
    total: int
    done: int
    skipped: int
    state: str


class Replayed(BaseModel):
    """The message id under which the event entered the log again."""

    message_id: str


def letter_routes(api: Api, database: Database) -> APIRouter:
    """The routes over one set of connections; `database` opens those that change letters."""
    routes = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"], responses=FAILURES)

    def caller(key: StatedKey) -> Key:
        return api.keys.reader(key)

    who = Depends(caller)
    _many(routes, api, database, who)  # first: `jobs` is no letter's number
    _reading(routes, api, who)
    _acting(routes, database, who)
    return routes


def _reading(routes: APIRouter, api: Api, who: Any) -> None:
    @routes.get("", summary="Find dead letters")
    def listing(  # pyright: ignore[reportUnusedFunction]
        wanted: Annotated[Wanted, Query()],
        state: _STATE = "open",
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        before: Annotated[int | None, Query(description="The page before ended here.")] = None,
        key: Key = who,
    ) -> list[Letter]:
        """The latest first. `words` stand in the event's name, the reason or the message id."""
        found = _filter(wanted, "" if state == "all" else state)
        with api.workspace(key.workspace_id) as cursor:
            rows = eventlog.dead_letters(
                cursor, key.workspace_id, found, limit=limit, before=before
            )
        return [_letter(row) for row in rows]

    @routes.get("/{letter_id}", summary="One dead letter", responses=_MISSING)
    def one(letter_id: int, key: Key = who) -> Letter:  # pyright: ignore[reportUnusedFunction]
        """With the event whole."""
        with api.workspace(key.workspace_id) as cursor:
            return _letter(eventlog.dead_letter(cursor, key.workspace_id, letter_id))


def _acting(routes: APIRouter, database: Database, who: Any) -> None:
    @routes.post("/{letter_id}/replay", summary="Enter it into the log again", responses=_MISSING)
    def replay(  # pyright: ignore[reportUnusedFunction]
        letter_id: int,
        event: Annotated[Json | None, Body(embed=True, description="The mended call.")] = None,
        key: Key = who,
    ) -> Replayed:
        """As it is, or as the call that is sent. It is checked as a call over HTTP and held to
        the tracking plan first, and is counted once however often this is asked."""
        by = _name(key)
        made = letters.replay_letter(database, key.workspace_id, letter_id, by, event)
        return Replayed(message_id=made)

    @routes.post("/{letter_id}/discard", summary="Say that it stays out", responses=_MISSING)
    def discard(letter_id: int, key: Key = who) -> Letter:  # pyright: ignore[reportUnusedFunction]
        """It can still be read until its retention ends."""
        letters.discard_letter(database, key.workspace_id, letter_id, _name(key))
        return _after(database, key, letter_id)

    @routes.post("/{letter_id}/reopen", summary="Take a discard back", responses=_MISSING)
    def reopen(letter_id: int, key: Key = who) -> Letter:  # pyright: ignore[reportUnusedFunction]
        """A letter that is not discarded stays as it is."""
        letters.reopen_letter(database, key.workspace_id, letter_id, _name(key))
        return _after(database, key, letter_id)


def _many(routes: APIRouter, api: Api, database: Database, who: Any) -> None:
    @routes.post("/jobs/{action}", summary="Replay or discard all that a filter finds")
    def ask(  # pyright: ignore[reportUnusedFunction]
        action: Literal["replay", "discard"], wanted: Wanted, key: Key = who
    ) -> Job:
        """Worked off in the background; ask for the job to see how far it is."""
        found = _filter(wanted, "open")
        return _job(letters.ask_for_letters(database, key.workspace_id, action, found, _name(key)))

    @routes.get(
        "/jobs/{job_id}",
        summary="How far the work on many letters is",
        responses={404: {"description": "There is no work of this number."}},
    )
    def job(job_id: int, key: Key = who) -> Job:  # pyright: ignore[reportUnusedFunction]
        """`running`, `done` or `stopped`."""
        with api.workspace(key.workspace_id) as cursor:
            return _job(eventlog.job_by_id(cursor, key.workspace_id, job_id))


def _after(database: Database, key: Key, letter_id: int) -> Letter:
    return _letter(letters.read_letter(database, key.workspace_id, letter_id))


def _name(key: Key) -> str:
    return f"API key for {key.source}"


def _filter(wanted: Wanted, state: str) -> LetterFilter:
    try:
        since = parse_time(wanted.since) if wanted.since else None
        until = parse_time(wanted.until) if wanted.until else None
    except ValueError as error:
        raise Invalid(f"`since` and `until` are ISO 8601 times: {error}") from error
    if "\x00" in wanted.words + wanted.stage + wanted.name + wanted.source:
        raise Invalid("A filter holds no U+0000.")
    return LetterFilter(wanted.words, state, wanted.stage, wanted.name, wanted.source, since, until)


def _letter(found: DeadLetter) -> Letter:
    return Letter(
        letter_id=found.letter_id,
        position=found.position,
        message_id=found.message_id,
        type=found.type,
        name=found.name,
        source=found.source,
        stage=found.stage,
        reason=found.reason,
        state=found.state,
        replayed_as=found.replayed_as,
        settled_by=found.settled_by,
        at=iso(found.at),
        event=eventlog.call_of(found),
    )


def _job(found: LetterJob) -> Job:
    return Job(
        job_id=found.job_id,
        action=found.action,
        total=found.total,
        done=found.done,
        skipped=found.skipped,
        state=found.state,
    )
