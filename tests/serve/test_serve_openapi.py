"""Requests made from the API's own description: never an error of ours, and as described."""

from __future__ import annotations

import httpx
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from serving import Shop

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]
FUZZ = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))


def test_what_the_description_allows_is_answered_as_described(
    api: httpx.Client, shop: Shop
) -> None:
    shop.tell("Order Completed", "u1", total=12)
    description = schemathesis.openapi.from_dict(api.get("/v1/openapi.json").json())
    operations = [found.ok() for found in description.get_all_operations()]
    assert len(operations) >= 6
    for operation in operations:

        @FUZZ
        @given(case=operation.as_strategy())
        def try_all(case: Case) -> None:
            answer = case.call(base_url=str(api.base_url), headers=shop.headers)
            case.validate_response(answer, checks=CHECKS)

        try_all()
