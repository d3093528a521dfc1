"""Which statements an analyst may run: one SELECT over the workspace's views, and nothing else.

DuckDB's own parser says what a text is, so there is no second grammar that could see it
otherwise. This is the first of two locks; the process it runs in is the second.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import msgspec

from tsunagu.analysis.models import Refused
from tsunagu.storage.lake import MACROS, VIEWS

TABLE_FUNCTIONS = frozenset(
    (*MACROS, "range", "generate_series", "unnest", "json_each", "json_tree", "repeat_row")
)
# They tell of the machine or the session, run other texts, or leave a trace.
REFUSED_FUNCTIONS = frozenset(
    (
        "getenv",
        "current_setting",
        "getvariable",
        "query",
        "query_table",
        "write_log",
        "currval",
        "nextval",
        "current_query",
        "pg_conf_load_time",
        "pg_postmaster_start_time",
    )
)
_SHOWN = frozenset(("DESCRIBE", "SUMMARY"))
_MOST_BYTES = 100_000

Node = dict[str, Any]


def check(connection: duckdb.DuckDBPyConnection, text: str) -> None:
    """See that a text is one SELECT over the views.

    Raises:
        Refused: it is not; the message says what is wrong.
    """
    if len(text.encode("utf-8", "surrogatepass")) > _MOST_BYTES:
        raise Refused("The question is longer than 100,000 bytes.", "long")
    if not text.strip().strip(";"):
        raise Refused("Write a question, for example: select count(*) from events", "empty")
    row = connection.execute("select json_serialize_sql(?::varchar)", [text]).fetchone()
    tree: Node = msgspec.json.decode(row[0]) if row else {}
    if tree.get("error"):
        raise _refusal(tree)
    statements = tree.get("statements") or []
    if len(statements) != 1:
        raise Refused("Ask one question at a time: several statements were given.", "several")
    nodes = list(_nodes(statements))
    named = {str(entry["key"]).lower() for node in nodes for entry in _common_tables(node)}
    for node in nodes:
        _check_node(node, named)


def _refusal(tree: Node) -> Refused:
    message = str(tree.get("error_message", ""))
    if tree.get("error_type") == "not implemented" or "Only SELECT" in message:
        return Refused(
            "Only a SELECT can be asked here: nothing can be written, attached, loaded, set or "
            f"called. The tables are: {', '.join(VIEWS)}.",
            "select_only",
        )
    return Refused(f"This is not a statement of SQL: {message}")


def _common_tables(node: Node) -> list[Node]:
    found = node.get("cte_map")
    return found.get("map", []) if isinstance(found, dict) else []


def _check_node(node: Node, named: set[str]) -> None:
    kind = node.get("type")
    if kind == "BASE_TABLE":
        _check_table(node, named)
    elif kind == "TABLE_FUNCTION":
        function = node.get("function") or {}
        name = str(function.get("function_name", "")).lower()
        if name not in TABLE_FUNCTIONS:
            raise Refused(
                f"{name}() cannot be used as a table here. "
                f"Read from {', '.join(VIEWS)}, or {', '.join(sorted(TABLE_FUNCTIONS))}.",
                "function",
                name,
            )
    elif kind == "SHOW_REF" and node.get("show_type") not in _SHOWN:
        raise Refused(f"Use DESCRIBE with one of: {', '.join(VIEWS)}.", "table", "SHOW")
    elif str(node.get("function_name", "")).lower() in REFUSED_FUNCTIONS:
        name = str(node["function_name"])
        raise Refused(f"{name}() cannot be used here.", "function", name)


def _check_table(node: Node, named: set[str]) -> None:
    name = str(node.get("table_name", ""))
    schema = str(node.get("schema_name", "") or "main")
    inside = not node.get("catalog_name") and schema.lower() == "main"
    if inside and (name.lower() in VIEWS or name.lower() in named):
        return
    written = ".".join(filter(None, (node.get("catalog_name"), node.get("schema_name"), name)))
    raise Refused(
        f"There is no table {written!r}. The tables are: {', '.join(VIEWS)}.", "table", written
    )


def _nodes(value: Any) -> Iterator[Node]:
    """Every object of the tree, without recursion: a text can nest deeper than Python does."""
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            yield item
            left.extend(item.values())
        elif isinstance(item, list):
            left.extend(item)
