"""The oracle as an engine: the evaluator's stages one after the other, one record after the other, over dictionaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from support.oracle.advancing import advance, begin_anew, plan
from support.oracle.applying import apply
from support.oracle.conditions import Asked, Judge
from support.oracle.entering import admit, see_episodes
from support.oracle.leaving import leave, merge
from support.oracle.orders import parse_order, take_up
from support.oracle.passages import Participant, Passage, Result
from support.oracle.reading import NotInOracle
from support.oracle.records import Records
from support.oracle.seeing import broken, followed, measure, observed
from support.oracle.sending import plan_sends
from support.oracle.standing import Passages
from support.oracle.state import State

from definitions import Project, UserError
from pipelines.worlds import Observed, Rows

__all__ = ["NotInOracle", "OracleWorld"]


class OracleWorld:
    """Whatever `pipelines.worlds.World` does on a warehouse, meant and not computed."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.rows: Rows = {}
        self.standing = Passages()
        records = Records(project)
        self.state = State(project, records, Judge(project, records, self.standing))
        self.standing.state = self.state
        self._observed: dict[datetime, Observed] = {}

    def apply(self, project: Project | None = None) -> None:
        """Make the project, or another one in its place, live; raises ProblemsFound where that is refused."""
        self.project = project or self.project
        apply(self.state, self.project)

    def set(self, changes: Mapping[str, Mapping[str, Mapping[str, Any] | None]]) -> None:
        """Add or change rows by object and key; None removes one."""
        for object_, rows in changes.items():
            known = self.rows.setdefault(object_, {})
            for key, row in rows.items():
                if row is None:
                    known.pop(key, None)
                else:
                    known[key] = {**known.get(key, {self.project.catalog[object_].key: key}), **row}

    def suppress(self, object_: str, recipients: Mapping[str, str], since: datetime) -> None:
        """Put recipients on the list of those who must not be written to, with reasons."""
        for recipient, reason in recipients.items():
            self.state.suppressed.setdefault((object_, recipient), (since, reason))

    def order(self, order: str, at: datetime) -> None:
        """Give an order as on the command line; the same one given twice at one instant is one order."""
        given = parse_order(order)
        live = self.state.live.get(given.workflow)
        if live is None or live.is_gone:
            raise UserError("unknown-workflow", f"`{given.workflow}` is not live")
        if all(o.text != order or o.by_step for o in self.state.given):
            self.state.given.append(given)

    def receive(self, results: Mapping[str, Sequence[Mapping[str, Any]]], at: datetime) -> None:
        """Note what came back of actions: by `record/step`, each with `result`, and `value` and `at` where they matter."""
        for name, found in results.items():
            record, step = name.rsplit("/", 1)
            workflow, _, key = record.rpartition(":")
            known = [a for a in self.state.actions() if a.step.id == step and a.sent_for == key]
            known = [a for a in known if workflow in ("", a.participant.workflow)]
            if not known:
                raise UserError("no-action", f"there is no action `{name}` that could have a result")
            latest = max(known, key=lambda a: a.planned_at)
            for one in found:
                latest.results.append(Result(one["result"], one.get("value"), one.get("at") or at, at))

    def evaluate(self, as_of: datetime) -> bool:
        """Take a snapshot of the rows and evaluate; false where this instant was evaluated already."""
        state = self.state
        if state.now is not None and as_of <= state.now:
            if as_of < state.now:
                raise UserError("clock-went-back", f"{as_of} is before the last evaluation")
            return False
        state.before, state.now = state.now, as_of
        state.records.snapshot(self.rows, as_of)
        state.inside_at_start = [p for p in state.passages() if p.is_open]
        state.active_at_start = {p.id for p in state.inside_at_start if p.status == "active"}
        begin_anew(state)
        take_up(state)
        merge(state)
        self.standing.begin()
        see_episodes(state)
        leave(state)
        admit(state)
        advance(state)
        plan(state)
        plan_sends(state)
        measure(state)
        state.judge.evaluated(as_of, followed(state))
        for live in state.live.values():
            live.was = live.state
        self._observed = {as_of: observed(state)}
        return True

    def observe(self, as_of: datetime) -> Observed:
        """What the evaluation of an instant decided. With several workflows records are named `workflow:record`."""
        return self._observed[as_of]

    def qualifying(self) -> dict[str, frozenset[str]]:
        """The records whose entry condition held at the latest evaluation, by workflow."""
        state, found = self.state, dict[str, frozenset[str]]()
        for live in state.live.values():
            keys = [] if live.is_gone else state.records.keys(live.object)
            condition = live.definition.entry.condition
            holding = [k for k in keys if state.judge.truth(condition, Asked(live.object, k, state.at))]
            found[live.name] = frozenset(holding)
        return found

    def why_not(self, record: str) -> str:
        """Why a record is not in: the refusal that holds, or that it does not qualify."""
        workflow, _, key = record.rpartition(":")
        for live in self.state.live.values():
            for (one, occasion), refusal in live.refusals.items():
                if key == (f"{one}+{occasion}" if occasion else one) and workflow in ("", live.name):
                    return f"refused, {refusal.reason}"
        return "it does not qualify"

    def broken(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Invariants that do not hold."""
        return broken(self.state)

    def passages(self) -> list[Passage]:
        """Every passage so far, sorted."""
        return sorted((_passage(p) for p in self.state.passages()), key=_by_start)


def _by_start(passage: Passage) -> tuple[Any, ...]:
    return passage.workflow, passage.record, passage.occasion, passage.entered_at


def _passage(p: Participant) -> Passage:
    step = p.step
    made = Passage(
        p.workflow, p.record, p.occasion, p.entered_at, p.version, p.arm, p.status, p.reason, p.left_at, step, p.due_at
    )
    # why somebody is paused or in error is no reason of an exit
    return replace(made, exit_reason=None) if p.is_open else made
