"""Documents of sources and their secrets: refused when wrong, encrypted, never shown."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sourcing import ORDERS, Shop

from tsunagu.collect.sources import (
    Vault,
    find_source,
    open_secrets,
    seal_again,
    secret_names,
    secrets_for_trial,
    source_of,
)
from tsunagu.collect.sources.explaining import explain, redact
from tsunagu.collect.sources.flat import flat_table
from tsunagu.core import Invalid
from tsunagu.storage import in_workspace

DATABASE = {"kind": "sql", "url": "postgresql://reader@db.example/shop", "table": "t"}


def test_a_password_in_the_url_goes_into_the_vault(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    told = {**DATABASE, "url": "postgresql://reader:s3cr%40t@127.0.0.1:1/shop", "mode": "full"}
    with caplog.at_level(logging.DEBUG):
        shop.add("crm", told)
        error = shop.run("crm").error or ""
    with (
        shop.database.connect("app") as connection,
        in_workspace(connection, shop.workspace) as cursor,
    ):
        source = find_source(cursor, shop.workspace, "crm")
        assert open_secrets(cursor, shop.workspace, "crm", shop.vault) == {"password": "s3cr@t"}
        assert secret_names(cursor, shop.workspace, "crm", shop.vault) == ["password"]
        row = cursor.execute("select secrets from sources").fetchone()
        documents = cursor.execute("select document::text from definitions").fetchall()
    assert row is not None
    assert b"s3cr" not in bytes(row[0])
    assert source.settings.url == "postgresql://reader@127.0.0.1:1/shop"  # pyright: ignore
    assert "s3cr" not in f"{documents}{error}{caplog.text}"
    assert "does not answer" in error


def test_secrets_stay_until_they_are_given_anew(shop: Shop) -> None:
    mail = {"kind": "imap", "host": "mail.example", "user": "u"}
    with pytest.raises(Invalid, match="needs the secret password"):
        shop.add("mail", mail)
    shop.add("mail", mail, secrets={"password": "one-secret"})
    shop.add("mail", {**mail, "folder": "Orders"})
    with (
        shop.database.connect("app") as connection,
        in_workspace(connection, shop.workspace) as cursor,
    ):
        assert open_secrets(cursor, shop.workspace, "mail", shop.vault) == {
            "password": "one-secret"
        }


def test_secrets_do_not_follow_a_source_to_another_place(shop: Shop) -> None:
    mail = {"kind": "imap", "host": "mail.example", "user": "u"}
    shop.add("mail", mail, secrets={"password": "one-secret"})
    elsewhere = {**mail, "host": "mail.attacker.example"}
    with pytest.raises(Invalid, match="another place"):
        shop.add("mail", elsewhere)
    document = {"from": elsewhere, "mapping": ORDERS}
    with (
        shop.database.connect("app") as connection,
        in_workspace(connection, shop.workspace) as cursor,
    ):
        told = (cursor, shop.workspace, "mail")
        assert secrets_for_trial(*told, document, shop.vault) == {}
        assert secrets_for_trial(*told, {**document, "from": mail}, shop.vault)
    shop.add("mail", elsewhere, secrets={"password": "another"})


def test_the_key_can_be_changed(shop: Shop) -> None:
    mail = {"kind": "imap", "host": "mail.example", "user": "u"}
    shop.add("mail", mail, secrets={"password": "one-secret"})
    first = shop.vault.path.read_bytes()
    with (
        shop.database.connect("app") as connection,
        in_workspace(connection, shop.workspace) as cursor,
    ):
        shop.vault.add_key()
        assert seal_again(cursor, shop.workspace, shop.vault) == 1
        shop.vault.drop_old_keys()
        assert open_secrets(cursor, shop.workspace, "mail", shop.vault)
        assert first not in shop.vault.path.read_bytes()
        shop.vault.path.write_bytes(first)
        with pytest.raises(Invalid, match="cannot be decrypted"):
            open_secrets(cursor, shop.workspace, "mail", shop.vault)


def test_a_secret_is_bound_to_its_source(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    sealed = vault.seal(1, "crm", {"password": "x"})
    assert vault.open(1, "crm", sealed) == {"password": "x"}
    for workspace, name in ((2, "crm"), (1, "other")):
        with pytest.raises(Invalid, match="another one"):
            vault.open(workspace, name, sealed)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    sealed = vault.seal(1, "crm", {})
    assert vault.path.stat().st_mode & 0o077 == 0
    vault.path.chmod(0o644)
    with pytest.raises(Invalid, match="chmod 600"):
        vault.open(1, "crm", sealed)


def test_the_environment_may_hold_the_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Vault(tmp_path).seal(1, "crm", {})
    key = (tmp_path / "sources.keys").read_text().strip()
    monkeypatch.setenv("TSUNAGU_SOURCE_KEYS", key)
    other = Vault(tmp_path / "elsewhere")
    assert other.open(1, "crm", other.seal(1, "crm", {"a": "b"})) == {"a": "b"}
    assert not other.path.exists()


WRONG: list[tuple[Callable[[dict[str, Any]], dict[str, Any]], str]] = [
    (lambda d: {**d, "from": {"kind": "telepathy"}}, "telepathy|tag"),
    (lambda d: {**d, "from": {**DATABASE, "mode": "incremental"}}, "cursor"),
    (lambda d: {**d, "schedule": {"every": "1 second"}}, "10 seconds"),
    (lambda d: {**d, "schedule": {"cron": "whenever"}}, "cron"),
    (lambda d: {**d, "schedule": {"cron": "0 3 * * *", "zone": "Mars/Base"}}, "Mars"),
    (lambda d: {**d, "secrets": {"password": "x"}}, "secrets"),
    (lambda d: {**d, "events": [""]}, "empty"),
]


@pytest.mark.parametrize(("change", "named"), WRONG)
def test_a_wrong_document_is_refused_by_name(
    change: Callable[[dict[str, Any]], dict[str, Any]], named: str
) -> None:
    good = {"from": {**DATABASE, "mode": "full"}, "mapping": ORDERS}
    source_of(good)
    with pytest.raises(Invalid, match=named):
        source_of(change(good))


def test_a_name_and_a_mapping_are_checked(shop: Shop) -> None:
    with pytest.raises(Invalid, match="small letters"):
        shop.add("Größe", {**DATABASE, "mode": "full"})
    with pytest.raises(Invalid, match="field is not known"):
        shop.add("crm", {**DATABASE, "mode": "full"}, {**ORDERS, "nonsense": 1})


def test_words_about_errors_hold_no_secret() -> None:
    secrets = {"password": "p4ss-word", "token": "t"}
    text, retryable = explain(ConnectionError("no way to p4ss-word"), secrets)
    assert "p4ss-word" not in text
    assert retryable
    assert redact("at postgresql://u:hidden@h/d", {}) == "at postgresql://u:•••@h/d"


def test_objects_become_a_flat_table() -> None:
    table = flat_table([{"a": 1, "b": {"c": "x", "d": [1, 2]}}, {"a": 2.5, "b": {"c": 7}}, "alone"])
    assert table.to_pydict() == {
        "a": [1.0, 2.5, None],
        "b.c": ["x", "7", None],
        "b.d": ["[1,2]", None, None],
        "value": [None, None, "alone"],
    }
