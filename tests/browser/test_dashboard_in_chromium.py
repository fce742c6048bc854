"""The dashboard in a real browser, from disk: quiet, self-sufficient, and as wide as the screen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from support.worlds import Passage, crowd, rescue_world

from pipelines.dashboard import build_dashboard
from pipelines.reporting import refresh_reports
from sql.warehouses.duckdb import DuckDBSession

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LONG_NAME = "A_customer_whose_name_nobody_ever_broke_into_words_and_never_will_" * 2
SIZES = {"phone": (360, 780), "laptop": (1280, 900)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.fail("no `chromium` on the path: install the system package chromium (apt-get install chromium)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("dashboard")
    passages = [*crowd(220), Passage(LONG_NAME, next(crowd(1)).entered)]
    with DuckDBSession(None, timezone="America/New_York") as session:
        rescue_world(session, passages, description=f"Read {LONG_NAME} on a phone.")
        refresh_reports(session)
        build_dashboard(session, made)
    return made


@pytest.fixture(params=list(SIZES))
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    width, height = SIZES[request.param]
    context = browser.new_context(viewport={"width": width, "height": height})
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["index", "rescue", "fresh", "quiet"])
def test_a_page_is_quiet_and_fits(page: Page, folder: Path, name: str, scheme: Literal["light", "dark"]) -> None:
    page.emulate_media(color_scheme=scheme)
    heard: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    address = (folder / f"{name}.html").as_uri()
    page.goto(address)
    assert heard == []
    assert asked == [address]
    width = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1]


def test_the_flow_is_drawn_where_there_is_room_and_listed_where_there_is_none(page: Page, folder: Path) -> None:
    page.goto((folder / "rescue.html").as_uri())
    wide = page.viewport_size is not None and page.viewport_size["width"] > 640
    assert page.locator("svg.flow").is_visible() is wide
    assert page.locator(".flow-list").first.is_visible() is not wide


def test_the_colours_follow_the_reader(page: Page, folder: Path) -> None:
    page.goto((folder / "index.html").as_uri())
    grounds: list[str] = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(245, 246, 248)", "rgb(13, 18, 24)"]


def test_a_participant_opens_by_keyboard(page: Page, folder: Path) -> None:
    page.goto((folder / "rescue.html").as_uri())
    name = page.locator(".people summary").first
    name.focus()
    page.keyboard.press("Enter")
    assert page.locator(".people li").first.is_visible()


def test_the_first_tab_leads_to_the_content(page: Page, folder: Path) -> None:
    page.goto((folder / "rescue.html").as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator("a.skip").bounding_box()


def test_every_picture_has_a_name_in_the_accessibility_tree(page: Page, folder: Path) -> None:
    page.goto((folder / "rescue.html").as_uri())
    pictures = page.get_by_role("img")
    names = [pictures.nth(i).get_attribute("aria-labelledby") for i in range(pictures.count())]
    assert names and all(names)
    assert page.get_by_role("img", name="Rescue: entries and objectives met by week").count() == 1


def test_a_phone_s_overview_is_still_a_table_to_a_screen_reader(browser: Browser, folder: Path) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 780})
    page = context.new_page()
    page.goto((folder / "index.html").as_uri())
    assert page.get_by_role("row").count() == 4
    assert page.get_by_role("rowheader", name="Rescue").count() == 1
    context.close()


def test_a_print_is_short(browser: Browser, folder: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto((folder / "rescue.html").as_uri())
    pdf = page.pdf(format="A4")
    assert 1 <= pdf.count(b"/Type /Page\n") <= 10
    context.close()
