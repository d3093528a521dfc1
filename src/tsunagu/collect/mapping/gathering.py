"""Rows that are one event together, made one row before the mapping looks at them.

The first row speaks for all; the items of all rows are one JSON list, the totals sums. A fault
in any of the rows is the whole's.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from tsunagu.collect.files import LINE
from tsunagu.collect.files.arrow import Schema
from tsunagu.collect.mapping.bodies import Bodies
from tsunagu.collect.mapping.cells import Cells
from tsunagu.collect.mapping.columns import COUNT, ITEMS, ROW, RUN, WHOLE, WRONG, Columns
from tsunagu.collect.mapping.conditions import condition
from tsunagu.collect.mapping.document import Cell, Mapping
from tsunagu.collect.mapping.steps import Sql, Steps, quoted
from tsunagu.core import Invalid

_GATHERED = """(
    select {firsts}, '[' || string_agg({item}, ',' order by {row}) || ']' as {items},
        nullif(string_agg(distinct {fault}, '; '), '') as {wrong},
        string_agg({line_text}, chr(30) order by {row}) as {whole},
        min({row}) as {row}, count(*) as {count}{totals}
    from {inner} where {keep} group by {run} order by {run}
)"""


@dataclass(frozen=True)
class Gathered:
    """A relation with one row for each run, and its schema beside the columns above."""

    relation: str
    schema: Schema
    totals: dict[str, str]


def gathered(mapping: Mapping, schema: Schema, relation: str) -> Gathered:
    """The relation of a mapping that gathers rows, over one with the columns `RUN` and `ROW`.

    Raises:
        Invalid: the mapping names a column that the table does not have.
    """
    told = mapping.gather
    assert told is not None
    columns = Columns(schema, relation)
    if columns.is_json:
        raise Invalid("gather needs a table with columns; a line of NDJSON is a whole by itself")
    steps = columns.steps
    cells = Cells(columns, steps, mapping.zone)
    bodies = Bodies(cells, steps)
    item = bodies.object("gather.items", told.items)
    sums = {
        name: " * ".join(str(_number(bodies, cells, steps, name, column)) for column in names)
        for name, names in told.totals.items()
    }
    keep = Sql("true")
    if mapping.where is not None:
        keep = condition(mapping.where, "where", columns, steps)
    texts = [columns.text(name) for name in sorted(columns.names)]
    listed = ", ".join(f"coalesce({text}, '')" for text in texts)
    line_text = steps.keep(f"concat_ws(chr(31), {listed})", *texts)
    faults = ", ".join(["null::varchar", *map(str, dict.fromkeys(bodies.faults))])
    fault = steps.keep(f"nullif(concat_ws('; ', {faults}), '')", *bodies.faults)
    named = {name: f"__total_{at}__" for at, name in enumerate(sums)}
    totals = [f", round(sum({sums[name]}), 6) as {alias}" for name, alias in named.items()]
    kept = [*columns.names, LINE]
    written = _GATHERED.format(
        firsts=", ".join(f"first({quoted(one)} order by {ROW}) as {quoted(one)}" for one in kept),
        inner=steps.query("*", columns.source).join("()"),
        item=item, fault=fault, line_text=line_text, keep=keep, totals="".join(totals),
        items=ITEMS, wrong=WRONG, whole=WHOLE, row=ROW, count=COUNT, run=RUN,
    )  # fmt: skip
    fields = [schema.field(name) for name in kept]
    fields += [pa.field(alias, pa.float64()) for alias in named.values()]
    return Gathered(written, pa.schema(fields), named)


def _number(bodies: Bodies, cells: Cells, steps: Steps, total: str, column: str) -> Sql:
    reading = cells.read(f"gather.totals.{total}", Cell(column=column, type="number"))
    return steps.keep(f"try_cast({bodies.took(reading).text} as double)", reading.text)
