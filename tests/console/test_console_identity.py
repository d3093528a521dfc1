"""Who is one person, as operators see it: evidence, what was held back, the matching model."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from browsing import OpenPage, Site, settle
from playwright.sync_api import expect
from trained import REPORT

from tsunagu import access
from tsunagu.core import stable_id
from tsunagu.core.times import DAY, moment, parse_time
from tsunagu.identity.linking import Column, Comparison, Key, Level, Model
from tsunagu.profiles.state import State, encode_state
from tsunagu.profiles.survivorship import Candidate
from tsunagu.storage import Database, in_workspace

AT = parse_time("2017-11-02T09:00:00Z")
FORMER = stable_id("a former id")
PICTURES = os.environ.get("TSUNAGU_PICTURES")

MODEL = Model(
    columns=(Column(name="name", nature="name", filled=0.98),),
    comparisons=(
        Comparison(
            name="name",
            columns=("name",),
            levels=(
                Level(label="no value", condition="name_l is null", null=True),
                Level(label="equal, rare", condition="name_l = name_r", m=0.82, u=0.00004),
                Level(label="alike", condition="true", m=0.14, u=0.001),
                Level(label="different", condition="else", m=0.04, u=0.99896),
            ),
        ),
        Comparison(
            name="birth date",
            columns=("birth_date",),
            levels=(
                Level(label="equal", condition="birth_l = birth_r", m=0.95, u=0.0001),
                Level(label="different", condition="else", m=0.05, u=0.9999),
            ),
        ),
    ),
    keys=(
        Key(parts=("name", "birth_date"), cap=100, pairs=41200, share=0.81),
        Key(parts=("phone",), cap=100, pairs=8230, share=0.64),
    ),
    prior=0.00002,
    upper=6.4,
    lower=-1.2,
    report=REPORT,
)


@pytest.fixture(scope="module")
def told(site: Site, database: Database) -> int:
    """A customer of six identifiers, a former id, and identifiers that were held back."""
    customer, workspace = site.seeded.customers[3], site.seeded.workspace_id
    more = [
        ("phone", "+818012345678", "call centre"),
        ("line_id", "U4af4980629", "line"),
        ("device", "tablet-shop-3", "web"),
    ]
    with (
        database.connect("pipeline") as connection,
        in_workspace(connection, workspace) as cursor,
    ):
        cursor.execute(
            """insert into customers (workspace_id, customer_id, first_kind, first_value,
            created_position, created_at, merged_into, merged_position)
            values (%s, %s, 'phone', '+818012345678', 900, %s, %s, 950)""",
            (workspace, FORMER, moment(AT), customer),
        )
        for number, (kind, value, source) in enumerate(more):
            cursor.execute(
                """insert into identifiers (workspace_id, kind, value, customer_id, first_position)
                values (%s, %s, %s, %s, %s)""",
                (workspace, kind, value, customer, 900 + number),
            )
            cursor.execute(
                """insert into identity_edges (workspace_id, kind_a, value_a, kind_b, value_b,
                source, message_id, position, at)
                values (%s, 'user_id', 'household-4', %s, %s, %s, %s, %s, %s)""",
                (workspace, kind, value, source, f"e-{number}", 900 + number, moment(AT)),
            )
        held = [
            ("device", "tablet-shop-3", "shared", customer, 312),
            ("email", "test@example.com", "blocked", None, 10_000),
            ("email", "family@customers.example", "apart", customer, 2),
        ]
        for kind, value, reason, owner, times in held:
            cursor.execute(
                """insert into held_identifiers (workspace_id, kind, value, reason, customer_id,
                first_position, first_at, last_at, times) values (%s, %s, %s, %s, %s, 1, %s, %s, %s)
                """,
                (workspace, kind, value, reason, owner, moment(AT), moment(AT + DAY), times),
            )
        state = State(
            traits={"email": ("household-4@customers.example", AT, 901)},
            sources={901: "call centre"},
            candidates={
                "email": [
                    Candidate("hh4@old.example", "pos", AT - 90 * DAY, AT - 30 * DAY, 40, 4),
                    Candidate("household-4@customers.example", "call centre", AT, AT, 901, 1),
                ]
            },
        )
        cursor.execute(
            "update profiles set state = %s where workspace_id = %s and customer_id = %s",
            (encode_state(state), workspace, customer),
        )
    return customer


def picture(page: object, name: str) -> None:
    """Keeps a picture where `TSUNAGU_PICTURES` says, for people to look at."""
    if PICTURES:
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True)  # type: ignore[attr-defined]


def test_every_value_says_whence_it_comes_and_what_else_was_said(
    signed_in: OpenPage, told: int
) -> None:
    page = signed_in(f"customers/{told}")
    expect(page.get_by_text("call centre · 2 Nov 2017")).to_be_visible()
    other = page.get_by_text("hh4@old.example")
    expect(other).to_be_hidden()
    page.get_by_text("1 other value").click()
    expect(other).to_be_visible()
    expect(page.get_by_text("4 times")).to_be_visible()


def test_evidence_says_which_record_tied_what(signed_in: OpenPage, told: int) -> None:
    page = signed_in(f"customers/{told}/evidence")
    expect(page.get_by_text("6 identifiers are held together by 4 records.")).to_be_visible()
    expect(page.locator(".evidence-box")).to_have_count(6)
    expect(page.locator(".evidence-plane path.way")).to_have_count(4)
    expect(page.get_by_text("Too many people were seen with it").first).to_be_visible()
    expect(page.get_by_text("First known as +818012345678")).to_be_visible()


def test_a_merged_id_leads_to_its_customer_and_says_so(
    signed_in: OpenPage, site: Site, told: int
) -> None:
    page = signed_in(f"customers/{FORMER}")
    expect(page.get_by_text(f"Id {FORMER} was merged into this customer.")).to_be_visible()
    page.get_by_role("link", name="Evidence").click()
    settle(page)
    assert page.url == site.to(f"customers/{told}/evidence")


def test_what_was_held_back_says_why(signed_in: OpenPage, told: int) -> None:
    page = signed_in("customers/held-back")
    expect(page.get_by_text("The value is on the list of those that")).to_be_visible()
    expect(page.get_by_text("10,000", exact=True)).to_be_visible()
    page.get_by_label("Search").fill("tablet-shop-3")
    expect(page.locator("table.list tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Open the customer").click()
    settle(page)
    assert page.url.endswith(f"customers/{told}/evidence")


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("width", [1440, 390])
def test_identity_pages_fit(
    signed_in: OpenPage, site: Site, database: Database, told: int, language: str, width: int
) -> None:
    page = signed_in("customers/matching", language, width)
    command = page.get_by_text("tsunagu identity train", exact=True)
    workspace = site.seeded.workspace_id
    with database.connect("app") as connection, in_workspace(connection, workspace) as cursor:
        if command.is_visible():
            picture(page, f"no-model-{language}-{width}")
            access.publish(
                cursor, workspace, "match-model", "customers", MODEL.model_dump(), "hana"
            )
    for path in (
        "customers",
        f"customers/{told}",
        f"customers/{told}/evidence",
        "customers/held-back",
        "customers/matching",
    ):
        page.goto(site.to(path))
        settle(page)
        over = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        picture(page, f"{path.replace('/', '-').replace(str(told), 'one')}-{language}-{width}")
        assert over == 0, f"{path} is {over} px too wide"


def test_the_model_says_what_its_figures_are(signed_in: OpenPage, site: Site) -> None:
    page = signed_in("customers/matching")
    expect(page.get_by_text("The strongest sign is “name: equal, rare” at +14.3.")).to_be_visible()
    expect(page.get_by_text("96.7%").first).to_be_visible()
    expect(page.get_by_text("99.81%")).to_be_visible()
