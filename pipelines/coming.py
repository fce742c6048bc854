"""What comes next for somebody inside, as things stand. Data only, as all of an explanation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from definitions import Workflow
from definitions.conditions import Condition
from definitions.steps import BranchStep, FixedWait, Wait, WaitForDate, WaitStep, WaitUntil, walk
from pipelines.inspection import Judged
from sql import DuckDBSession
from sql.flow import Draw, Guard, Hop


@dataclass(frozen=True)
class Passed:
    """A step that a move passed; `arm` is the way taken at a branch, a split or a wait."""

    step: str
    label: str
    kind: str
    arm: str | None = None


@dataclass(frozen=True)
class Next:
    """What comes next as things stand: from where, when at the latest or at once, through which steps, to where."""

    place: str
    label: str
    due: datetime | None
    on_condition: bool
    ready: bool
    steps: tuple[Passed, ...]
    outcome: str | None
    to: str | None
    reason: str | None


def next_of(
    session: DuckDBSession,
    seed: str,
    workflow: Workflow,
    resting: Mapping[str, Any],
    hops: Sequence[Hop],
    guards: Mapping[Condition, Judged],
    as_of: datetime,
) -> Next:
    """What comes next for a participant, a row of `passages_of`: of the ways out of where it rests, the first that is open.

    `workflow` is the version whose steps it follows; of `guards` is known whether they hold.
    """
    labels = {
        row["step_id"]: row["label"]
        for row in session.ask("step_labels", workflow=resting["workflow"], version=resting["flow_version"])
    }
    kinds = {step.id: type(step).__name__.removesuffix("Step").lower() for step in walk(workflow.steps)}

    def holds(guard: Guard) -> bool:
        if not isinstance(guard, Draw):
            return guard in guards and guards[guard].truth == "true"
        text = f"{seed}|split|{resting['participant_id']}|{guard.step}"
        return guard.low <= session.ask("draw_of", text=text)[0]["draw"] < guard.high

    way = next((hop for hop in hops if all(holds(guard) for guard in hop.guards)), None)
    place, due = resting["step_id"], resting["due_at"]
    return Next(
        place=place,
        label=labels.get(place, place),
        due=due,
        on_condition=any(not hop.needs_timer for hop in hops),
        ready=way is not None and (not way.needs_timer or (due is not None and due <= as_of)),
        steps=tuple(Passed(s, labels.get(s, s), kinds.get(s, ""), arm) for s, arm in way.path) if way else (),
        outcome=way.outcome if way else None,
        to=way.to_step if way else None,
        reason=way.reason if way else None,
    )


def decision_of(workflow: Workflow, condition: Condition) -> str:
    """Where a condition stands: the wait it ends, or the branch and its arm."""
    for step in walk(workflow.steps):
        if isinstance(step, WaitStep) and condition in _waited_for(step.wait):
            return step.id
        for arm in step.branch if isinstance(step, BranchStep) else ():
            if arm.if_ == condition:
                return f"{step.id} / {arm.name}"
    return ""


def _waited_for(wait: Wait) -> tuple[Condition, ...]:
    match wait:
        case WaitUntil(until=until):
            return (until,)
        case WaitForDate() as date:
            cancel = (date.cancel,) if date.cancel is not None else ()
            return (*cancel, date.reached, date.gone_by, date.unknown)
        case FixedWait():
            return ()
