"""The commands for sources, on an installation of their own, as a user types them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from databases import fresh_database
from tsunagu.access import create_workspace
from tsunagu.core import Invalid
from tsunagu.runtime.source_documents import by_hand, read_source

CONTACTS = (
    "Id,Email,FirstName,LastName,Phone,MobilePhone,LastModifiedDate,CreatedDate,AccountId\n"
    "1,hana@x.jp,花,山田,03-1234-5678,,2026-05-01T00:00:00Z,2026-05-01T00:00:00Z,A1\n"
)


class Home:
    """A data folder and a database; `tsunagu` runs as a process of its own."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self._environment = {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TSUNAGU_HOME": str(folder / "home"),
            "TSUNAGU_DATABASE_URL": url,
        }

    def tsunagu(self, *words: str, said: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tsunagu", *words],
            env=self._environment,
            input=said,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with fresh_database() as database:
        with database.connect("app") as connection:
            create_workspace(connection, "main")
        yield Home(tmp_path_factory.mktemp("commands"), database.url)


def test_a_drop_folder_by_hand(home: Home) -> None:
    drop = home.folder / "drop"
    drop.mkdir()
    (drop / "contacts.csv").write_text(CONTACTS)
    told = ("--from", str(drop), "--mapping", "crm-contacts", "--every", "15 minutes", "--move")
    added = home.tsunagu("source", "add", "crm", *told)
    assert added.returncode == 0, added.stderr
    assert "has not changed for 5 s" in added.stderr
    assert "no folder" not in added.stderr
    assert "not run yet" in home.tsunagu("source", "list").stdout
    lost = ("--from", str(drop / "typo"), "--mapping", "crm-contacts")
    assert "typo on this machine yet" in home.tsunagu("source", "add", "lost", *lost).stderr
    assert home.tsunagu("source", "remove", "lost", "--yes").returncode == 0
    file = home.folder / "crm.yaml"
    file.write_text(
        yaml.safe_dump(
            {
                "from": {"kind": "files", "path": str(drop), "settle": 0},
                "mapping": "crm-contacts",
            }
        )
    )
    looked = home.tsunagu("source", "test", "--file", str(file))
    assert "hana@x.jp" in looked.stdout, looked.stderr
    assert home.tsunagu("source", "add", "crm", "--file", str(file)).returncode == 0
    ran = home.tsunagu("source", "run", "crm")
    assert (ran.returncode, ran.stdout) == (0, "crm: done\n"), ran.stderr
    assert "1 events" in ran.stderr
    assert "well" in home.tsunagu("source", "list").stdout
    shown = home.tsunagu("source", "show", "crm").stdout
    assert "crm-contacts" in shown
    assert "command line" in shown
    for word, told_ in (("pause", "paused"), ("resume", "runs again"), ("reset", "anew")):
        assert told_ in home.tsunagu("source", word, "crm").stdout
    assert home.tsunagu("source", "remove", "crm", "--yes").returncode == 0
    assert "no source" in home.tsunagu("source", "list").stdout


def test_secrets_are_asked_for_and_never_shown(home: Home) -> None:
    file = home.folder / "hook.yaml"
    signature = {"kind": "webhook", "signature": {"scheme": "stripe"}}
    file.write_text(yaml.safe_dump({"from": signature, "mapping": "segment"}))
    missing = home.tsunagu("source", "add", "hook", "--file", str(file))
    assert missing.returncode == 1
    assert "--secret secret" in missing.stderr
    told = ("source", "add", "hook", "--file", str(file), "--secret", "secret")
    added = home.tsunagu(*told, said="whsec-never-shown\n")
    assert "/v1/webhooks/" in added.stdout, added.stderr
    again = home.tsunagu("source", "secret", "hook", "secret", said="another-one\n")
    assert again.returncode == 0, again.stderr
    rotated = home.tsunagu("source", "rotate-key")
    assert "1 sources have a new key" in rotated.stdout, rotated.stderr
    shown = home.tsunagu("source", "show", "hook").stdout
    assert "secrets: secret" in shown
    assert "never-shown" not in shown + added.stdout + added.stderr


def test_documents_by_hand() -> None:
    database = by_hand("mysql://u@h/d", "crm-deals", "deals", "id", "", False, "", "0 3 * * *")
    assert database == {
        "from": {"kind": "sql", "url": "mysql://u@h/d", "table": "deals", "cursor": "id"},
        "mapping": "crm-deals",
        "schedule": {"cron": "0 3 * * *"},
    }
    mail = by_hand("imaps://me%40x.jp@imap.x.jp/Orders", "shop-orders", "", "", "", False, "", "")
    assert mail["from"] == {
        "kind": "imap",
        "host": "imap.x.jp",
        "user": "me@x.jp",
        "folder": "Orders",
    }
    for place in ("", "https://api.example", "mysql://u@h/d"):
        with pytest.raises(Invalid):
            by_hand(place, "crm-deals", "", "", "", False, "", "")


def test_a_definition_is_a_document_too(tmp_path: Path) -> None:
    file = tmp_path / "crm.yaml"
    document = {"from": {"kind": "files", "path": "/x"}, "mapping": "crm-deals"}
    file.write_text(yaml.safe_dump({"kind": "source", "name": "crm", "document": document}))
    assert read_source(file, "") == document
    file.write_text("- a list")
    with pytest.raises(Invalid, match="no source"):
        read_source(file, "")
