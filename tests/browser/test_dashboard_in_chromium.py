"""The dashboard in a real browser, from disk: quiet, self-sufficient, and as wide as the screen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from support.worlds import TODAY, Passage, crowd, rescue_world

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
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = ("index", "rescue", "rescue.met", "fresh", "quiet", "queues", "metric_dictionary")
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
    entered = TODAY - timedelta(days=60)
    held = [Passage(f"held {n}", entered, entered + timedelta(days=10), arm="holdout") for n in range(50)]
    passages = [*crowd(220), *held, Passage(LONG_NAME, next(crowd(1)).entered)]
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


@pytest.mark.parametrize(("size", "scheme"), [("phone", "light"), ("laptop", "light"), ("laptop", "dark")])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_quiet_fits_and_has_no_fault(
    browser: Browser, folder: Path, name: str, size: str, scheme: Literal["light", "dark"]
) -> None:
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    heard: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    address = (folder / f"{name}.html").as_uri()
    page.goto(address)
    assert heard == []
    assert asked == [address]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("document.querySelectorAll('details').forEach((one, i) => { one.open = i < 12 })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "opened details widen the page"
    found = Axe().run(page, options={"runOnly": RULES})
    assert found.violations_count == 0, found.generate_report()
    context.close()


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


def test_what_was_done_with_many_opens_in_its_place(page: Page, folder: Path) -> None:
    page.goto((folder / "rescue.html").as_uri())
    story = page.locator(".people-card details", has=page.locator("a")).first
    story.locator("summary").click()
    link = story.locator("a").first
    link.scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    link.click()
    note = page.locator(".paths :target")
    place = note.bounding_box()
    assert place and page.viewport_size and place["y"] + place["height"] == page.viewport_size["height"]
    assert "planned the task" in note.inner_text()
    note.get_by_role("link", name="Close").click()
    assert page.locator(".paths li:target").count() == 0
    assert page.evaluate("scrollY") == before


def test_the_first_tab_leads_to_the_content(page: Page, folder: Path) -> None:
    page.goto((folder / "rescue.html").as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator("a.skip").bounding_box()


def test_every_picture_has_a_name_in_the_accessibility_tree(page: Page, folder: Path) -> None:
    page.goto((folder / "rescue.html").as_uri())
    pictures = page.get_by_role("img")
    names = [pictures.nth(i).get_attribute("aria-labelledby") for i in range(pictures.count())]
    assert len(names) >= 4 and all(names)
    assert page.locator("svg:not([aria-labelledby]):not([aria-hidden=true])").count() == 0
    assert page.get_by_role("img", name="Rescue: entries and objectives met by day").count() == 1


def test_a_phone_s_overview_is_still_a_table_to_a_screen_reader(browser: Browser, folder: Path) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 780})
    page = context.new_page()
    page.goto((folder / "index.html").as_uri())
    assert page.get_by_role("row").count() == 4
    assert page.get_by_role("rowheader", name="Rescue").count() == 1
    context.close()


def test_the_filter_finds_names_and_states(page: Page, folder: Path) -> None:
    page.goto((folder / "rescue.html").as_uri())
    people = page.locator(".people tbody tr")
    shown = page.locator(".people tbody tr:visible")
    page.locator(".filter select").select_option("inside")
    inside = shown.count()
    assert 0 < inside < people.count()
    assert page.locator(".filter output").inner_text() == f"{inside} of {people.count()} shown"
    page.locator(".filter select").select_option("")
    page.locator(".filter input").fill("CROWD 5")
    assert 0 < shown.count() < 15
    assert all("crowd 5" in name for name in page.locator(".people tbody tr:visible summary").all_inner_texts())


def test_without_script_all_is_there_but_the_filter(browser: Browser, folder: Path) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto((folder / "rescue.html").as_uri())
    assert not page.locator(".filter").is_visible()
    assert page.locator("svg.chart").first.is_visible() and page.locator("svg.flow").is_visible()
    name = page.locator(".people summary").first
    name.click()
    assert page.locator(".people li").first.is_visible()
    context.close()


def test_on_paper_one_section_stands_under_the_other(browser: Browser, folder: Path) -> None:
    context = browser.new_context(viewport={"width": 718, "height": 1000})
    page = context.new_page()
    page.emulate_media(media="print")
    page.goto((folder / "rescue.html").as_uri())
    places = [box for one in page.locator("main section").all() if (box := one.bounding_box())]
    assert len(places) > 8
    assert all(one["y"] + one["height"] <= other["y"] for one, other in pairwise(places))
    assert not page.locator(".filter").is_visible()
    context.close()


def test_a_print_is_short(browser: Browser, folder: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto((folder / "rescue.html").as_uri())
    pdf = page.pdf(format="A4")
    assert 1 <= pdf.count(b"/Type /Page\n") <= 10
    context.close()
