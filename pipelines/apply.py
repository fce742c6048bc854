"""Make a folder live. The evaluator reads only what was applied, never the folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from definitions import Problem, ProblemsFound, Project, UserError
from definitions.older import read_version
from definitions.problems import in_order
from definitions.rules import problems_of_objective, problems_of_version
from definitions.steps import WaitStep, walk
from definitions.workflow import Moves, State, Workflow, structure_fingerprint, text_fingerprint
from pipelines.live import other_numbers
from sql import DuckDBSession, Plan
from sql.compiler import CompiledWorkflow, compile_version, current_plan, objective_of_version
from sql.names import CONTENT_VALUES, CONTENTS, ENTRY, HOLDOUT, PROJECTS, WORKFLOWS
from sql.publication import Row, publish
from sql.schedules import publish_communication
from sql.truths.plan import recipient_object

FORGET = (
    "forget_hop_guards",
    "forget_hop_path",
    "forget_hops",
    "forget_goals",
    "forget_entry_values",
    "forget_assign_rules",
    "forget_step_moves",
    "forget_steps",
    "forget_workflow",
)
NUMBERED = (
    "entry_condition",
    "exit_condition",
    "objective_condition",
    "measure_value",
    "recipient_value",
    "each_value",
    "logic_fingerprint",
)
"""What a workflow's row tells of the segments and the catalog that it was compiled with; all else is as its file said."""
Change = Literal["new", "logic", "words", "gone"]


@dataclass(frozen=True)
class Applied:
    """What an apply changed: by workflow, and the number of the apply. No changes: nothing was written."""

    project_id: int
    changes: Mapping[str, Change]
    written: bool


def apply_project(session: DuckDBSession, project: Project, *, at: datetime, by: str) -> Applied:
    """Write the project's definitions and their compiled flows in one transaction; refuses what would break those inside."""
    fingerprint = fingerprint_of(project.files)
    rows = session.ask("live_project")
    if rows and rows[0]["fingerprint"] == fingerprint and not other_numbers(session, current_plan(project)):
        return Applied(rows[0]["project_id"], {}, written=False)
    live = {row["workflow"]: row for row in session.ask("live_workflows")}
    _refuse(session, project, live, at)
    plan = current_plan(project)
    changes = _changes(plan, live)
    project_id = rows[0]["project_id"] + 1 if rows else 1
    settings = project.settings
    with session.transaction():
        for name in (n for n, change in changes.items() if change == "gone"):
            session.execute_query("retire_workflow", workflow=name)
        for compiled in (c for c in plan.workflows if c.name in changes):
            _write(session, compiled, changes[compiled.name], project, at, by)
        _write_older(session, project)
        for query in ("forget_windows", "forget_blackouts", "forget_workflow_calendars"):
            session.execute_query(query)
        for table, made in publish_communication(project).items():
            session.append(table, made)
        row = {
            "project_id": project_id,
            "fingerprint": fingerprint,
            "name": settings.name,
            "timezone": settings.timezone,
        }
        row |= {"seed": settings.seed, "files": dict(project.files), "applied_at": at, "applied_by": by}
        session.append(PROJECTS, [row])
        session.execute_query("chain_project", project_id=project_id)
    return Applied(project_id, changes, written=True)


def _changes(plan: Plan, live: Mapping[str, Mapping[str, Any]]) -> dict[str, Change]:
    found: dict[str, Change] = {c.name: _change(c, live.get(c.name)) for c in plan.workflows}
    gone: dict[str, Change] = {name: "gone" for name in sorted(live) if name not in plan.project.workflows}
    return found | gone


def _change(compiled: CompiledWorkflow, known: Mapping[str, Any] | None) -> Change:
    if known is None:
        return "new"
    return "words" if known["logic_fingerprint"] == compiled.fingerprint else "logic"


def _state(wanted: str, known: Mapping[str, Any] | None) -> str:
    """The file's state; but an operator's order stands until the file says something new."""
    return wanted if known is None or known["wanted_state"] != wanted else known["state"]


def _write(
    session: DuckDBSession, compiled: CompiledWorkflow, change: Change, project: Project, at: datetime, by: str
) -> None:
    known_row = next((row for row in session.ask("live_workflows") if row["workflow"] == compiled.name), None)
    versions = {row["workflow"]: row["version"] for row in session.ask("last_versions")}
    version = versions.get(compiled.name, 0) + (change != "words")
    session.execute_query("retire_workflow", workflow=compiled.name)
    if change == "words":
        _forget(session, compiled.name, version)
    published = publish(compiled, version, project, at=at, by=by)
    published[WORKFLOWS] = [row | {"state": _state(row["wanted_state"], known_row)} for row in published[WORKFLOWS]]
    _store(session, published)


