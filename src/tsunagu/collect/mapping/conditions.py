"""The `where` of a mapping: one SQL condition over the columns of the table, made safe to run.

It may hold comparisons, functions of texts, numbers and times, and nothing that reads from
anywhere else. A column next to a number is read as a number.
"""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from tsunagu.collect.mapping import wording
from tsunagu.collect.mapping.columns import Columns
from tsunagu.collect.mapping.steps import Sql, Steps
from tsunagu.core import Invalid

_PARTS = (
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.And, exp.Or,
    exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.In, exp.Between, exp.Is,
    exp.Like, exp.ILike, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg, exp.Case, exp.If,
    exp.Coalesce, exp.Lower, exp.Upper, exp.Trim, exp.Length, exp.StartsWith, exp.EndsWith,
    exp.Substring, exp.Left, exp.Right, exp.Contains, exp.Concat, exp.DPipe, exp.Abs,
)  # fmt: skip
_NUMERIC = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.EQ, exp.NEQ, exp.Between, exp.In,
            exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg, exp.Abs)  # fmt: skip


def condition(told: str, field: str, columns: Columns, steps: Steps) -> Sql:
    """The condition as SQL, true or not for every row.

    Raises:
        Invalid: it is no condition, does more than a condition may, or names a column that the
            table does not have.
    """
    try:
        tree = sqlglot.parse_one(told, dialect="duckdb")
    except SqlglotError as error:
        raise Invalid(f"{field} cannot be read as a condition: {told!r} ({error})") from error
    for node in tree.walk():
        if not isinstance(node, _PARTS):
            raise Invalid(
                f"{field} holds {node.sql(dialect='duckdb')!r}; a condition may compare columns,"
                " join with and, or, not, and use lower, upper, trim, length, coalesce, like, in"
            )
    used: list[Sql] = []
    for column in list(tree.find_all(exp.Column)):
        read = columns.text(column.name)
        numeric = _beside_number(column)
        if numeric:
            read = wording.number(steps, read)
        used.append(read)
        bound = f"try_cast({read} as double)" if numeric else str(read)
        replaced = sqlglot.parse_one(bound, dialect="duckdb")
        if column is tree:
            tree = replaced
        else:
            column.replace(replaced)
    return steps.keep(f"coalesce({tree.sql(dialect='duckdb')}, false)", *used)


def _beside_number(column: exp.Column) -> bool:
    parent = column.parent
    while isinstance(parent, exp.Paren | exp.Neg | exp.Abs):
        parent = parent.parent
    if isinstance(parent, exp.Add | exp.Sub | exp.Mul | exp.Div | exp.Mod):
        return True
    if not isinstance(parent, _NUMERIC):
        return False
    return any(not one.is_string for one in parent.find_all(exp.Literal))
