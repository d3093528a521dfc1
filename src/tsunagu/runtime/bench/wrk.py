"""The native load generator of a bench: wrk, fed by a script, its own processor time beside.

A request is a text whose places for a number are filled by wrk's LuaJIT, so that every event
has a message id of its own; its answers are counted and its latencies taken by wrk in C.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tsunagu.core import Invalid

# Where the script puts a number that no other request has.
NUMBER = "\x01"

_SCRIPT = """
local ffi = require("ffi")
ffi.cdef[[
typedef struct { long s; long ns; } moment;
int clock_gettime(int clock, moment *now);
]]
local now = ffi.new("moment")
local function clock()
    ffi.C.clock_gettime(1, now)
    return tonumber(now.s) + tonumber(now.ns) / 1e9
end

local threads = 0
function setup(thread)
    thread:set("me", threads)
    threads = threads + 1
end

local bodies = %(bodies)s
local headers = %(headers)s
local count, due = 0, 0
local interval = %(interval)s

function request()
    count = count + 1
    local pieces = bodies[count %% #bodies + 1]
    if #pieces == 0 then return wrk.format("%(method)s", "%(path)s", headers) end
    local mark = "%(name)s-" .. me .. "-" .. count .. "-"
    for i = 2, #pieces, 2 do pieces[i] = mark .. i end
    return wrk.format("%(method)s", "%(path)s", headers, table.concat(pieces))
end

%(pace)s

function done(summary, latency)
    local e = summary.errors
    io.write(string.format(
        '\\n{"requests":%%d,"refused":%%d,"broken":%%d,"seconds":%%.6f,' ..
        '"p50_ms":%%.3f,"p99_ms":%%.3f,"slowest_ms":%%.3f}\\n',
        summary.requests, e.status, e.connect + e.read + e.write + e.timeout,
        summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        latency.max / 1e3))
end
"""

_PACE = """
function delay()
    if due == 0 then due = clock() end
    due = due + interval
    return math.max(0, (due - clock()) * 1000)
end
"""


class _Said(msgspec.Struct):
    requests: int
    refused: int
    broken: int
    seconds: float
    p50_ms: float
    p99_ms: float
    slowest_ms: float


@dataclass(frozen=True)
class Shot:
    """What came of a load: requests answered with 200, others, and latencies.

    `cores` is how many cores the generator itself used.
    """

    answered: int
    refused: int
    broken: int
    seconds: float
    p50_ms: float
    p99_ms: float
    slowest_ms: float
    cores: float

    @property
    def rate(self) -> float:
        """Requests answered with 200 a second."""
        return self.answered / self.seconds


def shoot(
    url: str,
    path: str,
    *,
    name: str,
    seconds: float,
    connections: int,
    key: str | None = None,
    bodies: Sequence[str] = (),
    rate: float | None = None,
) -> Shot:
    """Send requests over keep-alive connections for some seconds.

    Args:
        name: stands in front of every number that replaces `NUMBER` in a body.
        bodies: taken in turn; none of them means GET.
        rate: requests a second, evenly; None sends the next as soon as one is answered.

    Raises:
        Invalid: wrk is not installed.
    """
    program = shutil.which("wrk")
    if program is None:
        raise Invalid("The load generator wrk is missing. On Debian or Ubuntu: apt-get install wrk")
    whole = max(1, round(seconds))
    with tempfile.TemporaryDirectory(prefix="tsunagu-wrk-") as folder:
        script = Path(folder) / "load.lua"
        script.write_text(_lua(path, name, key, bodies, rate), encoding="utf-8")
        command = [program, "-t1", f"-c{connections}", f"-d{whole}s", "--timeout", "30s"]
        output = Path(folder) / "out"
        began = time.monotonic()
        with output.open("wb") as out:
            process = subprocess.Popen(
                [*command, "-s", str(script), url], stdout=out, stderr=subprocess.STDOUT
            )
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        took = time.monotonic() - began
        text = output.read_text(errors="replace")
    if process.returncode != 0 or not text.rstrip().endswith("}"):
        raise Invalid(f"wrk did not work: {text.strip()[-500:]}")
    said = msgspec.json.decode(text.rstrip().rpartition("\n")[2], type=_Said)
    return Shot(
        said.requests - said.refused,
        said.refused,
        said.broken,
        said.seconds,
        said.p50_ms,
        said.p99_ms,
        said.slowest_ms,
        (used.ru_utime + used.ru_stime) / took,
    )


def _lua(path: str, name: str, key: str | None, bodies: Sequence[str], rate: float | None) -> str:
    from base64 import b64encode

    headers = {"Content-Type": "application/json"}
    if key is not None:
        headers["Authorization"] = "Basic " + b64encode(f"{key}:".encode()).decode()
    return _SCRIPT % {
        "bodies": "{" + ",".join(map(_pieces, bodies or [""])) + "}",
        "headers": "{" + ",".join(f"[{_text(k)}]={_text(v)}" for k, v in headers.items()) + "}",
        "interval": 0 if rate is None else 1 / rate,
        "method": "POST" if bodies else "GET",
        "path": path,
        "name": name,
        "pace": "" if rate is None else _PACE,
    }


def _pieces(body: str) -> str:
    """A body as Lua's list: text, number, text, number, ..., text."""
    if not body:
        return "{}"
    return "{" + ',"",'.join(map(_text, body.split(NUMBER))) + "}"


def _text(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
