"""What the browser clients of Segment and RudderStack ask before they send: their settings.

Both learn here where their events go and that no destination is to be loaded into the page.
"""

from __future__ import annotations

import re
from typing import Any

_HOST = re.compile(r"[A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9a-fA-F:]+\](:\d{1,5})?")
_CALLS_ALLOWED = {"__default": {"enabled": True, "integrations": {}}}


def asked_address(host: str, forwarded_proto: str) -> str | None:
    """The address by which the client reached us, or None if its headers make no sense.

    Args:
        host: the Host header.
        forwarded_proto: the X-Forwarded-Proto header of a proxy that speaks TLS, else empty.
    """
    if not _HOST.fullmatch(host):
        return None
    return f"{'https' if forwarded_proto.lower() == 'https' else 'http'}://{host}"


def segment_settings(key: str, address: str) -> dict[str, Any]:
    """The answer to analytics.js, in the form of Segment's own.

    Args:
        address: of the collector, without a slash at its end.
    """
    protocol, _, host = address.partition("://")
    return {
        "integrations": {
            "Segment.io": {
                "apiKey": key,
                "apiHost": f"{host}/v1",
                "protocol": protocol,
                "unbundledIntegrations": [],
                "addBundledMetadata": True,
                "maybeBundledConfigIds": {},
                "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
            }
        },
        "plan": {"track": _CALLS_ALLOWED, "identify": _CALLS_ALLOWED, "group": _CALLS_ALLOWED},
        "edgeFunction": {},
        "analyticsNextEnabled": True,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "metrics": {"sampleRate": 0},
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [],
    }


def rudder_settings(key: str, source: str, workspace: int) -> dict[str, Any]:
    """The answer to RudderStack's browser client: a source without destinations."""
    off = {"enabled": False}
    return {
        "source": {
            "id": source,
            "name": source,
            "writeKey": key,
            "workspaceId": str(workspace),
            "enabled": True,
            "connections": [],
            "destinations": [],
            "dataplanes": {},
            "config": {"statsCollection": {"errors": off, "metrics": off}},
        },
        "updatedAt": "2026-01-01T00:00:00.000Z",
    }
