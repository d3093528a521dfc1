"""Numbers, truths and times as people and back offices write them, read by DuckDB.

Each function takes a text (NULL where the cell is empty) and gives an expression that is NULL
where the text does not say such a value. Era years (和暦) count from the table of the package
`japanera`; an era that has ended still counts on, since forms printed before a change of era
say 平成32年.
"""

from __future__ import annotations

from functools import cache

from japanera import ERA_DATA_GENERAL

from tsunagu.collect.mapping.steps import Sql, Steps, literal

_WIDE = "０１２３４５６７８９．，－＋△▲−‐―（）／：　ＭＴＳＨＲｍｔｓｈｒ"
_NARROW = "0123456789.,-+-----()/: MTSHRmtshr"
_SQUARE = (("㍾", "明治"), ("㍽", "大正"), ("㍼", "昭和"), ("㍻", "平成"), ("㋿", "令和"))
_TRUE = ("1", "true", "t", "yes", "y", "on", "はい", "有", "有り", "あり", "○", "〇", "済", "可")
_FALSE = ("0", "false", "f", "no", "n", "off", "いいえ", "無", "無し", "なし", "×", "未", "否")

_DAY = r"\d{4}-\d\d-\d\d"
_PLAIN_TIME = r"\d{4}[-/]\d{1,2}[-/]\d{1,2}([ T]\d{1,2}:\d\d(:\d\d(\.\d{1,9})?)?)?"
_SECONDS = r"(?:[:分]\s*(?:(\d{1,2})(\.\d{1,9})?\s*秒?)?)?"
_CLOCK = rf"(午前|午後)?\s*(\d{{1,2}})\s*[:時]\s*(?:(\d{{1,2}})\s*{_SECONDS})?"


def narrow(steps: Steps, text: Sql) -> Sql:
    """Full-width digits and signs as ASCII; a text that is ASCII passes untouched."""
    changed = f"translate({text}, {literal(_WIDE)}, {literal(_NARROW)})"
    return steps.keep(
        f"case when strlen({text}) = length({text}) then {text} else {changed} end", text
    )


def number(steps: Steps, text: Sql) -> Sql:
    """A number as JSON writes it, of `１，２３４`, `△1,234`, `(1,234)`, `1,234-` or `¥1,234円`."""
    plain = steps.keep(rf"regexp_full_match({text}, '-?(0|[1-9]\d{{0,14}})')", text)
    slim = narrow(steps, steps.keep(f"case when not {plain} then {text} end", plain))
    bare = steps.keep(rf"regexp_replace({slim}, '[,\s¥￥\\円$€]|^\+', '', 'g')", slim)
    signed = steps.keep(rf"regexp_replace({bare}, '^\((.+)\)$|^(.+)-$', '-\1\2')", bare)
    whole = f"try_cast({signed} as bigint)::varchar"
    broken = f"nullif(nullif(try_cast({signed} as double), 'inf'), '-inf')::varchar"
    return steps.keep(
        f"case when {plain} then {text}"
        rf" when regexp_full_match({signed}, '-?\d{{1,18}}') then {whole}"
        rf" when regexp_full_match({signed}, '-?(\d+\.?\d*|\.\d+)([eE][+-]?\d{{1,3}})?')"
        f" then {broken} end",
        plain,
        signed,
    )


def integer(steps: Steps, text: Sql) -> Sql:
    """A whole number as JSON writes it; `12.0` is one."""
    read = number(steps, text)
    return steps.keep(rf"nullif(regexp_extract({read}, '^(-?\d+)(\.0)?$', 1), '')", read)


def boolean(steps: Steps, text: Sql) -> Sql:
    """`true` or `false`, of the words and signs of forms in English and Japanese."""
    told = steps.keep(f"lower({narrow(steps, text)})", narrow(steps, text))
    yes, no = (", ".join(map(literal, words)) for words in (_TRUE, _FALSE))
    return steps.keep(
        f"case when {told} in ({yes}) then 'true' when {told} in ({no}) then 'false' end", told
    )


def moment(steps: Steps, text: Sql, form: str | None, zone: str) -> Sql:
    """A time as `timestamptz`; one that names no zone of its own is in `zone`.

    Args:
        form: None or `auto` (ISO 8601, digits alone, Japanese writing), `wareki` (era years
            alone), `epoch` (seconds), `epoch_ms`, or a format of strptime.
    """
    if form in (None, "auto"):
        plain = _machine_written(steps, text, literal(zone))
        other = steps.keep(f"case when {plain} is null then {text} end", plain, text)
        said = _hand_written(steps, other, literal(zone))
        return steps.keep(f"coalesce({plain}, {said})", plain, said)
    if form == "wareki":
        return _hand_written(steps, text, literal(zone))
    slim = narrow(steps, text)
    if form in ("epoch", "epoch_ms"):
        scale = 1 if form == "epoch" else 1000
        return steps.keep(f"to_timestamp(try_cast({slim} as double) / {scale})", slim)
    read = f"try_strptime({slim}, {literal(form or '')})"
    zoned = "%z" in (form or "").lower()
    return steps.keep(read if zoned else f"timezone({literal(zone)}, {read})", slim)


