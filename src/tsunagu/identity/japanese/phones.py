"""Phones: one function above the one that identifiers use, so that both agree."""

from __future__ import annotations

import re

from tsunagu.identity.japanese.characters import narrow
from tsunagu.identity.normalise import phone

_EXTENSION = re.compile(r"\s*(?:内線|ext\.?|x|#)\s*\d{1,6}.*$|\(.*[^\d()\s-].*\)$", re.IGNORECASE)
_MOBILE = re.compile(r"\+81[5789]0\d{8}")


def normalise_phone(text: str) -> str:
    """A number in E.164, read as of Japan when it names no country; empty if it is none."""
    plain = _EXTENSION.sub("", narrow(text, 60))
    return phone(re.sub(r"^(?:tel|電話|携帯)[.:：\s]*", "", plain, flags=re.IGNORECASE), "JP") or ""


def is_landline(number: str) -> bool:
    """Whether a number in E.164 is of Japan and of a place, not of a mobile or an IP phone."""
    return number.startswith("+81") and not _MOBILE.fullmatch(number)
