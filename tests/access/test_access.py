"""Workspaces and their time, keys, operators, and the store of definitions."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tsunagu.access import (
    audit,
    business_now,
    create_key,
    create_operator,
    create_workspace,
    document_of,
    find_key,
    fingerprint,
    list_keys,
    publish,
    published,
    revoke_key,
    set_clock,
    stop,
    verify_operator,
    workspace_by_name,
)
from tsunagu.core import Invalid, NotFound
from tsunagu.core.times import HOUR, parse_time
from tsunagu.storage import Database, in_workspace


def test_keys_stand_for_a_workspace_until_revoked(database: Database, workspace: int) -> None:
    with database.connect("app") as app, database.connect("ingest") as ingest:
        key = create_key(app, workspace, "write", "web site", "web")
        assert key.startswith("tsw_")
        found = find_key(ingest, key)
        assert found is not None
        assert (found.workspace_id, found.kind, found.source) == (workspace, "write", "web")
        assert found.clock == "wall"
        assert find_key(ingest, key + "x") is None
        assert find_key(ingest, "\ud800") is None
        revoke_key(app, workspace, "web site")
        assert find_key(ingest, key) is None
        assert list_keys(app, workspace)[0].revoked_at is not None
        with pytest.raises(NotFound):
            revoke_key(app, workspace, "web site")


def test_operators_sign_in_with_their_password_alone(database: Database) -> None:
    with database.connect("app") as app:
        create_operator(app, "hanako", "correct horse")
        assert verify_operator(app, "hanako", "correct horse")
        assert not verify_operator(app, "hanako", "wrong horse")
        assert not verify_operator(app, "nobody", "correct horse")
        with pytest.raises(Invalid):
            create_operator(app, "hanako", "another horse")


def test_business_time_moves_forward_only_and_only_when_driven(
    database: Database, make_workspace: Callable[..., int]
) -> None:
    start = parse_time("2017-10-30T00:00:00Z")
    driven, wall = make_workspace(clock="driven", clock_now=start), make_workspace()
    with database.connect("app") as app:
        with in_workspace(app, driven) as cursor:
            set_clock(cursor, driven, start + HOUR)
            assert business_now(cursor, driven) == start + HOUR
            with pytest.raises(Invalid, match="cannot go back"):
                set_clock(cursor, driven, start)
        with in_workspace(app, wall) as cursor, pytest.raises(Invalid, match="wall"):
            set_clock(cursor, wall, start)
        with pytest.raises(Invalid):
            create_workspace(app, "half", clock="driven")
        with pytest.raises(NotFound):
            workspace_by_name(app, "half")


def test_one_version_is_published_and_the_older_stay_readable(
    database: Database, workspace: int
) -> None:
    with database.connect("app") as app:
        with in_workspace(app, workspace) as cursor:
            assert publish(cursor, workspace, "message", "hello", {"a": 1}, "hanako") == 1
            assert publish(cursor, workspace, "message", "hello", {"a": 1}, "hanako") == 1
            assert publish(cursor, workspace, "message", "hello", {"a": 2}, "hanako") == 2
        with in_workspace(app, workspace) as cursor:
            (current,) = published(cursor, workspace)
    assert (current.version, current.document, current.created_by) == (2, {"a": 2}, "hanako")


def test_what_is_stopped_is_no_longer_published_and_the_fingerprint_tells(
    database: Database, workspace: int
) -> None:
    with database.connect("app") as app, in_workspace(app, workspace) as cursor:
        marks = [fingerprint(cursor, workspace)]
        publish(cursor, workspace, "journey", "reminder", {"a": 1}, "hanako")
        marks.append(fingerprint(cursor, workspace))
        stop(cursor, workspace, "journey", "reminder")
        marks.append(fingerprint(cursor, workspace))
        assert published(cursor, workspace) == []
        assert document_of(cursor, workspace, "journey", "reminder", 1) == {"a": 1}
        with pytest.raises(NotFound):
            stop(cursor, workspace, "journey", "reminder")
        assert publish(cursor, workspace, "journey", "reminder", {"a": 1}, "hanako") == 2
    assert len(set(marks)) == 3


def test_acts_are_noted_in_their_workspace_and_the_installations_own_apart(
    database: Database, workspace: int
) -> None:
    with database.connect("app") as app:
        with in_workspace(app, workspace) as cursor:
            audit(cursor, workspace, "hanako", "pause", "sends", {"why": "wrong price"})
            assert cursor.execute("select actor, detail from audit_log").fetchall() == [
                ("hanako", {"why": "wrong price"})
            ]
        with app.transaction(), app.cursor() as cursor:
            audit(cursor, None, "hanako", "invite", "taro")
            subjects = {s for (s,) in cursor.execute("select subject from audit_log").fetchall()}
        assert "taro" in subjects
        assert "sends" not in subjects
