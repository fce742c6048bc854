"""JSON Schemas of a project's files, for completion and first checks in editors.

Made from the models whenever they are asked for, so that they cannot part from what the loader reads. What a schema
cannot say (names that exist, types of conditions) is for `drumbeat check`.
"""

from __future__ import annotations

from typing import Any, cast

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from definitions.loader import FOLDERS
from definitions.project import ProjectSettings
from definitions.values import Model


def kinds() -> dict[str, type[Model]]:
    """The kinds of files with their models: `project`, and one for each folder."""
    return {"project": ProjectSettings, **{folder.removesuffix("s"): model for folder, model in FOLDERS.items()}}


def schema_of(kind: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one kind of file.

    >>> schema_of("segment")["required"]
    ['object', 'when']
    """
    made = kinds()[kind].model_json_schema(by_alias=True, schema_generator=_Generator)
    return {"$schema": GenerateJsonSchema.schema_dialect, **_tidy(made)}


class _Generator(GenerateJsonSchema):
    """Shows what authors write: no defaults in the shape that models keep, and no key with nothing behind it."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        default = schema.get("default")
        if isinstance(default, str | int) and default != "":
            return super().default_schema(schema)
        return self.generate_inner(schema["schema"])

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


def _tidy(schema: Any, names: bool = False) -> Any:
    """Without the titles that pydantic makes of names; keys that fit no pattern are refused."""
    if isinstance(schema, list):
        return [_tidy(part) for part in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    mapping = cast("dict[str, Any]", schema)
    found = {key: _tidy(value, key in ("properties", "$defs")) for key, value in mapping.items()}
    if not names:
        found.pop("title", None)
        if "patternProperties" in found:
            found["additionalProperties"] = False
    return found
