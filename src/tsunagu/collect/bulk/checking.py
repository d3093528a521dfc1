"""The SQL by which a chunk's rows are read and checked, a whole chunk at once.

What the query finds usual obeys every rule of a call over HTTP and needs nothing done to it.
Whatever else a row is (bad, or merely odd: a number as a name, traits inside the context) goes
to the reader of HTTP calls, one by one, so that both ways in take and refuse the same.
"""

from __future__ import annotations

import re

import msgspec
import pyarrow as pa

from tsunagu.collect.models import (
    MAX_DEPTH,
    MAX_ID_CHARACTERS,
    MAX_MESSAGE_BYTES,
    MAX_NAME_CHARACTERS,
)
from tsunagu.core import Invalid
from tsunagu.core.events import TYPES
from tsunagu.storage import Arrow

# The columns of a row on its way into the lake; `n` is its place in the chunk.
STAGED = (
    ("n", "bigint"),
    ("happened_at", "timestamptz"),
    ("message_id", "varchar"),
    ("type", "varchar"),
    ("name", "varchar"),
    ("user_id", "varchar"),
    ("anonymous_id", "varchar"),
    ("previous_id", "varchar"),
    ("group_id", "varchar"),
    ("properties", "varchar"),
    ("traits", "varchar"),
    ("context", "varchar"),
)
_TEXTS = (
    *("type", "messageId", "event", "name", "category", "userId", "anonymousId"),
    *("previousId", "groupId"),
)
_TIME = "timestamp"
# Times that stand in for a missing one; such a row is unusual.
_OTHER_TIMES = ("originalTimestamp", "sentAt", "receivedAt")
_OBJECTS = ("properties", "traits", "context")
_TOLD = (*_TEXTS, _TIME, *_OBJECTS)
# What is not kept, but must have its type all the same.
_UNKEPT_TEXTS = (*_OTHER_TIMES, "writeKey")
_KINDS = (
    dict.fromkeys(_TEXTS, "VARCHAR")
    | {_TIME: "TIMESTAMPTZ"}
    | dict.fromkeys((*_OBJECTS, *_UNKEPT_TEXTS, "integrations"), "JSON")
)
_SHAPE = msgspec.json.encode(_KINDS).decode()
# Of the spec's names and those of warehouses, which write them with underscores.
_OTHER_NAMES = {"at": "timestamp", "happenedat": "timestamp", "anonymousid": "anonymousId"}
_NUL = "'\\u0000'"

_STAGED = """
select n, timestamp as happened_at,
    case when "messageId" <> '' then "messageId" else 'row-' || row_hash end as message_id,
    type, case when type = 'track' then event else coalesce(name, '') end as name,
    nullif("userId", '') as user_id, nullif("anonymousId", '') as anonymous_id,
    nullif("previousId", '') as previous_id, nullif("groupId", '') as group_id,
    nullif(properties, '{{}}') as properties, nullif(traits, '{{}}') as traits,
    nullif(context, '{{}}') as context,
    coalesce({usual}, false) as usual
from ({spoken})
"""


def lines_query(trusting: bool) -> str:
    """The rows of the relation `lines` (n, line), each one JSON object.

    Args:
        trusting: fails where a line is no JSON; else such a line is only unusual.
    """
    read = f"json_transform(line, '{_SHAPE}')"
    if not trusting:
        read = f"case when json_valid(line) then {read} end"
    spoken = f"""
        select n, told.timestamp as timestamp,
            {", ".join(f'told."{name}"::varchar as "{name}"' for name in (*_TEXTS, *_OBJECTS))},
            case when told."messageId" <> '' then null else md5(rtrim(line, chr(10))) end
                as row_hash,
            strlen(line) <= {MAX_MESSAGE_BYTES} and not contains(line, {_NUL})
                and {" and ".join(_unkept())} as plain
        from (select n, line, {read} as told from lines)
    """  # noqa: S608 - written from the constants above
    return _query(spoken)


def table_query(schema: Arrow, trusting: bool) -> str:
    """The rows of the relation `rows`, which has the spec's names as columns, and `n`.

    Raises:
        Invalid: the columns are not those of the spec.
    """
    columns = spec_columns(schema)
    told = [_text(name, columns) for name in _TEXTS]
    told.append(_time(columns, schema))
    told += [_object(name, columns, schema, trusting) for name in _OBJECTS]
    listed = ", ".join(map(_quoted, columns.values()))
    stated = _quoted(columns["messageId"]) if "messageId" in columns else "null"
    whole = f"case when {stated} <> '' then null else md5(to_json(row({listed}))::varchar) end"
    # A call is its names and objects; names are never longer than this.
    size = " + ".join(f"coalesce(strlen({name}), 0)" for name in _OBJECTS)
    spoken = f"""
        select *, {size} <= {MAX_MESSAGE_BYTES} - 4096
                and not contains(coalesce(properties, ''), {_NUL})
                and not contains(coalesce(traits, ''), {_NUL})
                and not contains(coalesce(context, ''), {_NUL}) as plain
        from (select n, {", ".join(told)}, {whole} as row_hash from rows)
    """  # noqa: S608 - constants and quoted columns
    return _query(spoken)


def spec_columns(schema: Arrow) -> dict[str, str]:
    """The table's columns by the names of the spec.

    Raises:
        Invalid: there is no type, or nobody whose events these are.
    """
    wanted = {name.lower(): name for name in _TOLD} | _OTHER_NAMES
    found: dict[str, str] = {}
    for column in schema.names:
        name = wanted.get(re.sub("[_ ]", "", column).lower())
        if name is not None:
            found.setdefault(name, column)
    if "event" not in found and "name" in found:  # a warehouse has one column for both
        found["event"] = found["name"]
    if "type" not in found or not {"userId", "anonymousId"} & set(found):
        raise Invalid(
            "The table is not in the form of the Segment spec: it needs the columns type and "
            f"userId or anonymousId. It has: {', '.join(schema.names[:30])}. Say how its rows "
            "become events with --map; `tsunagu map FILE` proposes a mapping."
        )
    return found


