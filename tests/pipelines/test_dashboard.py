"""The dashboard as files: what it says, that it is the same twice, and that nobody's name can break it."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import date
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from support.worlds import RESCUED, TODAY, Passage, crowd, rescue_world, workflow_row

from pipelines.dashboard import build_dashboard
from pipelines.dashboard.facts import FlowEdge, FlowStep
from pipelines.dashboard.flow_layout import BOX_WIDTH, blocks, lay_out
from pipelines.reporting import refresh_reports
from sql.warehouses.duckdb import DuckDBSession

HOSTILE = "<script>alert(1)</script>\"'&"
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """Elements of a page in order, with the text that stands in each kind."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]

    def said(self) -> str:
        """Everything that stands on the page, the style left out."""
        return " ".join(" ".join(text) for tag, text in self.texts.items() if tag != "style")


def build(session: DuckDBSession, folder: Path) -> dict[str, Page]:
    refresh_reports(session)
    return {path.name: Page(path) for path in build_dashboard(session, folder)}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Page]:
    with DuckDBSession(None, timezone="America/New_York") as session:
        rescue_world(session)
        return build(session, tmp_path_factory.mktemp("pages"))


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Page]:
    with DuckDBSession(None, timezone="America/New_York") as session:
        held = [
            Passage(
                f"held {n}",
                date(2024, 4, 1),
                date(2024, 4, 11),
                arm="holdout",
                met=date(2024, 4, 20) if n < 5 else None,
            )
            for n in range(25)
        ]
        rescue_world(session, [*crowd(400), *held])
        return build(session, tmp_path_factory.mktemp("crowded"))


def row_of(page: Page, name: str) -> str:
    """The overview's row of a workflow as text."""
    found = re.search(rf'<tr role=row data-s="[^"]*"><th[^>]*><a[^>]*>{name}</a>[^\n]*', page.source, re.DOTALL)
    assert found, f"no row for {name}"
    return " ".join(re.sub(r"<svg.*?</svg>|<[^>]+>", " ", found[0]).split())


def test_there_is_an_overview_and_a_page_for_each_workflow(pages: dict[str, Page]) -> None:
    workflows = ["fresh.html", "quiet.html", "rescue.html"]
    assert list(pages) == ["index.html", *workflows, "queues.html", "metric_dictionary.html"]


def test_without_a_report_there_are_no_pages(session: DuckDBSession, tmp_path: Path) -> None:
    session.migrate()
    assert build_dashboard(session, tmp_path / "dashboard") == []


def test_two_builds_are_the_same_bytes(session: DuckDBSession, tmp_path: Path) -> None:
    rescue_world(session)
    first = build(session, tmp_path / "one")
    second = build(session, tmp_path / "two")
    assert {n: p.source for n, p in first.items()} == {n: p.source for n, p in second.items()}


def test_the_page_of_a_workflow_that_is_gone_goes_too(session: DuckDBSession, tmp_path: Path) -> None:
    rescue_world(session)
    build(session, tmp_path)
    (tmp_path / "notes.html").write_text("<p>mine")
    session.execute("DELETE FROM live.workflows WHERE workflow = 'fresh'")
    build(session, tmp_path)
    shared = ["index.html", "metric_dictionary.html", "notes.html", "queues.html"]
    own = ["quiet.csv", "quiet.html", "rescue.csv", "rescue.html"]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*shared, *own])


def test_few_matured_runs_are_counts_and_no_share(pages: dict[str, Page]) -> None:
    page = pages["rescue.html"].said()
    assert "too few to say" in page
    assert "2 of 4 who entered at least 40 days ago" in page
    assert "95% interval 15 to 85%" in page
    assert "50%" not in row_of(pages["index.html"], "Rescue")


def test_enough_matured_runs_have_a_share(crowded: dict[str, Page]) -> None:
    # of the 400 that were acted upon, 311 entered 40 days ago or more; one in five met it
    assert "62 of 311 who entered at least 40 days ago" in crowded["rescue.html"].said()
    assert row_of(crowded["index.html"], "Rescue").startswith("Rescue Usage is back enabled 425 90 20% 16 to 25%")


def test_nobody_matured_is_too_early(pages: dict[str, Page]) -> None:
    assert row_of(pages["index.html"], "Fresh").startswith("Fresh enabled 1 1 too early – – none")
    assert "The first of them will count on 7 Aug 2024." in pages["fresh.html"].said()


