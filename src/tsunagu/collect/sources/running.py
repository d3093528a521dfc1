"""One run of a source, from its cursor to the end of what there is.

One session at a time runs a source, by a lock that dies with it. A page that fails leaves the
cursor where it was; what came before is kept. The end is written whatever happens, except when
the process is killed: then the next run says so.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Iterable
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

import psycopg
from psycopg import Connection

from tsunagu.access import Workspace, workspace_by_id
from tsunagu.collect.sources import queries, run_queries, service
from tsunagu.collect.sources.entering import Entrance, enter
from tsunagu.collect.sources.explaining import explain
from tsunagu.collect.sources.models import Source
from tsunagu.collect.sources.reading import Page, Reading, pages
from tsunagu.collect.sources.run_queries import Counts
from tsunagu.collect.sources.schedule import after_failure, next_run
from tsunagu.collect.sources.vault import Secrets, Vault
from tsunagu.core import Invalid
from tsunagu.core.failpoints import failpoint
from tsunagu.core.times import wall
from tsunagu.storage import Database, Row, in_workspace

LOCK_PATIENCE = 10.0
Tell = Callable[[Counts], None]


@dataclass(frozen=True)
class Ended:
    """How a run ended: `done`, `stopped` or `failed`, what it took, and what was wrong."""

    outcome: str
    counts: Counts
    error: str | None = None


@dataclass(frozen=True)
class Errand:
    """Which source is to be run, and why. `forbidden` are folders of the installation."""

    workspace_id: int
    name: str
    cause: str
    forbidden: tuple[str, ...] = ()


def run_source(database: Database, vault: Vault, errand: Errand, stop: Event, tell: Tell) -> Ended:
    """Run a source once.

    Args:
        stop: ends the run after the page it is at.
        tell: hears after each page what the run has taken.

    Raises:
        NotFound: there is no such source.
        Invalid: another process is running it.
    """
    with database.connect("pipeline") as connection:
        _be_alone(connection, errand)
        workspace = workspace_by_id(connection, errand.workspace_id)
        with in_workspace(connection, workspace.id) as cursor:
            source = service.find_source(cursor, workspace.id, errand.name)
            standing = queries.standing(cursor, workspace.id, errand.name)
            files = run_queries.files_taken(cursor, workspace.id, errand.name)
            run_id = run_queries.begin_run(cursor, workspace.id, errand.name, errand.cause, wall())
            due = next_run(source.schedule, wall())
            run_queries.take_wish(cursor, workspace.id, errand.name, due)
        job = _Job(connection, workspace, source, errand, run_id, standing.failures)
        secrets: Secrets = {}
        try:
            secrets = vault.open(workspace.id, errand.name, standing.secrets)
            with _scratch() as folder:
                reading = Reading(
                    source,
                    service.mapping_for(source, errand.name),
                    secrets,
                    standing.state,
                    files,
                    folder,
                    errand.forbidden,
                )
                with closing(pages(reading)) as found:
                    ended = job.take(found, reading, stop, tell)
        except psycopg.Error:
            raise  # our own database: there is nowhere to write the end
        except Exception as error:  # noqa: BLE001  whatever a library raises must not be lost
            text, retryable = explain(error, secrets)
            return job.end("failed", text, retryable=retryable)
        return ended


class _Job:
    def __init__(
        self,
        connection: Connection[Row],
        workspace: Workspace,
        source: Source,
        errand: Errand,
        run_id: int,
        failures: int,
    ) -> None:
        self._connection = connection
        self._workspace = workspace
        self._source = source
        self._errand = errand
        self._run_id = run_id
        self._failures = failures
        self._counts = Counts()

    def take(self, found: Iterable[Page], reading: Reading, stop: Event, tell: Tell) -> Ended:
        """Store page after page."""
        entrance = Entrance(
            self._workspace, self._errand.name, self._source, reading.mapping, self._run_id
        )
        troubles: list[str] = []
        for page in found:
            with in_workspace(self._connection, self._workspace.id) as cursor:
                counts = enter(cursor, entrance, page)
                failpoint("sources.before_commit")
            failpoint("sources.after_commit")
            self._counts += counts
            if page.after is not None:
                page.after()
            trouble = page.trouble or (page.mark.reason if page.mark else None)
            if trouble:
                troubles.append(trouble)
            tell(self._counts)
            if stop.is_set():
                return self.end("stopped", None)
        if troubles:
            more = f" (and {len(troubles) - 1} more)" if len(troubles) > 1 else ""
            return self.end("failed", f"{troubles[0]}{more}", retryable=False)
        return self.end("done", None)

    def end(self, outcome: str, error: str | None, *, retryable: bool = True) -> Ended:
        """Write how the run ended and when the next one is due."""
        now, schedule = wall(), self._source.schedule
        if outcome == "failed":
            due = after_failure(schedule, now, self._failures + 1, retryable=retryable)
        else:
            # a run that was stopped goes on as soon as it may
            due = now if outcome == "stopped" else next_run(schedule, now)
        name, workspace = self._errand.name, self._workspace.id
        with in_workspace(self._connection, workspace) as cursor:
            run_queries.end_run(
                cursor, workspace, self._run_id, name, outcome, error, now=now, due=due
            )
            run_queries.forget_old_runs(cursor, workspace, now - service.KEEP_RUNS)
        return Ended(outcome, self._counts, error)


def _be_alone(connection: Connection[Row], errand: Errand) -> None:
    """Hold the source; a run that was just killed may still hold it for a moment."""
    until = wall() + int(LOCK_PATIENCE * 1_000_000)
    while not run_queries.try_lock(connection, errand.workspace_id, errand.name):
        if wall() > until:
            raise Invalid(f"The source {errand.name!r} is being run by another process.")
        Event().wait(0.1)


@contextmanager
def _scratch() -> Generator[Path]:
    with tempfile.TemporaryDirectory(prefix="tsunagu-source-") as folder:
        yield Path(folder)


def first_page(reading: Reading) -> Page | None:
    """The first page with rows, for a look at what a source would bring; nothing is changed."""
    with (
        _scratch() as folder,
        closing(pages(replace(reading, scratch=folder, trial=True))) as found,
    ):
        return next((page for page in found if page.table.num_rows), None)
