"""Debian's Chromium under Playwright. `make test-browser` runs these; plain pytest does not collect them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from autograder.tests.browser.watch import Seen, chromium, window


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.slow)  # `make check` leaves them out


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = chromium(playwright)
        yield browser
        browser.close()


@pytest.fixture
def watched(browser: Browser) -> Iterator[tuple[Page, Seen]]:
    """A window at a desktop's size, and what is seen of it."""
    with window(browser) as (page, seen):
        yield page, seen


@pytest.fixture
def page(watched: tuple[Page, Seen]) -> Page:
    return watched[0]