def test_a_draft_says_that_nobody_is_in_it(pages: dict[str, Page]) -> None:
    assert row_of(pages["index.html"], "Quiet").startswith("Quiet draft 0 0 no objective")
    assert "nobody yet" in pages["quiet.html"].said()


def test_a_small_hold_out_is_counts_and_words(pages: dict[str, Page]) -> None:
    page = pages["rescue.html"].said()
    assert "2 of 4 treated and 1 of 2 held out met it within 40 days" in page
    assert "A comparison needs 20 settled customers in each arm." in page
    assert "+0.0 points" not in page


def test_arms_of_another_size_than_drawn_are_not_comparable(crowded: dict[str, Page]) -> None:
    page = crowded["rescue.html"].said()
    assert "62 of 311 treated and 5 of 25 held out met it within 40 days" in page
    assert "not comparable" in page
    assert "25 of 425 were held out" in page
    assert not any(word in page for word in ("better than hold-out", "worse than hold-out"))


def test_the_typical_time_counts_those_who_have_not_met_it(pages: dict[str, Page]) -> None:
    page = pages["rescue.html"].said()
    assert "Typical time to objective" in page
    assert "half met it by day" in page or "not reached" in page
    assert "shorter since it leaves out the others" in page


def test_a_participant_shows_why_it_came_and_why_it_left(pages: dict[str, Page]) -> None:
    page = pages["rescue.html"].said()
    assert "entered: the entry condition came true · sent the email “Hello [there]”" in page
    assert "left at “pause”: the exit condition holds" in page
    assert "too late, after 49 days" in page
    assert "no arm of “reply” applied" in page


def test_conditions_stand_there_as_written(pages: dict[str, Page]) -> None:
    page = pages["rescue.html"]
    assert "Enters when" in page.said()
    assert "health in (&#39;poor&#39;, &#39;at_risk&#39;)" in page.source
    assert "<b>none of</b>" in page.source


def test_counts_of_older_objectives_are_named(pages: dict[str, Page]) -> None:
    assert (
        "Counts are of the 8 runs that entered under the current objective, of 9 in all." in pages["rescue.html"].said()
    )


def test_records_are_called_by_their_label(session: DuckDBSession, tmp_path: Path) -> None:
    rescue_world(session)
    files = {
        "project.yaml": "name: by_hand\nsources: {crm: {kind: files, path: data}}\n",
        "catalog/account.yaml": "object: account\ntable: crm.accounts\nkey: id\nlabel: name\nfields: {id: text, name: text}\n",
    }
    session.execute("DELETE FROM live.projects")
    session.append("live.projects", [project_row(files)])
    session.execute("CREATE TABLE crm.account AS SELECT 'a2' AS id, 'Acme & Sons' AS name")
    page = build(session, tmp_path)["rescue.html"]
    assert "<summary>Acme &amp; Sons</summary>" in page.source
    assert "<summary>a3</summary>" in page.source  # gone from the warehouse: the key stands in


def project_row(files: dict[str, str]) -> dict[str, object]:
    return {
        "project_id": 1,
        "fingerprint": "p",
        "name": "by_hand",
        "timezone": "America/New_York",
        "seed": "s",
        "files": files,
        "applied_at": TODAY,
        "applied_by": "tests",
    }


@pytest.fixture(scope="module")
def hostile_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def hostile(hostile_folder: Path) -> dict[str, Page]:
    definition = {"entry": {"when": [f"x = '{HOSTILE}'"]}, "objective": {"when": HOSTILE}}
    names = {"description": HOSTILE, "owner": HOSTILE, "objective_name": HOSTILE, "definition": definition}
    with DuckDBSession(None, timezone="America/New_York") as session:
        rescue_world(session, [*RESCUED, Passage(HOSTILE, date(2024, 5, 1), date(2024, 5, 4), HOSTILE)], **names)
        session.execute("UPDATE live.steps SET label = $h WHERE step_id = 'hello'", {"h": f"email: {HOSTILE}"})
        session.execute("UPDATE live.hop_path SET arm = $h WHERE arm = 'Yes'", {"h": HOSTILE})
        session.execute(
            "UPDATE live.steps SET arms = $h WHERE step_id = 'reply'", {"h": '["<script>alert(1)</script>"]'}
        )
        session.append(
            "live.workflows",
            [workflow_row(HOSTILE), workflow_row("../up"), workflow_row("index"), workflow_row("queues")],
        )
        return build(session, hostile_folder / "inside")


