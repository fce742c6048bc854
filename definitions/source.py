"""YAML as the language reads it: strict, and every value knows its place.

PyYAML's own reading keeps the last of duplicate keys, turns `no` into false, `010` into 8 and `16:00` into 960. Here a
file is composed into nodes and read by our few rules: plain true/false, whole and decimal numbers, null, and text.
Everything else that YAML would guess is refused with a hint.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import PurePath
from typing import Any

import yaml

from definitions.problems import Problem, Span

MAX_BYTES = 256 * 1024
MAX_DEPTH = 40
_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_compose_all: Any = yaml.compose_all  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
_scan: Any = yaml.scan  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]+([eE][-+]?[0-9]+)?\Z")
_WORDS = {"true": True, "True": True, "false": False, "False": False, "null": None, "~": None, "": None}
_AMBIGUOUS = {"yes", "no", "on", "off"}
_OCTAL = re.compile(r"[-+]?0[0-9]+\Z|[-+]?0[xob][0-9a-fA-F_]+\Z")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|nan)\Z", re.IGNORECASE)
_ESCAPED = re.compile("[\udc80-\udcff]")
UNDECODED = "\ufdd0"
"""A code point that no text holds: it stands for a byte that is no UTF-8."""
# `{if: x in (1, 2)}` is cut at the comma; the halves give themselves away by an unclosed bracket
_OPEN_BRACKET = re.compile(r"\([^)]*\Z")

Path = tuple[str | int, ...]


class _Loader(_BASE):
    """What plain text means is decided in this module: nothing is guessed from patterns. A node without a tag has none."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        return ""


@dataclass(frozen=True)
class Place:
    """Where a scalar stands, with its raw text, so that an offset in its value can be shown in the file."""

    span: Span
    lines: tuple[str, ...] = field(default=(), compare=False, repr=False)
    raw: str = field(default="", compare=False, repr=False)
    value: str = field(default="", compare=False, repr=False)

    def at(self, offset: int) -> Span:
        """The span of the character at `offset` of the value: quotes, escapes and folded lines are walked over."""
        if not self.raw:
            return self.span
        i = j = 0
        while i < min(offset, len(self.value)) and j < len(self.raw):
            i, j = _step(self.value, i, self.raw, j)
        while j < len(self.raw) and offset < len(self.value) and self.raw[j] != self.value[offset]:
            j += 1
        before = self.raw[: min(j, len(self.raw))]
        line = self.span.line + before.count("\n")
        column = len(before) - before.rfind("\n") if "\n" in before else self.span.column + len(before)
        return Span(self.span.file, line, column, self.lines[line - 1] if line <= len(self.lines) else "")


def _step(value: str, i: int, raw: str, j: int) -> tuple[int, int]:
    if value[i] == raw[j]:
        return i + 1, j + 1
    if value[i].isspace() and raw[j].isspace():
        while j < len(raw) and raw[j].isspace():
            j += 1
        return i + 1, j
    return i, j + 1


class Text(str):
    """A string that knows its place."""

    place: Place


def text(value: str, place: Place) -> Text:
    """`value` with its place attached."""
    made = Text(value)
    made.place = place
    return made


@dataclass(frozen=True)
class SourceFile:
    """One file as read: plain data, and the place of every key and value by path."""

    file: str
    data: Any
    keys: dict[Path, Span]
    values: dict[Path, Span]
    start: Span

    @property
    def is_mapping(self) -> bool:
        """Does the file hold a mapping, as every definition does."""
        return isinstance(self.data, dict)

    @property
    def name(self) -> str:
        """The file name without its ending: a definition's name."""
        return PurePath(self.file).stem

    @cached_property
    def ids(self) -> dict[str, list[Span]]:
        """Where the steps of each id stand: what is under `id` in an element of a list."""
        found: dict[str, list[Span]] = {}
        for step in _elements(self.data):
            if isinstance(step.get("id"), Text):
                found.setdefault(step["id"], []).append(step["id"].place.span)
        return found

    def known(self, path: Path) -> Path:
        """A path with only those segments that are keys of the file: union tags are skipped."""
        known: Path = ()
        for part in path:
            if (*known, part) in self.values:
                known = (*known, part)
        return known

    def locate(self, path: Path, on_key: bool = False) -> Span:
        """The span of a path."""
        known = self.known(path)
        table = self.keys if on_key and known in self.keys else self.values
        return table.get(known, self.start)


