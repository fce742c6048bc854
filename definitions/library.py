"""The library of ready-made workflows: small, complete parts of a project under `templates/`, each with its own tests.

A template is a folder like a project's, with a `template.yaml` that says what it is. What most of them share lies in
`templates/_common`; a file of the template goes before one of the same path there.
"""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable

from pydantic import Field

from definitions.errors import UserError
from definitions.problems import did_you_mean
from definitions.source import read_source
from definitions.values import Model, Name

COMMON = "_common"
ABOUT = "template.yaml"
_NAME_HERE = "template_name_here"


class Template(Model):
    """template.yaml: what a template is for, and where the practice comes from."""

    title: str = Field(description="what people read in a list")
    description: str = Field(description="one paragraph; its first sentence stands in the list")
    source: str = Field(description="which product's practice it follows")
    objective: str = Field(description="what success is, in words")
    common: tuple[Name, ...] = Field(
        default=("user", "contact"), description="objects that it takes from those all templates share"
    )

    @property
    def first_sentence(self) -> str:
        """The description up to its first full stop."""
        return self.description.split(". ")[0].rstrip(".") + "."


def templates() -> dict[str, Template]:
    """Every template by name."""
    found = (folder for folder in _library().iterdir() if folder.joinpath(ABOUT).is_file())
    return {folder.name: _about(folder) for folder in sorted(found, key=lambda folder: folder.name)}


def template_files(name: str) -> dict[str, str]:
    """The files of a project made from a template, by path; an unknown name is a `UserError`."""
    known = templates()
    if name not in known:
        hint = did_you_mean(name, known) or "`drumbeat templates` lists them"
        raise UserError("unknown-template", f"there is no template `{name}`", hint)
    shared = {f"catalog/{object_}.yaml" for object_ in known[name].common}
    common = {p: t for p, t in _files(_library() / COMMON).items() if p in shared or not p.startswith("catalog/")}
    own = {p: t for p, t in _files(_library() / name).items() if p != ABOUT}
    return {path: text.replace(_NAME_HERE, name) for path, text in sorted({**common, **own}.items())}


def _library() -> Traversable:
    return resources.files("definitions") / "templates"


def _about(folder: Traversable) -> Template:
    source, problems = read_source(f"{folder.name}/{ABOUT}", folder.joinpath(ABOUT).read_text(encoding="utf-8"))
    assert source is not None and not problems, problems
    return Template.model_validate(source.data)


def _files(folder: Traversable, before: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for item in folder.iterdir():
        if item.is_dir():
            found.update(_files(item, f"{before}{item.name}/"))
        else:
            found[before + item.name] = item.read_text(encoding="utf-8")
    return found
