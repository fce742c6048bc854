"""A journey: ordered stages of a customer's life, with goals and durations."""

from __future__ import annotations

from pydantic import Field

from definitions.conditions import All, Condition, Leaf, None_, When, parse_expression
from definitions.values import CalendarLasting, Model, Name


class Stage(Model):
    """One stage. A record is in the first stage whose condition holds."""

    name: str = Field(description="what people read, such as `Onboarding`")
    when: When = Field(description="the record is in this stage, if it is in none before")
    goals: dict[Name, When] = Field(default={}, description="what should be reached in this stage")
    duration: CalendarLasting | None = Field(default=None, description="how long the stage should last")


class Journey(Model):
    """Ordered stages on one object; workflows use them as `journey_stage('name')` and in `entry.stage`."""

    object: Name = Field(description="the object it is about")
    description: str = Field(default="", description="what it means, for people")
    stages: tuple[Stage, ...] = Field(description="the stages, in order", min_length=1)

    def conditions(self) -> tuple[Condition, ...]:
        """Every condition: of stages and of goals."""
        return tuple(c for stage in self.stages for c in (stage.when, *stage.goals.values()))

    def inside(self, stage: int) -> Condition:
        """The record is in the stage of this number: its condition holds and none before it."""
        before = tuple(s.when for s in self.stages[:stage])
        return All((self.stages[stage].when, None_(before))) if before else self.stages[stage].when

    def goal(self, name: str) -> tuple[tuple[int, Condition], ...]:
        """The stages that have a goal of this name, with its condition."""
        return tuple((i, stage.goals[name]) for i, stage in enumerate(self.stages) if name in stage.goals)


def in_stage(journey: str, stage: str) -> Condition:
    """The condition that a record is in a stage."""
    quoted = stage.replace("'", "''")
    return Leaf(parse_expression(f"journey_stage('{journey}') = '{quoted}'"))
