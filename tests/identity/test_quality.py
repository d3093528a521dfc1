"""What values are worth, and what follows for a source."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsunagu.identity.kinds import BUILT_IN, DEFAULTS, Kinds
from tsunagu.identity.quality import Brought, Value, measure
from tsunagu.identity.quality_values import Judge, ValueKind, kinds_of_columns

JUDGE = Judge(BUILT_IN, date(2026, 5, 4))
KINDS: tuple[ValueKind, ...] = (
    *("name", "kana", "postcode", "address"),
    *("phone", "email", "birth_date", "text"),
)


@pytest.mark.parametrize(
    ("kind", "text", "verdict"),
    [
        ("email", "hana@shop.example.jp", "good"),
        ("email", "ＨＡＮＡ＠ｓｈｏｐ．ｅｘａｍｐｌｅ", "unreadable"),  # no identity is made of it
        ("email", "hana@shop", "unreadable"),
        ("email", "hana@shop.example, taro@shop.example", "unreadable"),
        ("email", "noreply@shop.example", "placeholder"),
        ("email", "aaa@aaa.aa", "placeholder"),
        ("phone", "０９０（８７６５）４３２１", "good"),
        ("phone", "+1 415 555 2671", "good"),
        ("phone", "090-0000-0000", "placeholder"),
        ("phone", "03-1234-5678", "placeholder"),
        ("phone", "5678", "placeholder"),
        ("phone", "0120", "unreadable"),
        ("postcode", "〒160−0023", "good"),
        ("postcode", "000-0000", "placeholder"),
        ("postcode", "123-4567", "placeholder"),
        ("postcode", "160-9999", "unreadable"),
        ("postcode", "16000", "unreadable"),
        ("birth_date", "昭和55年2月4日", "good"),
        ("birth_date", "2026-05-04", "good"),
        ("birth_date", "2026-05-05", "unreadable"),
        ("birth_date", "1905-01-01", "unreadable"),
        ("birth_date", "1970-01-01", "placeholder"),
        ("birth_date", "80/2/4", "unreadable"),
        ("name", "髙橋 﨑子", "good"),
        ("name", "O'Brien", "good"),
        ("name", "テスト太郎", "placeholder"),
        ("name", "Test User", "placeholder"),
        ("name", "Testa", "good"),
        ("name", "ｘｘｘ", "placeholder"),
        ("name", "山田2", "unreadable"),
        ("name", "???", "unreadable"),
        ("kana", "ﾔﾏﾀﾞ ﾀﾛｳ", "good"),
        ("kana", "山田", "unreadable"),
        ("address", "東京都新宿区西新宿二丁目8番1号", "good"),
        ("address", "東京都新宿区", "unreadable"),
        ("address", "住所不明", "placeholder"),
        ("text", "東京都", "good"),
        ("text", "未登録", "placeholder"),
    ],
)
def test_a_value_is_judged_by_its_kind(kind: ValueKind, text: str, verdict: str) -> None:
    assert JUDGE.judge(kind, text) == verdict


@given(st.sampled_from(KINDS), st.text(min_size=1, max_size=600))
def test_any_text_is_judged(kind: ValueKind, text: str) -> None:
    assert JUDGE.judge(kind, text) in ("good", "placeholder", "unreadable")
    JUDGE.identifier(kind, text)


def test_what_a_workspace_blocks_is_a_placeholder() -> None:
    own = DEFAULTS["email"].model_copy(update={"patterns": ["*@shop.example"]})
    judge = Judge(Kinds({"email": own}), date(2026, 5, 4))
    assert judge.judge("email", "Till@Shop.example") == "placeholder"
    assert JUDGE.judge("email", "Till@Shop.example") == "good"


def test_the_kind_is_told_by_the_trait_not_by_the_columns_name() -> None:
    columns = {"contact": ["mail", "email"], "zip": ["address.postalCode"], "gender": ["sex"]}
    assert kinds_of_columns(columns) == {"contact": "email", "zip": "postcode", "gender": "text"}
    assert kinds_of_columns({"email": ["keitai_mail"]}) == {"email": "email"}


def brought(*values: Value | None) -> Brought:
    return Brought("web", 9, 9, len(values), len(values), 0, [(value,) for value in values])


def test_the_counts_of_a_column_add_up() -> None:
    values = (
        *(Value("a@shop.example"), Value("b@shop.example"), Value("test@x.example"), None),
        *(Value("c@shop.example", 5), Value("d@shop.example", 6), Value("no address", 70)),
    )
    held = {("email", "b@shop.example")}
    (email,) = measure(brought(*values), {"email": "email"}, JUDGE, held).columns
    assert (email.good, email.held, email.placeholder, email.shared) == (2, 1, 1, 1)
    assert (email.unreadable, email.missing, email.filled) == (1, 1, 6)


def test_a_date_is_shared_only_among_many_and_by_more_than_a_few_of_them() -> None:
    told = {"birth_date": "birth_date"}
    for customers, of, shared in ((20, 100, 0), (21, 100, 1), (21, 2000, 0), (41, 2000, 1)):
        one = Brought("web", 9, 9, of, of, 0, [(Value("2000-04-01", customers),)])
        assert measure(one, told, JUDGE, set()).columns[0].shared == shared  # type: ignore[arg-type]


def test_a_wrong_value_is_worse_than_a_missing_one() -> None:
    values = [Value("a@b")] * 3 + [None] * 5 + [Value(f"{n}@shop.example") for n in range(2)]
    quality = measure(brought(*values), {"email": "email"}, JUDGE, set())
    assert [(f.problem, f.share) for f in quality.worst] == [("unreadable", 0.3), ("missing", 0.5)]


def test_a_column_that_a_source_never_fills_is_no_fault_of_it() -> None:
    assert measure(brought(None, None), {"email": "email"}, JUDGE, set()).worst == []
    assert measure(brought(), {"email": "email"}, JUDGE, set()).worst == []
