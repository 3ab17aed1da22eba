"""A browser's window that is watched: what a page asks for, where it goes, and what it shows without being asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Request, Route, WebSocket

ELSEWHERE = re.compile(r"^(?!https?://127\.0\.0\.1:|file:|data:|blob:|about:)")


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
def window(browser: Browser, width: int = 1280, height: int = 900) -> Iterator[tuple[Page, Seen]]:
    """A new window of this size; at its end, whatever it did, nothing has left this machine and no dialog came up."""
    context = browser.new_context(viewport={"width": width, "height": height}, service_workers="block")
    context.set_default_timeout(30_000)
    seen = Seen()
    seen.attach(context)
    try:
        yield context.new_page(), seen
    finally:
        context.close()
    assert seen.elsewhere == []
    assert seen.dialogs == []
