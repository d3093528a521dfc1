"""SQL in layers: each expression is computed once, as a column of a subquery, and then named.

DuckDB computes an expression anew wherever it stands inside a `case`; reading one cell needs its
parts several times. So the parts become columns, layer over layer, each in terms of those below.
"""

from __future__ import annotations

from dataclasses import dataclass

_SELECT = "select {} from {}"


@dataclass(frozen=True)
class Sql:
    """An expression over the columns of layer `depth` and all below it."""

    text: str
    depth: int = 0

    def __str__(self) -> str:
        return self.text

    @property
    def is_constant(self) -> bool:
        """Whether it is the same in every row."""
        return self.text.startswith(("'", "null"))


NOTHING = Sql("null")


class Steps:
    """The layers of one query."""

    def __init__(self) -> None:
        self._layers: list[dict[str, str]] = []

    def keep(self, expression: str, *parts: Sql) -> Sql:
        """Compute `expression`, made of `parts`, as a column; the same one is computed once."""
        depth = max((part.depth for part in parts), default=0)
        for layer in range(depth, len(self._layers)):
            known = self._layers[layer].get(expression)
            if known is not None:
                return Sql(known, layer + 1)
        while len(self._layers) <= depth:
            self._layers.append({})
        alias = f"_{depth}_{len(self._layers[depth])}"
        self._layers[depth][expression] = alias
        return Sql(alias, depth + 1)

    def query(self, final: str, source: str) -> str:
        """The whole query over `source`, with `final` as its outermost list of columns."""
        inner = source
        for layer in self._layers:
            columns = (f"{expression} as {alias}" for expression, alias in layer.items())
            inner = _SELECT.format(", ".join(("*", *columns)), inner).join("()")
        return _SELECT.format(final, inner)


def literal(text: str) -> str:
    """A text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A column's name in SQL."""
    return '"' + name.replace('"', '""') + '"'
