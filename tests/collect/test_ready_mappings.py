"""Ready mappings over files as departments' systems export them, and over real ones."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import department_files
import msgspec
import pytest

from tsunagu.collect.files import BadRow, open_tables
from tsunagu.collect.mapping import library, map_table, propose, ready_mapping

# Real data beside the repository, used where it is there and never part of it.
REAL = Path(__file__).parents[3] / "shared" / "data"


def _events(path: Path, name: str) -> tuple[list[dict[str, Any]], list[BadRow], int]:
    mapping = ready_mapping(name)
    events: list[dict[str, Any]] = []
    bad: list[BadRow] = []
    rows = 0
    for chunk in open_tables(path, mapping.file):
        mapped = map_table(mapping, chunk.table)
        events += mapped.events.to_pylist()
        bad += [*chunk.bad, *mapped.bad]
        rows += chunk.rows
    return events, bad, rows


def _parts(event: dict[str, Any]) -> tuple[Any, Any, Any]:
    parts = (event[name] for name in ("properties", "traits", "context"))
    return tuple(msgspec.json.decode(part) if part else None for part in parts)


def _made(folder: Path, name: str) -> Path:
    path = folder / f"{name}.txt"
    path.write_bytes(department_files.FILES[name][0]())
    return path


@pytest.mark.parametrize("name", sorted(department_files.FILES))
def test_every_row_of_an_export_is_taken(tmp_path: Path, name: str) -> None:
    events, bad, _ = _events(_made(tmp_path, name), name)
    assert not bad
    assert Counter(event["name"] for event in events) == department_files.FILES[name][1]
    assert all(event["user_id"] or event["anonymous_id"] for event in events)
    assert len({event["message_id"] for event in events}) == len(events)
    assert all(event["at"].year in (1999, 2024) for event in events)


def test_there_is_an_export_for_every_ready_mapping() -> None:
    assert set(department_files.FILES) == set(library()) - {"segment"}
    assert all(mapping.about for mapping in library().values())


@pytest.mark.parametrize("name", sorted(set(department_files.FILES) - {"policies-ja"}))
def test_an_export_is_known_by_its_columns(tmp_path: Path, name: str) -> None:
    proposal = propose(_made(tmp_path, name))
    assert proposal.mapping.name == name
    assert not proposal.mapped.bad


def test_receipts_of_a_japanese_shop(tmp_path: Path) -> None:
    events, _, _ = _events(_made(tmp_path, "pos-receipts-ja"), "pos-receipts-ja")
    unknown, member, *_ = events
    assert unknown["anonymous_id"] == "receipt:0012-令和6年3月1日-0000"
    assert member["user_id"] == "M1"
    assert member["at"].isoformat() == "2024-03-01T02:05:00+00:00"
    properties, _, _ = _parts(member)
    assert properties["store_id"] == "0012"
    assert properties["revenue"] == 0
    line = {"sku": "4902", "name": "おにぎり①", "quantity": 2, "price": 150, "amount": 300}
    assert properties["products"] == [line, {**line, "sku": "4903", "amount": -300}]


def test_policies_of_a_fixed_width_file_are_objects(tmp_path: Path) -> None:
    events, _, _ = _events(_made(tmp_path, "policies-ja"), "policies-ja")
    _, _, context = _parts(events[5])
    (policy,) = context["objects"]
    assert (policy["type"], policy["id"], policy["role"]) == (
        "policy",
        "SN0000000005",
        "policyholder",
    )
    assert policy["traits"] == {
        "product": "定期保険（髙）",
        "starts_on": "2018-04-01",
        "ends_on": "2040-03-31",
        "premium": -120,
        "insured_id": "0000000006",
    }


def test_contacts_carry_traits_and_identifiers(tmp_path: Path) -> None:
    events, _, _ = _events(_made(tmp_path, "contacts-ja"), "contacts-ja")
    _, traits, context = _parts(events[0])
    assert traits["birthday"] == "1975-01-07"
    assert traits["createdAt"] == "2019-04-01"
    assert traits["email"] == "s0@example.jp"
    assert [one["type"] for one in context["externalIds"]] == ["email", "phone"]


def test_an_export_may_lack_columns_that_only_describe(tmp_path: Path) -> None:
    path = tmp_path / "contacts.csv"
    path.write_text(
        "Id,FirstName,LastName,Email,Phone,CreatedDate,LastModifiedDate,AccountId\n"
        "1,Yui,Tanaka,yui@example.com,090-1234-5678,2026-01-02,2026-02-02,A1\n"
    )
    events, bad, _ = _events(path, "crm-contacts")
    assert not bad
    _, traits, context = _parts(events[0])
    assert traits["lastName"] == "Tanaka"
    assert [one["type"] for one in context["externalIds"]] == ["email", "phone"]


@pytest.mark.skipif(not REAL.is_dir(), reason="the real files are not here")
@pytest.mark.parametrize(
    ("file", "name", "rows", "events"),
    [
        ("online_retail.parquet", "order-lines", 541_909, 25_901),
        ("anonymous_bank_calls_1999_02.txt", "call-center", 33_344, 33_344),
        ("helpdesk.csv", "ticket-steps", 13_710, 13_710),
    ],
)
def test_real_files_are_taken_whole(file: str, name: str, rows: int, events: int) -> None:
    assert propose(REAL / file).mapping.name == name
    found, bad, read = _events(REAL / file, name)
    assert not bad
    assert (read, len(found)) == (rows, events)
    if name == "order-lines":
        lines = sum(len(_parts(event)[0]["products"]) for event in found)
        assert lines == rows
