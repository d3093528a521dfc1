"""The matching model in people's words: what is compared, its rivals, and a review that has one."""

from __future__ import annotations

import json
import os
from itertools import product
from pathlib import Path
from typing import get_args

import pytest
from browsing import OpenPage, Site, settle
from playwright.sync_api import Page, expect
from trained import REPORT

from tsunagu import access
from tsunagu.console.rivals import agreements
from tsunagu.console.words import comparing as words
from tsunagu.core.times import DAY, moment, parse_time
from tsunagu.identity.linking import Column, Comparison, Key, Model
from tsunagu.identity.linking.comparing import (
    compare_column,
    compare_phone,
    compare_read,
    compare_swapped,
    compare_written,
)
from tsunagu.identity.linking.model import Nature, Rival
from tsunagu.identity.linking.scoring import RIVAL
from tsunagu.storage import Database, in_workspace

AT = parse_time("2026-05-04T09:00:00Z")
PICTURES = os.environ.get("TSUNAGU_PICTURES")


def column(name: str, nature: Nature = "name", rated: int = 2) -> Column:
    classes = tuple((str(n),) if rated > n else () for n in range(4))
    return Column(name=name, nature=nature, filled=0.9, classes=classes if rated else ())


def weighed(comparison: Comparison, one: list[float], random: list[float]) -> Comparison:
    """With chances for the first levels that say something; what is left goes to the last."""
    levels = [level for level in comparison.levels if not level.null]
    told = {}
    for kind, chances in (("m", one), ("u", random)):
        rest = (1 - sum(chances)) / (len(levels) - len(chances))
        told[kind] = [*chances, *[rest] * (len(levels) - len(chances))]
    made = [
        level.model_copy(update={"m": m, "u": u})
        for level, m, u in zip(levels, told["m"], told["u"], strict=True)
    ]
    nulls = [level for level in comparison.levels if level.null]
    return comparison.model_copy(update={"levels": (*nulls, *made)})


def chances(comparison: Comparison, first: float) -> tuple[float, ...]:
    """Such chances of a rival: the first level so often, the last one else."""
    nulls = sum(level.null for level in comparison.levels)
    others = len(comparison.levels) - nulls - 2
    return (*[1.0] * nulls, first, *[1e-6] * others, 1 - first - others * 1e-6)


FAMILY, GIVEN = (
    weighed(
        compare_written(column(f"name__{part}"), column(f"name__{part}__reading")), [0.8], [0.001]
    )
    for part in ("family", "given")
)
BORN = weighed(compare_column(column("birth_date", "date", 0)), [0.93, 0.02], [0.00008, 0.004])
PHONE = weighed(compare_phone(column("phone", "code")), [0.5, 0.2, 0.01], [1e-6, 1e-6, 1e-5])
ADDRESS = weighed(compare_column(column("address", "text", 0)), [0.7, 0.1], [1e-5, 0.0004])
MODEL = Model(
    columns=(column("name"),),
    comparisons=(FAMILY, GIVEN, BORN, PHONE, ADDRESS),
    shift=-0.4,
    rivals=(
        Rival(
            name="address",
            share=0.00004,
            chances=(
                chances(FAMILY, 0.92),
                chances(GIVEN, 0.002),
                chances(BORN, 0.0002),
                chances(PHONE, 0.55),
                chances(ADDRESS, 0.7),
            ),
        ),
        Rival(
            name="name__family__reading",
            share=0.0006,
            chances=(
                chances(FAMILY, 0.8),
                chances(GIVEN, 0.002),
                chances(BORN, 0.0001),
                chances(PHONE, 0.06),
                chances(ADDRESS, 0.07),
            ),
        ),
    ),
    keys=(Key(parts=("name__family__reading", "birth_date"), cap=100, pairs=4120, share=0.8),),
    prior=0.00002,
    upper=6.4,
    lower=-1.2,
    report=REPORT,
)
REASONS = [
    {"comparison": "name__family", "label": "written alike, a rare value", "level": 1}
    | {"weight": 9.6, "value_a": "二階堂 nikaido", "value_b": "二階堂 nikaido"},
    {"comparison": "name__given", "label": "reading one letter off", "level": 8}
    | {"weight": 2.1, "value_a": "裕子 yuko", "value_b": "祐 yu"},
    {"comparison": "birth_date", "label": "missing", "level": 0}
    | {"weight": 0.0, "value_a": "19810203", "value_b": ""},
    {"comparison": "phone", "label": "equal, of a place", "level": 2}
    | {"weight": 13.2, "value_a": "+81362341972", "value_b": "+81362341972"},
    {"comparison": "address", "label": RIVAL, "level": -1}
    | {"weight": -8.7, "value_a": "", "value_b": ""},
]


