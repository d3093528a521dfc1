"""File systems by path: a local folder, S3, Google Cloud, Azure, SFTP, all through fsspec."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import fsspec

from tsunagu.collect.sources.guard import refuse_own_folder
from tsunagu.collect.sources.models import Files
from tsunagu.collect.sources.reading import Reading
from tsunagu.core import Invalid

# Scheme to fsspec's name for it, and the package that it needs.
_STORES = {
    "file": ("file", ""),
    "s3": ("s3", "s3fs"),
    "gs": ("gs", "gcsfs"),
    "az": ("az", "adlfs"),
    "sftp": ("sftp", "paramiko"),
}
CONNECT_SECONDS = 15


def store_of(reading: Reading, settings: Files) -> tuple[Any, str]:
    """The file system and the folder's URL in it.

    Raises:
        Invalid: the kind of path is unknown, its library is missing, or it is our own folder.
    """
    scheme = urlsplit(settings.path).scheme if "://" in settings.path else "file"
    if scheme not in _STORES:
        raise Invalid(f"{scheme}:// is not read; the kinds of paths are {', '.join(_STORES)}.")
    protocol, library = _STORES[scheme]
    if scheme == "file":
        return fsspec.filesystem("file"), _local(settings.path, reading)
    url = urlsplit(settings.path)
    try:
        options = _OPTIONS[scheme](url, settings, reading.secrets)
        store = fsspec.filesystem(protocol, skip_instance_cache=True, **options)
    except ImportError:
        raise Invalid(f"{scheme}:// needs a library. Install it: pip install {library}") from None
    return store, settings.path


def _local(path: str, reading: Reading) -> str:
    folder = Path(path.removeprefix("file://")).expanduser().resolve()
    refuse_own_folder(folder, reading.forbidden)
    if not folder.is_dir():
        raise Invalid(f"The folder {folder} is not there, or may not be entered.")
    return str(folder)


def _s3(url: SplitResult, settings: Files, secrets: dict[str, str]) -> dict[str, Any]:
    client = {
        name: settings.options[name]
        for name in ("endpoint_url", "region_name")
        if name in settings.options
    }
    given = {name: secrets[name] for name in ("key", "secret", "token") if name in secrets}
    # without a key the machine's own identity (instance role, AWS_ variables) speaks
    return {**given, "client_kwargs": client, "use_listings_cache": False}


def _with_secrets(url: SplitResult, settings: Files, secrets: dict[str, str]) -> dict[str, Any]:
    return {**settings.options, **secrets}


def _sftp(url: SplitResult, settings: Files, secrets: dict[str, str]) -> dict[str, Any]:
    import paramiko

    class Pinned(paramiko.MissingHostKeyPolicy):
        """Trusts the one host key that the source names."""

        def missing_host_key(self, client: Any, hostname: str, key: paramiko.PKey) -> None:
            shown = f"{key.get_name()} {key.get_base64()}"
            if settings.options.get("host_key") != shown:
                raise Invalid(
                    f"{hostname} shows the host key `{shown}`, which the source does not name. "
                    "If it is the server's (ask who runs it), put it into options.host_key."
                )

    if url.hostname is None:
        raise Invalid("`path` names no server; write for example sftp://shop@files.example/out")
    options: dict[str, Any] = {
        "host": url.hostname,
        "port": url.port or 22,
        "username": unquote(url.username or ""),
        "host_key_policy": Pinned(),
        "allow_agent": False,
        "look_for_keys": False,
        "timeout": CONNECT_SECONDS,
    }
    if "private_key" in secrets:
        options["pkey"] = paramiko.PKey.from_private_key(
            io.StringIO(secrets["private_key"]), secrets.get("passphrase")
        )
    if "password" in secrets:
        options["password"] = secrets["password"]
    return options


_OPTIONS = {"s3": _s3, "gs": _with_secrets, "az": _with_secrets, "sftp": _sftp}
