"""The examples of a page: fenced blocks that are executed, each in the role that its first line gives it.

```yaml          `# workflows/x.yaml`: a file; all files of a page are one project
                 `# in workflows/x.yaml`: keys that take the place of that file's own, checked in the page's project
```yaml world    a world, as in a file of cases, for the tests below it
```yaml test     a case over that world; its first line is its name
```jinja         `{# messages/x.md #}`: a message file of the project
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml
from support.cases import Case, project_of

from definitions import Project, load_project
from definitions.testing import WorkflowTest
from definitions.values import Model

_FENCE = re.compile(r"^```([a-z]+)(?: ([a-z]+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"(?:# |\{# )(in )?([a-z_]+(?:/[a-z0-9_]+)*\.(?:yaml|md))(?: #\})?\n")
_KEY = re.compile(r"^(?=[a-z_]+:)", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block with its place and role."""

    line: int
    language: str
    role: Literal["file", "fragment", "world", "test", "unknown"]
    path: str
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.path or self.text.splitlines()[0]}"

    @cached_property
    def data(self) -> dict[str, Any]:
        """The block as plain data: every scalar is text."""
        return yaml.load(self.text, Loader=yaml.BaseLoader) or {}

    def texts(self) -> Iterator[str]:
        """Every text in the block, without its comments."""
        yield from _texts(self.data if self.language == "yaml" else self.text)


@dataclass(frozen=True)
class Page:
    """A page with its blocks."""

    path: Path
    blocks: tuple[Block, ...]

    @property
    def fragments(self) -> tuple[Block, ...]:
        """Blocks that replace keys of a file."""
        return tuple(block for block in self.blocks if block.role == "fragment")

    @property
    def tests(self) -> tuple[Block, ...]:
        """Blocks that are played."""
        return tuple(block for block in self.blocks if block.role == "test")

    def load(self, fragment: Block | None = None) -> Project:
        """The project of the page's files, with a fragment in it."""
        files = {block.path: block.text for block in self.blocks if block.role == "file"}
        if fragment is not None:
            files[fragment.path] = _with(files[fragment.path], fragment.text)
        return load_project(files)

    def case(self, block: Block) -> Case:
        """A test block over the world above it."""
        above = [b for b in self.blocks if b.role == "world" and b.line < block.line]
        return Case(f"{self.path.stem}:{block.line}", str(block), above[-1].data, block.data)

    def models(self) -> Iterator[Model]:
        """Every model that an executed block makes."""
        projects = [self.load(), *map(self.load, self.fragments), *(project_of(self.case(b), {}) for b in self.tests)]
        for project in projects:
            yield from models_in(vars(project) | {"objects": dict(project.catalog.objects)})
        for block in self.tests:
            timeline = [{k: v for k, v in moment.items() if k != "edit"} for moment in block.data["timeline"]]
            made = {"workflow": "w", "given": block.data.get("given", {}), "timeline": timeline}
            yield from models_in(WorkflowTest.model_validate(made))


def read_page(path: Path) -> Page:
    """Every block of a page in one of the languages that are executed."""
    page = path.read_text(encoding="utf-8")
    found = [_block(page, match) for match in _FENCE.finditer(page) if match[1] in ("yaml", "jinja")]
    return Page(path, tuple(found))


def _block(page: str, match: re.Match[str]) -> Block:
    line, text = page.count("\n", 0, match.start()) + 1, match[3]
    file = _FILE.match(text)
    if match[2] in ("world", "test"):
        return Block(line, match[1], match[2], "", text)
    if match[2] is not None or file is None:
        return Block(line, match[1], "unknown", "", text)
    return Block(line, match[1], "fragment" if file[1] else "file", file[2], text[file.end() :])


def _with(file: str, fragment: str) -> str:
    taken = {part.partition(":")[0] for part in _KEY.split(fragment)}
    kept = [part for part in _KEY.split(file) if part.partition(":")[0] not in taken]
    return "".join(kept) + fragment


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            yield from (text for inner in value.values() for text in _texts(inner))
        case list():
            yield from (text for inner in value for text in _texts(inner))
        case _:
            return


def models_in(value: Any) -> Iterator[Model]:
    """Every model in a value."""
    match value:
        case Model():
            yield value
            yield from (found for name in value.model_fields_set for found in models_in(getattr(value, name)))
        case dict():
            yield from (found for inner in value.values() for found in models_in(inner))
        case tuple() | list():
            yield from (found for inner in value for found in models_in(inner))
        case _:
            return
