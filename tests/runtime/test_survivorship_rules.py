"""Another survivorship takes effect for everybody, live, loaded or merged, and back again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from feeding import Feeding, Said

from tsunagu import profiles
from tsunagu.core import Body, Invalid
from tsunagu.core.times import DAY, parse_time
from tsunagu.profiles import SURVIVORSHIP, SURVIVORSHIP_NAME, SurvivorshipDocument
from tsunagu.runtime.feed import _Feeder
from tsunagu.storage import Database, in_workspace

START = parse_time("2017-11-01T00:00:00Z")
CRM_FIRST: dict[str, Any] = {
    "traits": {"city": {"strategy": "source_priority", "sources": ["crm"]}}
}


@pytest.fixture
def feeding(database: Database, make_workspace: Callable[..., int], tmp_path: Path) -> Feeding:
    found = Feeding(database, make_workspace(clock="driven", clock_now=START), tmp_path / "lake")
    found.clock(START + 100 * DAY)
    return found


def told(day: int, user: str | None, source: str, device: str | None = None, **traits: Any) -> Said:
    at = START + day * DAY
    return Said("identify", "identify", at, user, device, Body(traits=traits), source=source)


def cities(feeding: Feeding) -> dict[str, Any]:
    rows = "select first_value, traits ->> 'city' from profiles join customers using (customer_id)"
    return dict(feeding.rows(rows))


def test_a_new_document_holds_for_everybody_and_its_end_too(feeding: Feeding) -> None:
    feeding.post([told(1, "u1", "crm", city="Nara"), told(2, "u1", "web", city="Kobe", age=3)])
    feeding.load([told(1, "u2", "crm", city="Uji"), told(3, "u2", "load", city="Otsu")])
    feeding.post([told(1, None, "crm", "d3", city="Gifu"), told(2, "u3", "web", city="Tsu")])
    feeding.post([Said("track", "Seen", START + 4 * DAY, "u3", "d3")])
    newest = cities(feeding)
    assert set(newest.values()) == {"Kobe", "Otsu", "Tsu"}
    feeding.publish(SURVIVORSHIP, SURVIVORSHIP_NAME, CRM_FIRST)
    feeding.drain()
    assert set(cities(feeding).values()) == {"Nara", "Uji", "Gifu"}
    feeding.post([told(9, "u1", "web", city="Himeji"), told(5, "u2", "crm", city="Kyoto")])
    assert {"Nara", "Kyoto", "Gifu"} == set(cities(feeding).values())
    feeding.publish(SURVIVORSHIP, SURVIVORSHIP_NAME, {})
    feeding.drain()
    assert set(cities(feeding).values()) == {"Himeji", "Kyoto", "Tsu"}
    assert feeding.state("user_id", "u1").candidates == {}


def test_a_document_published_before_the_timeline_is_there_finds_all_of_it(
    feeding: Feeding, monkeypatch: pytest.MonkeyPatch
) -> None:
    feeding.drain()
    tell = _Feeder._tell

    def publish_first(self: _Feeder, *words: Any) -> None:
        feeding.publish(SURVIVORSHIP, SURVIVORSHIP_NAME, CRM_FIRST)
        feeding.drain()
        tell(self, *words)

    monkeypatch.setattr(_Feeder, "_tell", publish_first)
    feeding.load([told(1, "u1", "crm", city="Nara"), told(2, "u1", "web", city="Kobe")])
    feeding.drain()
    assert cities(feeding) == {"u1": "Nara"}


def test_provenance_and_preview_tell_who_said_what(feeding: Feeding) -> None:
    feeding.post([told(1, "u1", "crm", city="Nara"), told(2, "u1", "web", city="Kobe")])
    feeding.post([told(2, "u2", "web", city="Otsu")])
    document = SurvivorshipDocument.model_validate(CRM_FIRST)
    with (
        feeding.database.connect("app") as connection,
        in_workspace(connection, feeding.workspace) as cursor,
    ):
        seen = profiles.preview(cursor, feeding.workspace, document)
    assert (seen.customers, seen.looked_at, seen.changed, seen.estimated) == (2, 2, 1, 1)
    assert seen.samples[0][1:] == ("city", "Kobe", "Nara", "web", "crm")
    assert cities(feeding) == {"u1": "Kobe", "u2": "Otsu"}

    feeding.publish(SURVIVORSHIP, SURVIVORSHIP_NAME, CRM_FIRST)
    feeding.drain()
    ((customer,),) = feeding.rows("select customer_id from customers where first_value = 'u1'")
    with (
        feeding.database.connect("app") as connection,
        in_workspace(connection, feeding.workspace) as cursor,
    ):
        (whence,) = profiles.provenance_of(cursor, feeding.workspace, customer)
    assert whence[:5] == ("city", "Nara", "crm", START + DAY, "source_priority")
    assert whence.others == [("Kobe", "web", START + 2 * DAY, START + 2 * DAY, 1)]


def test_the_document_has_one_name(feeding: Feeding) -> None:
    with pytest.raises(Invalid, match="called 'traits'"):
        feeding.publish(SURVIVORSHIP, "mine", {})