def call_query(columns: dict[str, str]) -> str:
    """The JSON of chosen rows (the relation `chosen`) as calls over HTTP would carry it."""
    told = ", ".join(
        f"'{name}', {_as_json(name, column)}" for name, column in sorted(columns.items())
    )
    return f"""
        select n, json_object({told})::varchar
        from rows semi join chosen using (n)
        order by n
    """  # noqa: S608 - constants and quoted columns


def _as_json(name: str, column: str) -> str:
    quoted = _quoted(column)
    if name not in _OBJECTS:
        return quoted
    return f"case when json_valid({quoted}::varchar) then {quoted}::varchar::json " + (
        f"else to_json({quoted}::varchar) end"
    )


def _text(name: str, columns: dict[str, str]) -> str:
    told = f"{_quoted(columns[name])}::varchar" if name in columns else "null::varchar"
    return f'{told} as "{name}"'


def _time(columns: dict[str, str], schema: Arrow) -> str:
    """The time; one without a zone is UTC, as in the session."""
    if _TIME not in columns:
        return "null::timestamptz as timestamp"
    kind = schema.field(columns[_TIME]).type
    cast = "cast" if pa.types.is_timestamp(kind) else "try_cast"
    return f"{cast}({_quoted(columns[_TIME])} as timestamptz) as timestamp"


def _object(name: str, columns: dict[str, str], schema: Arrow, trusting: bool) -> str:
    if name not in columns:
        return f'null::varchar as "{name}"'
    kind = schema.field(columns[name]).type
    quoted = _quoted(columns[name])
    if pa.types.is_nested(kind):
        return f'to_json({quoted})::varchar as "{name}"'
    read = f"json({quoted}::varchar)::varchar"
    if not trusting:
        read = f"case when json_valid({quoted}::varchar) then {read} else '!' end"
    return f'case when {quoted} is not null then {read} end as "{name}"'


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _query(spoken: str) -> str:
    return _STAGED.format(spoken=spoken, usual=" and ".join(_usual()))


def _unkept() -> list[str]:
    """The conditions on what a line says and nobody keeps."""
    begins = dict.fromkeys(_UNKEPT_TEXTS, '"') | {"integrations": "{"}
    return [
        f'(told."{name}" is null or starts_with(told."{name}"::varchar, \'{first}\'))'
        for name, first in begins.items()
    ]


def _usual() -> list[str]:
    kinds = ", ".join(f"'{kind}'" for kind in TYPES)
    paged = "type not in ('page', 'screen') or (name is null and category is null)"
    return [
        "plain",
        f"type in ({kinds})",
        "(type <> 'track' or event <> '')",
        f"coalesce(length(event), 0) <= {MAX_NAME_CHARACTERS} and not {_typed('event')}",
        f"coalesce(length(name), 0) <= {MAX_NAME_CHARACTERS} and not {_typed('name')}",
        f"not {_typed('category')}",
        *map(_plain_id, ("messageId", "userId", "anonymousId", "previousId", "groupId")),
        """("userId" <> '' or "anonymousId" <> '')""",
        """(type <> 'alias' or ("userId" <> '' and "previousId" <> ''))""",
        """(type <> 'group' or "groupId" <> '')""",
        f"({paged})",
        "timestamp >= timestamptz '1900-01-01 00:00:00+00'",
        "timestamp < timestamptz '2200-01-01 00:00:00+00'",
        *map(_plain_object, _OBJECTS),
        "(type <> 'identify' or not contains(coalesce(context, ''), '\"traits\"'))",
        "(type <> 'identify' or not regexp_matches(coalesce(traits, ''), '[0-9]{19}'))",
    ]


def _typed(name: str) -> str:
    """Whether a text may have been a number, a truth value or an object in its JSON."""
    return f"""coalesce({_numeric(name)} or starts_with({name}, '[') or starts_with({name}, '{{')
        or {name} in ('true', 'false'), false)"""


def _numeric(name: str) -> str:
    """Whether a text begins as a number does."""
    return f"""(({name} >= '0' and {name} < ':') or starts_with({name}, '-'))"""


def _plain_id(name: str) -> str:
    """Absent, or a text or whole number of the length that is taken."""
    quoted = f'"{name}"'
    return f"""({quoted} is null or (
        strlen({quoted}) <= {MAX_ID_CHARACTERS}
        and not starts_with({quoted}, '[') and not starts_with({quoted}, '{{')
        and {quoted} not in ('true', 'false')
        and case when {_numeric(quoted)}
            then try_cast({quoted} as double) is null or regexp_full_match({quoted}, '-?[0-9]+')
            else true end
    ))"""


def _plain_object(name: str) -> str:
    """Absent, or an object that every later reader can read.

    A text too short for the deepest nesting is not too deep (a list takes 2 bytes a level, an
    object 5), and neither is one with fewer brackets.
    """
    opened = f"len(string_split({name}, '{{')) + len(string_split({name}, '['))"
    short = f"strlen({name}) <= {2 * MAX_DEPTH}"
    flat = f"strlen({name}) <= {5 * MAX_DEPTH} and not contains({name}, '[')"
    return f"""({name} is null or (
        starts_with({name}, '{{')
        and not contains({name}, 'NaN') and not contains({name}, 'Infinity')
        and case when {short} or ({flat}) then true else {opened} <= {MAX_DEPTH + 2} end
    ))"""
