"""A message that would not do for every customer is not published."""

from __future__ import annotations

import pytest

from tsunagu.core import Invalid
from tsunagu.runtime.demo.library import demo_library
from tsunagu.serve.definitions import publish_document
from tsunagu.storage import Database, in_workspace


def test_a_message_without_a_way_to_leave_is_refused_with_its_place(
    database: Database, workspace: int
) -> None:
    good = demo_library()["message", "coupon_reminder"]
    words = good["languages"]["en"]
    stripped = {**words, "text": "Hello\n{{ customer.first_name }}"}
    bad = {**good, "languages": {**good["languages"], "en": stripped}}
    with database.connect("app") as connection:
        with in_workspace(connection, workspace) as cursor:
            assert publish_document(cursor, workspace, "message", "m", good, "ken") == 1
        with (
            pytest.raises(Invalid, match=r"en: text, line 2: .*first_name"),
            in_workspace(connection, workspace) as cursor,
        ):
            publish_document(cursor, workspace, "message", "m", bad, "ken")
