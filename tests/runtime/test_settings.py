"""Settings, secrets, the log's lines and the command line's start."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tsunagu.core import Invalid
from tsunagu.runtime.database import open_database
from tsunagu.runtime.documents import read_documents
from tsunagu.runtime.logs import describe, line
from tsunagu.runtime.secrets import load_secrets
from tsunagu.runtime.settings import Settings, environment_of, load_settings

HEAVY = {"alembic", "duckdb", "nicegui", "psycopg", "pyarrow", "pydantic_settings", "sqlglot"}


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TSUNAGU_CONSOLE_PORT", "eighty")
    with pytest.raises(Invalid, match="TSUNAGU_CONSOLE_PORT"):
        load_settings()


def test_a_child_sees_the_same_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = load_settings(home=tmp_path, database_url="postgresql://u:secret@db/x")
    assert "secret" not in repr(given)
    for name, value in environment_of(given).items():
        monkeypatch.setenv(name, value)
    assert Settings() == given


def test_a_mistyped_home_makes_no_installation(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TSUNAGU_HOME", str(tmp_path / "mistyped"))
    monkeypatch.delenv("TSUNAGU_DATABASE_URL", raising=False)
    with pytest.raises(Invalid, match="tsunagu serve"), open_database(load_settings()):
        pass
    assert not (tmp_path / "mistyped").exists()


def test_secrets_are_made_once_and_for_us_alone(tmp_path: Path) -> None:
    first = load_secrets(tmp_path)
    assert load_secrets(tmp_path) == first
    path = tmp_path / "secrets.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first.signing not in repr(first)
    path.chmod(0o644)
    with pytest.raises(Invalid, match="chmod 600"):
        load_secrets(tmp_path)


def test_a_log_line_is_one_line_without_personal_data() -> None:
    told = line("sender", "warning", "lost bob@example.com\nand +81 90-1234-5678")
    assert "bob" not in told
    assert "1234" not in told
    assert "\n" not in told


def test_an_error_of_others_is_cut_to_its_first_line() -> None:
    try:
        raise ValueError("duplicate key\nDETAIL: Key (email)=(bob) exists")
    except ValueError as error:
        told = describe(error)
    assert told.startswith("ValueError: duplicate key [")
    assert "bob" not in told


def test_the_command_line_starts_without_heavy_libraries() -> None:
    code = f"import sys, tsunagu.runtime.cli; print({HEAVY!r} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_help_speaks_japanese() -> None:
    environment = {**os.environ, "LC_ALL": "ja_JP.UTF-8", "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "tsunagu", "--help"],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    assert "集める" in done.stdout


def test_documents_come_in_the_order_to_publish(tmp_path: Path) -> None:
    file = tmp_path / "all.yaml"
    file.write_text(
        "{kind: journey, name: j, document: {}}\n---\n{kind: audience, name: a, document: {}}\n"
    )
    assert [kind for kind, _, _ in read_documents([file])] == ["audience", "journey"]
    file.write_text("{kind: journey}")
    with pytest.raises(Invalid, match=r"all\.yaml"):
        read_documents([file])
