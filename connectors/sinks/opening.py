"""Settings -> sinks. What only one kind of them needs is loaded when such a one is opened."""

from __future__ import annotations

from base64 import b64encode
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, assert_never

from pydantic import SecretStr

from connectors.contracts import Sink
from connectors.secrets import Secrets
from definitions import EnvironmentFault
from definitions.sinks import (
    CloseSinkSettings,
    DatabaseSinkSettings,
    FileSinkSettings,
    HttpSinkSettings,
    HubspotSinkSettings,
    SalesforceSinkSettings,
    SinkSettings,
    SlackSinkSettings,
    SmtpSinkSettings,
    WebhookSinkSettings,
)
from definitions.urls import read_url
from definitions.values import Duration

if TYPE_CHECKING:
    from connectors.sinks.http import Api


def sink_of(settings: SinkSettings, secrets: Secrets) -> Sink:
    """The sink that settings describe, with its secrets."""
    match settings:
        case FileSinkSettings():
            return _files(settings, secrets)
        case WebhookSinkSettings():
            return _webhook(settings, secrets)
        case SmtpSinkSettings():
            return _smtp(settings, secrets)
        case DatabaseSinkSettings():
            return _database(settings, secrets)
        case SlackSinkSettings():
            return _slack(settings, secrets)
        case HttpSinkSettings() | HubspotSinkSettings() | SalesforceSinkSettings() | CloseSinkSettings():
            return _api(settings, secrets)
        case _:
            assert_never(settings)


def _need(kind: str, extra: str, *modules: str) -> None:
    for module in modules:
        try:
            import_module(module)
        except ModuleNotFoundError as error:
            message = f"a `{kind}` sink needs `{error.name}`, which is not installed"
            raise EnvironmentFault("missing-extra", message, f"install `drumbeat-crm[{extra}]`") from error


def _within(root: Path, path: str | None) -> Path | None:
    return root / path if path else None


def _files(settings: FileSinkSettings, secrets: Secrets) -> Sink:
    from connectors.sinks.files import FileSink

    return FileSink(secrets.root / settings.path, secrets.root)


def _webhook(settings: WebhookSinkSettings, secrets: Secrets) -> Sink:
    from connectors.signing import key_of
    from connectors.sinks.exchange import Door, trust
    from connectors.sinks.webhook import WebhookSink

    url = read_url(settings.url) if settings.url else None
    hosts = frozenset({*settings.allow_hosts, *((url.host,) if url else ())})
    door = Door(hosts, settings.allow_http, settings.timeout, tls=trust(_within(secrets.root, settings.ca)))
    keys = tuple(secrets.read(reference) for reference in settings.secrets)
    for key in keys:
        key_of(key)
    known = None if settings.dedupes_for == "never" else settings.dedupes_for.fixed
    return WebhookSink(door, url, keys, known, settings.at_once)


def _smtp(settings: SmtpSinkSettings, secrets: Secrets) -> Sink:
    _need("smtp", "smtp", "markdown_it")
    from connectors.sinks.exchange import trust
    from connectors.sinks.mail import Letterhead
    from connectors.sinks.smtp import MailServer, SmtpSink

    login, leaving = settings.login, settings.unsubscribe
    server = MailServer(
        host=settings.host,
        port=settings.port,
        security=settings.security,
        user=login.user if login else None,
        password=secrets.read(login.password) if login else None,
        seconds=settings.timeout,
        tls=trust(_within(secrets.root, settings.ca)),
    )
    head = Letterhead(
        sender=settings.sender,
        sender_name=settings.sender_name,
        unsubscribe_url=leaving.url if leaving else None,
        unsubscribe_secret=secrets.read(leaving.secret) if leaving else None,
    )
    allowed = frozenset(settings.allow_domains) if settings.allow_domains is not None else None
    return SmtpSink(server, head, settings.bounces, allowed, settings.batch_size, settings.at_once)


def _database(settings: DatabaseSinkSettings, secrets: Secrets) -> Sink:
    _need("database", "database", "sqlalchemy")
    from connectors.sinks.connecting import engine_of
    from connectors.sinks.database import DatabaseSink

    return DatabaseSink(engine_of(secrets.read(settings.url), settings.timeout), settings)


def _slack(settings: SlackSinkSettings, secrets: Secrets) -> Sink:
    from connectors.sinks.exchange import Door, trust
    from connectors.sinks.slack import SlackSink, url_of

    door = Door(
        frozenset(settings.allow_hosts), seconds=settings.timeout, tls=trust(_within(secrets.root, settings.ca))
    )
    channels = {name: secrets.read(reference) for name, reference in settings.channels.items()}
    default = secrets.read(settings.default) if settings.default else None
    for secret in (*channels.values(), *((default,) if default else ())):
        url_of(secret, door)
    return SlackSink(door, channels, default)


ApiSettings: TypeAlias = HttpSinkSettings | HubspotSinkSettings | SalesforceSinkSettings | CloseSinkSettings
_MOST = 4 * 1024 * 1024  # a reply that tells of two hundred items


def _api(settings: ApiSettings, secrets: Secrets) -> Sink:
    from connectors.sinks.exchange import Door, trust
    from connectors.sinks.http import HttpSink

    at, url = settings.server, read_url(settings.server.url)
    tls = trust(_within(secrets.root, at.ca))
    door = Door(frozenset({url.host}), at.allow_http, at.timeout, most=_MOST, tls=tls)
    key = _key(settings, secrets)
    return HttpSink(door, url, _headers(settings, key), _spoken(settings), (key,) if key else ())


def _key(settings: ApiSettings, secrets: Secrets) -> SecretStr | None:
    match settings:
        case HttpSinkSettings():
            return secrets.read(settings.auth.secret) if settings.auth is not None else None
        case CloseSinkSettings():
            return secrets.read(settings.key)
        case HubspotSinkSettings() | SalesforceSinkSettings():
            return secrets.read(settings.token)


def _headers(settings: ApiSettings, key: SecretStr | None) -> dict[str, SecretStr]:
    value = key.get_secret_value() if key is not None else ""
    match settings:
        case HttpSinkSettings(auth=auth):
            named = {auth.header: SecretStr(auth.prefix + value)} if auth is not None else {}
            return {**{name: SecretStr(text) for name, text in settings.headers.items()}, **named}
        case CloseSinkSettings():  # the key is the name, and there is no password
            return {"Authorization": SecretStr(f"Basic {b64encode(f'{value}:'.encode()).decode()}")}
        case HubspotSinkSettings() | SalesforceSinkSettings():
            return {"Authorization": SecretStr(f"Bearer {value}")}


def _spoken(settings: ApiSettings) -> Api:
    match settings:
        case HttpSinkSettings(dedupes=dedupes):
            from connectors.sinks.templated import Templated

            if isinstance(dedupes, Duration):
                return Templated({**settings.requests}, "by_key", dedupes.fixed, settings.at_once)
            return Templated({**settings.requests}, dedupes, None, settings.at_once)
        case HubspotSinkSettings():
            from connectors.sinks.hubspot import HubSpot

            return HubSpot(settings.objects, settings.id_property)
        case SalesforceSinkSettings():
            from connectors.sinks.salesforce import Salesforce

            return Salesforce(settings.objects, settings.id_field, settings.version)
        case CloseSinkSettings():
            from connectors.sinks.close_crm import Close

            return Close(settings.kinds, settings.email_status)
