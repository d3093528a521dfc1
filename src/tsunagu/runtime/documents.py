"""Definition files: YAML or JSON, one or several documents with `kind`, `name`, `document`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tsunagu.core import Invalid, Json

# What names others comes after what it names.
_ORDER = ("policy", "message", "audience", "journey")


def read_documents(files: Iterable[Path]) -> list[tuple[str, str, Json]]:
    """Kind, name and document of each definition, in the order in which to publish them.

    Raises:
        Invalid: a file cannot be read as definitions; the message names it.
    """
    found = [document for file in files for document in _read(file)]
    rank = {kind: at for at, kind in enumerate(_ORDER)}
    return sorted(found, key=lambda item: rank.get(item[0], len(rank)))


def _read(file: Path) -> list[tuple[str, str, Json]]:
    try:
        documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Invalid(f"{file} is neither YAML nor JSON: {error}") from error
    return [_entry(file, document) for document in documents if document is not None]


def _entry(file: Path, entry: Any) -> tuple[str, str, Json]:
    if (
        not isinstance(entry, Mapping)
        or set(entry) != {"kind", "name", "document"}
        or not isinstance(entry["document"], dict)
    ):
        raise Invalid(f"{file}: a definition is a mapping with kind, name and document.")
    return str(entry["kind"]), str(entry["name"]), entry["document"]
