"""Access: workspaces and their time, keys, operators, audit, and the store of definitions."""

from tsunagu.access.definition_queries import (
    all_versions,
    document_of,
    fingerprint,
    publish,
    published,
    published_version,
    stop,
)
from tsunagu.access.key_queries import (
    admit_pages,
    create_key,
    find_key,
    list_keys,
    pages_admitted,
    revoke_key,
)
from tsunagu.access.models import Definition, Key, KeyKind, KeyListing, Operator, Workspace
from tsunagu.access.operator_queries import (
    audit,
    create_operator,
    list_operators,
    operators_exist,
    revoke_operator,
    verify_operator,
)
from tsunagu.access.origins import Origins, admits, origin_patterns
from tsunagu.access.workspace_queries import (
    business_now,
    create_workspace,
    list_workspaces,
    pause_sends,
    set_clock,
    workspace_by_id,
    workspace_by_name,
)

__all__ = [
    "Definition",
    "Key",
    "KeyKind",
    "KeyListing",
    "Operator",
    "Origins",
    "Workspace",
    "admit_pages",
    "admits",
    "all_versions",
    "audit",
    "business_now",
    "create_key",
    "create_operator",
    "create_workspace",
    "document_of",
    "find_key",
    "fingerprint",
    "list_keys",
    "list_operators",
    "list_workspaces",
    "operators_exist",
    "origin_patterns",
    "pages_admitted",
    "pause_sends",
    "publish",
    "published",
    "published_version",
    "revoke_key",
    "revoke_operator",
    "set_clock",
    "stop",
    "verify_operator",
    "workspace_by_id",
    "workspace_by_name",
]
