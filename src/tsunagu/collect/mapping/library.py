"""Ready mappings: documents inside the package, for what departments' systems export."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from tsunagu.collect.mapping.document import Mapping, load_mapping, read_mapping
from tsunagu.core import NotFound


@cache
def library() -> dict[str, Mapping]:
    """All ready mappings by name."""
    folder = files("tsunagu.collect.mapping") / "ready"
    documents = sorted(folder.iterdir(), key=lambda file: file.name)
    return {
        file.name.removesuffix(".yaml"): read_mapping(
            file.read_text(encoding="utf-8"), called=file.name
        )
        for file in documents
        if file.name.endswith(".yaml")
    }


def ready_mapping(name: str) -> Mapping:
    """The ready mapping of this name.

    Raises:
        NotFound: there is none; the message names those that there are.
    """
    known = library()
    if name not in known:
        raise NotFound(f"There is no ready mapping {name!r}; there are: {', '.join(known)}")
    return known[name]


def named_mapping(told: str) -> Mapping:
    """The mapping in a file of that path, else the ready one of that name.

    Raises:
        NotFound: there is neither.
        Invalid: the file holds no mapping.
    """
    path = Path(told)
    if path.suffix or path.exists():
        if not path.is_file():
            raise NotFound(f"There is no mapping {told}; `tsunagu map FILE --out {told}` makes one")
        return load_mapping(path)
    return ready_mapping(told)
