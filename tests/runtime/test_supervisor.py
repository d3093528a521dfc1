"""`tsunagu serve` with real processes: started, killed, ended, and killed itself."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from installing import Installation, wait_until


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    """One installation for the whole story; the tests of this file run in their order."""
    with tempfile.TemporaryDirectory(prefix="tsunagu-") as name:
        Path(name).chmod(0o755)
        found = Installation(Path(name) / "home")
        try:
            yield found
        finally:
            if found.runs():
                found.signal(signal.SIGTERM)
                found.wait()


def test_doctor_says_that_nothing_runs_yet(installation: Installation) -> None:
    told = installation.call("doctor")
    assert told.returncode == 1
    assert "There is no data folder" in told.stdout
    assert "tsunagu serve" in told.stdout


def test_the_first_start_shows_the_ways_in_once(installation: Installation) -> None:
    installation.start()
    log = installation.log()
    assert "Shown once" in log
    assert f"http://127.0.0.1:{installation.ports['CONSOLE']}" in log
    secrets = installation.home / "secrets.json"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600


def test_the_first_write_key_takes_an_event(installation: Installation) -> None:
    key = next(word for word in installation.log().split() if word.startswith("tsw_"))
    answer = httpx.post(
        f"http://127.0.0.1:{installation.ports['COLLECT']}/v1/track",
        auth=(key, ""),
        json={"userId": "u-1", "event": "Order Completed"},
    )
    assert answer.status_code == 200
    shown = installation.call("events").stdout
    assert "Order Completed" in shown
    assert "u-1" in shown


def test_doctor_says_that_all_is_well(installation: Installation) -> None:
    told = installation.call("doctor")
    assert told.returncode == 0, told.stdout
    assert "collector: process" in told.stdout
    assert "main: the pipeline is" in told.stdout
    assert "問題はありません" in installation.call("doctor", "--lang", "ja").stdout


def test_metrics_need_an_api_key(installation: Installation) -> None:
    url = f"http://127.0.0.1:{installation.ports['CONSOLE']}/metrics"
    assert httpx.get(url).status_code == 401
    key = installation.call("key", "create", "metrics", "--kind", "api").stdout.strip()
    text = httpx.get(url, headers={"authorization": f"Bearer {key}"}).text
    assert 'tsunagu_process_up{role="pipeline"' in text
    assert 'tsunagu_log_lag_events{workspace="main",consumer="pipeline"} 0' in text
    assert "tsunagu_collect_events_total{" in text


def test_a_killed_role_is_started_again_and_told(installation: Installation) -> None:
    before = installation.pid_of("pipeline")
    assert before is not None
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: "pipeline was killed (SIGKILL)" in installation.log(), "told")
    wait_until(lambda: installation.pid_of("pipeline") not in (None, before), "started again")
    wait_until(lambda: installation.call("doctor").returncode == 0, "all is well again")


def test_collectors_share_a_port_and_one_goes_on_while_the_other_is_started_again(
    installation: Installation,
) -> None:
    before = installation.pids_of("collector")
    assert len(before) == 2
    url = f"http://127.0.0.1:{installation.ports['COLLECT']}/v1/health"
    gone = before.pop()
    os.kill(gone, signal.SIGKILL)
    # connections that the dead one had not yet taken are reset; new ones go to the other
    wait_until(lambda: gone not in installation.pids_of("collector"), "it is dead")
    for _ in range(20):
        assert httpx.get(url).status_code == 200
    wait_until(lambda: len(installation.pids_of("collector")) == 2, "both run again")
    assert before < installation.pids_of("collector")
    wait_until(lambda: installation.call("doctor").returncode == 0, "all is well again")


def test_a_key_is_told_which_web_pages_may_use_it(installation: Installation) -> None:
    call = installation.call
    made = call("key", "create", "shop site", "--source", "web", "--page", "https://Shop.example/")
    assert made.stdout.startswith("tsw_")
    assert "https://shop.example" in call("key", "list").stdout
    wrong = call("key", "pages", "shop site", "--page", "shop.example")
    assert wrong.returncode == 1
    assert "not the origin of a page" in wrong.stderr
    assert "no page" in call("key", "pages", "shop site", "--no-pages").stdout
    assert "all pages" in call("key", "pages", "shop site").stdout
    assert call("key", "pages", "nobody").returncode == 1


def test_a_role_can_run_alone_beside_the_server(installation: Installation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    alone = subprocess.Popen(
        [sys.executable, "-m", "tsunagu", "run", "collector"],
        env=installation.environment | {"TSUNAGU_COLLECT_PORT": port},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert alone.stderr is not None
    assert "Ready" in alone.stderr.readline()
    alone.send_signal(signal.SIGINT)
    assert alone.wait(30) == 0
    assert installation.call("doctor").returncode == 0


def test_a_folder_has_one_server(installation: Installation) -> None:
    told = installation.call("serve")
    assert told.returncode == 1
    assert f"already runs on {installation.home}" in told.stderr


def test_a_port_in_use_is_told_with_what_to_do(
    installation: Installation, open_folder: Path
) -> None:
    told = installation.call("serve", TSUNAGU_HOME=str(open_folder / "other"))
    assert told.returncode == 1
    port = installation.ports["CONSOLE"]
    assert f"Port {port} (console) is already in use by process" in told.stderr
    assert f"TSUNAGU_CONSOLE_PORT={port + 100}" in told.stderr
    assert not (open_folder / "other" / "postgres").exists()


def test_sending_can_be_stopped_and_doctor_says_so(installation: Installation) -> None:
    installation.call("send", "stop")
    told = installation.call("doctor")
    assert "all sending is stopped" in told.stdout
    assert told.returncode == 0
    installation.call("send", "resume")


def test_interrupted_it_ends_everything_in_order(installation: Installation) -> None:
    installation.signal(signal.SIGINT)
    assert installation.wait() == 0
    assert installation.processes() == {}
    assert "by force" not in installation.log()
    told = installation.call("doctor")
    assert "PostgreSQL does not run" in told.stdout
    assert told.returncode == 1


def test_doctor_sees_a_port_that_somebody_else_took(installation: Installation) -> None:
    with socket.create_server(("127.0.0.1", installation.ports["PUBLIC"])):
        told = installation.call("doctor").stdout
    assert f"Port {installation.ports['PUBLIC']}, meant for public, is used by process" in told


def test_a_killed_supervisor_leaves_nothing_behind(installation: Installation) -> None:
    installation.start()
    assert "Shown once" not in installation.log()
    installation.signal(signal.SIGKILL)
    installation.wait()
    wait_until(lambda: not installation.processes(), "all processes have ended")


def test_it_recovers_and_a_second_interrupt_ends_it_at_once(installation: Installation) -> None:
    installation.start()
    assert "u-1" in installation.call("events").stdout
    installation.signal(signal.SIGINT)
    time.sleep(0.1)
    installation.signal(signal.SIGINT)
    assert installation.wait(30) == 0
    assert installation.processes() == {}
