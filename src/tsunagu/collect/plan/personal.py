"""Which values may be shown: reasons and samples name what was found, and never a person.

A value is shown only if it is surely a code: a boolean, a small number or a short plain word,
in a place that neither its schema nor its name calls personal.
"""

from __future__ import annotations

import re
from typing import Any

from tsunagu.core import Json

MARK = "x-personal"
_NAMES = re.compile(
    r"mail|phone|tel$|^tel|mobile|fax|address|street|postal|zip|city|birth|gender|sex$|^ip$|ipaddr"
    r"|first|last|family|given|full.?name|^name$|user.?name|nick|customer.?name|kana|contact"
    r"|card|account|iban|passport|license|ssn|my.?number|token|secret|password|lat$|latitude"
    r"|lng$|lon$|longitude|comment|message|note|memo|query|search"
    r"|氏名|名前|姓|名$|住所|電話|携帯|生年|性別|郵便|口座|カナ|メール|備考",
    re.IGNORECASE,
)
_FORMATS = {"email", "idn-email", "ipv4", "ipv6", "hostname", "uri", "uri-reference", "iri"}
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,31}")
_LARGEST_SHOWN = 100_000


def is_personal(name: str, schema: Json | None = None) -> bool:
    """Whether a property holds personal data, as its schema or else its name tells."""
    if schema:
        told = schema.get(MARK)
        if isinstance(told, bool):
            return told
        if schema.get("format") in _FORMATS:
            return True
    return bool(_NAMES.search(name))


def kind_of(value: Any) -> str:
    """The JSON type of a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def shown(value: Any, *, personal: bool) -> str:
    """A value as a reason may tell it: its type, and itself only if it is surely a code."""
    kind = kind_of(value)
    if isinstance(value, str):
        if not personal and _CODE.fullmatch(value):
            return f"string {value!r}"
        return f"string of {len(value)} characters"
    if isinstance(value, list):
        return f"array of {len(value)}"
    if kind in ("null", "object"):
        return kind
    if personal or abs(value) > _LARGEST_SHOWN:
        return kind
    return f"{kind} {str(value).lower() if kind == 'boolean' else value}"
