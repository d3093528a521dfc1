"""How good the customer data of each source is, from events to the answer of the API."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from serving import NOON, Shop

from tsunagu import eventlog
from tsunagu.access import create_key
from tsunagu.analysis import Analysts
from tsunagu.core import Body, NewEvent, encode_body
from tsunagu.core.times import DAY, HOUR
from tsunagu.eventlog.lake_writer import flush_events, write_identity_snapshot
from tsunagu.identity import quality_queries
from tsunagu.runtime import pipeline_loop
from tsunagu.runtime.desk import Desk
from tsunagu.serve.quality import quality_of
from tsunagu.storage import Database, in_workspace

# What customers write, and what each is by eye; None is nothing at all.
POOLS: Mapping[str, tuple[tuple[Any, str], ...]] = {
    "email": (
        ("{n}@mail.example", "good"),
        (" {N}@MAIL.example", "good"),
        ("test@{n}.example", "placeholder"),
        ("{n}.mail.example", "unreadable"),
        ("{n}@mail", "unreadable"),
        ("  ", "missing"),
        (None, "missing"),
    ),
    "phone": (
        ("090-{n:04}-7391", "good"),
        ("０３−６{n:03}−１９７２", "good"),
        ("090-0000-0000", "placeholder"),
        ("{n}-A", "unreadable"),
        ("", "missing"),
    ),
    "birthday": (
        ("1980-02-{day:02}", "good"),
        ("昭和55年3月{day}日", "good"),
        (19800205, "good"),
        ("1900-01-01", "placeholder"),
        ("2031-01-01", "unreadable"),
        ("2001-02-30", "unreadable"),
        (None, "missing"),
    ),
    "lastName": (
        ("髙橋", "good"),
        ("Smith", "good"),
        ("テスト", "placeholder"),
        ("ああああ", "placeholder"),
        ("山田7", "unreadable"),
        ({"ja": "山田"}, "missing"),
    ),
    "name_kana": (("ヤマダ タロウ", "good"), ("山田", "unreadable"), ("不明", "placeholder")),
    "address.postalCode": (
        ("160-0023", "good"),
        ("〒1600023", "good"),
        ("000-0000", "placeholder"),
        ("160-9999", "unreadable"),
        (None, "missing"),
    ),
    "address.street": (
        ("新宿区西新宿2-8-1", "good"),
        ("住所不明", "placeholder"),
        ("新宿区", "unreadable"),
    ),
}
COLUMNS = {
    "email": "email",
    "phone": "phone",
    "birthday": "birth_date",
    "lastName": "family",
    "name_kana": "name_kana",
    "address.postalCode": "postcode",
    "address.street": "address",
}


def identify(source: str, key: str, traits: Mapping[str, Any], **more: Any) -> NewEvent:
    return event("identify", source, key, Body(traits=dict(traits)), **more)


def event(
    kind: str,
    source: str,
    key: str,
    body: Body,
    *,
    user: str | None = None,
    anonymous: str | None = None,
    at: int = NOON - 2 * HOUR,
) -> NewEvent:
    name = "" if kind == "identify" else "Seen"
    return NewEvent(key, kind, name, user, anonymous, at, source, encode_body(body), known_at=at)


def take(shop: Shop, lake: Path, events: list[NewEvent]) -> None:
    """Let the pipeline and the lake's writer do their work."""
    desk = Desk(shop.workspace, "UTC", driven=True)
    with shop.database.connect("pipeline") as connection:
        with in_workspace(connection, shop.workspace) as cursor:
            eventlog.append(cursor, shop.workspace, events, received_at=NOON, now=NOON)
        while pipeline_loop.next_batch(connection, desk).more:
            pass
        while flush_events(connection, lake, shop.workspace):
            pass
        write_identity_snapshot(connection, lake, shop.workspace)


def ask(api: httpx.Client, shop: Shop, **asked: Any) -> dict[str, dict[str, Any]]:
    answer = api.get("/v1/identity/quality", params=asked, headers=shop.headers)
    assert answer.status_code == 200, answer.text
    return {one["source"]: one for one in answer.json()["sources"]}


def column(source: Mapping[str, Any], name: str) -> dict[str, Any]:
    return next(c for c in source["columns"] if c["column"] == name)