@pytest.fixture(scope="module")
def shop(site: Site, database: Database) -> int:
    """A workspace with a model, and a question that a rival takes part in."""
    with database.connect("app") as connection:
        workspace = access.create_workspace(connection, "Rivals", zone="Asia/Tokyo")
    with (
        database.connect("pipeline") as connection,
        in_workspace(connection, workspace) as cursor,
    ):
        for number, given in ((1, "裕子"), (2, "祐")):
            who = f"r-{number}"
            cursor.execute(
                """insert into customers (workspace_id, customer_id, first_kind, first_value,
                created_position, created_at) values (%s, %s, 'user_id', %s, 1, %s)""",
                (workspace, 77_000 + number, who, moment(AT)),
            )
            cursor.execute(
                """insert into identifiers (workspace_id, kind, value, customer_id, first_position)
                values (%s, 'user_id', %s, %s, 1)""",
                (workspace, who, 77_000 + number),
            )
            traits = {"name": f"二階堂 {given}", "phone": "03-6234-1972"}
            cursor.execute(
                """insert into profiles (workspace_id, customer_id, traits, state, first_seen,
                last_seen, position) values (%s, %s, %s, '', %s, %s, 1)""",
                (workspace, 77_000 + number, json.dumps(traits), moment(AT), moment(AT + DAY)),
            )
        cursor.execute(
            """insert into match_reviews (workspace_id, customer_a, customer_b, kind_a, value_a,
            kind_b, value_b, weight, probability, model, reasons) values (%s, 77001, 77002,
            'user_id', 'r-1', 'user_id', 'r-2', 0.6, 0.6, 1, %s)""",
            (workspace, json.dumps(REASONS)),
        )
    with database.connect("app") as connection, in_workspace(connection, workspace) as cursor:
        access.publish(cursor, workspace, "match-model", "customers", MODEL.model_dump(), "hana")
    return workspace


def opened(page: Page, site: Site, workspace: int, path: str) -> Page:
    page.goto(f"{site.url}/w/{workspace}/{path}")
    settle(page)
    return page


def test_rivals_are_told_with_what_they_agree_in(
    signed_in: OpenPage, site: Site, shop: int
) -> None:
    page = opened(signed_in("settings"), site, shop, "customers/matching")
    expect(page.get_by_text("Others who share the address")).to_be_visible()
    expect(page.get_by_text("About 2,880 pairs: 0.48 such people a record.")).to_be_visible()
    home = page.locator(".rival").nth(0)
    rows = home.locator(".barrow")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("Family name")
    expect(rows.nth(0)).to_contain_text("92%")
    expect(rows.nth(1)).to_contain_text("Telephone")
    expect(home).to_contain_text("Told apart by: Given name, Date of birth")
    expect(page.locator(".rival").nth(1)).to_contain_text("Others who share the family name")


def test_what_is_compared_is_said_in_japanese(signed_in: OpenPage, site: Site, shop: int) -> None:
    page = opened(signed_in("settings", "ja"), site, shop, "customers/matching")
    expect(page.get_by_text("住所が同じ別人")).to_be_visible()
    expect(page.get_by_text("姓の読みが同じ別人")).to_be_visible()
    expect(page.get_by_text("見分ける手がかり: 名、生年月日").first).to_be_visible()
    expect(page.get_by_text("表記が一致（珍しい値）").first).to_be_visible()
    expect(page.get_by_text("回答により、すべての重みを −0.4 補正")).to_be_visible()
    for label in ("equal", "similar", "different", "alike", "missing"):
        expect(page.locator(".weights").get_by_text(label)).to_have_count(0)


def test_a_rival_ends_the_reasons_of_a_review(signed_in: OpenPage, site: Site, shop: int) -> None:
    page = opened(signed_in("settings"), site, shop, "customers/reviews")
    row = page.locator(".weight-row", has_text="Others who share the address")
    expect(row).to_contain_text("that much is taken off")
    expect(row).to_contain_text("−8.7")
    expect(page.locator(".weight-row", has_text="Telephone")).to_contain_text("equal, a landline")
    expect(page.locator(".weight-row", has_text="Date of birth")).to_contain_text("19810203 / –")
    page = opened(signed_in("settings", "ja"), site, shop, "customers/reviews")
    row = page.locator(".weight-row", has_text="住所が同じ別人")
    expect(row).to_contain_text("その分を差し引きます")
    expect(row.locator(".weight-bar.against")).to_have_count(1)
    expect(page.get_by_text(RIVAL)).to_have_count(0)


def test_what_they_share_is_not_what_they_agree_in() -> None:
    told = {a.comparison: a for a in agreements(MODEL, MODEL.rivals[0])}
    assert set(told) == {"name__family", "name__given", "birth_date", "phone"}
    assert told["birth_date"].one == pytest.approx(0.95, abs=0.03)
    assert told["phone"].others == pytest.approx(0.55, abs=0.001)
    assert told["phone"].random < 0.0001


def test_every_outcome_that_a_model_can_name_has_words() -> None:
    natures = get_args(Nature)
    columns = [column("c", nature, rated) for nature, rated in product(natures, range(5))]
    made = [compare_column(c) for c in columns] + [compare_phone(c) for c in columns]
    for rated in range(5):
        one, other = column("one", "name", rated), column("two", "name", rated)
        made += [compare_swapped(one, other), compare_written(one, other)]
        for beside, family in product((None, column("three")), (False, True)):
            made.append(compare_read(one, other, beside, family=family))
    labels = {level.label for comparison in made for level in comparison.levels}
    known = set(words.LEVELS) | {
        f"{c} {how} only" for c in ("one", "two") for how in ("equal", "similar")
    }
    assert labels <= known, labels - known


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("language", ["ja", "en"])
def test_they_fit_in_both_languages(
    signed_in: OpenPage, site: Site, shop: int, language: str, width: int
) -> None:
    page = signed_in("settings", language, width)
    for name, path in (("model", "customers/matching"), ("review", "customers/reviews")):
        opened(page, site, shop, path)
        over = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        if PICTURES:
            page.screenshot(
                path=str(Path(PICTURES) / f"{name}-{language}-{width}.png"), full_page=True
            )
        assert over == 0, f"{path} is {over} px too wide"