def read_source(file: str, content: str) -> tuple[SourceFile | None, list[Problem]]:
    """Read one YAML file. A file that cannot be read at all gives None and says why."""
    lines = tuple(content.splitlines())
    start = Span(file, 1, 1, lines[0] if lines else "")
    if len(content.encode("utf-8", "replace")) > MAX_BYTES:
        return None, [Problem(start, "file-too-large", f"the file is larger than {MAX_BYTES // 1024} kB")]
    broken = undecoded(file, content)
    if broken is not None:
        return None, [broken]
    reader = _Reader(file, lines, content)
    try:
        documents: list[Any] = list(_compose_all(content, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        return None, [reader.yaml_problem(error)]
    except (yaml.YAMLError, RecursionError) as error:
        return None, [Problem(start, "yaml-syntax", f"not readable as YAML: {str(error).splitlines()[0]}")]
    anchors = _anchors(content)
    if anchors:
        return None, [_anchor(reader.span(mark)) for mark in anchors]
    if len(documents) > 1:
        span = reader.span(documents[1].start_mark)
        return None, [Problem(span, "yaml-documents", "one document a file", "put the second into a file of its own")]
    data = reader.value(documents[0], (), 0) if documents and documents[0] is not None else None
    return SourceFile(file, data, reader.keys, reader.values, start), reader.problems


def as_text(written: bytes) -> str:
    """A file's text, with one line ending; bytes that are no UTF-8 are marked, for `undecoded` to find.

    >>> as_text(b"caf\\xe9\\r\\n") == f"caf{UNDECODED}\\n"
    True
    """
    decoded = written.decode("utf-8", "surrogateescape").replace("\r\n", "\n").replace("\r", "\n")
    return _ESCAPED.sub(UNDECODED, decoded)


def undecoded(file: str, content: str) -> Problem | None:
    """The first place of a file that is no UTF-8."""
    before, found, _ = content.partition(UNDECODED)
    if not found:
        return None
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    span = Span(file, line, column, content.split("\n")[line - 1].replace(UNDECODED, "\ufffd"))
    return Problem(span, "encoding", "the file is not UTF-8 text", "save the file as UTF-8")


def _anchors(content: str) -> list[Any]:
    """Where a file sets anchors; composing tells of none that no alias uses."""
    return (
        [t.start_mark for t in _scan(content, Loader=_BASE) if isinstance(t, yaml.AnchorToken)]
        if "&" in content
        else []
    )


def _anchor(span: Span) -> Problem:
    return Problem(span, "yaml-anchor", "anchors and aliases are not used here", "write the value out")


class _Reader:
    """Composed nodes -> plain data, with every span kept. Lives for one file."""

    def __init__(self, file: str, lines: tuple[str, ...], content: str) -> None:
        self.file, self.lines, self.content = file, lines or ("",), content
        self._last = len(self.lines) - 1
        self.keys: dict[Path, Span] = {}
        self.values: dict[Path, Span] = {}
        self.problems: list[Problem] = []

    def span(self, mark: Any) -> Span:
        line: int = mark.line
        return Span(self.file, line + 1, mark.column + 1, self.lines[line if line <= self._last else self._last])

    def problem(self, node: Any, code: str, message: str, hint: str | None = None) -> None:
        self.problems.append(Problem(self.span(node.start_mark), code, message, hint))

    def yaml_problem(self, error: yaml.MarkedYAMLError) -> Problem:
        mark: Any = error.problem_mark or error.context_mark
        span = self.span(mark) if mark else Span(self.file, 1, 1, self.lines[0])
        if "alias" in (error.problem or "") or "anchor" in (error.problem or ""):
            return _anchor(span)
        hint = None
        if re.search(r"[{\[].*,", span.source_line):
            hint = "a comma inside {..} or [..] ends the value: put the condition on its own line or in quotes"
        elif re.search(r":\s+\S.*:\s", span.source_line) or "mapping values" in (error.problem or ""):
            hint = "text that holds `: ` needs quotes"
        return Problem(span, "yaml-syntax", f"not readable as YAML: {error.problem or error}", hint)

    def value(self, node: Any, path: Path, depth: int) -> Any:
        span = self.values.setdefault(path, self.span(node.start_mark))
        if depth > MAX_DEPTH:
            self.problem(node, "yaml-depth", f"nested deeper than {MAX_DEPTH} levels")
            return None
        if node.tag:
            self.problem(node, "yaml-tag", f"the tag `{node.tag}` is not read here", "write plain values")
            return None
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*path, i), depth + 1) for i, child in enumerate(node.value)]
        return self.scalar(node, span)

    def mapping(self, node: Any, path: Path, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self.key(key_node)
            if key is None:
                continue
            if key in found:
                self.problem(key_node, "duplicate-key", f"`{key}` is written twice", "keep one of them")
                continue
            self.keys[(*path, key)] = self.span(key_node.start_mark)
            found[key] = self.value(value_node, (*path, key), depth + 1)
            self._notice_cut_value(node, value_node, found[key])
        return found

    def key(self, node: Any) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self.problem(node, "yaml-key", "a key must be plain text")
            return None
        if node.tag:
            self.problem(node, "yaml-tag", f"the tag `{node.tag}` is not read here", "write plain values")
            return None
        if node.value == "<<" and not node.style:
            self.problem(node, "yaml-merge", "merge keys are not used here", "write the keys out")
            return None
        if _holds_invisible(node.value):
            self.problem(node, "yaml-key", "the key holds an invisible character", "type the key again")
            return None
        return node.value

    def scalar(self, node: Any, span: Span) -> Any:
        value: str = node.value
        place = Place(span, self.lines, self.content[node.start_mark.index : node.end_mark.index], value)
        if node.style:  # libyaml says "" for plain text, PyYAML None
            return text(value, place)
        if value in _WORDS:
            return _WORDS[value]
        if value.lower() in _AMBIGUOUS:
            self.problem(
                node, "ambiguous-word", f"`{value}` may mean text or a truth", "write true or false, or quote it"
            )
        if _NOT_FINITE.match(value):
            self.problem(node, "not-a-number", f"`{value}` is not a usable number")
            return None
        if _OCTAL.match(value):
            self.problem(
                node, "ambiguous-number", f"`{value}` may mean text or another base", "quote it, or drop the zero"
            )
        if _INTEGER.match(value) and len(value) < 19:
            return int(value)
        if _NUMBER.match(value):
            return float(value)
        return text(value, place)

    def _notice_cut_value(self, mapping: Any, node: Any, value: Any) -> None:
        if mapping.flow_style and isinstance(value, Text) and not node.style and _OPEN_BRACKET.search(value):
            self.problem(
                node,
                "cut-by-comma",
                f"`{value}` was cut at a comma: inside {{..}} and [..] a comma ends the value",
                "put the condition on its own line or in quotes",
            )


@lru_cache(maxsize=1_024)
def _holds_invisible(key: str) -> bool:
    return any(unicodedata.category(c) in ("Cf", "Cc") for c in key)


def texts(data: Any) -> Iterator[Text]:
    """Every text in the data, in order."""
    if isinstance(data, Text):
        yield data
    elif isinstance(data, dict):
        for value in data.values():  # pyright: ignore[reportUnknownVariableType]
            yield from texts(value)
    elif isinstance(data, list):
        for value in data:  # pyright: ignore[reportUnknownVariableType]
            yield from texts(value)


def _elements(data: Any) -> Iterator[dict[str, Any]]:
    """Every mapping that is an element of a list, in the order written."""
    if isinstance(data, dict):
        for value in data.values():  # pyright: ignore[reportUnknownVariableType]
            yield from _elements(value)
    elif isinstance(data, list):
        for value in data:  # pyright: ignore[reportUnknownVariableType]
            if isinstance(value, dict):
                yield value
            yield from _elements(value)