def written(draw: Random, n: int, source: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The traits that a customer writes, and what each is by eye."""
    traits: dict[str, Any] = {}
    verdicts: dict[str, str] = {}
    for path, pool in POOLS.items():
        value, verdicts[path] = draw.choice(pool)
        number = n + (500 if source == "web" else 0)
        if isinstance(value, str):
            value = value.format(n=number, N=f"A{number}", day=1 + n % 28)
        into = traits
        *above, last = path.split(".")
        for part in above:
            into = into.setdefault(part, {})
        if value is not None:
            into[last] = value
    return traits, verdicts


def test_the_figures_are_those_that_were_made(shop: Shop, api: httpx.Client, lake: Path) -> None:
    draw = Random(7)
    events: list[NewEvent] = []
    made: dict[str, dict[str, Counter[str]]] = {}
    for source, customers in (("till", range(120)), ("web", range(80, 200))):
        made[source] = {path: Counter() for path in POOLS}
        for n in customers:
            traits, verdicts = written(draw, n, source)
            # What was written before is gone; what comes late but is older does not count.
            before, _ = written(draw, n, source)
            late = NOON - 3 * HOUR
            events.append(identify(source, f"{source}{n}", traits, user=f"u{n}"))
            if n % 3 == 0:
                full = {path for path, told in verdicts.items() if told != "missing"}
                older = {k: v for k, v in before.items() if k in full}
                events.append(identify(source, f"{source}{n}b", older, user=f"u{n}", at=late))
            for path, verdict in verdicts.items():
                made[source][path][verdict] += 1
    take(shop, lake, events)
    found = ask(api, shop)
    assert list(found) == ["till", "web"]
    for source, told in made.items():
        figures = found[source]
        assert (figures["customers"], figures["told"], figures["sampled"]) == (120, 120, 120)
        assert (figures["joined"], figures["alone"]) == (40, 80)
        assert figures["identifies"] == figures["events"] == 160
        for path, counted in told.items():
            shown = column(figures, COLUMNS[path])
            names = ("good", "placeholder", "unreadable", "missing", "held", "shared")
            assert {n: shown[n] for n in names} == {n: counted[n] for n in names}, (source, path)
        assert column(figures, "gender")["missing"] == 120


def test_what_is_worst_is_said_first(shop: Shop, api: httpx.Client, lake: Path) -> None:
    wrong = [
        identify("form", f"w{n}", {"email": f"{n}.mail", "phone": f"080-{n:04}-7391"}, user=f"u{n}")
        for n in range(30)
    ]
    few = [identify("form", f"f{n}", {"firstName": "Hana"}, user=f"v{n}") for n in range(10)]
    take(shop, lake, wrong + few)
    form = ask(api, shop)["form"]
    assert [(w["column"], w["problem"], round(w["share"], 2)) for w in form["worst"]] == [
        ("email", "unreadable", 0.75),
        ("given", "missing", 0.75),
        ("phone", "missing", 0.25),
    ]


def test_values_that_many_share_are_nobodys_own(shop: Shop, api: httpx.Client, lake: Path) -> None:
    """An address that too many state is held back; a day that too many have is shared."""
    traits = {"email": "shop@till.example", "birthday": "2000-04-01"}
    events = [identify("till", f"t{n}", traits, user=f"u{n}") for n in range(25)]
    events += [
        identify("web", f"w{n}", {"email": "shop@till.example"}, user="u1") for n in range(2)
    ]
    take(shop, lake, events)
    found = ask(api, shop)
    assert column(found["till"], "email")["held"] == 25
    assert column(found["till"], "birth_date")["shared"] == 25
    assert column(found["web"], "email")["held"] == 1


def test_who_is_told_of_elsewhere_can_be_joined(shop: Shop, api: httpx.Client, lake: Path) -> None:
    """By today's identities, over twelve periods, whatever the other source says of them."""
    long_ago = NOON - 100 * DAY
    seen = Body(properties={"page": "/"})
    line = Body(context={"externalIds": [{"type": "line", "id": "U7"}]}, traits={"name": "花"})
    events = [
        event("track", "crm", "o1", seen, user="u1", at=long_ago),
        event("track", "crm", "o2", seen, user="u2", at=NOON - 400 * DAY),
        event("track", "web", "w1", seen, anonymous="a1"),
        event("track", "web", "w2", seen, user="u2"),
        event("track", "web", "w3", seen, anonymous="a3"),
        # The device of w1 is the customer of the crm, as is said later.
        event("identify", "app", "p1", Body(), user="u1", anonymous="a1"),
        event("identify", "line", "l1", line),
        # A click in a mail tells of nobody whom another source does not know.
        event("track", "public", "c1", seen, anonymous="a3"),
        event("identify", "app", "p2", line, user="u9"),
    ]
    take(shop, lake, events)
    found = ask(api, shop)
    assert set(found) == {"web", "app", "line"}
    shown = {name: (one["customers"], one["joined"]) for name, one in found.items()}
    assert shown == {"web": (3, 1), "app": (2, 2), "line": (1, 1)}
    assert (found["web"]["told"], found["web"]["sampled"], found["web"]["worst"]) == (0, 0, [])
    assert "crm" in ask(api, shop, days=120)
    assert ask(api, shop, days=7)["web"]["joined"] == 1  # the app, not the crm, in twelve weeks


def test_letters_and_the_plan_are_told_by_source(shop: Shop, api: httpx.Client, lake: Path) -> None:
    broken = NewEvent("x1", "track", "Seen", "u1", None, NOON - HOUR, "web", b"{", known_at=NOON)
    take(shop, lake, [identify("web", "w1", {"email": "a@b.example"}, user="u1"), broken])
    with (
        shop.database.connect("pipeline") as connection,
        in_workspace(connection, shop.workspace) as cursor,
    ):
        cursor.execute(
            """
            insert into plan_traffic (
                workspace_id, day, traffic_key, source, type, event, version, seen, violating
            )
            values (%(w)s, '2026-05-01', gen_random_uuid(), 'web', 'track', 'Seen', 1, 9, 4),
                (%(w)s, '2026-01-01', gen_random_uuid(), 'web', 'track', 'Seen', 1, 5, 5)
            """,
            {"w": shop.workspace},
        )
    web = ask(api, shop)["web"]
    assert (web["dead_letters"], web["checked"], web["violating"]) == (1, 9, 4)


def test_a_workspace_sees_its_own_sources_alone(
    database: Database,
    make_workspace: Callable[..., int],
    shop: Shop,
    api: httpx.Client,
    lake: Path,
) -> None:
    other = make_workspace(clock="driven", clock_now=NOON - HOUR)
    with database.connect("app") as connection:
        theirs = Shop(database, other, create_key(connection, other, "api", "desk", "desk"))
    take(shop, lake, [identify("ours", "1", {"email": "a@b.example"}, user="u1")])
    assert ask(api, theirs) == {}  # there is no lake of theirs yet
    take(theirs, lake, [identify("theirs", "1", {"email": "a@b.example"}, user="u1")])
    assert set(ask(api, shop)) == {"ours"}
    assert set(ask(api, theirs)) == {"theirs"}
    assert ask(api, shop)["ours"]["joined"] == ask(api, theirs)["theirs"]["joined"] == 0


def test_a_document_of_columns_is_followed(shop: Shop, api: httpx.Client, lake: Path) -> None:
    columns = {"shoe": ["shoe size"], "hat": [], "email": ["contacts.pc~1/'x'", "email"]}
    document = {"columns": columns}
    done = api.put("/v1/definitions/matching/records", json=document, headers=shop.headers)
    assert done.status_code == 200, done.text
    odd = {"contacts": {"pc~1/'x'": "a@b.example"}, "shoe size": 24.5}
    take(
        shop,
        lake,
        [
            identify("web", "1", odd, user="u1"),
            identify("web", "2", {"email": "b@b.example", "shoe size": "不明"}, user="u2"),
        ],
    )
    web = ask(api, shop)["web"]
    assert [(c["column"], c["kind"], c["good"]) for c in web["columns"]] == [
        ("email", "email", 2),
        ("hat", "text", 0),
        ("shoe", "text", 1),
    ]


def test_many_customers_are_looked_at_by_a_sample(
    shop: Shop, lake: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quality_queries, "SAMPLE", 20)
    take(
        shop,
        lake,
        [identify("web", f"{n}", {"email": f"{n}@b.example"}, user=f"u{n}") for n in range(70)],
    )
    with database.connect("app") as connection, Analysts(lake) as analysts:
        workspace = shop.workspace
        found = quality_of(lambda: in_workspace(connection, workspace), analysts, workspace)
    (web,) = found.sources
    assert (web.told, web.sampled) == (70, 20)
    assert next(c for c in web.columns if c.column == "email").good == 20


def test_a_period_has_bounds(shop: Shop, api: httpx.Client) -> None:
    for days in (0, 366):
        answer = api.get("/v1/identity/quality", params={"days": days}, headers=shop.headers)
        assert answer.status_code == 400
