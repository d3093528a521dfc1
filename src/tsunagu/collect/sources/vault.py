"""The vault: how the secrets of sources lie at rest, and how their key is changed.

A key file in the data folder holds one key a line; the first one encrypts, all of them
decrypt. A secret is bound to its owner: what was encrypted for one source cannot be read in
the place of another, whoever moved it there. Nothing here is ever logged.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from tsunagu.core import Invalid

FILE = "sources.keys"
VARIABLE = "TSUNAGU_SOURCE_KEYS"

Secrets = dict[str, str]


class _Sealed(msgspec.Struct):
    owner: str
    secrets: Secrets


_sealed = msgspec.json.Decoder(_Sealed)


@dataclass(frozen=True)
class Vault:
    """Encrypts and decrypts. `folder` is the data folder; the key file is made on first use.

    On several machines the keys must be the same: `TSUNAGU_SOURCE_KEYS` (separated by commas,
    the newest first) stands above the file.
    """

    folder: Path

    def seal(self, workspace_id: int, name: str, secrets: Secrets) -> bytes:
        """The secrets of a source, encrypted for it."""
        sealed = _Sealed(_owner(workspace_id, name), secrets)
        return self._cipher().encrypt(msgspec.json.encode(sealed))

    def open(self, workspace_id: int, name: str, token: bytes | None) -> Secrets:
        """The secrets again; none for a source that has none.

        Raises:
            Invalid: the key is missing, or the secrets are another source's.
        """
        if token is None:
            return {}
        try:
            sealed = _sealed.decode(self._cipher().decrypt(token))
        except InvalidToken:
            raise Invalid(
                f"The secrets of the source {name!r} cannot be decrypted with the keys in "
                f"{self.path}. Restore that file from a backup, or give the secrets again: "
                f"tsunagu source secret {name} NAME"
            ) from None
        if sealed.owner != _owner(workspace_id, name):
            raise Invalid(
                f"The secrets kept for the source {name!r} belong to another one. Give them again: "
                f"tsunagu source secret {name} NAME"
            )
        return sealed.secrets

    @property
    def path(self) -> Path:
        """Where the keys lie."""
        return self.folder / FILE

    def add_key(self) -> None:
        """Put a new key before the others; what is sealed from now on uses it.

        Raises:
            Invalid: the keys come from the environment.
        """
        if os.environ.get(VARIABLE):
            raise Invalid(f"The keys are given by {VARIABLE}; put a new one before them there.")
        keys = self._read()
        self._write([Fernet.generate_key(), *keys])

    def drop_old_keys(self) -> None:
        """Forget all keys but the first. Seal everything again before."""
        if not os.environ.get(VARIABLE):
            self._write(self._read()[:1])

    def _cipher(self) -> MultiFernet:
        given = os.environ.get(VARIABLE, "")
        keys = [key.strip().encode() for key in given.split(",") if key.strip()] or self._read()
        try:
            return MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            place = VARIABLE if given else self.path
            raise Invalid(
                f"A key for the sources' secrets is damaged, in {place}. "
                "Each is 32 bytes in URL-safe base64; restore them from a backup."
            ) from None

    def _read(self) -> list[bytes]:
        path = self.path
        if not path.exists():
            self._make()
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise Invalid(f"Others can read {path}. Run: chmod 600 {path}")
        return path.read_bytes().split()

    def _make(self) -> None:
        """The first key. Two processes may come here at once: the first one's file stays."""
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self._draft([Fernet.generate_key()])
        try:
            self.path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()

    def _write(self, keys: list[bytes]) -> None:
        self._draft(keys).replace(self.path)

    def _draft(self, keys: list[bytes]) -> Path:
        draft = self.folder / f".{FILE}.{os.getpid()}"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(b"\n".join(keys) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return draft


def _owner(workspace_id: int, name: str) -> str:
    return f"{workspace_id}/{name}"
