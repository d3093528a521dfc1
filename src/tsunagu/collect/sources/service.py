"""Sources as a workspace's people handle them: add, change, pause, run now, remove, rotate.

What a source is stands in the workspace's definitions, in versions; where it stands is kept
beside it, and its secrets in the vault. Every act is one call inside the caller's transaction.
"""

from __future__ import annotations

import re
import secrets as randomness
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote

import msgspec
from psycopg import Connection, Cursor
from pydantic import ValidationError

from tsunagu import access
from tsunagu.collect.sources import door_queries, queries, run_queries
from tsunagu.collect.sources.door_queries import Calls
from tsunagu.collect.sources.models import NAME, Source, Webhook
from tsunagu.collect.sources.queries import Standing
from tsunagu.collect.sources.run_queries import Run
from tsunagu.collect.sources.vault import Secrets, Vault
from tsunagu.core import Invalid, Json, NotFound
from tsunagu.core.events import check_source
from tsunagu.core.times import DAY, wall
from tsunagu.storage import Row

if TYPE_CHECKING:
    from tsunagu.collect.mapping import Mapping

State = Literal["new", "well", "failing", "paused", "running"]
KIND = "source"
KEEP_RUNS = 90 * DAY
_PASSWORD = re.compile(r"^(\w[\w+.-]*://[^:/@\s]*):([^@\s]*)@")

Session = Connection[Row] | Cursor[Row]


@dataclass(frozen=True)
class Listed:
    """A source as lists show it: its document, where it stands, today's events."""

    name: str
    source: Source
    standing: Standing
    events_today: int
    running: bool
    calls: Calls | None = None

    @property
    def state(self) -> State:
        """How it is, in a word."""
        if self.standing.paused:
            return "paused"
        if self.running:
            return "running"
        if self.standing.failures:
            return "failing"
        # A webhook waits to be called and has nothing to prove before.
        tried = self.standing.last_ok_at is not None or self.source.kind == "webhook"
        return "well" if tried else "new"


def source_of(document: Json) -> Source:
    """The validated document.

    Raises:
        Invalid: it is wrong; the message names each place.
    """
    try:
        return Source.model_validate(document)
    except ValidationError as error:
        places = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'document'}: {e['msg']}"
            for e in error.errors(include_input=False, include_url=False)
        )
        raise Invalid(f"This is not a valid source. {places}") from None


def mapping_for(source: Source, name: str) -> Mapping:
    """The source's mapping. What it makes ids of is the source's own: two shops may both have
    an order 1.

    Raises:
        Invalid: the mapping is wrong.
        NotFound: there is no ready mapping of this name.
    """
    # DuckDB and Arrow come with it, which the role that only keeps the time does not need
    from tsunagu.collect.mapping import mapping_of, ready_mapping

    told = source.mapping
    found = ready_mapping(told) if isinstance(told, str) else mapping_of(told)
    return found.model_copy(update={"name": f"{name}/{found.name}"})


def put_source(
    cursor: Cursor[Row],
    workspace: access.Workspace,
    name: str,
    document: Json,
    secrets: Secrets,
    vault: Vault,
    by: str,
) -> int:
    """Publish a source's document, as the next version if there is one; returns the version.

    Secrets that are not given stay as they are. A password in the URL of a database is taken
    out of it and into the vault.

    Raises:
        Invalid: document, name, mapping or secrets will not do.
    """
    if not re.fullmatch(NAME, name):
        raise Invalid("A source's name has small letters, digits, - and _, at most 63 of them.")
    check_source(name)
    document, secrets = lift_password(document, secrets)
    source = source_of(document)
    _check_mapping(source, name)
    whole = {**_kept(cursor, workspace.id, name, source, secrets, vault), **secrets}
    missing = source.secret_names() - set(whole)
    if missing:
        raise Invalid(
            f"The source needs the secret {', '.join(sorted(missing))}. Give it: "
            f"--secret {min(missing)} (it is asked for, or read from standard input)."
        )
    plain = msgspec.json.decode(source.model_dump_json(by_alias=True, exclude_defaults=True))
    plain["from"]["kind"] = source.kind
    version = access.publish(cursor, workspace.id, KIND, name, plain, by)
    now = wall()
    first = now if source.schedule is not None else None
    queries.insert_source(cursor, workspace.id, name, source.kind, first, now)
    sealed = vault.seal(workspace.id, name, whole)
    queries.set_secrets(cursor, workspace.id, name, sealed if whole else None)
    if isinstance(source.settings, Webhook):
        door = door_queries.door_of(cursor, workspace.id, name) or randomness.token_urlsafe(18)
        text = source.model_dump_json(by_alias=True)
        door_queries.put_door(cursor, door, workspace.id, name, workspace.clock, text, sealed)
    return version


def _check_mapping(source: Source, name: str) -> None:
    """The mapping is valid, and fits how the rows come."""
    mapping = mapping_for(source, name)
    if mapping.gather is not None and source.kind not in ("files", "imap"):
        raise Invalid(
            f"The mapping gathers rows of the same {', '.join(mapping.gather.by)}, which only "
            "files keep together. Read a view that has one row for each event."
        )


def lift_password(document: Json, secrets: Secrets) -> tuple[Json, Secrets]:
    """A document without a password in its URL, and the secrets with it."""
    told = document.get("from")
    url = told.get("url") if isinstance(told, dict) else None
    found = _PASSWORD.match(url) if isinstance(url, str) else None
    if found is None or not isinstance(told, dict) or not isinstance(url, str):
        return document, secrets
    clean = f"{found[1]}@{url[found.end() :]}"
    return (
        {**document, "from": {**told, "url": clean}},
        {"password": unquote(found[2]), **secrets},
    )