def _write_older(session: DuckDBSession, project: Project) -> None:
    """Number anew what participants of older versions are asked, and by what they are observed.

    A segment that was edited has another number; messages are those of the project as it is now.
    """
    for row in session.ask("older_versions"):
        contents = row.pop("contents")
        version = read_version(row["workflow"], row["definition"])
        known = row["objective_condition"], row["measure_value"]
        if not problems_of_version(project, version):
            compiled = compile_version(project, version)
            made = [content.content_id for content in compiled.contents.values()]
            numbers = compiled.objective, compiled.measure
            if (compiled.fingerprint, made, numbers) != (row["logic_fingerprint"], contents, known):
                _rewrite(session, row, compiled, project)
            continue
        # nobody follows it: that was seen to
        gone = problems_of_objective(project, version)
        objective, measure = (None, None) if gone else objective_of_version(project, version)
        if (objective, measure) != known:
            which = {"workflow": row["workflow"], "version": row["version"]}
            session.execute_query("observe_by", **which, objective=objective, measure=measure)


def _rewrite(session: DuckDBSession, row: Row, compiled: CompiledWorkflow, project: Project) -> None:
    published = publish(compiled, row["version"], project, at=row["applied_at"], by=row["applied_by"])
    (made,) = published[WORKFLOWS]
    published[WORKFLOWS] = [row | {column: made[column] for column in NUMBERED}]
    _forget(session, compiled.name, row["version"])
    _store(session, published)


def _forget(session: DuckDBSession, workflow: str, version: int) -> None:
    for query in FORGET:
        session.execute_query(query, workflow=workflow, version=version)


def _store(session: DuckDBSession, published: Mapping[str, list[Row]]) -> None:
    """Append rows by table; of contents those that are not there."""
    known = {row["content_id"] for row in session.ask("known_contents")}
    for table, rows in published.items():
        if table in (CONTENTS, CONTENT_VALUES):
            distinct = {json.dumps(row, sort_keys=True): row for row in rows}.values()
            rows = [row for row in distinct if row["content_id"] not in known]
        session.append(table, rows)


