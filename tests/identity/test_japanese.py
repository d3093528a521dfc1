"""Japanese values written alike: examples of real life, and what must hold of any text."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsunagu.identity.japanese import (
    PARTS,
    derive,
    normalise_address,
    normalise_company,
    normalise_name,
    normalise_phone,
    normalise_postcode,
    parse_birth_date,
    romaji_key,
)

TEXTS = st.one_of(
    st.text(max_size=60),
    st.text(
        "0123456789０１２３-−ー一二十丁目番地号東京都区町大字ヶ山田太郎(株)カ）ｶﾞ 　室階F〒",
        max_size=60,
    ),
)


@pytest.mark.parametrize(
    "text",
    [
        "山田太郎",
        "山田　太郎",
        "山田 太郎 様",
        "太郎 山田",
        "山田太郎（ヤマダタロウ）",
        "山田\u200b太郎",
    ],
)
def test_a_name_is_one_however_it_is_spaced_or_ordered(text: str) -> None:
    name = normalise_name(text)
    assert (name.family, name.given, name.key) == ("山田", "太郎", "山田太郎")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("髙橋花子", "高橋花子"),
        ("山﨑 一郎", "山崎一郎"),
        ("渡邉裕子", "渡辺 裕子"),
        ("渡邊裕子", "渡辺裕子"),
        ("渡邉󠄀裕子", "渡辺裕子"),
        ("斉藤一", "齋藤一"),
        ("澤田眞", "沢田真"),
        ("𠮷田健", "吉田健"),
        ("ﾔﾏﾀﾞ ﾀﾛｳ", "やまだたろう"),
    ],
)
def test_variants_of_characters_have_one_key(one: str, other: str) -> None:
    assert normalise_name(one).key == normalise_name(other).key


@pytest.mark.parametrize("text", ["玉井書子", "王子功", "宍戸師"])
def test_common_characters_are_not_taken_for_others(text: str) -> None:
    assert normalise_name(text).key == text


def test_readings_meet_across_scripts() -> None:
    written = ["大野優子", "オオノ ユウコ", "おおの ゆうこ", "Yuko Ohno", "ONO Yuko", "Ōno Yūko"]
    assert {normalise_name(text).romaji for text in written} == {"ono yuko"}


@pytest.mark.parametrize(
    ("text", "key"),
    [("Satoh", "sato"), ("Satō", "sato"), ("SATOU", "sato"), ("Sinbasi", "shinbashi"),
     ("Shimbashi", "shinbashi"), ("Zyun'iti", "junichi"), ("Tyuuou", "chuo")],
)  # fmt: skip
def test_spellings_of_romaji_have_one_key(text: str, key: str) -> None:
    assert romaji_key(text) == key


@pytest.mark.parametrize(
    ("text", "company"),
    [
        ("㈱山田商事", ("山田商事", "株式会社", "")),
        ("山田商事（株）", ("山田商事", "株式会社", "")),
        ("山田商事株式会社　大阪支店", ("山田商事", "株式会社", "大阪支店")),
        ("株式会社山田商事大阪支店", ("山田商事", "株式会社", "大阪支店")),
        ("ｶﾌﾞｼｷｶﾞｲｼｬﾔﾏﾀﾞ", ("ヤマダ", "株式会社", "")),
        ("カ）ヤマダ", ("ヤマダ", "株式会社", "")),
        ("ヤマダ（カ", ("ヤマダ", "株式会社", "")),
        ("有限会社 齋藤工務店 御中", ("斎藤工務店", "有限会社", "")),
        ("㈲斎藤工務店", ("斎藤工務店", "有限会社", "")),
        ("Yamada Co., Ltd.", ("YAMADA", "株式会社", "")),
        ("株式会社", ("株式会社", "", "")),
    ],
)
def test_companies(text: str, company: tuple[str, str, str]) -> None:
    found = normalise_company(text)
    assert (found.core, found.form, found.branch) == company


@pytest.mark.parametrize(
    "text",
    [
        "東京都千代田区霞が関1-2-3",
        "千代田区霞ヶ関一丁目２番３号",
        "東京都 千代田区 霞ケ関 １丁目２−３",
        "〒100-0013 東京都千代田区霞が関1丁目2番地3",
        "東京都千代田区霞が関1ー2ー3 合同庁舎",
        "ﾄｳｷﾖｳﾄﾁﾖﾀﾞｸｶｽﾐｶﾞｾｷ1-2-3",
        "とうきょうと ちよだく かすみがせき 1ちょうめ2ばんち3ごう",
        "チヨダク カスミガセキ 1チョウメ2バン3ゴウ",
        "1-2-3 Kasumigaseki, Chiyoda-ku, Tokyo 100-0013, Japan",
        "Tokyo-to, Chiyoda-ku, Kasumigaseki 1-chome 2-banchi 3",
    ],
)
def test_an_address_is_one_however_it_is_written(text: str) -> None:
    found = normalise_address(text)
    assert found.key == "東京都千代田区霞ケ関 1-2-3"
    assert found.postcode == "1000013"


@pytest.mark.parametrize(
    ("text", "code", "parts"),
    [
        ("横浜市西区みなとみらい2-2-1-405", "", "神奈川県|横浜市西区|みなとみらい|2-2-1|405"),
        ("札幌市中央区北1条西5丁目2-9", "", "北海道|札幌市中央区|北一条西|5-2-9|"),
        ("浦和市高砂3-15-1", "330-0063", "埼玉県|さいたま市浦和区|高砂|3-15-1|"),
        ("埼玉県浦和市高砂3-15-1", "", "埼玉県|さいたま市浦和区|高砂|3-15-1|"),
        ("埼玉県小鹿野町大字下小鹿野123番地4", "", "埼玉県|秩父郡小鹿野町|下小鹿野|123-4|"),
        ("京都市中京区寺町通御池上る上本能寺前町488", "", "京都府|京都市中京区|上本能寺前町|488|"),
        ("千代田区一番町5 コーポ64 879号室", "", "東京都|千代田区|一番町|5|879"),
        ("1-2-3", "1000013", "東京都|千代田区|霞が関|1-2-3|"),
        ("405 Minato Hights, 2-2-1 Minatomirai, Nishi-ku, Yokohama-shi, Kanagawa", "",
         "神奈川県|横浜市西区|みなとみらい|2-2-1|405"),
        ("ｻﾂﾎﾟﾛｼﾁﾕｳｵｳｸｷﾀ1ｼﾞﾖｳﾆｼ5-2-9", "", "北海道|札幌市中央区|北一条西|5-2-9|"),
        ("ｵｵｻｶｼｷﾀｸｳﾒﾀﾞ1-2-3", "", "大阪府|大阪市北区|梅田|1-2-3|"),
        ("ｻｲﾀﾏｹﾝｵｶﾞﾉﾏﾁｼﾓｵｶﾞﾉ123-4", "", "埼玉県|秩父郡小鹿野町|下小鹿野|123-4|"),
        ("ﾌﾁﾕｳｼﾐﾔﾏﾁ2-24", "", "東京都|府中市|宮町|2-24|"),
        ("ﾌﾁﾕｳｼﾓﾄﾏﾁ1-1", "726-0004", "広島県|府中市|元町|1-1|"),
        ("12 Rue de Rivoli, Paris", "", "|||12|"),
    ],
)  # fmt: skip
def test_addresses(text: str, code: str, parts: str) -> None:
    a = normalise_address(text, code)
    assert "|".join((a.prefecture, a.city, a.town, a.block, a.room)) == parts


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("昭和64年1月7日", date(1989, 1, 7)),
        ("S39.10.1", date(1964, 10, 1)),
        ("平成元年三月三十一日", date(1989, 3, 31)),
        ("㍻３年１月１日生まれ", date(1991, 1, 1)),
        ("3390101", date(1964, 1, 1)),
        ("1980/1/2", date(1980, 1, 2)),
        ("19800102", date(1980, 1, 2)),
        ("2020-02-30", None),
        ("80/1/2", None),
    ],
)
def test_birth_dates(text: str, day: date | None) -> None:
    assert parse_birth_date(text) == day


def test_phones_and_postcodes() -> None:
    assert normalise_phone("０９０（１２３４）５６７８") == "+819012345678"
    assert normalise_phone("TEL: 03-1234-5678 内線12") == "+81312345678"
    assert normalise_phone("なし") == ""
    assert normalise_postcode("〒１００−００１３") == "1000013"


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_any_text_gives_bounded_values_and_their_key_is_stable(text: str) -> None:
    name, company, address = normalise_name(text), normalise_company(text), normalise_address(text)
    parse_birth_date(text)
    for value in (name, company, address):
        assert all(len(getattr(value, field)) <= 300 for field in value.__slots__)
    assert len(normalise_phone(text)) <= 20
    assert romaji_key(romaji_key(text)) == romaji_key(text)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["佐藤", "鈴木", "渡辺"]), st.sampled_from(["太郎", "花子", "健"]))
def test_a_key_read_again_is_itself(family: str, given_name: str) -> None:
    name = normalise_name(f"{family} {given_name}")
    assert normalise_name(name.key) == name


def test_derive_names_its_columns_and_keeps_what_is_null() -> None:
    table = pa.table(
        {
            "name": ["山田太郎", None, "山田太郎"],
            "address": ["千代田区霞が関1-2-3", None, ""],
            "code": ["100-0013", None, None],
            "born": ["昭和64年1月7日", "?", None],
        }
    )
    kinds = {"name": "name", "address": "address", "code": "postcode", "born": "birth_date"}
    found = derive(table, kinds)
    wanted = [f"{column}__{part}" for column, kind in kinds.items() for part in PARTS[kind]]
    assert found.column_names == [*table.column_names, *wanted]
    assert found.column("name__family").to_pylist() == ["山田", None, "山田"]
    assert found.column("address__key").to_pylist() == ["東京都千代田区霞ケ関 1-2-3", None, None]
    assert found.column("born__iso").to_pylist() == ["1989-01-07", None, None]
    assert derive(table.slice(0, 0), kinds).num_rows == 0


def test_hostile_texts_are_read_without_an_error() -> None:
    for text in (
        "\x00",
        "\ud83d",
        "一" * 10_000,
        "1-" * 5_000,
        "(" * 5_000,
        "ノ" * 3_000,
        "㍿" * 900,
    ):
        normalise_name(text)
        normalise_company(text)
        normalise_address(text)
        normalise_phone(text)
        parse_birth_date(text)
