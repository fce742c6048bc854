"""The orders of those who run workflows, as words."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, get_args

from definitions.problems import did_you_mean

Command = Literal[
    "enable", "pause", "resume", "archive", "disable", "enroll", "remove", "retry", "goal-met", "approve", "reject"
]
ALL: tuple[str, ...] = get_args(Command)
OF_WORKFLOWS = ("enable", "pause", "resume", "archive", "disable")
OF_RECORDS = ("pause", "resume", "enroll", "remove", "retry", "goal-met", "approve", "reject")


def words_of(order: str) -> tuple[str, str, list[str]]:
    """The command, the workflow and what follows, of an order as on the command line.

    >>> words_of("approve renewal a1 hello"), words_of("archive")
    (('approve', 'renewal', ['a1', 'hello']), ('archive', '', []))
    """
    words = order.split()
    command, workflow = (*words, "", "")[:2]
    return command, workflow, words[2:]


def fault_of(
    command: str, workflow: str, has_records: bool, workflows: Collection[str]
) -> tuple[str, str, str | None] | None:
    """Code, message and hint of an order that means nothing."""
    if command not in ALL:
        return "unknown-command", f"`{command}` is not a command", did_you_mean(command, ALL)
    if not workflow:
        return "unknown-workflow", f"`{command}` names no workflow", f"{command} WORKFLOW"
    if workflow not in workflows:
        return "unknown-workflow", f"`{workflow}` is not live", did_you_mean(workflow, workflows)
    if not has_records and command not in OF_WORKFLOWS:
        return "no-record", f"`{command}` needs a record", f"{command} {workflow} RECORD"
    if has_records and command not in OF_RECORDS:
        return "no-record", f"`{command}` is about the whole workflow", f"{command} {workflow}"
    return None
