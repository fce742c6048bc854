"""Where actions go, as project.yaml says: one model a kind, told apart by `kind`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from definitions.secrets import SecretReference
from definitions.urls import WrongUrl, read_url, refusal
from definitions.values import Duration, Model, Name, fault, parse_fixed

_ADDRESS = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[a-z0-9-]{1,63}\.)*[a-z0-9-]{1,63}\Z", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9_.:-]{1,253}\Z")

AtOnce = Annotated[int, Field(ge=1, le=64, description="how many batches may be on their way")]
Seconds = Annotated[int, Field(ge=1, le=300)]


def _mail_address(value: str) -> str:
    if not _ADDRESS.match(value):
        raise fault("address", f"`{value}` is not an email address", "write such as `hello@example.com`")
    return str(value)


def _host(value: str) -> str:
    if not _HOST.match(value):
        raise fault("host", f"`{value}` is not a host", "write a name or an address in lower case, without `https://`")
    return str(value)


def _known_for(*words: str) -> Any:
    """One of some words, or a time of fixed length."""

    def read(value: Any) -> Any:
        return value if value in words else parse_fixed(value)

    pattern = "|".join((*words, r"\d+\s+(minute|hour|day|week)s?"))
    return PlainValidator(read), WithJsonSchema(
        {"type": "string", "pattern": f"^({pattern})$", "examples": ["24 hours"]}
    )


def checked_url(value: str, hosts: Iterable[str], plain: bool) -> str:
    """A url as it may stand in project.yaml."""
    try:
        url = read_url(value)
    except WrongUrl as error:
        raise fault("url", f"`{value}` is not a url that may be used: {error}") from error
    listed = {*hosts}
    why = refusal(url, {*listed, *(() if url.address else (url.host,))}, plain and url.host in listed)
    if why is not None:
        raise fault("url", f"`{url.origin}` may not be used: {why}")
    return str(value)


def server_url(value: str, plain: bool) -> str:
    """The url of a server that the settings themselves name: whoever writes them may name this machine."""
    try:
        host = read_url(value).host
    except WrongUrl:
        host = ""
    return checked_url(value, (host,), plain)


MailAddress = Annotated[str, AfterValidator(_mail_address)]
Host = Annotated[str, AfterValidator(_host)]
KnownFor = Annotated[Duration | Literal["never"], *_known_for("never")]
KnownSomehow = Annotated[Duration | Literal["never", "naturally"], *_known_for("never", "naturally")]
DAY = Duration(days=1, text="24 hours")


class FileSinkSettings(Model):
    """Batches as files."""

    kind: Literal["files"] = Field(description="files: one batch a kind and evaluation")
    path: str = Field(description="the folder, from the project's root")


class WebhookSinkSettings(Model):
    """Signed requests, as Standard Webhooks 1.0 has them."""

    kind: Literal["webhook"] = Field(description="webhook: one signed request an action")
    allow_hosts: tuple[Host, ...] = Field(default=(), description="the hosts that actions may name")
    allow_http: bool = Field(default=False, description="true: the hosts listed may be asked by `http`")
    url: str | None = Field(default=None, description="where actions go that name no url themselves")
    secrets: tuple[SecretReference, ...] = Field(
        min_length=1, max_length=5, description="what requests are signed with; the first is the newest"
    )
    dedupes_for: KnownFor = Field(default=DAY, description="how long receivers know a `webhook-id` again, or `never`")
    at_once: AtOnce = 4
    timeout: Seconds = Field(default=20, description="seconds that a reply may take")
    ca: str | None = Field(default=None, description="certificates to trust besides the machine's, as a PEM file")

    @field_validator("url")
    @classmethod
    def _url(cls, value: str | None, info: ValidationInfo) -> str | None:
        found = info.data
        hosts: tuple[str, ...] = found.get("allow_hosts", ())
        return value and checked_url(value, hosts, found.get("allow_http", False))


class Login(Model):
    """Who logs in."""

    user: str = Field(description="the name")
    password: SecretReference = Field(description="`env:NAME` or `file:path`")


class Unsubscribing(Model):
    """Headers with which mail programs unsubscribe at one click (RFC 8058)."""

    url: str = Field(description="takes the request; a token is added to it")
    secret: SecretReference = Field(description="what tokens are signed with")

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        return checked_url(value, (), plain=False)


class SmtpSinkSettings(Model):
    """Emails, one recipient each."""

    kind: Literal["smtp"] = Field(description="smtp: emails through a mail server")
    host: Host = Field(description="the mail server")
    port: int = Field(default=587, ge=1, le=65_535, description="its port")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="encrypted after the greeting, from the start, or not at all"
    )
    login: Login | None = Field(default=None, description="who logs in")
    sender: MailAddress = Field(description="in whose name emails go that name no sender")
    sender_name: str | None = Field(default=None, max_length=100, description="what people read instead of the sender")
    bounces: MailAddress | None = Field(default=None, description="where bounces go; without it to the sender")
    allow_domains: tuple[Host, ...] | None = Field(
        default=None, description="only recipients of these domains get mail, such as on a test system"
    )
    unsubscribe: Unsubscribing | None = Field(default=None, description="adds one-click unsubscribing")
    batch_size: int = Field(default=50, ge=1, le=1_000, description="emails over one connection")
    at_once: AtOnce = 1
    timeout: Seconds = Field(default=30, description="seconds that a reply may take")
    ca: str | None = Field(default=None, description="certificates to trust besides the machine's, as a PEM file")

    @field_validator("login")
    @classmethod
    def _login(cls, value: Login | None, info: ValidationInfo) -> Login | None:
        local = info.data.get("host") in ("localhost", "127.0.0.1", "::1")
        if value is not None and info.data.get("security") == "none" and not local:
            raise fault("login", "a password would go over the network in the clear", "use `security: starttls`")
        return value


Identifier = Annotated[str, Field(min_length=1, max_length=127, pattern=r"^[^\x00-\x1f]+$")]
ActionKind = Literal[
    "task", "call", "email", "sms", "update", "create", "assign", "notify", "webhook", "tag", "untag", "enroll"
]


HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")]
HeaderText = Annotated[str, Field(pattern=r"^[ -~]{0,1000}$")]


class RowTable(Model):
    """A table that takes a row an action."""

    table: Identifier = Field(description="the table, or `schema.table`")
    key: Identifier = Field(default="action_id", description="the unique column that keeps the action's id")
    columns: dict[Identifier, str] = Field(
        default={}, description="columns and what they hold, such as `content.title`; else those with fitting names"
    )


class RecordTable(Model):
    """The CRM's own table of an object."""

    table: Identifier = Field(description="the table, or `schema.table`")
    key: Identifier = Field(description="the column that holds a record's key")


