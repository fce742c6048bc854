"""What pydantic says of a file -> problems in the words of the language, at their YAML place."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

from pydantic import Tag, ValidationError
from pydantic_core import ErrorDetails

from definitions.problems import Problem, did_you_mean
from definitions.source import Path, SourceFile
from definitions.values import Model

FEW = 12
"""So many keys are named in a hint at most."""
_WANTED = {
    "scalar_type": "a plain value",
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_HINTS = {
    "a list": "write each on a line of its own after `- `, or all of them inside [..]",
    "a mapping": "write `name: value` under it",
}
_PLAIN = ("str", "int", "float", "bool")
"""The members of `Scalar`, as pydantic names them in paths."""
_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}
_LENGTHS = {
    "too_short": ("min_length", "at least"),
    "too_long": ("max_length", "at most"),
    "string_too_short": ("min_length", "at least"),
    "string_too_long": ("max_length", "at most"),
}


def shape_problems(
    source: SourceFile, model: type[Model], error: ValidationError, before: list[Problem]
) -> Iterator[Problem]:
    """pydantic's errors as problems; one that another causes, or whose line has a problem already, is not told."""
    details = error.errors(include_url=False)
    paths = [tuple(d["loc"]) for d in details]
    taken = {(p.span.line) for p in before}
    for detail, path in zip(details, paths, strict=True):
        if any(other != path and other[: len(path)] == path for other in paths):
            continue
        if all((*path[:-1], name) in paths for name in _PLAIN):
            if path[-1] != _PLAIN[0]:
                continue
            detail["type"] = "scalar_type"
        problem = _as_problem(source, model, detail, path)
        if problem.code == "secret":  # its line holds it
            problem = replace(problem, span=replace(problem.span, source_line=""))
        if problem.span.line not in taken:
            yield problem


def _as_problem(source: SourceFile, model: type[Model], detail: ErrorDetails, path: Path) -> Problem:
    kind = detail["type"]
    last = str(path[-1]) if path else ""
    context: dict[str, Any] = detail.get("ctx") or {}
    if kind == "extra_forbidden":
        span = source.locate(path, on_key=True)
        return Problem(span, "unknown-key", f"`{last}` is not a key here", _key_hint(last, keys_at(model, path[:-1])))
    if kind == "missing":
        return Problem(source.locate(path[:-1]), "missing-key", f"`{last}` is missing", f"add `{last}:`")
    if "hint" in context:
        return Problem(source.locate(path), kind, str(context["message"]), context["hint"])
    if kind == "union_tag_not_found":
        return Problem(source.locate(path), "missing-key", "`kind` is missing", "add `kind:`")
    if kind in ("literal_error", "union_tag_invalid"):
        return _unknown_word(source, detail, context, path)
    message, hint = _words(detail, context)
    return Problem(source.locate(path), "value", message, hint)


def _unknown_word(source: SourceFile, detail: ErrorDetails, context: dict[str, Any], path: Path) -> Problem:
    tagged = detail["type"] == "union_tag_invalid"
    given = str(context["tag"]) if tagged else _bare(detail["input"])
    expected = str(context.get("expected") or context.get("expected_tags") or "").replace("'", "`")
    words = [w.strip(" `") for w in expected.replace(" or ", ",").split(",")]
    span = source.locate((*path, "kind") if tagged else path)
    return Problem(
        span, "unknown-word", f"`{given}` is not known here", did_you_mean(given, words) or f"write {expected}"
    )


