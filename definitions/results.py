"""What comes back of actions, as project.yaml says: tables and folders of events, and who may send them by HTTP."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from definitions.secrets import SecretReference
from definitions.values import Model, Name, fault

ResultWord = Literal[
    "delivered",
    "opened",
    "clicked",
    "replied",
    "bounced",
    "dropped",
    "unsubscribed",
    "complained",
    "completed",
    "outcome",
]
EventField = Literal["event_id", "result", "action_id", "provider_id", "happened_at", "value", "bounce", "recipient"]
Provider = Literal["sendgrid", "postmark", "mailgun", "resend"]
Secrets = tuple[SecretReference, ...]


class ResultSource(Model):
    """Events in a table of a source, or in the files of a folder."""

    source: Name | None = Field(default=None, description="the source of a table")
    table: str | None = Field(default=None, description="the table")
    folder: str | None = Field(default=None, description="a folder of .jsonl and .csv files, from the project's root")
    map: dict[EventField, str] = Field(default={}, description="the columns or keys that hold an event's parts")
    words: dict[str, ResultWord | Literal["nothing"]] = Field(
        default={}, description="other words for results; `nothing` is passed over"
    )

    @model_validator(mode="after")
    def _one_place(self) -> ResultSource:
        if (self.folder is None) != (self.source is not None and self.table is not None):
            hint = "write `source` and `table`, or `folder`"
            raise fault("result-source", "results come from a table of a source, or from a folder", hint)
        missing = [key for key in ("event_id", "result", "happened_at") if key not in self.map]
        if self.folder is None and (missing or not {"action_id", "provider_id"} & {*self.map}):
            missing = missing or ["action_id"]
            hint = "write which columns hold `event_id`, `result`, `happened_at`, and `action_id` or `provider_id`"
            raise fault("result-source", f"`map` does not say which column holds `{missing[0]}`", hint)
        return self

    @property
    def name(self) -> str:
        """What results of it say where they came from."""
        return f"{self.folder.rstrip('/')}/" if self.folder is not None else f"{self.source}.{self.table}"


class Receiving(Model):
    """Who may send events to `drumbeat receive`: secrets, of each kind as many as are in use."""

    secrets: Secrets = Field(default=(), description="what signs events of our own form")
    unsubscribe: Secrets = Field(default=(), description="what tokens for unsubscribing are signed with")
    providers: dict[Provider, Secrets] = Field(
        default={}, description="what a provider signs with, or the secret in the path that it is given"
    )