class TagTable(Model):
    """A table of records and their tags."""

    table: Identifier = Field(description="the table, or `schema.table`")
    key: Identifier = Field(description="the column that holds a record's key")
    tag: Identifier = Field(description="the column that holds a tag")


def _row_table(value: Any) -> Any:
    return {"table": value} if isinstance(value, str) else value


class DatabaseSinkSettings(Model):
    """Actions as rows of a database, and as changes of the CRM's own tables."""

    kind: Literal["database"] = Field(description="database: rows and changes of rows")
    url: SecretReference = Field(description="names the SQLAlchemy url, such as `env:CRM_DATABASE`")
    tables: dict[
        ActionKind, Annotated[RowTable, BeforeValidator(_row_table, json_schema_input_type=str | RowTable)]
    ] = Field(default={}, description="a row an action, by kind")
    creates: dict[Name, RowTable] = Field(default={}, description="where `create` puts new records, by object")
    updates: dict[Name, RecordTable] = Field(default={}, description="where `update` and `assign` write, by object")
    tags: dict[Name, TagTable] = Field(default={}, description="where `tag` and `untag` write, by object")
    ledger: Identifier | None = Field(default=None, description="a table of the `action_id`s that are done")
    batch_size: int = Field(default=500, ge=1, le=10_000, description="actions in one transaction")
    timeout: Seconds = Field(default=30, description="seconds that a statement may take, where the database can say so")


class SlackSinkSettings(Model):
    """Notes to channels by incoming webhooks."""

    kind: Literal["slack"] = Field(description="slack: notes to channels")
    channels: dict[str, SecretReference] = Field(default={}, description="channels, and what names their urls")
    default: SecretReference | None = Field(default=None, description="names the url of all other channels")
    allow_hosts: tuple[Host, ...] = Field(default=("hooks.slack.com",), description="the hosts that urls may have")
    timeout: Seconds = Field(default=20, description="seconds that a reply may take")
    ca: str | None = Field(default=None, description="certificates to trust besides the machine's, as a PEM file")


