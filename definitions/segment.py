"""A segment: a condition with a name and an object."""

from __future__ import annotations

from pydantic import Field

from definitions.conditions import When
from definitions.values import Model, Name


class Segment(Model):
    """A named condition on one object; workflows and other segments use it as `segment('name')`."""

    object: Name = Field(description="the object it is about")
    description: str = Field(default="", description="what it means, for people")
    when: When = Field(description="the condition")
