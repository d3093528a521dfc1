"""Companies: what kind they are (form), what they are called (core), which of their places."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tsunagu.identity.japanese.characters import fold, katakana, narrow
from tsunagu.identity.japanese.readings import is_place

LONGEST = 120

# The forms of law, with what they are cut to on paper and in the names of bank accounts.
_FORMS = {
    "株式会社": ("株式會社", "(株)", "カブシキガイシャ", "カブシキカイシャ", "(カ)", "カ)", "(カ"),
    "有限会社": ("有限會社", "(有)", "ユウゲンガイシャ", "ユウゲンカイシャ", "(ユ)", "ユ)", "(ユ"),
    "合同会社": ("(同)", "ゴウドウガイシャ", "ゴウドウカイシャ", "(ド)", "ド)", "(ド"),
    "合資会社": ("(資)", "ゴウシガイシャ", "ゴウシカイシャ", "シ)", "(シ"),
    "合名会社": ("(名)", "ゴウメイガイシャ", "ゴウメイカイシャ", "メ)", "(メ"),
    "一般社団法人": ("(一社)", "イッパンシャダンホウジン"),
    "一般財団法人": ("(一財)", "イッパンザイダンホウジン"),
    "公益社団法人": ("(公社)",),
    "公益財団法人": ("(公財)",),
    "社会福祉法人": ("(福)", "フク)"),
    "医療法人": ("(医)", "イ)", "医療法人社団"),
    "学校法人": ("(学)", "ガク)"),
    "宗教法人": ("(宗)",),
    "特定非営利活動法人": ("NPO法人", "(特非)"),
    "独立行政法人": ("(独)",),
}
_BY_WORD = {w.upper(): form for form, words in _FORMS.items() for w in (form, *words)}
_WORDS = "|".join(re.escape(w) for w in sorted(_BY_WORD, key=len, reverse=True))
_FRONT = re.compile(rf"^(?:{_WORDS})[\s・]*")
_BACK = re.compile(rf"[\s・]*(?:{_WORDS})$")
_WITHIN = re.compile(rf"(?:{_WORDS})(?=[\s])|(?<=[^\s])(?:株式会社|有限会社|合同会社)(?=[^\s])")
_ENGLISH = re.compile(
    r"[\s,]+(?:(?P<k>CO\.?,?\s*LTD\.?|K\.?K\.?|INC\.?|CORP(?:ORATION)?\.?|LTD\.?)|(?P<g>LLC|G\.?K\.?))$"
)
_BRANCH = re.compile(
    r"(?:^|\s)(\S{1,20}(?:支店|営業所|出張所|支社|支部|事業所|事業部|工場|本店|本社|店))$"
)
_GLUED = re.compile(r"(?:支店|営業所|出張所|支社|事業所)$|(?:本店|本社)$")
_SIGNS = re.compile(r"[\s・.,'\"&\-‐−、。()（）「」]+")


@dataclass(frozen=True, slots=True)
class Company:
    """A company; `form` in full (株式会社), `core` folded and bare, `branch` if one is named."""

    core: str = ""
    form: str = ""
    branch: str = ""


def normalise_company(text: str) -> Company:
    """The company that a text says, its form before, after or within the name."""
    plain = fold(narrow(text, LONGEST).upper().translate(_BRACKETS))
    plain = katakana(plain) if not re.search("[\u4e00-\u9fff]", plain) else plain
    plain = re.sub(r"\s*(御中|様)$", "", re.sub(r"\s+", " ", plain))
    plain, form = _formless(plain)
    plain, branch = _branchless(plain, bool(form))
    plain, later = _formless(plain)
    core = _SIGNS.sub("", plain)
    return Company(core or _SIGNS.sub("", branch), form or later, _SIGNS.sub("", branch))


_BRACKETS = str.maketrans("（）〔〕[]", "()()()")


def _formless(plain: str) -> tuple[str, str]:
    for pattern in (_FRONT, _BACK, _WITHIN):
        if (found := pattern.search(plain)) and found[0] != plain:
            word = found[0].strip(" ・")
            return f"{plain[: found.start()]} {plain[found.end() :]}".strip(), _BY_WORD[word]
    if found := _ENGLISH.search(plain):
        return plain[: found.start()].strip(), "株式会社" if found["k"] else "合同会社"
    return plain, ""


def _branchless(plain: str, is_formed: bool) -> tuple[str, str]:
    found = _BRANCH.search(plain)
    if found and found.start() > 0:
        return plain[: found.start()].strip(), found[1]
    if is_formed and (found := _GLUED.search(plain)) and found.start() > 1:
        start = found.start()
        sizes = (0,) if found[0].startswith("本") else (4, 3, 2)
        for size in sizes:
            if start > size + 1 and (not size or is_place(plain[start - size : start])):
                return plain[: start - size].strip(), plain[start - size :]
    return plain, ""
