"""A browser's window that is watched: what a page asks for, where it goes, and what it shows without being asked."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Playwright, Request, Route, WebSocket

NAMES = ("chromium", "chromium-browser", "google-chrome")
ELSEWHERE = re.compile(r"^(?!https?://127\.0\.0\.1:|file:|data:|blob:|about:)")


def chromium(playwright: Playwright) -> Browser:
    """The system's Chromium, started; AssertionError says how to install one."""
    executable = next(filter(None, map(shutil.which, NAMES)), None)
    assert executable, f"no browser ({', '.join(NAMES)}) is on the path: sudo apt-get install -y chromium"
    # Chromium refuses to confine its own processes for root.
    return playwright.chromium.launch(executable_path=executable, chromium_sandbox=os.geteuid() != 0)


@dataclass
class Seen:
    """Requests to other machines (each was stopped), dialogs, and errors of scripts."""

    elsewhere: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)

    def attach(self, context: BrowserContext) -> None:
        context.route(ELSEWHERE, self._stop)
        context.on("request", self._note)
        context.on("page", self._watch)

    def _stop(self, route: Route) -> None:
        route.abort()

    def _note(self, request: Request) -> None:
        self.requests.append(request.url)
        if ELSEWHERE.match(request.url):
            self.elsewhere.append(request.url)

    def _watch(self, page: Page) -> None:
        self.pages.append(page)
        page.on("dialog", self._dismiss)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("websocket", self._socket)

    def _dismiss(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _socket(self, socket: WebSocket) -> None:
        if not socket.url.startswith("ws://127.0.0.1:"):
            self.elsewhere.append(socket.url)


@contextmanager
def window(browser: Browser, width: int = 1280, height: int = 900, script: bool = True) -> Iterator[tuple[Page, Seen]]:
    """A new window of this size; at its end, whatever it did, nothing has left this machine, no dialog
    came up and no script failed."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, service_workers="block", java_script_enabled=script
    )
    context.set_default_timeout(30_000)
    seen = Seen()
    seen.attach(context)
    try:
        yield context.new_page(), seen
    finally:
        context.close()
    assert seen.elsewhere == []
    assert seen.dialogs == []
    assert seen.errors == []
