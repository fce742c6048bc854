"""Templates in titles, texts and values: what they may hold, and which fields they read.

The grammar is an allow-list checked at load: output of fields, a few filters, `if`. Nothing else is Jinja here, so no
template can loop, call or reach into Python.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from jinja2 import Environment, StrictUndefined, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from definitions.problems import did_you_mean

FILTERS = frozenset({"default", "d", "upper", "lower", "title", "capitalize", "trim", "round", "length", "e", "escape"})
MAX_TEMPLATE = 100_000
MAX_KEPT = 4_096  # texts that many workflows share are read once
_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Getattr,
    nodes.Const,
    nodes.Filter,
    nodes.If,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Concat,
    nodes.Keyword,
)


@dataclass(frozen=True)
class TemplateFault:
    """What a template may not hold, and in which of its lines."""

    code: str
    message: str
    hint: str | None
    line: int


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The one environment templates are read and rendered in: sandboxed, strict about missing values."""
    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)


def is_template(text: str) -> bool:
    """True when the text holds any template syntax."""
    return "{{" in text or "{%" in text or "{#" in text


def paths_in(text: str) -> tuple[tuple[tuple[str, ...], int], ...]:
    """The dotted names a template reads, with their lines, each once.

    >>> paths_in("Hello {{ account.owner.name }}")
    ((('account', 'owner', 'name'), 1),)
    """
    return _paths_in(str(text)) if is_template(text) else ()


@lru_cache(maxsize=MAX_KEPT)
def _paths_in(text: str) -> tuple[tuple[tuple[str, ...], int], ...]:
    found: dict[tuple[str, ...], int] = {}
    for path, line in _paths(_parsed(text)):
        found.setdefault(path, line)
    return tuple(found.items())


def _paths(node: nodes.Node) -> Iterator[tuple[tuple[str, ...], int]]:
    path = _dotted(node)
    if path is not None:
        yield path, node.lineno
        return
    for child in node.iter_child_nodes():
        yield from _paths(child)


def _dotted(node: nodes.Node) -> tuple[str, ...] | None:
    if isinstance(node, nodes.Name):
        return (node.name,)
    if isinstance(node, nodes.Getattr):
        start = _dotted(node.node)
        return (*start, node.attr) if start else None
    return None


def faults_in(text: str) -> tuple[TemplateFault, ...]:
    """Everything in a template that the allow-list does not hold."""
    return _faults_in(str(text)) if is_template(text) else ()


@lru_cache(maxsize=MAX_KEPT)
def _faults_in(text: str) -> tuple[TemplateFault, ...]:
    if len(text) > MAX_TEMPLATE:
        return (TemplateFault("template-too-large", f"the template is longer than {MAX_TEMPLATE} characters", None, 1),)
    try:
        tree = _parsed(text)
    except TemplateSyntaxError as error:
        return (TemplateFault("template-syntax", f"not readable as a template: {error.message}", None, error.lineno),)
    return tuple(fault for node in _descend(tree) if (fault := _fault(node)) is not None)


@lru_cache(maxsize=8)
def _parsed(text: str) -> nodes.Template:
    """Faults and paths of one text are asked for in turn: it is parsed once."""
    return environment().parse(text)


def _descend(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _descend(child)


def _fault(node: nodes.Node) -> TemplateFault | None:
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        hint = did_you_mean(node.name, FILTERS) or "filters are " + ", ".join(sorted(FILTERS - {"d", "e"}))
        return TemplateFault("template-filter", f"`{node.name}` is not a filter here", hint, node.lineno)
    if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
        return TemplateFault("template-name", f"`{node.attr}` is not a field", None, node.lineno)
    if not isinstance(node, _ALLOWED):
        kind = type(node).__name__.lower()
        return TemplateFault(
            "template-syntax",
            f"`{kind}` is not allowed in a template",
            "templates hold fields, filters and `if`",
            node.lineno,
        )
    return None
