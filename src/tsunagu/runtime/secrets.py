"""The installation's own secrets, kept in one file of the data folder that only we can read.

On several machines they must be the same: `TSUNAGU_SIGNING_SECRET` and
`TSUNAGU_SESSION_SECRET` stand above the file, which is then not needed.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from tsunagu.core import Invalid

FILE = "secrets.json"
_SIGNING, _SESSION = "TSUNAGU_SIGNING_SECRET", "TSUNAGU_SESSION_SECRET"
_SHORTEST = 32


@dataclass(frozen=True)
class Secrets:
    """What links to customers and operators' sessions are signed with."""

    signing: str = field(repr=False)
    session: str = field(repr=False)


def load_secrets(folder: Path) -> Secrets:
    """The secrets of the environment or the data folder; made on the first call.

    Raises:
        Invalid: the file is damaged, others may read it, or a given secret is too short.
    """
    signing, session = os.environ.get(_SIGNING, ""), os.environ.get(_SESSION, "")
    if not (signing and session):
        kept = _read(_ensure(folder))
        signing, session = signing or kept.signing, session or kept.session
    for name, value in ((_SIGNING, signing), (_SESSION, session)):
        if len(value) < _SHORTEST:
            raise Invalid(f"{name} needs {_SHORTEST} characters or more, drawn at random.")
    return Secrets(signing, session)


def _ensure(folder: Path) -> Path:
    """The path of the file. Two processes may come here at once: the first one's file stays."""
    path = folder / FILE
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{FILE}.{os.getpid()}"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump({"signing": secrets.token_hex(32), "session": secrets.token_hex(32)}, file)
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path


def _read(path: Path) -> Secrets:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise Invalid(f"Others can read {path}. Run: chmod 600 {path}")
    try:
        document = json.loads(path.read_text())
        return Secrets(str(document["signing"]), str(document["session"]))
    except (ValueError, KeyError, TypeError) as error:
        raise Invalid(
            f"{path} is damaged. Restore it from a backup: links in mails that were already "
            "sent are signed with it."
        ) from error