def _machine_written(steps: Steps, text: Sql, zone: str) -> Sql:
    """ISO 8601 or the same with slashes, or digits alone: yyyymmdd, with hhmm, with hhmmss."""
    zoned = f"regexp_replace({text}, ' ?Z$', '+00')"
    zoned = rf"regexp_replace({zoned}, ' ?([+-]\d\d):?(\d\d)?$', '\1:\2')"
    zoned = rf"regexp_replace({zoned}, '([T ]\d\d:\d\d)([+-])', '\1:00\2')"
    zoned = f"rtrim({zoned}, ':')"
    return steps.keep(
        f"case when regexp_full_match({text}, {literal(_PLAIN_TIME)})"
        f" then timezone({zone}, try_cast(replace({text}, '/', '-') as timestamp))"
        rf" when regexp_full_match({text}, '{_DAY}[T ]\d\d:\d\d[\d:.]* ?(Z|[+-]\d\d(:?\d\d)?)')"
        f" then try_cast({zoned} as timestamptz)"
        rf" when regexp_full_match({text}, '[12]\d{{7}}') then"
        f" timezone({zone}, try_strptime({text}, '%Y%m%d'))"
        rf" when regexp_full_match({text}, '[12]\d{{11}}') then"
        f" timezone({zone}, try_strptime({text}, '%Y%m%d%H%M'))"
        rf" when regexp_full_match({text}, '[12]\d{{13}}') then"
        f" timezone({zone}, try_strptime({text}, '%Y%m%d%H%M%S')) end",
        text,
    )


def _hand_written(steps: Steps, text: Sql, zone: str) -> Sql:
    """Dates in pieces: `2024/3/1 9:05`, `令和6年3月1日 午後3時`, `R6.3.1`, `昭和64年`, `5060301`.

    The clock may count beyond 24 hours, as shops that close after midnight do.
    """
    squared = str(narrow(steps, text))
    for square, words in _SQUARE:
        squared = f"replace({squared}, '{square}', '{words}')"
    ready = _in_digits(steps, steps.keep(squared, narrow(steps, text)))
    era, codes = _era_patterns()
    spoken = (
        rf"^(?:({era})\s*)?(元|\d{{1,4}})\s*[-/.年]\s*(?:(\d{{1,2}})\s*(?:[-/.月]\s*"
        rf"(?:(\d{{1,2}})\s*日?)?)?)?(?:\([^)]{{1,3}}\))?[T\s]*(?:{_CLOCK})?$"
    )
    names = "['era', 'y', 'm', 'd', 'half', 'h', 'i', 's', 'f']"
    said = steps.keep(f"regexp_extract({ready}, {literal(spoken)}, {names})", ready)
    compact = literal(rf"^({era}|[{codes}])(\d\d)(\d\d)(\d\d)$")
    packed = steps.keep(f"regexp_extract({ready}, {compact}, ['era', 'y', 'm', 'd'])", ready)
    days = steps.keep(f"coalesce({_day(said)}, {_day(packed)})", said, packed)
    return steps.keep(f"timezone({zone}, {days} + {_clock(said)})", days, said)


def _in_digits(steps: Steps, text: Sql) -> Sql:
    """`六年三月三十一日` as `6年3月31日`."""
    digits = f"translate({text}, '〇一二三四五六七八九', '0123456789')"
    for tens, written in (
        (r"(\d)十(\d)", r"\1\2"),
        (r"(\d)十", r"\1" "0"),
        (r"十(\d)", r"1\1"),
        ("十", "10"),
    ):
        digits = f"regexp_replace({digits}, '{tens}', '{written}', 'g')"
    has_any = f"regexp_matches({text}, '[〇一二三四五六七八九十]')"
    return steps.keep(f"case when {has_any} then {digits} else {text} end", text)


def _day(piece: Sql) -> str:
    eras = " ".join(f"when {literal(era)} then {before}" for era, before in _eras().items())
    year = f"case {piece}.y when '元' then 1 else try_cast({piece}.y as integer) end"
    return (
        f"try_cast(case when {piece}.y = '' then null"
        f" when {piece}.era = '' then case when length({piece}.y) = 4 then {piece}.y end"
        f" when length({piece}.y) < 3 and {year} > 0"
        f" then ((case upper({piece}.era) {eras} end) + {year})::varchar end"
        f" || '-' || coalesce(nullif({piece}.m, ''), '1')"
        f" || '-' || coalesce(nullif({piece}.d, ''), '1') as timestamp)"
    )


def _clock(piece: Sql) -> str:
    part = {unit: f"coalesce(try_cast({piece}.{unit} as integer), 0)" for unit in "his"}
    fraction = f"coalesce(try_cast('0' || {piece}.f as double), 0)"
    hours = (
        f"({part['h']} + case when {piece}.half = '午後' and {part['h']} < 12 then 12 else 0 end)"
    )
    return (
        f"case when {part['h']} < 48 and {part['i']} < 60 and {part['s']} < 60"
        f" then to_seconds({hours} * 3600 + {part['i']} * 60 + {part['s']} + {fraction}) end"
    )


@cache
def _eras() -> dict[str, int]:
    """The year before the first of each era since Meiji, by name, letter and code number."""
    modern = [era for era in ERA_DATA_GENERAL if era.since and era.since.year >= 1868]
    known: dict[str, int] = {}
    for code, era in enumerate(sorted(modern, key=lambda era: era.since), start=1):
        before = era.since.year - 1
        known |= {era.kanji: before, era.english[0].upper(): before, str(code): before}
    return known


def _era_patterns() -> tuple[str, str]:
    """Of names and letters, and of codes, for regular expressions."""
    names = "|".join(era for era in _eras() if not era.isascii())
    letters = "".join(era for era in _eras() if era.isascii() and era.isalpha())
    codes = "".join(era for era in _eras() if era.isdigit())
    return f"{names}|[{letters}{letters.lower()}]", codes
