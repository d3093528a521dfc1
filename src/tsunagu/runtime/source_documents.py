"""Source documents from a file, or from the few settings that most sources need."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import typer
import yaml

from tsunagu.core.errors import Invalid
from tsunagu.runtime.words import speaker

if TYPE_CHECKING:
    from tsunagu.core import Json

say = speaker()
_DATABASES = ("postgresql", "mysql", "mariadb", "sqlite", "mssql", "oracle")


def read_source(file: Path, mapping: str) -> Json:
    """The document in a YAML or JSON file, alone or as a definition of kind `source`.

    Raises:
        Invalid: the file holds none.
    """
    try:
        told = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Invalid(f"{file} is neither YAML nor JSON: {error}") from None
    if isinstance(told, dict) and told.get("kind") == "source" and "document" in told:
        told = told["document"]
    if not isinstance(told, dict):
        raise Invalid(f"{file} is no source: it needs `from` and `mapping`.")
    return {**told, "mapping": _mapping(mapping)} if mapping else told


def by_hand(
    place: str,
    mapping: str,
    table: str,
    cursor: str,
    glob: str,
    move: bool,
    every: str,
    cron: str,
) -> Json:
    """The document that these settings mean.

    Raises:
        Invalid: something is missing.
    """
    if not place or not mapping:
        raise Invalid("Give --from and --mapping, or a whole document with --file.")
    document: Json = {"from": _from(place, table, cursor, glob, move), "mapping": _mapping(mapping)}
    if every or cron:
        document["schedule"] = {"every": every} if every else {"cron": cron}
    return document


def ask_secret(name: str) -> str:
    """A secret, typed or from a line of standard input; never from the command line."""
    if sys.stdin.isatty():
        return str(typer.prompt(name, hide_input=True))
    return sys.stdin.readline().rstrip("\n")


def remarks(document: Json) -> list[str]:
    """What is worth knowing of a valid document when it has just been put."""
    from tsunagu.collect.sources import source_of

    files = source_of(document).settings
    if files.kind != "files":
        return []
    told = [
        say(
            f"A file is read when it has not changed for {files.settle} s.",
            f"ファイルは {files.settle} 秒間変化がなければ読み込みます。",
        )
    ]
    folder = files.path
    if "://" not in folder and not Path(folder).is_dir():
        told.append(
            say(
                f"There is no folder {folder} on this machine yet; runs fail until it is there.",
                f"フォルダー {folder} はまだありません。作成されるまで取り込みは失敗します。",
            )
        )
    return told


def _from(place: str, table: str, cursor: str, glob: str, move: bool) -> Json:
    scheme = urlsplit(place).scheme if "://" in place else "file"
    if scheme.partition("+")[0] in _DATABASES:
        if not table:
            raise Invalid("A database needs --table.")
        told: Json = {"kind": "sql", "url": place, "table": table}
        return told | ({"cursor": cursor} if cursor else {"mode": "full"})
    if scheme in ("imap", "imaps"):
        url = urlsplit(place)
        folder = unquote(url.path.strip("/")) or "INBOX"
        told = {"kind": "imap", "host": url.hostname, "user": unquote(url.username or "")}
        told |= {"folder": folder} | ({"port": url.port} if url.port else {})
        return told | ({"glob": glob} if glob else {})
    if scheme in ("http", "https"):
        raise Invalid("An API is described in a document; see docs/sources.md and use --file.")
    path = str(Path(place).expanduser().absolute()) if scheme == "file" else place
    told = {"kind": "files", "path": path}
    return told | ({"glob": glob} if glob else {}) | ({"after": "move"} if move else {})


def _mapping(told: str) -> Any:
    """The name of a ready mapping, or the contents of a file."""
    file = Path(told)
    if file.suffix in (".yaml", ".yml", ".json"):
        try:
            return yaml.safe_load(file.read_text(encoding="utf-8-sig"))
        except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
            raise Invalid(f"{file} cannot be read as a mapping: {error}") from None
    return told
