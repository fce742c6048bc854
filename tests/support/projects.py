"""Small projects of one test file each: the settings they share, the day on which they begin, and their folder."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from definitions import Project, load_project

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
DAY = timedelta(days=1)
SETTINGS = """
name: test
timezone: UTC
sources: {crm: {kind: files, path: data}}
sinks: {out: {kind: files, path: out}}
routes: {default: out}
"""
PEOPLE = {
    "catalog/account.yaml": """
object: account
table: crm.accounts
key: account_id
fields: {account_id: text, name: text}
relations: {contacts: {object: contact, on: account_id}}
""",
    "catalog/contact.yaml": """
object: contact
table: crm.contacts
key: contact_id
email: mail
fields: {contact_id: text, account_id: text, mail: text}
""",
}
"""A catalog of accounts and the people there, who have addresses."""


def changed(files: Mapping[str, str], changes: Mapping[str, str]) -> Project:
    """The project of some files with others in their place: `workflows__care` stands for `workflows/care.yaml`."""
    return load_project({**files, **{name.replace("__", "/") + ".yaml": text for name, text in changes.items()}})


def write_project(folder: Path, files: Mapping[str, str]) -> None:
    """Write the files into a folder, with an empty one for the tables."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "data").mkdir()
