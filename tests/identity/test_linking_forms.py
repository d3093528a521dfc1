"""Japanese values are read before they are compared, in bulk and live alike."""

from __future__ import annotations

import random

import duckdb
import pyarrow as pa
import pytest

from tsunagu.identity.linking import Judge, Model, link, train
from tsunagu.identity.linking.comparing import AS_READ, AS_WRITTEN
from tsunagu.identity.linking.forms import forms_of, read, read_into
from tsunagu.identity.matching import explain_pairs

FAMILIES = {
    "髙橋": "タカハシ", "佐藤": "サトウ", "鈴木": "スズキ", "田中": "タナカ", "渡邊": "ワタナベ",
    "伊藤": "イトウ", "山本": "ヤマモト", "中村": "ナカムラ", "小林": "コバヤシ", "加藤": "カトウ",
    "吉田": "ヨシダ", "山田": "ヤマダ", "斎藤": "サイトウ", "松本": "マツモト", "井上": "イノウエ",
}  # fmt: skip
GIVENS = {
    "一郎": "イチロウ", "花子": "ハナコ", "健太": "ケンタ", "美咲": "ミサキ", "大輔": "ダイスケ",
    "陽子": "ヨウコ", "直樹": "ナオキ", "恵子": "ケイコ", "翔太": "ショウタ", "由美": "ユミ",
    "誠": "マコト", "明美": "アケミ", "拓也": "タクヤ", "幸子": "サチコ",
}  # fmt: skip
TOWNS = (
    "東京都千代田区丸の内",
    "東京都港区芝公園",
    "大阪府大阪市北区梅田",
    "京都府京都市中京区河原町",
)
COLUMNS = ("name", "name_kana", "address", "phone", "birth_date")
HALF = str.maketrans(
    "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン",
    "ｱｲｳｴｵｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾅﾆﾇﾈﾉﾊﾋﾌﾍﾎﾏﾐﾑﾒﾓﾔﾕﾖﾗﾘﾙﾚﾛﾜﾝ",
)


def people(count: int) -> list[tuple[str, ...]]:
    """Records of people, each written once plainly and once as another department writes."""
    chance = random.Random(5)
    rows: list[tuple[str, ...]] = []
    for _ in range(count):
        family, given = chance.choice(list(FAMILIES)), chance.choice(list(GIVENS))
        town = chance.choice(TOWNS)
        a, b, c = (chance.randint(1, 30) for _ in range(3))
        year, month, day = chance.randint(27, 63), chance.randint(1, 12), chance.randint(1, 28)
        phone = f"0{chance.choice('789')}0{chance.randint(10_000_000, 99_999_999)}"
        kana = (FAMILIES[family], GIVENS[given])
        rows.append(
            (
                f"{family} {given}",
                " ".join(kana),
                f"{town}{a}丁目{b}番{c}号",
                phone,
                f"昭和{year}年{month}月{day}日",
            )
        )
        other = family.replace("髙", "高").replace("邊", "辺")
        rows.append(
            (
                chance.choice((f"{other}{given}", "".join(kana))),
                chance.choice(("".join(kana).translate(HALF), "")),
                f"{town.partition('府')[2] or town.partition('都')[2]}{a}-{b}-{c}",
                f"+81 {phone[1:3]} {phone[3:7]} {phone[7:]}",
                f"{1925 + year}-{month:02}-{day:02}",
            )
        )
    return rows


@pytest.fixture(scope="module")
def trained() -> tuple[duckdb.DuckDBPyConnection, Model]:
    connection = duckdb.connect()
    connection.execute(
        "create table told (unique_id bigint, " + ", ".join(f"{c} varchar" for c in COLUMNS) + ")"
    )
    rows = [(number, *row) for number, row in enumerate(people(300), 1)]
    connection.executemany("insert into told values (?, ?, ?, ?, ?, ?)", rows)
    return connection, train(connection, "told")


def test_what_columns_are_is_told_by_their_values(
    trained: tuple[duckdb.DuckDBPyConnection, Model],
) -> None:
    connection, model = trained
    assert model.forms == {
        "name": "name",
        "name_kana": "kana",
        "address": "address",
        "phone": "phone",
        "birth_date": "birth_date",
    }
    assert model.fields == COLUMNS
    connection.execute(
        "create or replace table choices as select i as unique_id, "
        "if(i % 2 = 0, '男', '女') as gender, '第' || i || '市' as city from range(200) as t(i)"
    )
    assert forms_of(connection, "choices", ["gender", "city"]) == {}
    connection.execute("create or replace table latin as select 1 as unique_id, 'Anna' as name")
    assert forms_of(connection, "latin", ["name"]) == {}
    assert read_into(connection, "latin", {}) == "latin"


