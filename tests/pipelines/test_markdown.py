"""Emails are Markdown, and what a record holds is not: it comes out as it is, while the template's own Markdown works."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.actions import action
from support.projects import START

from connectors.sinks.mail import Letterhead, html_of, letter_of
from pipelines.delivery.contents import instant, rendered
from pipelines.messages import render_content

SIGNS = "\\`*_[]()<>#+-=.!&;~:/\"' \t\n12ab"


class _Seen(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page.partition("<body>")[2].partition("</body>")[0])

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def shown(template: str, value: str) -> _Seen:
    return _Seen(html_of(render_content({"text": template}, {"account.name": value}, ("text",))["text"]))


def words(text: str) -> str:
    return " ".join(text.split())


@given(st.text(alphabet=SIGNS, max_size=30))
@example("[x](http://evil)")
@example("**")
@example("<http://evil>")
@example("a\n===")
@example("a\n\n    code")
@example("![x](y)")
@example("&amp;")
@example("1. one")
@example("- one\n- two")
@example("a_b_ _c_")
def test_a_value_is_shown_as_it_is(value: str) -> None:
    for template, around in (("{{ account.name }}", ""), ("Hi {{ account.name }}, **yes**", "Hi , yes")):
        seen = shown(template, value)
        assert {*seen.tags} <= {"p", "br", "strong"}
        assert seen.tags.count("strong") == bool(around)
        before, _, after = around.partition(" ,")
        assert words(seen.text) == words(f"{before} {value}{',' if around else ''}{after}")


def test_a_value_does_not_end_what_the_template_began() -> None:
    seen = shown("**Dear {{ account.name }}** [site](https://acme.example/{{ account.name }})", "x** ](http://evil) [y")
    assert seen.tags == ["p", "strong"]
    assert shown("[{{ account.name }}](https://acme.example)", "x](http://evil)").tags == ["p", "a"]


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ account.name | upper }}", "A\\*"),
        ("{{ account.name | length }}", "2"),
        ("{{ account.name | e }}", "a\\*"),
        ("{% if account.name == 'a*' %}*it*{% endif %}", "*it*"),
    ],
)
def test_filters_and_comparisons_see_the_value_itself(template: str, text: str) -> None:
    assert render_content({"text": template}, {"account.name": "a*"}, ("text",)) == {"text": text}


def test_only_the_text_of_emails_is_markdown() -> None:
    body = '{"text": "{{ account.name }}", "subject": "{{ account.name }}"}'
    row: dict[str, Any] = {"body": body, "found": '{"account.name": "*a*"}', "due_at": None, "planned_at": START}
    row |= dict.fromkeys(("action_id", "workflow", "step_id", "object", "record", "recipient"), "x")
    found = {kind: rendered(row | {"kind": kind}) for kind in ("email", "sms", "notify", "task")}
    texts = {kind: one.content["text"] for kind, one in found.items() if not isinstance(one, str)}
    assert texts == {"email": "\\*a\\*", "sms": "*a*", "notify": "*a*", "task": "*a*"}
    mail = found["email"]
    assert not isinstance(mail, str) and mail.content["subject"] == "*a*" and mail.planned_at == instant(START)


def test_the_plain_part_of_an_email_has_no_backslashes_before_signs() -> None:
    mail = action("a1", to="ann@example.com", subject="x", text="Hi \\*a\\* \\[b\\] C:\\dir **you**")
    content = letter_of(mail, Letterhead("hello@acme.example"), START).content.decode()
    assert "Hi *a* [b] C:\\dir **you**" in content
