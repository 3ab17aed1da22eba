"""A Jupyter server as people start it: in a folder, with the extensions of this Python, and settings of its own."""

from __future__ import annotations

import json
import os
import queue
import re
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from playwright.sync_api import Page

from autograder.tests import processes

SECONDS = 60
NOTIFICATIONS = "@jupyterlab/apputils-extension/notification.jupyterlab-settings"


class Server:
    """A server that answers at ``url``. Its log is in ``lines``."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        self.token = secrets.token_hex()
        self.lines: list[str] = []
        self._said: queue.Queue[str] = queue.Queue()
        self._process = subprocess.Popen(
            [*command, f"--IdentityProvider.token={self.token}"],
            cwd=folder, env=environment, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert self._process.stdout
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()
        self.url = self._address()

    def at(self, path: str) -> str:
        """The address of a page, with the token."""
        return f"{self.url}/{path}{'&' if '?' in path else '?'}token={self.token}"

    def sign_in(self, page: Page) -> None:
        """Give the window the token once; from then on a cookie does."""
        page.goto(self.at("api/status"))

    def stop(self) -> None:
        """End it and its kernels."""
        family = [self._process.pid, *processes.descendants(self._process.pid)]
        self._process.terminate()
        self._process.wait(SECONDS)
        processes.wait_for_end(family)
        self._reader.join()

    def _read(self, output: IO[str]) -> None:
        with output:
            for line in output:
                self.lines.append(line)
                self._said.put(line)
        self._said.put("")

    def _address(self) -> str:
        while line := self._said.get(timeout=SECONDS):
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                return found[0]
        raise AssertionError(f"the server ended: {''.join(self.lines)}")


@contextmanager
def lab(folder: Path, home: Path, **environment: str) -> Iterator[Server]:
    """JupyterLab in a folder."""
    with _running(["jupyterlab", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"],
                  folder, home, environment) as server:  # fmt: skip
        yield server


@contextmanager
def formgrader(course: Path, home: Path) -> Iterator[Server]:
    """nbgrader's pages in a course's folder, without JupyterLab round them."""
    others = dict.fromkeys(["jupyterlab", "jupyter_lsp", "jupyter_server_terminals", "jupytext", "notebook",
                            "notebook_shim"], False)  # fmt: skip
    with _running(["jupyter_server", f"--ServerApp.jpserver_extensions={others}"], course, home, {}) as server:
        yield server


@contextmanager
def _running(command: list[str], folder: Path, home: Path, environment: dict[str, str]) -> Iterator[Server]:
    # A port of the system's own choice is free unless somebody takes it now: then the server tries the next.
    options = ["--ServerApp.open_browser=False", "--ServerApp.ip=127.0.0.1", "--ServerApp.allow_root=True"]
    server = Server(
        [sys.executable, "-m", *command, *options, f"--ServerApp.port={_free_port()}"],
        folder,
        _at_home(home, environment),
    )
    try:
        yield server
    finally:
        server.stop()


def _at_home(home: Path, more: dict[str, str]) -> dict[str, str]:
    """An environment in which nothing of the user's own settings is read, and no news is asked for."""
    settings = home / "settings"
    path = settings / NOTIFICATIONS
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"checkForUpdates": False, "fetchNews": "false"}))
    own = {name: str(home / name) for name in ("config", "data", "runtime", "workspaces", "ipython")}
    return os.environ | {
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": own["config"],
        "JUPYTER_DATA_DIR": own["data"],
        "JUPYTER_RUNTIME_DIR": own["runtime"],
        "JUPYTERLAB_SETTINGS_DIR": str(settings),
        "JUPYTERLAB_WORKSPACES_DIR": own["workspaces"],
        "IPYTHONDIR": own["ipython"],
        "OMP_NUM_THREADS": "1",
    } | more  # fmt: skip


def _free_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
