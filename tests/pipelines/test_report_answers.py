"""What a leader asks of a page, answered by its text alone; verdicts in words; a mail without names; a list without formulas."""

from __future__ import annotations

import csv
import email
import email.policy
import re
import shutil
from datetime import date, timedelta
from html import unescape
from pathlib import Path

import pytest
from support.worlds import RESCUED, Passage, rescue_world, workflow_row

from pipelines.dashboard import build_dashboard, write_mail
from pipelines.dashboard.changes import version_changes
from pipelines.dashboard.facts import Version
from pipelines.reporting import refresh_reports
from pipelines.workspace import Workspace
from sql.warehouses.duckdb import DuckDBSession

HOSTILE = ("<script>alert(1)</script>", "=1+1", "@SUM(1)", "\u202ereversed", "\u200f=2+2")


def text_of(path: Path) -> str:
    """What a reader sees of a page, in one line."""
    source = re.sub(r"<(style|script)>.*?</\1>", " ", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"</?(b|code|bdi|a)\b[^>]*>", "", source)).split()).replace("> ", ">")


def plain(path: Path) -> str:
    """The same without its elements."""
    return " ".join(re.sub(r"<[^>]+>", " ", text_of(path)).split())


@pytest.fixture(scope="module")
def demo_pages(demo_warehouse: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo_pages")
    copy = shutil.copy(demo_warehouse.warehouse, folder / "copy.duckdb")
    with DuckDBSession(Path(copy), timezone="America/New_York") as session:
        refresh_reports(session)
        build_dashboard(session, folder / "pages")
        write_mail(session, folder / "report.eml")
    return folder


QUESTIONS = {
    "does it work": r"Met the objective 41% 93 of 229 who entered at least 51 days ago",
    "since when": r"first entry 1 Jan 2024",
    "for whom": r"for each account .*Enters when all of segment\('paying'\) days_since\(signup_date\) >= 30",
    "compared with what": r"93 of 229 treated and 10 of 153 held out met it within 51 days",
    "how sure": r"\+34 points better than hold-out .*always-valid 95% interval \+22\.0 to \+45\.2",
    "how long": r"Typical time to objective not reached .*Half have not met it\. 39% had by day 30",
    "where do they stop": r"reached the end\. Most who leave early do so at “Answer”: \d+ of \d+ who came there",
    "why did X enter": r"Why they came in All of this held .* paid_contracts >= 1 .*features_8w between 1 and 4 not exists\(trainings\) .*Company_70 \d+ \w+: entered with paid_contracts \d+, signup_date \d+ \w+, features_8w \d · sent the webhook “invite”",
    "why did X leave": r"left at “answer”: the objective is met",
    "what changed": r"What changed Version 1 applied \d+ \w+ 20\d\d The first version",
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_page_answers_the_questions_of_its_readers(demo_pages: Path, question: str) -> None:
    page = plain(demo_pages / "pages" / "training_invitation.html")
    assert re.search(QUESTIONS[question], page), question


def test_the_demo_shows_an_effect_none_and_one_too_young_to_judge(demo_pages: Path) -> None:
    rows = re.findall(r"<tr role=row data-s.*?(?=<tr role=row|</tbody>)", text_of(demo_pages / "pages" / "index.html"))
    said = [" ".join(re.sub(r"<svg.*?</svg>|<[^>]+>", " ", row).split()) for row in rows]
    verdicts = {row.split(" enabled ")[0]: row for row in said}
    assert "41% 34 to 47% better" in verdicts["Training invitation Training booked"]
    assert "not clear" in verdicts["Adoption drop Usage is back"]
    assert "too early – – too early" in verdicts["Year end review New contract after the review"]


def test_the_demo_s_pages_are_light_and_hold_everybody(demo_pages: Path) -> None:
    pages = demo_pages / "pages"
    assert all(path.stat().st_size <= 150_000 for path in pages.glob("*.html"))
    for path in pages.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            entered = len(list(csv.DictReader(file)))
        assert path.with_suffix(".html").read_text(encoding="utf-8").count("<tr data-s=") == min(200, entered)
    sheets = [path.read_text(encoding="utf-8") for path in pages.glob("training_invitation.*.html")]
    listed = sum(sheet.count("<tr data-s=") for sheet in sheets)
    with (pages / "training_invitation.csv").open(encoding="utf-8", newline="") as file:
        assert listed == len(list(csv.DictReader(file))) == 421


def test_nobody_is_no_owner_and_a_possible_action_is_no_promise(demo_pages: Path) -> None:
    page = plain(demo_pages / "pages" / "queues.html")
    assert "161 actions, 65 of them only possible, for 7 owners (20 for nobody named); most on 30 Dec 2024: 58." in page


def test_a_path_of_few_has_neither_share_nor_interval(demo_pages: Path) -> None:
    page = plain(demo_pages / "pages" / "onboarding.html")
    assert "First use: In use 27 15 too few – First use: otherwise" in page
    assert "“passed at once” at “Contract” met it most often: 52% of 27." in page


def test_the_mail_says_the_headlines_and_names_nobody(demo_pages: Path) -> None:
    mail = email.message_from_bytes((demo_pages / "report.eml").read_bytes(), policy=email.policy.default)
    text, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert text and html
    for body in (text.get_content(), html.get_content()):
        assert "Training invitation" in body and "41%" in body and "better" in body and "too early" in body
        assert "Company_" not in body
    assert not re.search(r"<(svg|img|style|script|link)\b", html.get_content())
    assert not re.search(r"(src|href)=", html.get_content())


def test_two_mails_of_a_report_are_the_same_bytes(session: DuckDBSession, tmp_path: Path) -> None:
    rescue_world(session)
    refresh_reports(session)
    assert write_mail(session, tmp_path / "one.eml") and write_mail(session, tmp_path / "two.eml")
    assert (tmp_path / "one.eml").read_bytes() == (tmp_path / "two.eml").read_bytes()


def test_without_a_report_there_is_no_mail(session: DuckDBSession, tmp_path: Path) -> None:
    session.migrate()
    assert not write_mail(session, tmp_path / "none.eml")
    assert list(tmp_path.iterdir()) == []


def compared(session: DuckDBSession, folder: Path, met_treated: int, met_held: int) -> str:
    """The page of `rescue` with 60 customers in each arm, of whom so many met the objective."""
    arms = [("treatment", met_treated), ("holdout", met_held)]
    entered = date(2024, 4, 1)
    runs = [
        Passage(
            f"{arm} {n}", entered, entered + timedelta(days=10), arm=arm, met=date(2024, 4, 20) if n < met else None
        )
        for arm, met in arms
        for n in range(60)
    ]
    rescue_world(session, runs, holdout_share=0.5)
    refresh_reports(session)
    build_dashboard(session, folder)
    return plain(folder / "rescue.html")


@pytest.mark.parametrize(
    ("met_treated", "met_held", "said"),
    [
        (50, 10, "+67 points better than hold-out"),
        (10, 50, "−67 points worse than hold-out"),
        (30, 28, "Compared with hold-out not clear yet"),
    ],
)
def test_a_verdict_is_a_word_before_it_is_a_number(
    session: DuckDBSession, tmp_path: Path, met_treated: int, met_held: int, said: str
) -> None:
    page = compared(session, tmp_path, met_treated, met_held)
    assert said in page
    assert f"{met_treated} of 60 treated and {met_held} of 60 held out met it within 40 days" in page
    assert "safe to read at every report" in page


def test_a_few_in_an_arm_have_no_interval_anywhere(session: DuckDBSession, tmp_path: Path) -> None:
    rescue_world(session)
    refresh_reports(session)
    build_dashboard(session, tmp_path)
    page = (tmp_path / "rescue.html").read_text(encoding="utf-8")
    assert 'id="uplift-chart-title"' not in page
    assert "too few to say" in plain(tmp_path / "rescue.html")


def test_hostile_names_are_harmless_on_pages_and_in_lists(session: DuckDBSession, tmp_path: Path) -> None:
    named = [Passage(name, date(2024, 5, 1), date(2024, 5, 4), "exit_condition") for name in HOSTILE]
    rescue_world(session, [*RESCUED, *named])
    refresh_reports(session)
    build_dashboard(session, tmp_path)
    page = (tmp_path / "rescue.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page and "\u202e" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    with (tmp_path / "rescue.csv").open(encoding="utf-8", newline="") as file:
        names = {row["customer_name"] for row in csv.DictReader(file)}
    assert {"'=1+1", "'@SUM(1)", "'\u200f=2+2"} <= names
    assert not any(re.match("[\\s\u200e\u200f\u202a-\u202e]*[=+@-]", name) for name in names)


def test_what_a_version_changed_stands_line_by_line(session: DuckDBSession, tmp_path: Path) -> None:
    rescue_world(session)
    old = {"entry": {"when": "health = 'poor'"}, "steps": [{"id": "hello", "task": {"title": "Hi"}}]}
    new = {
        "entry": {"when": "health = 'bad'"},
        "steps": [{"id": "hello", "task": {"title": "Hi"}}, {"id": "later", "wait": "7 days"}],
    }
    session.execute("DELETE FROM live.workflows WHERE workflow = 'rescue'")
    versions = [workflow_row("rescue", 1, is_current=False, objective_version="a", definition=old)]
    versions += [workflow_row("rescue", 2, is_current=False, objective_version="a", definition=old)]
    versions += [workflow_row("rescue", 3, objective_version="b", definition=new)]
    session.append("live.workflows", versions)
    refresh_reports(session)
    build_dashboard(session, tmp_path)
    page = plain(tmp_path / "rescue.html")
    changed = page.partition("What changed Version 3")[2].partition("Version 2")[0]
    assert "a new objective: rates began anew" in changed
    assert "entry when: health = 'poor' became health = 'bad'" in changed
    assert "step later: wait: new, 7 days" in changed
    assert "Hi" not in changed


def test_a_rewritten_workflow_is_not_listed_whole() -> None:
    from datetime import UTC, datetime

    at = datetime(2024, 1, 1, tzinfo=UTC)
    new = {f"part_{n}": n for n in range(20)}
    newest, first = version_changes([Version(2, None, None, at, None, new), Version(1, None, None, at, at, {})])
    assert (len(newest.changes), newest.more, first.changes) == (12, 8, ())
