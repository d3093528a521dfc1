"""From traits to what counts for households and companies, in bulk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from tsunagu.identity.households import HouseholdTraits, Resident
from tsunagu.identity.japanese import derive
from tsunagu.identity.japanese.phones import is_landline

_KINDS = {
    "name": "name",
    "address": "address",
    "postcode": "postcode",
    "phone": "phone",
    "company": "company",
}
_ADDRESS_PARTS = ("state", "prefecture", "region", "city", "street", "line1", "line2")


def residents_of(
    rows: Sequence[tuple[int, dict[str, Any]]], traits: HouseholdTraits
) -> list[Resident]:
    """The residents of these customers with their traits."""
    columns: dict[str, list[str | None]] = {kind: [] for kind in _KINDS}
    for _, said in rows:
        name = _said(said, traits.name)
        columns["name"].append(_said(said, traits.family) or name)
        columns["address"].append(_said(said, traits.address))
        columns["postcode"].append(_said(said, traits.postcode) or _nested(said, traits.address))
        columns["phone"].append(_said(said, traits.phone))
        columns["company"].append(_said(said, traits.company))
    table: Any = pa.table({k: pa.array(v, pa.string()) for k, v in columns.items()})
    found = derive(table, _KINDS)
    return list(_read(rows, found))


def _read(rows: Sequence[tuple[int, dict[str, Any]]], found: Any) -> Iterable[Resident]:
    def texts(column: str) -> list[str]:
        return [value or "" for value in found.column(column).to_pylist()]

    columns = (
        *(texts("name__family"), texts("address__key"), texts("address__block")),
        *(texts("address__building"), texts("address__postcode"), texts("phone__key")),
        *(texts("company__core"), texts("company__form"), texts("company__branch")),
    )
    for (customer, _), values in zip(rows, zip(*columns, strict=True), strict=True):
        family, key, block, building, postcode, phone, core, form, branch = values
        room = key if block else ""
        yield Resident(
            *(customer, family, room, room.partition("#")[0], building, postcode, phone),
            *(phone if is_landline(phone) else "", core, form, branch),
        )


def _said(traits: dict[str, Any], names: Iterable[str]) -> str | None:
    for name in names:
        value = traits.get(name)
        if isinstance(value, dict):
            value = " ".join(str(value[p]) for p in _ADDRESS_PARTS if value.get(p)) or (
                value.get("name")
            )
        if isinstance(value, str | int) and str(value).strip():
            return str(value)[:1_000]
    return None


def _nested(traits: dict[str, Any], names: Iterable[str]) -> str | None:
    """The postcode within an address of several parts."""
    for name in names:
        value = traits.get(name)
        if isinstance(value, dict) and (code := value.get("postalCode") or value.get("postcode")):
            return str(code)[:20]
    return None
