"""Damage to the text of a record: misread characters, slipped keys, columns swapped, fillers.

Each function does one kind of damage to a record, and says whether it could.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tsunagu.runtime.bench.identity_japan import rates
from tsunagu.runtime.bench.identity_japan.records import Record

Spoil = Callable[[Record, Random], bool]

# Characters that a reader of handwriting, or a machine, takes for each other.
_ALIKE = [
    "ソン",
    "シツ",
    "クワ",
    "アマ",
    "チテ",
    "スヌ",
    "ウワ",
    "コユ",
    "ロ口",
    "エ工",
    "カ力",
    "ニ二",
    "ハ八",
    "タ夕",
    "ー一",
    "ー－",
    "ノ／",
    "ｿﾝ",
    "ｼﾂ",
    "ｸﾜ",
    "ｱﾏ",
    "ﾁﾃ",
    "ｽﾇ",
    "ｳﾜ",
    "ｺﾕ",
    "ﾗﾌ",
    "ｰ-",
    "ﾙﾚ",
    "ﾅﾒ",
    "大犬",
    "大太",
    "末未",
    "土士",
    "千干",
    "日目",
    "田由",
    "木本",
    "人入",
    "石右",
    "宮官",
    "微徴",
    "井丼",
    "谷合",
    "島鳥",
    "池地",
    "己已",
    "藤籐",
    "村材",
    "内肉",
    "森林",
    "0O",
    "1l",
    "17",
    "38",
    "56",
    "69",
    "27",
]
_CONFUSED: dict[str, str] = {}
for _a, _b in _ALIKE:
    _CONFUSED[_a] = _CONFUSED.get(_a, "") + _b
    _CONFUSED[_b] = _CONFUSED.get(_b, "") + _a

_KEYS = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_ROWS = [
    "アイウエオ",
    "カキクケコ",
    "サシスセソ",
    "タチツテト",
    "ナニヌネノ",
    "ハヒフヘホ",
    "マミムメモ",
    "ラリルレロ",
    "ｱｲｳｴｵ",
    "ｶｷｸｹｺ",
    "ｻｼｽｾｿ",
    "ﾀﾁﾂﾃﾄ",
    "ﾅﾆﾇﾈﾉ",
    "ﾊﾋﾌﾍﾎ",
    "ﾏﾐﾑﾒﾓ",
    "ﾗﾘﾙﾚﾛ",
    "あいうえお",
    "かきくけこ",
    "さしすせそ",
    "たちつてと",
    "なにぬねの",
    "はひふへほ",
    "まみむめも",
    "らりるれろ",
]
_BESIDE = {c: row.replace(c, "") for row in _ROWS for c in row}
for _row in _KEYS:
    for _i, _c in enumerate(_row):
        _BESIDE[_c] = _row[max(0, _i - 1) : _i] + _row[_i + 1 : _i + 2]

PLACEHOLDERS = {
    "address": ("不明", "同上", "未登録", "住所不明", "-"),
    "phone": ("000-0000-0000", "0000000000", "999-9999-9999", "0"),
    "birth_date": ("1900-01-01", "19000101", "1900/01/01", "不明"),
    "email": ("test@example.com", "none@example.com", "aaa@aaa.aaa", "なし"),
}


def spoil(record: Record, chance: Random) -> None:
    """Do each damage at its rate, where the field is filled, and note it."""
    for damage in rates.WRITTEN:
        rate = damage.rates.get(record.source, 0.0)
        drawn = rate and damage.field in record.values and chance.random() < rate
        if drawn and SPOILS[damage.name](record, chance):
            record.damage.append(damage.name)
    if record.source == rates.HOST and "name" in record.values:
        # The host was keyed once: its second column is a copy, errors and all.
        record.values["name"] = record.values["kana"]


def _alike(field: str, allowed: str = "") -> Spoil:
    """One character taken for its like; `allowed` keeps half-width kana half-width."""

    def spoil_one(record: Record, chance: Random) -> bool:
        text = record.values[field]
        can = [(i, c) for i, a in enumerate(text) for c in _CONFUSED.get(a, "")]
        if record.source == rates.HOST and field == "kana":
            can = [(i, c) for i, c in can if "｡" <= c <= "ﾟ" or c == "-"]
        can = [(i, c) for i, c in can if not allowed or c in allowed]
        if not can:
            return False
        i, character = chance.choice(can)
        record.values[field] = text[:i] + character + text[i + 1 :]
        return True

    return spoil_one


def _slip(field: str) -> Spoil:
    """One key slipped: a neighbour, twice, not at all, or before its turn."""

    def spoil_one(record: Record, chance: Random) -> bool:
        text = record.values[field]
        end = text.find("@") if field == "email" and chance.random() < 0.75 else len(text)
        slipped = _slipped(text, max(2, end), chance)
        record.values[field] = slipped
        return slipped != text

    return spoil_one


def _slipped(text: str, end: int, chance: Random) -> str:
    i = chance.randrange(1, end)
    kind = chance.choice(("beside", "twice", "dropped", "swapped"))
    if kind == "beside" and (beside := _BESIDE.get(text[i].lower())):
        return text[:i] + chance.choice(beside) + text[i + 1 :]
    if kind == "twice":
        return text[:i] + text[i] + text[i:]
    if kind == "swapped":
        return text[: i - 1] + text[i] + text[i - 1] + text[i + 1 :]
    return text[:i] + text[i + 1 :]


def _swapped_order(record: Record, chance: Random) -> bool:
    surname, given = record.names
    record.values["name"] = given + chance.choice((" ", "　", "")) + surname
    return True


def _swapped_columns(record: Record, chance: Random) -> bool:
    if "kana" not in record.values:
        return False
    values = record.values
    values["name"], values["kana"] = values["kana"], values["name"]
    return True


def _phone_no_zero(record: Record, chance: Random) -> bool:
    """A spreadsheet took the phone for a number."""
    digits = "".join(c for c in record.values["phone"] if c.isascii() and c.isdigit())
    if not digits.startswith("0"):
        return False
    record.values["phone"] = digits[1:]
    return True


def _phone_81(record: Record, chance: Random) -> bool:
    phone = record.values["phone"]
    if not phone.startswith("0") or not phone.isascii():
        return False
    record.values["phone"] = chance.choice(("+81", "+81 ", "+81-")) + phone[1:]
    return True


def _placeholder(field: str) -> Spoil:
    """A filler instead of a value, where the record keeps enough without it."""

    def spoil_one(record: Record, chance: Random) -> bool:
        fillers = [text for values in PLACEHOLDERS.values() for text in values]
        strong = [f for f in rates.STRONG if record.values.get(f, fillers[0]) not in fillers]
        if field in strong and len(strong) <= rates.FEWEST_STRONG:
            return False
        record.values[field] = chance.choice(PLACEHOLDERS[field])
        return True

    return spoil_one


SPOILS: dict[str, Spoil] = {
    "ocr_kana": _alike("kana"),
    "ocr_name": _alike("name"),
    "ocr_address": _alike("address"),
    "ocr_phone": _alike("phone", "0123456789OlI"),
    "typo_kana": _slip("kana"),
    "typo_romaji": _slip("name"),
    "typo_address": _slip("address"),
    "typo_email": _slip("email"),
    "swapped_order": _swapped_order,
    "swapped_columns": _swapped_columns,
    "phone_no_zero": _phone_no_zero,
    "phone_81": _phone_81,
    "placeholder_address": _placeholder("address"),
    "placeholder_phone": _placeholder("phone"),
    "placeholder_birth": _placeholder("birth_date"),
    "placeholder_email": _placeholder("email"),
}
