"""Where a backup lies: a folder, or one file (`.tar`).

Both are written under another name and get their own in the last step, when everything is on
the disk: what a killed backup leaves behind never looks like one.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa

from tsunagu.core import Invalid
from tsunagu.core.failpoints import failpoint
from tsunagu.core.times import SECOND, wall
from tsunagu.runtime.backup.manifest import NAME, Entry, Manifest, decode, encode

BLOCK = 1 << 20
_UNFINISHED = ".partial"


class _Counting:
    """A file that counts and hashes what is written to it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = sha256()
        self.size = 0
        self.closed = False

    def write(self, block: bytes) -> int:
        self._hash.update(block)
        self.size += len(block)
        self._file.write(block)
        return len(block)

    def flush(self) -> None:
        self._file.flush()

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


class Target(ABC):
    """A backup that is being written."""

    def __init__(self, path: Path) -> None:
        if path.exists():
            raise Invalid(f"{path} exists already. Name another place for the backup.")
        if not path.parent.is_dir():
            raise Invalid(f"There is no folder {path.parent}. Make it first.")
        self.path = path
        self.unfinished = path.with_name(path.name + _UNFINISHED)

    def add(self, name: str, blocks: Iterable[bytes], *, packed: bool = False) -> Entry:
        """Write one file of the backup; with `packed` compressed by zstd."""
        with self._file(name) as file:
            counted = _Counting(file)
            if packed:
                sink = pa.PythonFile(cast(Any, counted), "w")
                with pa.CompressedOutputStream(sink, "zstd") as stream:
                    for block in blocks:
                        stream.write(block)
            else:
                for block in blocks:
                    counted.write(block)
        return Entry(name, counted.size, counted.hexdigest())

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest, put all on the disk, and give the backup its name."""
        with self._file(NAME) as file:
            file.write(encode(manifest))
        failpoint("backup.written")
        self._close()
        failpoint("backup.before_rename")
        self.unfinished.rename(self.path)
        _sync(self.path.parent)

    @abstractmethod
    def _file(self, name: str) -> Any:
        """A context manager of the file to write to."""

    @abstractmethod
    def _close(self) -> None:
        """Make all that was written survive a power cut."""


class FolderTarget(Target):
    """A backup as a folder of files."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        shutil.rmtree(self.unfinished, ignore_errors=True)
        self.unfinished.mkdir(mode=0o700)

    @contextmanager
    def _file(self, name: str) -> Generator[IO[bytes]]:
        path = self.unfinished / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())

    def _close(self) -> None:
        for folder, _, _ in os.walk(self.unfinished):
            _sync(Path(folder))


class TarTarget(Target):
    """A backup as one tar file."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._tar = self.unfinished.open("wb")
        self.unfinished.chmod(0o600)

    @contextmanager
    def _file(self, name: str) -> Generator[IO[bytes]]:
        """The size is known only afterwards, so the header is written again."""
        header = self._tar.tell()
        self._tar.write(_header(name, 0))
        start = self._tar.tell()
        yield self._tar
        end = self._tar.tell()
        self._tar.write(b"\0" * (-(end - start) % tarfile.BLOCKSIZE))
        after = self._tar.tell()
        self._tar.seek(header)
        self._tar.write(_header(name, end - start))
        self._tar.seek(after)

    def _close(self) -> None:
        self._tar.write(b"\0" * (2 * tarfile.BLOCKSIZE))
        self._tar.flush()
        os.fsync(self._tar.fileno())
        self._tar.close()


def _header(name: str, size: int) -> bytes:
    """Always of the same length for a name: sizes are written in one of two fixed forms."""
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, wall() // SECOND
    return info.tobuf(tarfile.GNU_FORMAT)


def open_target(path: Path) -> Target:
    """Begin a backup at a path: a file if its name ends in `.tar`, else a folder.

    Raises:
        Invalid: something is there already, or its parent is not there.
    """
    absolute = path.expanduser().absolute()
    return TarTarget(absolute) if absolute.suffix == ".tar" else FolderTarget(absolute)


class Source(ABC):
    """A backup that is being read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def manifest(self) -> Manifest:
        """What the backup says of itself.

        Raises:
            Invalid: there is no manifest, or it is damaged.
        """
        try:
            with self.open(NAME) as file:
                return decode(file.read())
        except (FileNotFoundError, KeyError):
            raise Invalid(
                f"{self.path} is no backup: it has no {NAME}. "
                "One that was interrupted is made anew by: tsunagu backup"
            ) from None

    def blocks(self, entry: Entry, *, packed: bool = False) -> Generator[bytes]:
        """The contents of a file, unpacked if it is `packed`.

        Raises:
            Invalid: size or hash are not those of the manifest.
        """
        digest, size = sha256(), 0
        with self._find(entry) as file:
            while block := file.read(BLOCK):
                digest.update(block)
                size += len(block)
                if not packed:
                    yield block
            if size != entry.size or digest.hexdigest() != entry.sha256:
                raise Invalid(f"{entry.name} in {self.path} is damaged. Use another backup.")
            if packed:
                file.seek(0)
                with pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd") as stream:
                    while block := stream.read(BLOCK):
                        yield block

    @contextmanager
    def _find(self, entry: Entry) -> Generator[IO[bytes]]:
        try:
            with self.open(entry.name) as file:
                yield file
        except (FileNotFoundError, KeyError):
            raise Invalid(f"{entry.name} is missing in {self.path}. Use another backup.") from None

    @abstractmethod
    def open(self, name: str) -> IO[bytes]:
        """A file of the backup, which can be sought."""


class FolderSource(Source):
    """A backup that is a folder."""

    def open(self, name: str) -> IO[bytes]:
        """A file of the backup, which can be sought."""
        return (self.path / name).open("rb")


class TarSource(Source):
    """A backup that is a tar file."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            self._tar = tarfile.open(path, "r:")  # noqa: SIM115 - open as long as the source
        except tarfile.TarError as error:
            raise Invalid(f"{path} is no backup: {error}.") from None

    def open(self, name: str) -> IO[bytes]:
        """A file of the backup, which can be sought."""
        found = self._tar.extractfile(name)
        if found is None:
            raise KeyError(name)
        return found


def open_source(path: Path) -> Source:
    """The backup at a path.

    Raises:
        Invalid: nothing is there.
    """
    absolute = path.expanduser().absolute()
    if absolute.is_dir():
        return FolderSource(absolute)
    if absolute.is_file():
        return TarSource(absolute)
    raise Invalid(f"There is no backup at {absolute}.")


def read_blocks(file: IO[bytes]) -> Generator[bytes]:
    """A file's contents in blocks."""
    while block := file.read(BLOCK):
        yield block


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