def test_a_name_and_its_reading_weigh_once(
    trained: tuple[duckdb.DuckDBPyConnection, Model],
) -> None:
    connection, model = trained
    links = link(connection, model, "told")
    pairs = list(zip(links.left.tolist(), links.right.tolist(), strict=True))
    both = read = 0
    for reasons in explain_pairs(connection, model, pairs).values():
        told = {
            why.comparison for why in reasons if why.label not in (AS_READ, AS_WRITTEN, "missing")
        }
        for part in ("name__family", "name__given"):
            both += {part, f"{part}__reading"} <= told
            read += f"{part}__reading" in told
    assert both == 0
    assert 0 < read < 2 * len(pairs)


@pytest.mark.parametrize(
    ("name", "other", "given"),
    [
        ("サトウ イチロウ", "サトウイチロウ", "read alike"),
        ("サトウ イチロウ", "イチロウ サトウ", "read alike"),
        ("サトウイチロウ", "サトウ イチロウ", "read alike"),
        ("サトウ イチロウ", "サトウイチロオ", "read alike"),
        ("サトウ イチロウ", "サトウイチノウ", "one letter off"),
        ("サトウ イチロウ", "サトウハナコ", "different"),
        ("サトウ イチロウ", "サトウ", "missing"),
    ],
)
def test_a_name_in_one_piece_is_compared_part_by_part(
    trained: tuple[duckdb.DuckDBPyConnection, Model], name: str, other: str, given: str
) -> None:
    _, model = trained
    with Judge(model) as judge:
        records = judge.read([{"name_kana": name}, {"name_kana": other}])
        (judged,) = judge.compare(records[0], records[1:])
    told = {reason.comparison: reason.label for reason in judged.reasons}
    assert told["name__family__reading"].startswith("read alike")
    assert given in told["name__given__reading"]


def test_one_person_written_in_two_ways_is_found(
    trained: tuple[duckdb.DuckDBPyConnection, Model],
) -> None:
    connection, model = trained
    links = link(connection, model, "told")
    cluster = dict(zip(links.records.tolist(), links.clusters.tolist(), strict=True))
    found = sum(cluster[n] == cluster[n + 1] for n in range(1, 601, 2))
    wrong = len(links.records) - len(set(links.clusters.tolist())) - found
    assert found >= 290
    assert wrong <= 3


def test_it_reads_live_as_in_bulk(trained: tuple[duckdb.DuckDBPyConnection, Model]) -> None:
    connection, model = trained
    links = link(connection, model, "told")
    rows = connection.execute("select * from told").fetchall()
    told: dict[int, dict[str, str]] = {
        row[0]: dict(zip(COLUMNS, row[1:], strict=True)) for row in rows
    }
    with Judge(model) as judge:
        seen = dict(zip(told, judge.read(list(told.values())), strict=True))
        for a, b, weight in list(
            zip(links.left.tolist(), links.right.tolist(), links.weight.tolist(), strict=True)
        )[:200]:
            (judged,) = judge.compare(seen[a], [seen[b]])
            assert judged.weight == pytest.approx(weight, abs=1e-9)
        alone = {"name": "高橋 一郎"}
        (one,) = judge.read([alone])
        assert one["name__family"] == "高橋"
        assert one["name__given__reading"] == "ichiro"


def test_family_and_given_names_apart_share_one_reading_out() -> None:
    forms = {"given": "name", "family": "name", "kana": "kana"}
    told = {
        "given": ["一", "花子", None],
        "family": ["佐藤", "東海林", "鈴木"],
        "kana": ["サトウ ハジメ", "ショウジ ハナコ", None],
    }
    got = read(pa.table(told), forms)
    assert got.column("family__family").to_pylist() == ["佐藤", "東海林", "鈴木"]
    assert got.column("family__family__reading").to_pylist() == ["sato", "shoji", "suzuki"]
    assert got.column("given__family__reading").to_pylist() == ["hajime", "hanako", None]
    each = read(
        pa.table({"given": ["一"], "family": ["佐藤"], "g": ["ハジメ"], "f": ["サトウ"]}),
        {"given": "name", "family": "name", "g": "kana", "f": "kana"},
    )
    assert each.column("given__family__reading").to_pylist() == ["hajime"]
    assert each.column("family__family__reading").to_pylist() == ["sato"]


def test_a_normaliser_can_be_left_out(trained: tuple[duckdb.DuckDBPyConnection, Model]) -> None:
    connection, _ = trained
    model = train(connection, "told", without=("phone", "birth_date"))
    assert set(model.forms.values()) == {"name", "kana", "address"}
    assert Model.model_validate_json(model.model_dump_json()) == model
