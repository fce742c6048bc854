"""Errors of this room, under the project's roots.

UserError
├── ClockWentBack     an instant before the last one was asked for
├── GuardExceeded     an apply would cause more than the project's guards let pass
├── NothingApplied    no definitions are live
├── NotProved         a warehouse is not what its inputs lead to
└── SnapshotRefused   a source lost so much that nothing is believed
EnvironmentFault
└── LeaseHeld         another process is at work
"""

from __future__ import annotations

from datetime import datetime

from definitions import EnvironmentFault, UserError


class ClockWentBack(UserError):
    """Time only goes forward: `asked` is before `last`."""

    def __init__(self, what: str, asked: datetime, last: datetime) -> None:
        message = f"the last {what} is of {last.isoformat()}; {asked.isoformat()} is before it"
        super().__init__("clock-went-back", message, f"the next {what} needs a later instant")


class GuardExceeded(UserError):
    """An apply would cause more than the project's guards let pass; `findings` says what, a line each."""

    def __init__(self, findings: tuple[str, ...]) -> None:
        self.findings = findings
        hint = "`drumbeat plan` shows what would happen; `drumbeat apply --accept` applies it all the same"
        super().__init__("guard-exceeded", "\n".join(findings), hint)


class NothingApplied(UserError):
    """No definitions are live."""

    def __init__(self) -> None:
        super().__init__("nothing-applied", "no definitions are live in this warehouse", "run `drumbeat apply` first")


class NotProved(UserError):
    """A warehouse is not what its inputs lead to; `findings` says where, a line each."""

    def __init__(self, findings: tuple[str, ...]) -> None:
        self.findings = findings
        hint = "restore the warehouse from a backup; docs/verify.md says how to read the lines"
        super().__init__("not-proved", "\n".join(("the warehouse is not proved", *findings)), hint)


class SnapshotRefused(UserError):
    """A source lost so many records that nothing of it is believed."""

    def __init__(self, object_: str, lost: int, before: int) -> None:
        message = f"{lost} of {before} {object_} records would be gone: the snapshot is refused and nothing was changed"
        super().__init__(
            "snapshot-refused", message, "check the source; `drumbeat snapshot --accept` takes it as it is"
        )


class SourceOdd(UserError):
    """What a source gave is unlike what it gave before."""

    def __init__(self, object_: str, what: str) -> None:
        super().__init__(
            "source-odd",
            f"`{object_}` is unlike before: {what}; the snapshot is refused and nothing was changed",
            "check the source; `drumbeat snapshot --accept` takes it as it is",
        )


class SourceStale(UserError):
    """Nothing has moved at a source for longer than its catalog file allows."""

    def __init__(self, object_: str, newest: datetime, within: str) -> None:
        super().__init__(
            "source-stale",
            f"nothing of `{object_}` has moved since {newest.isoformat()}, longer than {within}: nothing was changed",
            "see whether what fills the source still runs; `drumbeat snapshot --accept` takes it as it is",
        )


class ColumnChanged(UserError):
    """A column that could be read until now no longer can: its source means something else by it."""

    def __init__(self, field: str, type_: str, odd: int, of: int) -> None:
        message = (
            f"{odd} of {of} values of `{field}` cannot be read as {type_}, and they could before: nothing was changed"
        )
        super().__init__(
            "column-changed", message, "mend the source or the catalog; `drumbeat snapshot --accept` takes it as it is"
        )


class LeaseHeld(EnvironmentFault):
    """Another process is at work on the same warehouse."""

    def __init__(self, holder: str) -> None:
        super().__init__("lease-held", f"the warehouse is in use by {holder}", "wait for it to end")