def _kept(
    session: Session, workspace_id: int, name: str, source: Source, given: Secrets, vault: Vault
) -> Secrets:
    """The secrets that a source has already; they never follow it to another place."""
    try:
        before = find_source(session, workspace_id, name)
    except NotFound:
        return {}
    kept = open_secrets(session, workspace_id, name, vault)
    if _place(before) == _place(source):
        return kept
    lost = set(kept) - set(given)
    if lost:
        raise Invalid(
            f"The source {name!r} reads from another place now. Give its secrets again: "
            f"{', '.join(sorted(lost))}."
        )
    return {}


def find_source(session: Session, workspace_id: int, name: str) -> Source:
    """The document in force of a source.

    Raises:
        NotFound: there is no source of this name.
    """
    for found in access.published(session, workspace_id):
        if found.kind == KIND and found.name == name:
            return source_of(found.document)
    raise NotFound(f"There is no source called {name!r} in this workspace.")


def list_sources(session: Session, workspace_id: int) -> list[Listed]:
    """The sources of a workspace by name, with what they brought since midnight UTC."""
    documents = {
        d.name: source_of(d.document)
        for d in access.published(session, workspace_id)
        if d.kind == KIND
    }
    midnight = wall() // DAY * DAY
    today = run_queries.events_since(session, workspace_id, midnight)
    calls = door_queries.calls_since(session, workspace_id, midnight)
    found: list[Listed] = []
    for one in queries.standings(session, workspace_id):
        if one.name in documents:
            events, running = today.get(one.name, (0, False))
            called = calls.get(one.name)
            events += called.events if called else 0
            found.append(Listed(one.name, documents[one.name], one, events, running, called))
    return found


def list_runs(session: Session, workspace_id: int, name: str, limit: int = 50) -> list[Run]:
    """The latest runs of a source, the newest first."""
    return run_queries.runs(session, workspace_id, name, limit)


def webhook_path(session: Session, workspace_id: int, name: str) -> str | None:
    """Where the other side posts to, below the collector's address; None for other kinds."""
    door = door_queries.door_of(session, workspace_id, name)
    return None if door is None else f"/v1/webhooks/{workspace_id}-{door}"


def run_now(cursor: Cursor[Row], workspace_id: int, name: str, by: str) -> None:
    """Let a source run as soon as the role `sources` gets to it, paused or not.

    Raises:
        Invalid: it is a webhook, which is not run.
        NotFound: there is no source of this name.
    """
    if isinstance(find_source(cursor, workspace_id, name).settings, Webhook):
        raise Invalid("A webhook is not run: its events come in when the other side sends.")
    queries.ask_to_run(cursor, workspace_id, name, wall(), by)


def pause(cursor: Cursor[Row], workspace_id: int, name: str) -> None:
    """Let a source not run by itself any more; a webhook is closed.

    Raises:
        NotFound: there is no source of this name.
    """
    queries.set_paused(cursor, workspace_id, name, True, None)


def resume(cursor: Cursor[Row], workspace_id: int, name: str) -> None:
    """Let a source run again, at once if it has a schedule.

    Raises:
        NotFound: there is no source of this name.
    """
    source = find_source(cursor, workspace_id, name)
    due = None if source.schedule is None else wall()
    queries.set_paused(cursor, workspace_id, name, False, due)


def reset(cursor: Cursor[Row], workspace_id: int, name: str) -> None:
    """Put a source back to its beginning. What it brought in the last 30 days is known by its
    message ids and not counted again.

    Raises:
        NotFound: there is no source of this name.
    """
    queries.standing(cursor, workspace_id, name)
    queries.forget_progress(cursor, workspace_id, name)


def remove(cursor: Cursor[Row], workspace_id: int, name: str) -> None:
    """Forget a source with its secrets, cursor and runs; its events stay.

    Raises:
        NotFound: there is no source of this name.
    """
    queries.delete_source(cursor, workspace_id, name)
    access.stop(cursor, workspace_id, KIND, name)


def open_secrets(session: Session, workspace_id: int, name: str, vault: Vault) -> Secrets:
    """A source's secrets, for a look in a child process; never to be shown.

    Raises:
        NotFound: there is no source of this name.
    """
    return vault.open(workspace_id, name, queries.standing(session, workspace_id, name).secrets)


def secrets_for_trial(
    session: Session, workspace_id: int, name: str, document: Json, vault: Vault
) -> Secrets:
    """The secrets of a source for a look at a document that reads from the same place.

    A document that names another place gets none: it would carry them there.
    """
    source = source_of(lift_password(document, {})[0])
    same = _place(find_source(session, workspace_id, name)) == _place(source)
    return open_secrets(session, workspace_id, name, vault) if same else {}


def _place(source: Source) -> Json:
    """All that says to whom the secrets of a source are shown."""
    names = {"kind", "url", "path", "host", "port", "user", "security", "client", "resource"}
    told = source.settings.model_dump(include={*names, "options"})
    options = told.get("options", {})
    return {**told, "options": {key: options[key] for key in options if key != "host_key"}}


def secret_names(session: Session, workspace_id: int, name: str, vault: Vault) -> list[str]:
    """Which secrets a source has; never their values."""
    return sorted(open_secrets(session, workspace_id, name, vault))


def seal_again(cursor: Cursor[Row], workspace_id: int, vault: Vault) -> int:
    """Encrypt all secrets of a workspace with the newest key; returns how many sources."""
    done = 0
    for found in queries.standings(cursor, workspace_id):
        if found.secrets is None:
            continue
        opened = vault.open(workspace_id, found.name, found.secrets)
        sealed = vault.seal(workspace_id, found.name, opened)
        queries.set_secrets(cursor, workspace_id, found.name, sealed)
        door_queries.reseal_door(cursor, workspace_id, found.name, sealed)
        done += 1
    return done
