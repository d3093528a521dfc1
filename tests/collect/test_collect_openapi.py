"""Requests made from the collectors' own description: honest answers, and no event lost."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest
import schemathesis
from collecting import Sent
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tsunagu.access import create_key
from tsunagu.collect import CALLS
from tsunagu.collect.openapi import openapi
from tsunagu.storage import Database

# Not whether all that is allowed is taken: that an alias needs a previousId is not described.
CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]


@pytest.fixture(scope="module")
def sent_module(database: Database, make_workspace: Callable[..., int]) -> Sent:
    workspace = make_workspace()
    with database.connect("app") as connection:
        key = create_key(connection, workspace, "write", "web", "web")
    return Sent(database, workspace, key)


DESCRIPTION = schemathesis.openapi.from_dict(openapi())


def test_every_call_is_described(collector: str) -> None:
    paths = httpx.get(f"{collector}/v1/openapi.json").json()["paths"]
    assert set(paths) == {f"/v1/{call}" for call in CALLS}


@pytest.mark.parametrize("call", CALLS)
def test_what_the_description_allows_is_answered_honestly(
    collector: str, sent_module: Sent, call: str
) -> None:
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=DESCRIPTION[f"/v1/{call}"]["POST"].as_strategy())
    def try_all(case: Case) -> None:
        check_one(case, collector, sent_module)

    try_all()


def check_one(case: Case, collector: str, sent_module: Sent) -> None:
    before = count(sent_module)
    answer = case.call(base_url=collector, auth=(sent_module.key, ""))
    assert answer.status_code in (200, 400, 401, 413, 415), answer.text
    case.validate_response(answer, checks=CHECKS)
    stored = count(sent_module) - before
    if answer.status_code != 200:
        assert stored == 0
        assert answer.json()["message"]
    elif case.path in ("/v1/batch", "/v1/import"):
        assert stored == len(json.loads(answer.request.body or b"")["batch"])
    else:
        assert stored == 1


def count(sent: Sent) -> int:
    with sent.database.connect("pipeline") as connection:
        row = connection.execute(
            "select count(*) from inbox where workspace_id = %s", (sent.workspace,)
        ).fetchone()
    assert row is not None
    return row[0]