def fingerprint_of(files: Mapping[str, str]) -> str:
    """The hash of a folder's definition files: changes with any character of any of them. Tests are no definitions."""
    live = {file: text for file, text in files.items() if not file.startswith("tests/")}
    return hashlib.md5(json.dumps(live, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class _Known:
    """What is live of a workflow, and what its participants need."""

    state: str
    launch: str | None
    object: str
    recipient: str | None
    structure: str
    text: str
    wanted_state: State
    enabled_before: bool
    followed: frozenset[str]
    resting: frozenset[str]


def _refuse(session: DuckDBSession, project: Project, live: Mapping[str, Mapping[str, Any]], at: datetime) -> None:
    enabled_before = {row["workflow"] for row in session.ask("enabled_before")}
    followed = session.ask("followed_structures")
    problems: list[Problem] = []
    for name, row in live.items():
        own = [f for f in followed if f["workflow"] == name]
        known = _Known(
            state=row["state"],
            launch=row["launch"],
            object=row["object"],
            recipient=row["recipient_object"],
            structure=row["structure_fingerprint"],
            text=row["text_fingerprint"],
            wanted_state=row["wanted_state"],
            enabled_before=name in enabled_before,
            followed=frozenset(f["structure_fingerprint"] for f in own),
            resting=frozenset(step for f in own for step in f["steps"]),
        )
        if name in project.workflows:
            problems.extend(_problems(project, name, project.workflows[name], known))
        elif known.state in ("enabled", "paused", "archived"):
            hint = "set `state: disabled` and apply, then remove the file"
            message = f"`workflows/{name}.yaml` is gone, and the workflow is {known.state}"
            raise UserError("live-workflow-gone", message, hint)
    for row in session.ask("versions_in_use", as_of=at):
        problems.extend(_problems_in_use(project, row))
    if problems:
        raise ProblemsFound(in_order(problems))


def _problems_in_use(project: Project, row: Mapping[str, Any]) -> Iterator[Problem]:
    """Whoever finishes the old steps needs what they ask for, and whoever is observed what the objective asks for."""
    name, workflow = row["workflow"], project.workflows.get(row["workflow"])
    if workflow is None or text_fingerprint(workflow) == row["text_fingerprint"]:
        return
    old = read_version(name, row["definition"])
    is_other = structure_fingerprint(old.workflow) != structure_fingerprint(workflow)
    locate = project.sources[f"workflows/{name}.yaml"].locate
    if row["is_followed"] and is_other and workflow.on_structural_change == "finish_old":
        for problem in problems_of_version(project, old):
            message = f"participants of `{name}` finish steps that ask for something gone: {problem.message}"
            hint = "keep it in the catalog until they have left"
            yield Problem(locate(("on_structural_change",)), "old-version", message, hint)
    elif row["is_observed"]:
        for problem in problems_of_objective(project, old):
            message = f"whoever entered `{name}` before is observed by an objective that asks for something gone: {problem.message}"
            hint = "keep it until 30 days after they have left"
            yield Problem(locate(("objective",)), "old-version", message, hint)


def _problems(project: Project, name: str, workflow: Workflow, known: _Known) -> Iterator[Problem]:
    locate = project.sources[f"workflows/{name}.yaml"].locate
    if workflow.state == "draft" and known.state != "draft":
        message = f"`{name}` was {known.state}: it cannot be a draft again"
        yield Problem(locate(("state",)), "draft-again", message, "use `disabled`")
    if known.enabled_before and workflow.launch != known.launch:
        message = f"`launch` was `{known.launch}` when `{name}` was first enabled and cannot be changed"
        yield Problem(locate(("launch",)), "launch-changed", message)
    if known.enabled_before and workflow.object != known.object:
        message = (
            f"`{name}` was about `{known.object}` when it was first enabled: its passages hold keys of `{known.object}`"
        )
        yield Problem(locate(("object",)), "object-changed", message, "make another workflow")
    recipient = recipient_object(workflow, project)
    keeps_steps = structure_fingerprint(workflow) in known.followed or workflow.on_structural_change != "finish_old"
    if known.followed and keeps_steps and None not in (recipient, known.recipient) and recipient != known.recipient:
        message = f"participants of `{name}` are inside whose recipients are keys of `{known.recipient}`, not of `{recipient}`"
        hint = "set `state: disabled` and evaluate first, or change the steps with `on_structural_change: finish_old`"
        yield Problem(locate(("recipient",)), "recipient-changed", message, hint)
    as_before = workflow.model_copy(update={"state": known.wanted_state})
    if known.state == "archived" and text_fingerprint(as_before) != known.text:
        message = f"`{name}` is archived: it takes no edits"
        yield Problem(locate(()), "archived-edit", message, "set its `state` and apply first, then edit")
    elif workflow.state in ("enabled", "paused", "archived"):
        yield from _structure_problems(project, name, workflow, known)


def _structure_problems(project: Project, name: str, workflow: Workflow, known: _Known) -> Iterator[Problem]:
    locate = project.sources[f"workflows/{name}.yaml"].locate
    structure, change = structure_fingerprint(workflow), workflow.on_structural_change
    if isinstance(change, Moves) and known.followed - {structure}:
        waits = {step.id for step in walk(workflow.steps) if isinstance(step, WaitStep)}
        lost = sorted(known.resting - waits - set(change.move) - {ENTRY, HOLDOUT})
        if lost:
            message = f"participants of `{name}` rest at {', '.join(f'`{s}`' for s in lost)}, which is no wait any more"
            hint = "say under `on_structural_change: {move: ..}` where they go"
            yield Problem(locate(("on_structural_change",)), "unmapped-steps", message, hint)
    elif change is None and known.state in ("enabled", "paused", "archived") and structure != known.structure:
        message = f"steps of `{name}` came, went or moved while it is {known.state}"
        hint = (
            "set `state: disabled` and apply first, keep the steps and change times, conditions or texts, "
            "or say `on_structural_change: finish_old`"
        )
        yield Problem(locate(("steps",)), "structural-edit", message, hint)
    elif change is None and known.followed - {structure}:
        message = f"participants of `{name}` are still inside with other steps: they leave at the next evaluation"
        hint = "run `drumbeat evaluate` while it is disabled, then apply"
        yield Problem(locate(("steps",)), "still-inside", message, hint)
