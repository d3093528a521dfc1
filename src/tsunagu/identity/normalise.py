"""How identifiers are written before they are compared: one function of a text each.

None means that the text is no identifier of that kind at all.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache, partial

Normaliser = Callable[[str], str | None]

# Japanese numbers as they are mostly written; what else there is, phonenumbers knows.
_JAPANESE = re.compile(r"(?:0|\+81\(?0?\)?)([5789]0[0-9]{8}|[1-9][0-9]{8})")
_BETWEEN = str.maketrans("", "", " -()\u2010\u2011\u2012\u2013\u2014\u2212\u30fc\uff0d\u3000")


def as_is(text: str) -> str | None:
    """The text itself."""
    return text


def lower(text: str) -> str | None:
    """Without blanks at the ends, in lower case."""
    return text.strip().lower()


def email(text: str) -> str | None:
    """An address in lower case; None without an `@`."""
    return text.strip().lower() if "@" in text else None


def nfkc(text: str) -> str | None:
    """Full and half width, ligatures and so on made one; without blanks at the ends."""
    return unicodedata.normalize("NFKC", text).strip()


def digits(text: str) -> str | None:
    """Its digits alone, in ASCII; None without any."""
    found = "".join(c for c in unicodedata.normalize("NFKC", text) if c.isdecimal())
    return "".join(str(unicodedata.decimal(c)) for c in found) or None


def phone(text: str, region: str) -> str | None:
    """A number in E.164; None if it is no possible number. `region` is of national ones."""
    return _phone(text.strip(), region) if len(text) <= 60 else None


@lru_cache(100_000)
def _phone(text: str, region: str) -> str | None:
    plain = unicodedata.normalize("NFKC", text).translate(_BETWEEN)
    if region == "JP" and (found := _JAPANESE.fullmatch(plain)):
        return "+81" + found[1]
    # A library of many tables, which takes 40 microseconds a number.
    import phonenumbers

    try:
        number = phonenumbers.parse(plain, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def make_normaliser(name: str, region: str) -> Normaliser:
    """The normaliser of this name; `region` matters to phone numbers alone."""
    plain = {"as_is": as_is, "lower": lower, "email": email, "digits": digits, "nfkc": nfkc}
    return partial(phone, region=region) if name == "phone" else plain[name]
