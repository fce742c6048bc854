"""Content + values -> what is sent. Templates run in a sandbox, over plain text and numbers, and never over objects."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from html import unescape
from typing import Any, cast

from jinja2 import Environment, Template, TemplateError

from definitions.messages import environment, is_template
from pipelines.markdown import plain_in_markdown

MAX_RENDERED = 200_000


class Missing:
    """A value that is not there: `default` replaces it, and printing it is an error that names it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        raise TemplateError(f"`{self.name}` is missing: give it a `default`")


class RenderFailed(Exception):
    """One action whose words cannot be made; the others go on."""


def render_content(
    body: Mapping[str, Any], values: Mapping[str, Any], markdown: Collection[str] = ()
) -> dict[str, Any]:
    """The body with every template rendered and every named value in its place; raises `RenderFailed`.

    `markdown` are keys of templates that are Markdown: what they print stays plain text in it.
    """
    context = _nested(values)
    return {key: _render(value, context, values, key in markdown) for key, value in body.items()}


def _render(value: Any, context: dict[str, Any], values: Mapping[str, Any], markdown: bool) -> Any:
    match value:
        case str() if is_template(value):
            return _text(value, context, markdown)
        case {"value": str() as name} if len(value) == 1 and name in values:  # pyright: ignore[reportUnknownArgumentType]
            return values[name]
        case dict():
            inner = cast("dict[str, Any]", value)
            return {key: _render(part, context, values, markdown) for key, part in inner.items()}
        case _:
            return value


def _text(template: str, context: dict[str, Any], markdown: bool) -> str:
    try:
        rendered = _template(template, markdown).render(context)
    except (TemplateError, ArithmeticError, TypeError, ValueError) as error:
        raise RenderFailed(str(error)) from error
    if len(rendered) > MAX_RENDERED:
        raise RenderFailed(f"the text is longer than {MAX_RENDERED} characters")
    return rendered


@lru_cache(maxsize=2)
def _environment(markdown: bool) -> Environment:
    made = environment().overlay(finalize=_plain) if markdown else environment().overlay()
    made.filters |= {"default": _default, "d": _default}
    return made


@lru_cache(maxsize=2_000)
def _template(text: str, markdown: bool) -> Template:
    return _environment(markdown).from_string(text)


def _plain(value: Any) -> Any:
    """What an expression prints in Markdown. Texts that were escaped for HTML already are not escaped twice."""
    if not isinstance(value, str):
        return value
    return plain_in_markdown(unescape(value) if hasattr(value, "__html__") else value)


def _default(value: Any, fallback: Any = "", *_: Any) -> Any:
    return fallback if isinstance(value, Missing) or value is None else value


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """`account.owner.name` -> {"account": {"owner": {"name": ..}}}; a missing value becomes `Missing`."""
    made: dict[str, Any] = {}
    for name, value in values.items():
        here = made
        *parents, last = name.split(".")
        for parent in parents:
            here = cast("dict[str, Any]", here.setdefault(parent, {}))
        here[last] = Missing(name) if value is None else value
    return made
