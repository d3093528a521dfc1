"""The collectors' calls described in OpenAPI, from the same types that read them."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from tsunagu.collect.calls import CALLS
from tsunagu.collect.models import Batch, Message
from tsunagu.collect.service import BATCH, IMPORT
from tsunagu.core.events import TYPES

_REFERENCE = "#/components/schemas/{name}"
_REFUSALS = {
    "400": "Something in the body is wrong; nothing of the request was taken",
    "401": "No write key, or one that is not in use",
    "403": "The key may not be used from this web page",
    "408": "The body did not arrive in time",
    "413": "The body or an event is too large",
    "415": "The content encoding is not gzip",
    "429": "Too much is waiting; send the same again after Retry-After",
    "503": "The database does not take it now; send the same again after Retry-After",
}


@cache
def openapi() -> dict[str, Any]:
    """The description of every call, as a document of OpenAPI 3.1."""
    _, components = msgspec.json.schema_components([Message], ref_template=_REFERENCE)
    components["Event"] = _event(components.pop("Message"))
    components["Batch"] = _batch(components["Event"])
    components["Answer"] = {
        "type": "object",
        "properties": {
            "success": {"type": "boolean"},
            "code": {"type": "string"},
            "message": {"type": "string"},
        },
        "required": ["success"],
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tsunagu collect",
            "version": "1",
            "description": "Events of the Segment spec. A 200 means that they are durable.",
        },
        "security": [{"writeKey": []}],
        "paths": {f"/v1/{call}": {"post": _call(call)} for call in CALLS},
        "components": {
            "schemas": components,
            "securitySchemes": {
                "writeKey": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "The write key as the user name, with an empty password.",
                }
            },
        },
    }


def _event(schema: dict[str, Any]) -> dict[str, Any]:
    fields = dict(schema["properties"])
    fields["type"] = {"enum": [*TYPES], "description": "Needed in a batch"}
    for name in ("timestamp", "originalTimestamp", "sentAt"):
        fields[name] = {"type": "string", "format": "date-time"}
    return {
        "type": "object",
        "description": "One call; it needs userId, anonymousId, or a context.externalIds.",
        "properties": fields,
        "anyOf": [
            {"required": ["userId"]},
            {"required": ["anonymousId"]},
            {"required": ["context"]},
        ],
    }


def _batch(event: dict[str, Any]) -> dict[str, Any]:
    told = {field: event["properties"][field] for field in ("context", "integrations", "sentAt")}
    item = {"allOf": [{"$ref": _REFERENCE.format(name="Event")}, {"required": ["type"]}]}
    described = Batch.__doc__
    return {
        "type": "object",
        "description": described,
        "properties": {"batch": {"type": "array", "items": item, "minItems": 1}, **told},
        "required": ["batch"],
    }


def _call(call: str) -> dict[str, Any]:
    name = "Batch" if call in (BATCH, IMPORT) else "Event"
    body = {"schema": {"$ref": _REFERENCE.format(name=name)}}
    answer = {"application/json": {"schema": {"$ref": _REFERENCE.format(name="Answer")}}}
    told = {"200": "Every event of the request is durable", **_REFUSALS}
    return {
        "operationId": call,
        "summary": f"Take a {call}" if call != IMPORT else "Take history, each event with its time",
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {
            status: {"description": text, "content": answer} for status, text in told.items()
        },
    }