def test_hostile_names_come_out_as_text(hostile: dict[str, Page]) -> None:
    for page in hostile.values():
        ours = 1 if "data-s=" in page.source else 0
        assert page.source.lower().count("<script") == ours == len(page.all("script"))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in hostile["rescue.html"].source


def test_hostile_workflow_names_stay_in_the_folder(hostile: dict[str, Page], hostile_folder: Path) -> None:
    assert [p.name for p in hostile_folder.iterdir()] == ["inside"]
    assert sorted(p.name for p in (hostile_folder / "inside").glob("*.html")) == sorted(hostile)
    assert {"index-workflow.html", "queues-workflow.html"} <= set(hostile)


def test_the_overview_links_only_to_pages_that_are_there(hostile: dict[str, Page]) -> None:
    for name, page in hostile.items():
        links = {a["href"] for a in page.all("a")}
        for file, _, place in (link.partition("#") for link in links):
            assert file == "" or file in hostile or (name == "rescue.html" or file.endswith(".csv"))
            assert not place or place in hostile[file or name].ids
    assert set(hostile) <= {a["href"] for a in hostile["index.html"].all("a")}


def test_nothing_is_loaded_from_elsewhere(hostile: dict[str, Page]) -> None:
    for page in hostile.values():
        for _, attributes in page.elements:
            for name in ("src", "href", "action", "data", "poster", "srcset"):
                assert not attributes.get(name, "").startswith(("http", "//", "javascript:", "data:"))
        assert "url(" not in page.source and "@import" not in page.source


