"""What a backup says of itself: every file with its size and hash, and what restores them.

It is written last. A folder or archive without it is no backup, however much lies in it.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import PurePosixPath

import msgspec

from tsunagu.core import Invalid
from tsunagu.storage import Part, Shape

FORMAT = 1
NAME = "manifest.json"
DATABASE, LAKE, HOME, KEYS, SERVER = "database", "lake", "home", "keys", "server"


class Entry(msgspec.Struct, frozen=True):
    """One file of the backup; `sha256` is of its bytes as they lie there, in hex."""

    name: str
    size: int
    sha256: str


class Rows(msgspec.Struct, frozen=True):
    """A part of the database, the file that holds it and how many rows that is."""

    part: Part
    file: str
    rows: int


class Keys(msgspec.Struct, frozen=True):
    """Which files with keys are in it, whether a passphrase locks them, and a mark.

    By the mark the right signing secret is known, also where it comes from the environment and
    is not in the backup.
    """

    files: tuple[str, ...]
    locked: bool
    fingerprint: str


class Manifest(msgspec.Struct, frozen=True):
    """The whole of it. Times are ISO 8601 in UTC."""

    format: int
    product: str
    taken_at: str
    shape: Shape
    workspaces: tuple[str, ...]
    rows: tuple[Rows, ...]
    files: tuple[Entry, ...]
    keys: Keys

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.files)


class _Sealed(msgspec.Struct, frozen=True):
    sha256: str
    manifest: msgspec.Raw


def encode(manifest: Manifest) -> bytes:
    """The manifest as it is written, with its own hash before it."""
    body = msgspec.json.encode(manifest)
    sealed = _Sealed(sha256(body).hexdigest(), msgspec.Raw(body))
    return msgspec.json.encode(sealed)


def decode(raw: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        Invalid: it is damaged, or of a newer release.
    """
    try:
        sealed = msgspec.json.decode(raw, type=_Sealed)
        body = bytes(sealed.manifest)
        if sha256(body).hexdigest() != sealed.sha256:
            raise Invalid(f"{NAME} is damaged: its hash does not fit. Use another backup.")
        stated = msgspec.json.decode(body, type=_Stated)
        if stated.format > FORMAT:
            raise Invalid(
                f"The backup was made by Tsunagu {stated.product}, in a form that this release "
                "does not know. Restore it with that release or a newer one."
            )
        manifest = msgspec.json.decode(body, type=Manifest)
    except msgspec.DecodeError as error:
        raise Invalid(f"{NAME} cannot be read ({error}). Use another backup.") from None
    for entry in manifest.files:
        path = PurePosixPath(entry.name)
        if path.is_absolute() or ".." in path.parts or len(path.parts) < 2:
            raise Invalid(f"{NAME} names {entry.name!r}, which lies outside of the backup.")
    return manifest


class _Stated(msgspec.Struct, frozen=True):
    format: int
    product: str
