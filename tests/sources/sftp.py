"""An SFTP server on this machine, by paramiko, over one folder."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from threading import Thread
from typing import Any, Self

import paramiko


class _Door(paramiko.ServerInterface):
    def __init__(self, user: str, password: str) -> None:
        self._known = (user, password)

    def check_auth_password(self, username: str, password: str) -> int:
        known = (username, password) == self._known
        return paramiko.AUTH_SUCCESSFUL if known else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def get_allowed_auths(self, username: str) -> str:
        return "password"


class _Files(paramiko.SFTPServerInterface):
    folder = Path()

    def _real(self, path: str) -> Path:
        return self.folder / self.canonicalize(path).lstrip("/")

    def list_folder(self, path: str) -> Any:
        return [
            paramiko.SFTPAttributes.from_stat(file.stat(), file.name)
            for file in self._real(path).iterdir()
        ]

    def stat(self, path: str) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat(self._real(path).stat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    lstat = stat

    def open(self, path: str, flags: int, attr: Any) -> Any:
        handle = paramiko.SFTPHandle(flags)
        handle.readfile = self._real(path).open("rb")
        return handle

    def mkdir(self, path: str, attr: Any) -> int:
        self._real(path).mkdir()
        return paramiko.SFTP_OK

    def rename(self, oldpath: str, newpath: str) -> int:
        os.rename(self._real(oldpath), self._real(newpath))
        return paramiko.SFTP_OK

    posix_rename = rename


class SftpServer:
    """Listens on a free port while it is entered."""

    def __init__(self, folder: Path, *, user: str, password: str) -> None:
        self.folder = folder
        folder.mkdir()
        self._door = _Door(user, password)
        self._key = paramiko.ECDSAKey.generate()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._transports: list[paramiko.Transport] = []

    @property
    def host_key(self) -> str:
        """The key as `options.host_key` names it."""
        return f"{self._key.get_name()} {self._key.get_base64()}"

    def __enter__(self) -> Self:
        Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        for transport in self._transports:
            transport.close()

    def _serve(self) -> None:
        files = type("Files", (_Files,), {"folder": self.folder})
        while True:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            transport = paramiko.Transport(line)
            transport.add_server_key(self._key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, files)
            self._transports.append(transport)
            try:
                transport.start_server(server=self._door)
            except (paramiko.SSHException, EOFError):
                transport.close()
