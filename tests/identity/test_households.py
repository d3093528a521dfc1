"""Households and companies: who lives and works together, by rules, without ever being merged."""

from __future__ import annotations

from typing import Any

import msgspec

from tsunagu.identity.household_queries import (
    companies_of,
    compute_households,
    household_of,
)
from tsunagu.identity.households import HouseholdRules, Resident, households
from tsunagu.storage import Database, in_workspace

HOME = "東京都千代田区霞が関1-2-3 コーポ山田205号室"
PEOPLE: dict[int, dict[str, Any]] = {
    1: {"name": "渡邉太郎", "address": HOME, "company": "㈱山田商事"},
    2: {"name": "渡辺 花子", "address": "千代田区霞ヶ関一丁目２番３号 コーポ山田２０５"},
    3: {"name": "佐藤花子", "address": HOME, "company": "山田商事株式会社 大阪支店"},
    4: {"lastName": "Watanabe", "phone": "03-1234-5678"},
    5: {"name": "Watanabe Ken", "phone": "+81 3 1234 5678", "company": "山田商事"},
    6: {"name": "渡辺一", "phone": "090-1234-5678"},
    7: {"name": "渡辺次", "phone": "090-1234-5678"},
    8: {"name": 3, "address": ["?"], "phone": {"a": 1}, "company": None},
}


def resident(customer: int, family: str = "渡辺", room: str = "x 1", **more: str) -> Resident:
    return Resident(customer, family, room, room.partition("#")[0], **more)


def test_a_household_keeps_its_id_when_its_first_member_leaves() -> None:
    before, _ = households(1, [resident(1), resident(2), resident(3)], HouseholdRules(), {})
    held = dict.fromkeys(before[0].grounds, before[0].id)
    after, _ = households(1, [resident(2), resident(3), resident(9)], HouseholdRules(), held)
    assert [g.id for g in after] == [before[0].id]
    moved = [resident(1, room="y 2"), resident(4, room="y 2"), resident(2), resident(3)]
    split, _ = households(1, moved, HouseholdRules(), held)
    assert len({g.id for g in split}) == 2
    kept = next(g for g in split if g.id == before[0].id)
    assert set(kept.grounds) == {2, 3}


def test_offices_and_dormitories_are_no_households() -> None:
    many = [resident(n) for n in range(60)]
    assert households(1, many, HouseholdRules(), {})[0] == []
    dormitory = [resident(n, building="第一学生寮") for n in (1, 2)]
    found, left = households(1, dormitory, HouseholdRules(), {})
    assert (found, left.excluded) == ([], 2)


def test_the_result_does_not_depend_on_the_order() -> None:
    people = [resident(n, room=f"x {n // 3}") for n in range(12)]
    one, _ = households(1, people, HouseholdRules(), {})
    other, _ = households(1, people[::-1], HouseholdRules(), {})
    assert {g.id: set(g.grounds) for g in one} == {g.id: set(g.grounds) for g in other}


def _settle(database: Database, workspace: int) -> None:
    with database.connect("pipeline") as connection, in_workspace(connection, workspace) as cursor:
        for customer, traits in PEOPLE.items():
            cursor.execute(
                "insert into customers values (%s, %s, 'user_id', %s, 1, now())",
                (workspace, customer, f"u{customer}"),
            )
            cursor.execute(
                """
                insert into profiles
                    (workspace_id, customer_id, traits, state, first_seen, last_seen, position)
                values (%s, %s, %s, '', now(), now(), 1)
                """,
                (workspace, customer, msgspec.json.encode(traits).decode()),
            )


def test_households_of_a_workspace(database: Database, workspace: int) -> None:
    _settle(database, workspace)
    with database.connect("app") as connection:
        with in_workspace(connection, workspace) as cursor:
            figures = compute_households(cursor, workspace)
            home = household_of(cursor, workspace, 2)
            again = compute_households(cursor, workspace)
            assert household_of(cursor, workspace, 1) == home
        assert figures == again
        assert home is not None
        assert (home.family, sorted(home.members)) == ("渡辺", [1, 2])
        assert home.members[1] == {"room+family": home.address + " 渡辺"}
        assert (figures.customers, figures.households, figures.companies) == (8, 2, 1)
        with in_workspace(connection, workspace) as cursor:
            assert household_of(cursor, workspace, 3) is None
            assert household_of(cursor, workspace, 6) is None
            firm = companies_of(cursor, workspace, 3)[0]
            assert (firm.core, firm.form, firm.branch) == ("山田商事", "株式会社", "大阪支店")
            assert firm.members == 3


def test_members_follow_merges(database: Database, workspace: int) -> None:
    _settle(database, workspace)
    with database.connect("pipeline") as connection, in_workspace(connection, workspace) as cursor:
        compute_households(cursor, workspace)
        merge = "update customers set merged_into = 6 where workspace_id = %s and customer_id = 4"
        cursor.execute(merge, (workspace,))
        cursor.execute(
            "delete from profiles where workspace_id = %s and customer_id = 4", (workspace,)
        )
        home = household_of(cursor, workspace, 6)
        assert home is not None
        assert sorted(home.members) == [5, 6]


def test_members_follow_merges_of_who_was_merged(database: Database, workspace: int) -> None:
    _settle(database, workspace)
    with database.connect("pipeline") as connection, in_workspace(connection, workspace) as cursor:
        compute_households(cursor, workspace)
        home_before = household_of(cursor, workspace, 4)
        (firm_before,) = companies_of(cursor, workspace, 3)
        for loser, survivor in ((4, 6), (3, 6), (6, 7), (7, 8)):
            told = (survivor, workspace, loser)
            merge = (
                "update customers set merged_into = %s where workspace_id = %s and customer_id = %s"
            )
            cursor.execute(merge, told)
            gone = "delete from profiles where workspace_id = %s and customer_id = %s"
            cursor.execute(gone, told[1:])
        home = household_of(cursor, workspace, 8)
        assert home is not None
        assert home_before is not None
        assert (home.id, sorted(home.members)) == (home_before.id, [5, 8])
        assert household_of(cursor, workspace, 5) == home
        assert companies_of(cursor, workspace, 8) == [firm_before]
