"""JSON objects as a flat table: `{"customer": {"email": …}}` becomes the column `customer.email`.

Lists stay JSON text. A column has the type of its values if they share one, else it is text,
so that a field that changes its type from one object to the next stops nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from tsunagu.collect.files.arrow import Table

DEEPEST = 8
_INT64 = range(-(2**63), 2**63)


def flat_table(objects: Sequence[Any]) -> Table:
    """One row an object; what is no object becomes the column `value`."""
    rows = [_flat(one if isinstance(one, dict) else {"value": one}) for one in objects]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({name: _column([row.get(name) for row in rows]) for name in names})


def _flat(value: dict[str, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, inner in value.items():
        if isinstance(inner, dict) and inner and depth < DEEPEST:
            found |= _flat(inner, f"{prefix}{name}.", depth + 1)
        else:
            found[f"{prefix}{name}"] = inner
    return found


def _column(values: list[Any]) -> Any:
    kinds = {type(value) for value in values if value is not None}
    plain = kinds <= {bool} or kinds <= {int, float} or kinds <= {str}
    if plain and all(value in _INT64 for value in values if type(value) is int):
        if kinds == {int, float}:
            return pa.array([None if v is None else float(v) for v in values], pa.float64())
        return pa.array(values) if kinds else pa.nulls(len(values), pa.string())
    return pa.array(list(_texts(values)), pa.string())


def _texts(values: Iterable[Any]) -> Iterable[str | None]:
    for value in values:
        if value is None or isinstance(value, str):
            yield value
        else:
            yield msgspec.json.encode(value, enc_hook=str).decode()
