"""Ports of this machine: are they free, and if not, who has them and what to do."""

from __future__ import annotations

import socket
from collections.abc import Mapping

import psutil

from tsunagu.core import Invalid
from tsunagu.runtime.settings import PREFIX


def is_free(host: str, port: int, *, shared: bool = False) -> bool:
    """Could we listen here? Port 0 stands for any free one.

    With `shared`, beside others of this account who share the port as well.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            probe.bind((host, port))
        except PermissionError as error:
            raise Invalid(
                f"This account may not listen on port {port}. Choose a port above 1023."
            ) from error
        except socket.gaierror as error:
            raise Invalid(f"{host!r} is not an address of this machine: {error}.") from error
        except OSError:
            return False
        return True


def holder(port: int) -> psutil.Process | None:
    """The process that listens on a port, where this account may see it."""
    try:
        found = [
            connection.pid
            for connection in psutil.net_connections("tcp")
            if connection.laddr and connection.laddr.port == port
            if connection.status == psutil.CONN_LISTEN and connection.pid
        ]
        return psutil.Process(found[0]) if found else None
    except psutil.Error:
        return None


def require_free(host: str, ports: Mapping[str, int], *, shared: bool = False) -> None:
    """Checks the ports, given by the names of their settings (`console_port`).

    With `shared`, another process of this role may listen there already.

    Raises:
        Invalid: some are in use; the message says by whom and what to do.
    """
    lines = [
        _in_use(name, port)
        for name, port in ports.items()
        if not is_free(host, port, shared=shared)
    ]
    if lines:
        raise Invalid("\n".join(lines))


def _in_use(name: str, port: int) -> str:
    process = holder(port)
    who = f" by process {process.pid} ({process.name()})" if process else ""
    return (
        f"Port {port} ({name.removesuffix('_port')}) is already in use{who}. "
        f"End that program, or choose another port: {PREFIX}{name.upper()}={port + 100}"
    )
