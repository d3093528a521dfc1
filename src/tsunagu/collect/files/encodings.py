"""What is CP932 and what is UTF-8: decoding, and the words for bytes that are neither.

Characters of a company's own (gaiji, F040 to F9FC) are characters of Unicode's private use
area and pass; bytes that CP932 does not define do not.
"""

from __future__ import annotations

# What Python's codec makes of single bytes that CP932 does not define.
_UNDEFINED = "\x80\uf8f0\uf8f1\uf8f2\uf8f3"


def bad_bytes(raw: bytes, at: int, encoding: str) -> str:
    """Why a line does not decode: the guilty bytes, which begin at place `at` of the line."""
    return (
        f"byte {at + 1} of the line ({raw.hex(' ').upper()}) is not {encoding.upper()};"
        " mend it in the file, or state another `encoding`"
    )


def utf8(data: bytes, encoding: str) -> bytes:
    """The bytes of a text in UTF-8.

    Raises:
        UnicodeDecodeError: a byte is not of this encoding.
    """
    if encoding == "utf-8":
        data.decode()
        return data
    if encoding == "cp932" and data.isascii():
        return data
    text = data.decode(encoding)
    for character in _UNDEFINED if encoding == "cp932" else "":
        if character in text:
            at = len(text[: text.index(character)].encode("cp932"))
            raise UnicodeDecodeError("cp932", data, at, at + 1, "undefined byte")
    return text.encode()
