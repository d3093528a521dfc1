"""The documents are true: what they name exists, and their examples run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from tsunagu.collect.sources.vault import VARIABLE as SOURCE_KEYS
from tsunagu.runtime.cli import commands
from tsunagu.runtime.documents import read_documents
from tsunagu.runtime.settings import Settings
from tsunagu.serve.definitions import publish_document
from tsunagu.storage import Database, in_workspace

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXTS = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in PAGES}


def found(pattern: str) -> Iterator[tuple[str, str]]:
    for page, text in TEXTS.items():
        for match in re.findall(pattern, text):
            yield page, match


def test_every_link_leads_somewhere() -> None:
    for page, target in found(r"\]\((?!https?://)([^)#]+)\)"):
        assert ((ROOT / page).parent / target).exists(), f"{page} links to {target}"


def test_every_setting_exists() -> None:
    known = {f"TSUNAGU_{name.upper()}" for name in Settings.model_fields} | {SOURCE_KEYS}
    examples = {
        "TSUNAGU_WRITE_KEY",
        "TSUNAGU_API_KEY",
        "TSUNAGU_COLLECT_URL",
        "TSUNAGU_API_URL",
    }
    for page, name in found(r"\b(TSUNAGU_[A-Z_]+)\b"):
        assert name in known | examples, f"{page} names {name}"


def test_every_command_exists() -> None:
    known = set(get_command(commands).commands)  # type: ignore[attr-defined]
    for page, name in found(r"`(?:\.venv/bin/)?tsunagu ([a-z-]+)"):
        assert name in known, f"{page} names tsunagu {name}"


def test_the_map_names_the_rooms_that_there_are() -> None:
    rooms = {p.name for p in (ROOT / "src/tsunagu").iterdir() if (p / "__init__.py").exists()}
    told = set(re.findall(r"^\| `([a-z]+)` \|", TEXTS["docs/architecture.md"], re.MULTILINE))
    assert told == rooms


def test_the_example_of_the_readme_is_the_one_that_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXTS["README.md"], re.DOTALL)
    assert code.strip() in (ROOT / "examples/first_event.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", sorted((ROOT / "examples").glob("*/")), ids=lambda p: p.name)
def test_the_example_definitions_can_be_published(
    folder: Path, database: Database, workspace: int
) -> None:
    documents = read_documents(sorted(folder.glob("*.yaml")))
    with database.connect("app") as connection, in_workspace(connection, workspace) as cursor:
        for kind, name, document in documents:
            assert publish_document(cursor, workspace, kind, name, document, "tests") == 1
