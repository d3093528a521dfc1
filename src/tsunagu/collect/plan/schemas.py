"""JSON Schemas of events: checked when they are written, compiled once for their text.

A schema may not reach out of itself, and its patterns run in time linear in the text, so that
neither a plan nor an event can make the pipeline wait.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jsonschema_rs as js
import msgspec

from tsunagu.core import Invalid, Json

MAX_SCHEMA_BYTES = 256 << 10
# Where these stand, what a property is cannot be told from `properties` alone.
_COMPOSED = ("allOf", "anyOf", "oneOf", "not", "if", "$ref", "$dynamicRef", "dependentSchemas")
_CLOSED = ("additionalProperties", "unevaluatedProperties")
_PATTERNS = js.RegexOptions(size_limit=1 << 20)


def check_schema(schema: Json) -> None:
    """Accept what can be compiled and describes an object.

    Raises:
        Invalid: the message says where the schema is wrong.
    """
    text = msgspec.json.encode(schema)
    if len(text) > MAX_SCHEMA_BYTES:
        raise Invalid(f"The schema has {len(text):,} bytes; at most {MAX_SCHEMA_BYTES:,} are read.")
    if schema.get("type", "object") != "object":
        raise Invalid("The schema describes the event's properties: its `type` is `object`.")
    compiled(text.decode())


@lru_cache(maxsize=4096)
def compiled(text: str) -> js.Validator:
    """The validator of a schema in JSON; the same text is compiled once in a process.

    Raises:
        Invalid: it is no valid schema.
    """
    try:
        return js.validator_for(
            text, validate_formats=True, pattern_options=_PATTERNS, offline=True
        )
    except js.ValidationError as error:
        where = ".".join(str(part) for part in error.instance_path)
        told = error.message if where else str(error.message)
        raise Invalid(
            f"This is not a JSON Schema{f' at {where}' if where else ''}: {told}"
        ) from error
    except (js.ReferencingError, ValueError) as error:
        raise Invalid(f"This JSON Schema cannot be used: {error}") from error


def closed(schema: Json) -> Json:
    """The schema with every plain object closed to properties that it does not name.

    An object is plain when it names properties and neither composes schemas nor says itself
    what else it takes.
    """
    made: dict[str, Any] = dict(schema)
    properties = made.get("properties")
    if isinstance(properties, dict):
        made["properties"] = {
            name: closed(inner) if isinstance(inner, dict) else inner
            for name, inner in properties.items()
        }
        if not any(word in made for word in (*_COMPOSED, *_CLOSED)):
            made["additionalProperties"] = False
    items = made.get("items")
    if isinstance(items, dict):
        made["items"] = closed(items)
    return made


def says_itself(schema: Json, path: list[str | int]) -> bool:
    """Whether the keyword at a schema path was written by the author, not added by `closed`."""
    here: Any = schema
    for part in path:
        if isinstance(here, dict):
            if part not in here:
                return False
            here = here[part]
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            here = here[part]
        else:
            return False
    return True
