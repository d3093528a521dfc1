"""The rule language: one SQL boolean expression over traits and behaviour.

`country = 'JP' and did('Order Completed', within => '30 days') >= 2`. SQLGlot parses it; the
tree is then written anew from a closed list of operators and functions, so nothing a person
types reaches a database unread. What is not known is not true: `not (country = 'JP')` leaves
out customers without a country, as SQL does; write `coalesce(country, '') <> 'JP'` for them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import TokenType

from tsunagu.core.errors import Invalid
from tsunagu.core.rule_model import (
    Feature,
    Rule,
    ValueType,
    amount,
    cast_column,
    parse_window,
    quote,
    text,
    trait_column,
    trait_text,
)
from tsunagu.core.rule_sql import bulk_sql, evaluate
from tsunagu.core.times import parse_time

__all__ = [
    "Feature",
    "Rule",
    "amount",
    "bulk_sql",
    "evaluate",
    "parse_rule",
    "trait_column",
    "trait_text",
]

MAX_LENGTH = 4_000
MAX_DEPTH = 30
MAX_NAME = 200

ALLOWED = (
    "and, or, not, = <> < <= > >=, in (...), between, is null, is true, like, + - * / %, "
    "coalesce, lower, did, total, first_time, last_time"
)
_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_ARITHMETIC: dict[type[exp.Expr], str] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
}
_TIME_TYPES = {
    exp.DType.DATE,
    exp.DType.TIMESTAMP,
    exp.DType.TIMESTAMPNTZ,
    exp.DType.TIMESTAMPTZ,
}
_USAGE = {
    "did": "did('Event', within => '30 days')",
    "total": "total('Event', 'property', within => '30 days')",
    "first_time": "first_time('Event')",
    "last_time": "last_time('Event')",
}
_OPENING = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE}
_CLOSING = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE}
_WORDS: dict[ValueType, str] = {
    "text": "a text",
    "number": "a number",
    "boolean": "true or false",
    "time": "a time",
}


@lru_cache(maxsize=4096)
def parse_rule(source: str) -> Rule:
    """The checked rule of a text.

    Raises:
        Invalid: the text is no rule; the message names the word and what is allowed.
    """
    tree = _parse(source)
    writer = _Writer()
    condition = writer.write(tree, "boolean")
    if not writer.features and not writer.casts:
        raise Invalid("A rule must look at a trait or at behaviour, for example did('Event') > 0.")
    return Rule(source, condition, frozenset(writer.features), frozenset(writer.casts), tree)


def _parse(source: str) -> exp.Expr:
    if len(source) > MAX_LENGTH:
        raise Invalid(f"The rule has {len(source)} characters; {MAX_LENGTH} are allowed.")
    if not source.strip():
        raise Invalid("The rule is empty; write for example country = 'JP'.")
    try:
        _check_nesting(source)
        tree = sqlglot.parse_one(source, dialect="duckdb")
    except TokenError as error:
        raise Invalid(
            "The rule cannot be read: a quote is open. Close every ' and \" in it."
        ) from error
    except ParseError as error:
        raise Invalid(_where(error)) from error
    except RecursionError as error:
        raise Invalid(f"The rule is nested deeper than {MAX_DEPTH} levels.") from error
    _check_depth(tree)
    return tree


def _where(error: ParseError) -> str:
    found = error.errors[0] if error.errors else {}
    place = f"line {found.get('line', 1)}, column {found.get('col', 1)}"
    near = str(found.get("highlight") or "").strip()
    return f"The rule cannot be read at {place}" + (f", near {near!r}." if near else ".")


def _check_nesting(source: str) -> None:
    depth = signs = 0
    for token in sqlglot.tokenize(source, dialect="duckdb"):
        kind = token.token_type
        depth += (kind in _OPENING) - (kind in _CLOSING)
        signs = signs + 1 if kind in (TokenType.NOT, TokenType.DASH) else 0
        if max(depth, signs) > MAX_DEPTH:
            raise Invalid(f"The rule is nested deeper than {MAX_DEPTH} levels.")


def _check_depth(tree: exp.Expr) -> None:
    waiting = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > 2 * MAX_DEPTH:
            raise Invalid(f"The rule is nested deeper than {MAX_DEPTH} levels.")
        for child in node.iter_expressions():
            chained = isinstance(node, (exp.And, exp.Or)) and type(child) is type(node)
            waiting.append((child, depth if chained else depth + 1))


def _word(node: exp.Expr) -> str:
    if isinstance(node, exp.Anonymous):
        return f"{node.name}(...)"
    if isinstance(node, exp.Func):
        return f"{node.sql_name().lower()}(...)"
    return node.sql(dialect="duckdb")[:60]


def _refuse(node: exp.Expr) -> Invalid:
    return Invalid(f"{_word(node)!r} is not part of the rule language. Allowed: {ALLOWED}.")


def _only(node: exp.Expr, *names: str) -> None:
    """Refuses a node that carries anything beside its usual parts (`symmetric`, a subquery)."""
    for name, value in node.args.items():
        if value and name not in names:
            raise _refuse(node)


class _Writer:
    """Writes a checked tree as SQL, collecting the features and traits it reads."""

    def __init__(self) -> None:
        self.features: set[Feature] = set()
        self.casts: set[tuple[str, ValueType]] = set()

    def write(self, node: exp.Expr, wanted: ValueType) -> str:
        """The SQL of `node` as a value of the wanted type; times are integer microseconds."""
        if isinstance(node, exp.Paren):
            return f"({self.write(node.this, wanted)})"
        if isinstance(node, exp.Column):
            name = _trait_name(node)
            self.casts.add((name, wanted))
            return quote(cast_column(name, wanted))
        if isinstance(node, exp.Coalesce):
            _only(node, "this", "expressions")
            parts = [node.this, *node.expressions]
            return f"coalesce({', '.join(self.write(part, wanted) for part in parts)})"
        if isinstance(node, (exp.Literal, exp.Cast)) and wanted in ("text", "time"):
            return _written_literal(node, wanted)
        found = _type_of(node)
        if found != wanted:
            raise Invalid(
                f"{_word(node)!r} is {_WORDS[found or 'text']}; "
                f"{_WORDS[wanted]} is needed in its place."
            )
        if wanted == "boolean":
            return self._boolean(node)
        return self._value(node)

    def _value(self, node: exp.Expr) -> str:
        if isinstance(node, exp.Literal):
            return _number(node)
        if isinstance(node, exp.Lower):
            _only(node, "this")
            return f"lower({self.write(node.this, 'text')})"
        if isinstance(node, exp.Neg):
            return f"(-{self.write(node.this, 'number')})"
        if type(node) in _ARITHMETIC:
            _only(node, "this", "expression")
            left, right = self.write(node.this, "number"), self.write(node.expression, "number")
            if isinstance(node, (exp.Div, exp.Mod)):
                right = f"nullif({right}, 0)"
            return f"({left} {_ARITHMETIC[type(node)]} {right})"
        feature = _feature(node)
        self.features.add(feature)
        column = quote(feature.column)
        if feature.kind == "count":
            return f"coalesce({column}, 0)::double"
        # Days are added in another order live than in bulk: the last bits may differ.
        return f"round(coalesce({column}, 0), 6)" if feature.kind == "sum" else column

    def _boolean(self, node: exp.Expr) -> str:
        if isinstance(node, exp.Boolean):
            return "true" if node.this else "false"
        if isinstance(node, exp.Not):
            return f"(not {self.write(node.this, 'boolean')})"
        if isinstance(node, (exp.And, exp.Or)):
            word = " and " if isinstance(node, exp.And) else " or "
            return f"({word.join(self.write(part, 'boolean') for part in _chain(node))})"
        if isinstance(node, exp.In):
            _only(node, "this", "expressions")
            parts = self._same_type(node.this, *node.expressions)
            return f"({parts[0]} in ({', '.join(parts[1:])}))"
        if isinstance(node, exp.Between):
            _only(node, "this", "low", "high")
            value, low, high = self._same_type(node.this, node.args["low"], node.args["high"])
            return f"({value} between {low} and {high})"
        if isinstance(node, exp.Is):
            return self._is(node)
        if isinstance(node, exp.Like):
            _only(node, "this", "expression")
            return f"({self.write(node.this, 'text')} like {self.write(node.expression, 'text')})"
        _only(node, "this", "expression")
        left, right = self._same_type(node.this, node.expression)
        return f"({left} {_COMPARISONS[type(node)]} {right})"

    def _is(self, node: exp.Is) -> str:
        right = node.expression
        if isinstance(right, exp.Null):
            return f"({self.write(node.this, _type_of(node.this) or 'text')} is null)"
        if isinstance(right, exp.Boolean):
            word = "true" if right.this else "false"
            return f"({self.write(node.this, 'boolean')} is {word})"
        raise _refuse(node)

    def _same_type(self, *nodes: exp.Expr) -> list[str]:
        wanted = _common(nodes) or "text"
        return [self.write(node, wanted) for node in nodes]


def _chain(node: exp.Expr) -> list[exp.Expr]:
    """The parts of `a and b and c`, without recursion."""
    parts: list[exp.Expr] = []
    kind = type(node)
    while type(node) is kind:
        parts.append(node.expression)
        node = node.this
    return [node, *reversed(parts)]


def _type_of(node: exp.Expr) -> ValueType | None:
    """The type of a value; None for a trait, which takes the type it is compared with."""
    if isinstance(node, exp.Paren):
        return _type_of(node.this)
    if isinstance(node, exp.Column):
        return None
    if isinstance(node, exp.Coalesce):
        return _common([node.this, *node.expressions])
    if isinstance(node, exp.Literal):
        return "text" if node.is_string else "number"
    if isinstance(node, exp.Lower):
        return "text"
    if isinstance(node, exp.Neg) or type(node) in _ARITHMETIC:
        return "number"
    if isinstance(node, exp.Cast):
        return _time_cast(node)
    if type(node) in _COMPARISONS or isinstance(
        node, (exp.Boolean, exp.Not, exp.And, exp.Or, exp.In, exp.Between, exp.Is, exp.Like)
    ):
        return "boolean"
    if isinstance(node, exp.Null):
        raise Invalid("Nothing is equal to null; write 'is null' or 'is not null'.")
    return "number" if _feature(node).kind in ("count", "sum") else "time"


def _common(nodes: Sequence[exp.Expr]) -> ValueType | None:
    types: set[ValueType] = {found for found in map(_type_of, nodes) if found is not None}
    if types == {"text", "time"}:
        return "time"
    if len(types) > 1:
        words = " with ".join(_WORDS[found] for found in sorted(types))
        places = ", ".join(repr(_word(node)) for node in nodes[:4])
        raise Invalid(f"{places}: a rule cannot compare {words}.")
    return types.pop() if types else None


def _time_cast(node: exp.Cast) -> ValueType:
    """`date '...'` and `timestamp '...'` are the only casts of the language."""
    _only(node, "this", "to")
    if not isinstance(node.this, exp.Literal) or node.to.this not in _TIME_TYPES:
        raise _refuse(node)
    return "time"


def _trait_name(node: exp.Column) -> str:
    _only(node, "this")
    if not isinstance(node.this, exp.Identifier):
        raise _refuse(node)
    name = node.name
    if not name or len(name) > MAX_NAME or "\0" in name:
        raise Invalid(f"A trait's name has 1 to {MAX_NAME} characters.")
    return name


def _number(node: exp.Literal) -> str:
    try:
        value = float(node.name)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Invalid(f"{node.name!r} is not a number that rules can compare.")
    return f"{value!r}::double"


def _written_literal(node: exp.Literal | exp.Cast, wanted: ValueType) -> str:
    """A text, or a time written as `'2017-10-30'`, `date '...'` or `timestamp '...'` (UTC)."""
    literal = node.this if isinstance(node, exp.Cast) else node
    if isinstance(node, exp.Cast) and _time_cast(node) != wanted:
        raise _refuse(node)
    if not isinstance(literal, exp.Literal) or not literal.is_string:
        raise Invalid(f"{_word(node)!r} is not {_WORDS[wanted]}; put it in single quotes.")
    if wanted == "text":
        return text(literal.name)
    try:
        return f"{parse_time(literal.name)}::bigint"
    except ValueError as error:
        raise Invalid(f"{literal.name!r} is not a time; write for example '2017-10-30'.") from error


def _feature(node: exp.Expr) -> Feature:
    name = node.name.lower() if isinstance(node, exp.Anonymous) else ""
    if name not in _USAGE:
        raise _refuse(node)
    _only(node, "this", "expressions")
    plain = [part for part in node.expressions if not isinstance(part, exp.Kwarg)]
    named = [part for part in node.expressions if isinstance(part, exp.Kwarg)]
    windows = [part.expression for part in named if part.name.lower() == "within"]
    takes_window = name in ("did", "total")
    if (
        len(plain) != (2 if name == "total" else 1)
        or len(windows) != len(named)
        or len(named) > takes_window
    ):
        raise Invalid(f"{_word(node)!r} is used as {_USAGE[name]}.")
    words = [_name(part, name) for part in plain]
    within, unit = parse_window(_name(windows[0], name)) if windows else (None, None)
    if name == "total":
        return Feature("sum", words[0], words[1], within, unit)
    if name == "did":
        return Feature("count", words[0], None, within, unit)
    return Feature("first" if name == "first_time" else "last", words[0])


def _name(node: exp.Expr, function: str) -> str:
    if not isinstance(node, exp.Literal) or not node.is_string:
        raise Invalid(f"{_word(node)!r} must be a text in quotes: {_USAGE[function]}.")
    name = node.name
    if not 0 < len(name) <= MAX_NAME or re.search(r'[\x00-\x1f"\\]', name):
        raise Invalid(f'{name[:40]!r} must have 1 to {MAX_NAME} characters, no " and no \\.')
    return name
