"""Analysis: analysts' SQL over a workspace's lake, each question in a locked process of its own."""

from tsunagu.analysis.models import (
    Busy,
    Column,
    Limits,
    Refused,
    Result,
    Stopped,
    Why,
)
from tsunagu.analysis.process import Analysts, Asking
from tsunagu.analysis.queries import (
    Outcome,
    QueryRun,
    SavedQuery,
    forget_query,
    last_runs,
    note_run,
    save_query,
    saved_queries,
)
from tsunagu.analysis.writing import (
    FORMATS,
    Format,
    columns,
    format_of,
    plain_rows,
    write_result,
)

__all__ = [
    "FORMATS",
    "Analysts",
    "Asking",
    "Busy",
    "Column",
    "Format",
    "Limits",
    "Outcome",
    "QueryRun",
    "Refused",
    "Result",
    "SavedQuery",
    "Stopped",
    "Why",
    "columns",
    "forget_query",
    "format_of",
    "last_runs",
    "note_run",
    "plain_rows",
    "save_query",
    "saved_queries",
    "write_result",
]
