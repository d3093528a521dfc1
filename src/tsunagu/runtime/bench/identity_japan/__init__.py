"""Bench data: customer records as Japanese companies hold them, with the truth about who is who.

People in households with names, homes, telephones and e-mail; five sources that write each of them
down in their own way; and the errors of each, at the rates in `rates`. docs/benchmark-japan.md
tells what is in it and why. Nothing here knows how records are matched.
"""

from __future__ import annotations

from tsunagu.runtime.bench.identity_japan.tables import make_records, write_parquet

__all__ = ["make_records", "write_parquet"]
