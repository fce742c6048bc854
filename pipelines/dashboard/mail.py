"""The report as a mail: a text part and an HTML part of tables with inline styles, since mail programs show little else.

Headline, verdict and alerts of each workflow. No participant is named: mails are forwarded.
"""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

from pipelines.dashboard.overview import Overview, Row, overview
from pipelines.dashboard.reading import Report, load_report
from pipelines.dashboard.site import render
from sql import DuckDBSession


def write_mail(session: DuckDBSession, path: Path) -> bool:
    """Write the last report as a mail, in the format that mail programs open (.eml); False before the first report."""
    report = load_report(session)
    if report is None:
        return False
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_bytes(mail_of(report))
    unfinished.replace(path)
    return True


def mail_of(report: Report) -> bytes:
    """The mail as bytes; the same report gives the same bytes. Who sends it to whom is for the sender to add."""
    page = overview(report.clock, report.workflows, report.queues)
    message = EmailMessage(policy=SMTP)
    message["Subject"] = f"{page.source.project}: {page.summary}"
    message["Date"] = format_datetime(report.clock.as_of)
    message["X-Unsent"] = "1"
    message.set_content("\n".join(_lines(page)) + "\n")
    message.add_alternative(render("mail", page), subtype="html")
    message.set_boundary(f"=_drumbeat_{report.clock.evaluation_id}_=")
    return message.as_bytes()


def _lines(page: Overview) -> Iterator[str]:
    yield page.source.project
    yield f"Data as of {page.source.as_of}, {page.source.evaluation}"
    yield ""
    yield page.summary
    for named in page.notes:
        yield f"! {named.name + ': ' if named.name else ''}{named.note.text}"
    for row in page.rows:
        yield ""
        yield from _workflow(row)
    yield ""
    yield "Met: of those who entered long enough ago, the share that met the objective between entry and 30 days after leaving."


def _workflow(row: Row) -> Iterator[str]:
    yield f"{row.name} ({row.state})"
    between = f" (95% interval {row.interval})" if not row.met_in_words else ""
    yield f"  met: {row.met}{between}"
    yield f"  against the hold-out: {row.verdict}"
    yield f"  entered {row.entered}, inside now {row.inside}"
    for note in row.notes:
        yield f"  {note.severity}: {note.text}"
