"""Edits: what another project in the place of the live one does to workflows, and what it may not do."""

from __future__ import annotations

from collections.abc import Iterator

from support.oracle.flow import wait_of
from support.oracle.passages import ENTRY, Live, Participant
from support.oracle.state import State

from definitions import Problem, ProblemsFound, Project, Span, UserError
from definitions.steps import WaitStep
from definitions.workflow import Moves, Workflow, logic_fingerprint, structure_fingerprint, text_fingerprint


def apply(state: State, project: Project) -> None:
    """Make a project live, or refuse it with every problem."""
    for name, live in state.live.items():
        if name not in project.workflows and live.state in ("enabled", "paused", "archived"):
            raise UserError("live-workflow-gone", f"{name} is {live.state}")
    problems = [
        Problem(Span(f"workflows/{name}.yaml", 1, 1), code, code)
        for name, new in project.workflows.items()
        if name in state.live
        for code in _problems(state.live[name], new, state.project, project)
    ]
    if problems:
        raise ProblemsFound(problems)
    for name, new in project.workflows.items():
        live = state.live.get(name)
        if live is None:
            state.live[name] = Live(name, new, new.state, was_more=new.state != "draft")
        else:
            _replace(live, new)
    for name, live in state.live.items():
        live.is_gone = name not in project.workflows
    state.project = project
    state.records.use(project)
    state.judge.use(project)


def _problems(live: Live, new: Workflow, before: Project, project: Project) -> Iterator[str]:
    """What may not be edited in the state that the workflow is in."""
    old = live.definition
    if new.state == "draft" and live.was_more:
        yield "draft-again"
    if new.launch != old.launch and live.enabled_since is not None:
        yield "launch-changed"
    if new.object != old.object and live.enabled_since is not None:
        yield "object-changed"
    finish = new.on_structural_change == "finish_old"
    stay = [p for p in live.inside() if not finish or structure_fingerprint(p.flow) == structure_fingerprint(new)]
    to = [_recipients(old, before), _recipients(new, project)]
    if stay and None not in to and to[0] != to[1]:
        yield "recipient-changed"
    if live.state == "archived" and text_fingerprint(_stateless(old)) != text_fingerprint(_stateless(new)):
        yield "archived-edit"
        return
    if structure_fingerprint(old) == structure_fingerprint(new):
        return
    inside = list(live.inside())
    if new.on_structural_change is None and (live.state in ("enabled", "paused") or inside):
        yield "structural-edit"
    if isinstance(new.on_structural_change, Moves) and any(_place(p, new) is None for p in inside if p.wait):
        yield "unmapped-steps"


def _recipients(workflow: Workflow, project: Project) -> str | None:
    if workflow.recipient is None:
        return None
    return project.catalog.target(workflow.object, (workflow.recipient.relation,))


def _stateless(workflow: Workflow) -> Workflow:
    return workflow.model_copy(update={"state": "draft"})


def _place(participant: Participant, new: Workflow) -> WaitStep | None:
    """Where somebody rests after a move: the wait that takes the place of the old one, or the same one."""
    moves = new.on_structural_change
    assert isinstance(moves, Moves) and participant.wait is not None
    return wait_of(new.steps, moves.move.get(participant.wait.id, participant.wait.id))


def _replace(live: Live, new: Workflow) -> None:
    """The new definition counts from now on; who is inside follows it, or its own steps, as the edit says."""
    old = live.definition
    if logic_fingerprint(old) != logic_fingerprint(new):
        live.version += 1
    is_same = structure_fingerprint(old) == structure_fingerprint(new)
    for participant in live.inside():
        if is_same:
            # those who finish older steps go on with them
            if structure_fingerprint(participant.flow) == structure_fingerprint(old):
                participant.flow = new
                if participant.wait is not None:  # what it waits for is asked as it is now; its instant is kept
                    participant.wait = wait_of(new.steps, participant.wait.id) or participant.wait
        elif new.on_structural_change == "finish_old":
            continue
        else:
            _follow(participant, new)
    if old.state != new.state:
        live.state = new.state
        live.was_more = live.was_more or new.state != "draft"
    live.definition = new


def _follow(participant: Participant, new: Workflow) -> None:
    """Go over to the new steps: from the beginning, or from the wait that takes the place of the old one."""
    participant.flow = new
    if isinstance(new.on_structural_change, Moves):
        if participant.wait is not None:
            participant.wait = _place(participant, new)
            participant.step = participant.wait.id if participant.wait is not None else ENTRY
    elif participant.arm != "holdout":
        participant.restart = True