def test_the_policy_allows_the_page_s_own_style_and_nothing_else(pages: dict[str, Page]) -> None:
    for page in pages.values():
        policy = next(m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
        for tag in ("style", "script"):
            for inside in re.findall(rf"<{tag}>(.*?)</{tag}>", page.source, re.DOTALL):
                digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
                assert f"{tag}-src 'sha256-{digest}';" in policy
        assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy
        assert not any("style" in attributes or "onclick" in attributes for _, attributes in page.elements)


def test_every_picture_has_a_name_or_is_hidden(hostile: dict[str, Page]) -> None:
    for page in hostile.values():
        for (tag, svg), (inside, _) in pairwise(page.elements):
            if tag != "svg" or svg.get("aria-hidden") == "true":
                continue
            assert svg["role"] == "img"
            if "aria-labelledby" not in svg:  # a small one in a table is named by what it begins with
                assert inside == "title"
                continue
            title, description = svg["aria-labelledby"].split()
            assert {title, description} <= set(page.ids)
    assert all(text.strip() for text in hostile["rescue.html"].texts["title"])


def test_ids_are_unique_and_links_within_a_page_lead_somewhere(hostile: dict[str, Page]) -> None:
    for page in hostile.values():
        assert len(page.ids) == len(set(page.ids))
        assert {a["href"][1:] for a in page.all("a") if a["href"].startswith("#")} <= set(page.ids)


def test_a_page_has_one_heading_a_language_and_tables_with_captions(pages: dict[str, Page]) -> None:
    for page in pages.values():
        assert len(page.all("h1")) == 1
        assert page.all("html") == [{"lang": "en"}]
        assert len(page.all("caption")) == len(page.all("table"))
        assert all(th.get("scope") in ("row", "col") for th in page.all("th"))
        assert page.all("a")[0]["class"] == "skip"


def test_scrolling_regions_have_a_name_and_take_the_keyboard(pages: dict[str, Page]) -> None:
    for page in pages.values():
        for _, attributes in page.elements:
            if "scroll" in attributes.get("class", "").split():
                assert attributes["tabindex"] == "0" and attributes["role"] == "region" and attributes["aria-label"]


def test_numbers_under_the_chart_are_those_of_the_days(pages: dict[str, Page]) -> None:
    trend = pages["rescue.html"].source.partition('id="trend"')[2].partition("</section>")[0]
    rows = dict(re.findall(r"<tr><th scope=row>([^<]+)(.*)", trend))
    days = {day: re.findall(r"<td[^>]*>([^<]+)", cells) for day, cells in rows.items()}
    assert days["20 Jun 2024"] == ["1", "0"]  # the one that met it then had come too long ago to count
    assert days["4 Jun 2024"] == ["0", "1"]


def test_each_chart_has_its_sentence_and_its_numbers(crowded: dict[str, Page]) -> None:
    for section in re.findall(r"<section .*?</section>", crowded["rescue.html"].source, re.DOTALL):
        if '<svg class="chart"' in section or '<svg class="flow"' in section:
            assert re.search(r'class="finding">[^<]{20,}', section)
            assert "<table class=figures>" in section


def test_a_page_of_many_participants_stays_light(crowded: dict[str, Page]) -> None:
    page = crowded["rescue.html"]
    assert len(page.source.encode()) <= 150_000
    assert page.source.count("<summary>crowd ") == 200
    assert "The newest 200 of 425" in page.said()


def test_what_was_done_with_many_is_said_once(crowded: dict[str, Page]) -> None:
    page = crowded["rescue.html"]
    assert page.source.count("planned the task “Book …”") == 1
    assert page.source.count("<a href=#p1>Yes (2 planned)</a>") > 20


def test_warnings_are_said_in_words(session: DuckDBSession, tmp_path: Path) -> None:
    rescue_world(session, [Passage("e1", date(2024, 6, 2))])
    session.execute("UPDATE state.open_participants SET status = 'error' WHERE record = 'e1'")
    row = row_of(build(session, tmp_path)["index.html"], "Rescue")
    assert "1 participant in error" in row and "1 rests seven days longer than the step allows" in row


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_keep_their_contrast(pages: dict[str, Page], scheme: int) -> None:
    palette = dict(re.findall(r"--(\w+):(#[0-9a-f]{6})", pages["index.html"].source.split(":root{")[1 + scheme]))
    for ground in ("card", "page"):
        for name in ("ink", "muted", "series", "second", "good", "warn", "bad"):
            assert contrast(palette[name], palette[ground]) >= 4.5, f"{name} on {ground}"
    assert contrast(palette["bars"], palette["card"]) >= 3


def step(
    step_id: str, position: int, kind: str = "action", parent: str | None = None, arm: str | None = None
) -> FlowStep:
    arms = ("a", "b") if kind == "branch" else ()
    counts = (0, 0, 0, 0, 0, 0, 0, 0)
    return FlowStep(
        step_id, position, kind, "task", f"task: {step_id}", parent, arm, arms, *counts, None, None, None, None
    )


NESTED = (
    step("one", 1),
    step("outer", 2, "branch"),
    step("x1", 3, parent="outer", arm="a"),
    step("inner", 4, "branch", parent="outer", arm="a"),
    step("y1", 5, parent="inner", arm="a"),
    step("gone", 6, "exit", parent="inner", arm="b"),
    step("x2", 7, parent="outer", arm="b"),
    step("last", 8),
)


def test_boxes_of_a_flow_never_overlap() -> None:
    drawing = lay_out(blocks(NESTED), [])
    for one in drawing.boxes:
        assert BOX_WIDTH / 2 <= one.x <= drawing.width - BOX_WIDTH / 2
        assert one.y + one.height <= drawing.height
        for other in drawing.boxes:
            apart = (
                abs(one.x - other.x) >= BOX_WIDTH or one.y + one.height <= other.y or other.y + other.height <= one.y
            )
            assert one is other or apart, f"{one.step.step_id} lies on {other.step.step_id}"


def test_lines_of_a_flow_pass_no_box() -> None:
    drawing = lay_out(blocks(NESTED), [])
    straight = [
        (x1, y1, y2)
        for link in drawing.links
        for (x1, y1), (x2, y2) in zip(link.points, link.points[1:], strict=False)
        if x1 == x2
    ]
    for x, y1, y2 in straight:
        for box in drawing.boxes:
            beside = abs(box.x - x) >= BOX_WIDTH / 2
            assert beside or y2 <= box.y or y1 >= box.y + box.height


def test_every_way_of_a_flow_is_drawn_with_its_count() -> None:
    taken = [
        ("(entry)", None, "one"),
        ("one", None, "outer"),
        ("outer", "a", "x1"),
        ("outer", "b", "x2"),
        ("outer", "else", "last"),
        ("x1", None, "inner"),
        ("inner", "a", "y1"),
        ("inner", "b", "gone"),
        ("inner", "else", "last"),
        ("y1", None, "last"),
        ("x2", None, "last"),
        ("last", None, "(end)"),
    ]
    edges = [FlowEdge(*way, run_count=n) for n, way in enumerate(taken, start=1)]
    drawing = lay_out(blocks(NESTED), edges)
    assert sorted(link.run_count for link in drawing.links) == list(range(1, len(taken) + 1))


def test_a_flow_that_everybody_leaves_has_no_end() -> None:
    drawing = lay_out(blocks([step("gone", 1, "exit")]), [])
    assert drawing.end is None
    assert len(drawing.links) == 1