class Server(Model):
    """Where an API is and how long it may take."""

    allow_http: bool = Field(default=False, description="true: `http` may be used")
    url: str = Field(description="what paths are added to, such as `https://api.example.com`")
    timeout: Seconds = Field(default=30, description="seconds that a reply may take")
    ca: str | None = Field(default=None, description="certificates to trust besides the machine's, as a PEM file")

    @field_validator("url")
    @classmethod
    def _url(cls, value: str, info: ValidationInfo) -> str:
        return server_url(value, info.data.get("allow_http", False))


class Auth(Model):
    """The header that says who asks."""

    header: HeaderName = Field(default="Authorization", description="its name")
    prefix: HeaderText = Field(default="Bearer ", description="what stands before the secret")
    secret: SecretReference = Field(description="names the secret")


class RequestSettings(Model):
    """The request for a kind of action."""

    method: Literal["POST", "PUT", "PATCH"] = Field(default="POST", description="POST, PUT or PATCH")
    path: str = Field(pattern=r"^/[!-~]*$", description="below the server's url; `{record}` is a value of the action")
    body: dict[str, Any] = Field(
        default={}, description="JSON in which `{field: content.title}` is a value of the action"
    )
    key_header: HeaderName | None = Field(default=None, description="a header that carries the action's id")
    provider_id: str | None = Field(default="id", description="where the reply holds the id of what was made")


class HttpSinkSettings(Model):
    """Requests to an API, as described here."""

    kind: Literal["http"] = Field(description="http: requests as described here")
    server: Server = Field(description="where it is")
    auth: Auth | None = Field(default=None, description="who asks")
    headers: dict[HeaderName, HeaderText] = Field(default={}, description="headers of every request")
    requests: dict[ActionKind, RequestSettings] = Field(min_length=1, description="the requests by kind of action")
    dedupes: KnownSomehow = Field(
        default="never", description="how long it knows `key_header` again, `never`, or `naturally`: twice is once"
    )
    at_once: AtOnce = 1


def _hubspot() -> Server:
    return Server(url="https://api.hubapi.com")


def _close() -> Server:
    return Server(url="https://api.close.com")


class HubspotSinkSettings(Model):
    """Tasks and records of HubSpot."""

    kind: Literal["hubspot"] = Field(description="hubspot: tasks and records")
    server: Server = Field(default_factory=_hubspot, description="where it is")
    token: SecretReference = Field(description="names the token of a private app")
    objects: dict[Name, str] = Field(description="objects and what they are called there, such as companies")
    id_property: str = Field(default="drumbeat_id", description="a unique property that keeps the action's id")


class SalesforceSinkSettings(Model):
    """Tasks and records of Salesforce."""

    kind: Literal["salesforce"] = Field(description="salesforce: tasks and records")
    server: Server = Field(description="the instance, such as https://acme.my.salesforce.com")
    token: SecretReference = Field(description="names the access token")
    objects: dict[Name, str] = Field(description="objects and what they are called there, such as Account")
    id_field: str = Field(default="Drumbeat_Id__c", description="an external id field that keeps the action's id")
    version: str = Field(default="v62.0", pattern=r"^v\d{2}\.0$", description="the version of the API")


class CloseSinkSettings(Model):
    """Tasks, emails and leads of Close."""

    kind: Literal["close"] = Field(description="close: tasks, emails and leads")
    server: Server = Field(default_factory=_close, description="where it is")
    key: SecretReference = Field(description="names the API key")
    kinds: tuple[Literal["task", "call", "email", "update", "assign"], ...] = Field(
        default=("task", "call", "email", "update", "assign"), min_length=1, description="what is taken"
    )
    email_status: Literal["draft", "outbox"] = Field(default="draft", description="a draft, or sent by Close")


SinkSettings: TypeAlias = Annotated[
    FileSinkSettings
    | WebhookSinkSettings
    | SmtpSinkSettings
    | DatabaseSinkSettings
    | SlackSinkSettings
    | HttpSinkSettings
    | HubspotSinkSettings
    | SalesforceSinkSettings
    | CloseSinkSettings,
    Field(discriminator="kind"),
]
