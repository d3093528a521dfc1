"""The README's first events, sent as it says, arrive."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
from collecting import Sent

ROOT = Path(__file__).parents[2]


def test_the_first_events_arrive(collector: str, sent: Sent) -> None:
    subprocess.run(
        [sys.executable, str(ROOT / "examples/first_event.py")],
        env={**os.environ, "TSUNAGU_WRITE_KEY": sent.key, "TSUNAGU_COLLECT_URL": collector},
        check=True,
        timeout=60,
    )
    said = re.search(r"-d '(\{.*\})'", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert said is not None
    answer = httpx.post(
        f"{collector}/v1/track",
        content=said[1],
        auth=(sent.key, ""),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 200
    names = [row["name"] for row in sent.rows()]
    assert names == ["", "Consent Given", "Order Completed", "Order Completed"]
