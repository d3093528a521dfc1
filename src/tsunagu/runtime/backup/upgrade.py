"""`tsunagu upgrade`: tables and embedded server of an older release, brought to this one."""

from __future__ import annotations

from pathlib import Path

from tsunagu.core import Invalid
from tsunagu.runtime.backup.progress import Stages
from tsunagu.runtime.database import embedded_server, open_database
from tsunagu.runtime.locks import SUPERVISOR, FolderLock
from tsunagu.runtime.settings import Settings
from tsunagu.runtime.words import Say
from tsunagu.storage import migrate
from tsunagu.storage.upgrade import present_major, upgrade_server


def upgrade_installation(
    settings: Settings, old_programs: Path | None, stages: Stages, say: Say
) -> tuple[int, int]:
    """Upgrade the installation; the server's major versions before and after.

    Raises:
        Invalid: there is no installation, it runs, or the old server's programs are missing.
    """
    if not settings.folder.is_dir():
        raise Invalid(f"There is no installation in {settings.folder}. Set TSUNAGU_HOME to it.")
    with FolderLock(settings.folder, SUPERVISOR) as alone:
        if not alone.take(shared=False):
            raise Invalid(
                f"Tsunagu runs on {settings.folder} (process {alone.note()}). End it first."
            )
        before, after = _upgrade_server(settings, old_programs, stages, say)
        with open_database(settings, tables=False) as database:
            migrate(database)
            if settings.database_url is not None:
                with database.connect("app") as connection:
                    before = after = connection.info.server_version // 10_000
    return before, after


def _upgrade_server(
    settings: Settings, old_programs: Path | None, stages: Stages, say: Say
) -> tuple[int, int]:
    if settings.database_url is not None:
        return 0, 0
    server = embedded_server(settings)
    found = server.major
    ours = present_major(server.folder)
    if found is None or found >= ours:
        return ours, ours
    title = say(f"PostgreSQL {found} to {ours}", f"PostgreSQL {found} から {ours} へ")
    with stages.stage(title, 0) as advance:
        return upgrade_server(server.folder, old_programs, advance)