def _words(detail: ErrorDetails, context: dict[str, Any]) -> tuple[str, str | None]:
    kind, given = detail["type"], detail["input"]
    if kind in _BOUNDS:
        limit, words = _BOUNDS[kind]
        return f"{words} {context[limit]:g} belongs here, not {_shown(given)}", None
    if kind in _LENGTHS:
        limit, words = _LENGTHS[kind]
        number = context[limit]
        unit = "character" if kind.startswith("string") else "element"
        many = f"{unit} belongs" if number == 1 else f"{unit}s belong"
        return f"{words} {number} {many} here, not {len(given)}", None
    wanted = _WANTED.get(kind)
    if wanted is None:
        return detail["msg"][:1].lower() + detail["msg"][1:], None
    hint = _HINTS.get(wanted)
    if kind == "model_attributes_type":
        hint = "add `kind:`"
    elif kind == "model_type":
        hint = _keys_hint(_models().get(str(context.get("class_name"))))
    elif wanted == "text" and isinstance(given, int | float):
        hint = f'quote it: "{_bare(given)}"'
    return f"{wanted} belongs here, not {_shown(given)}", hint


def _shown(given: Any) -> str:
    match given:
        case None:
            return "nothing"
        case list() | tuple():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return f"`{_bare(given)}`"


def _bare(given: Any) -> str:
    match given:
        case None:
            return "null"
        case bool():
            return "true" if given else "false"
        case _:
            return str(cast(object, given))


def _key_hint(given: str, here: frozenset[str]) -> str | None:
    if given in _all_keys():
        return "it is a key in another place"
    return did_you_mean(given, here) or (f"keys here are {_listed(sorted(here))}" if 0 < len(here) <= FEW else None)


def _keys_hint(model: type[Model] | None) -> str | None:
    if model is None:
        return _HINTS["a mapping"]
    needed = [info.alias or name for name, info in model.model_fields.items() if info.is_required()]
    if needed:
        return f"write under it {_listed(needed)}"
    keys = [info.alias or name for name, info in model.model_fields.items()]
    return f"keys here are {_listed(keys)}" if len(keys) <= FEW else _HINTS["a mapping"]


def _listed(keys: list[str]) -> str:
    return ", ".join(f"`{key}:`" for key in keys)


@cache
def _models() -> dict[str, type[Model]]:
    found: dict[str, type[Model]] = {}
    pending: list[type[Model]] = list(Model.__subclasses__())
    while pending:
        model = pending.pop()
        pending.extend(model.__subclasses__())
        found[model.__name__] = model
    return found


@cache
def _all_keys() -> frozenset[str]:
    return frozenset(info.alias or name for model in _models().values() for name, info in model.model_fields.items())


def keys_at(model: type[Model], path: Path) -> frozenset[str]:
    """The keys that may stand where a path of pydantic's leads; of all models where it does not say which.

    >>> from definitions.workflow import Workflow
    >>> sorted(keys_at(Workflow, ("steps", 0, "<wait>", "wait", "<until>")))
    ['at_most', 'otherwise', 'until']
    """
    here: list[tuple[str, type[Model]]] = [("", model)]
    for part in path:
        below = [found for _, made in here for found in _below(made, part)]
        narrowed = [(tag, made) for tag, made in here if part == tag or part in _kinds(made)]
        # an index and a name that the author gave lead to nothing else
        here = below or narrowed or here
    return frozenset(info.alias or name for _, made in here for name, info in made.model_fields.items())


def _below(model: type[Model], key: str | int) -> Iterator[tuple[str, type[Model]]]:
    for name, info in model.model_fields.items():
        if key == (info.alias or name):
            yield from _models_in(info.annotation)


def _kinds(model: type[Model]) -> tuple[Any, ...]:
    kind = model.model_fields.get("kind")
    return get_args(kind.annotation) if kind is not None and get_origin(kind.annotation) is Literal else ()


def _models_in(annotation: Any, tag: str = "") -> Iterator[tuple[str, type[Model]]]:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield tag, annotation
    elif get_origin(annotation) is Annotated:
        inner, *notes = get_args(annotation)
        yield from _models_in(inner, next((note.tag for note in notes if isinstance(note, Tag)), tag))
    elif get_origin(annotation) in (Union, types.UnionType, tuple, list, dict):
        for inner in get_args(annotation):
            yield from _models_in(inner, tag)
