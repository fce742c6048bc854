"""What project.yaml says of sinks: read with its places, and no secret in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.secrets import Secrets
from definitions import EnvironmentFault, ProblemsFound, load_settings

HOOK = "{kind: webhook, secrets: [env:A], allow_hosts: [localhost, 10.0.0.1, 127.0.0.1], "
MAIL = "{kind: smtp, host: mail.example.com, sender: a@example.com, "


def problems(tmp_path: Path, sink: str) -> str:
    (tmp_path / "project.yaml").write_text(f"name: mine\nsinks:\n  out: {sink}\n")
    try:
        load_settings(tmp_path)
    except ProblemsFound as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "sink",
    [
        "{kind: files, path: out}",
        "{kind: webhook, secrets: [env:A, 'file:/run/secrets/b']}",
        HOOK + "url: 'https://hooks.example.com/a?b=c'}",
        HOOK + "url: 'http://127.0.0.1:8000/', allow_http: true, dedupes_for: 2 days}",
        MAIL + "login: {user: me, password: env:MAIL}, unsubscribe: {url: 'https://a.example/u', secret: 'file:key'}}",
    ],
)
def test_settings_that_may_stand(tmp_path: Path, sink: str) -> None:
    assert problems(tmp_path, sink) == ""


@pytest.mark.parametrize(
    ("sink", "code"),
    [
        ("{kind: pigeon}", "unknown-word"),
        ("{path: out}", "missing-key"),
        ("{kind: files, path: out, colour: red}", "unknown-key"),
        ("{kind: webhook}", "missing-key"),
        ("{kind: webhook, secrets: []}", "value"),
        (HOOK + "allow_http: true, url: 'http://hooks.example.com/'}", "url"),
        (HOOK + "dedupes_for: 1 month}", "duration"),
        (HOOK + "at_once: 0}", "value"),
        ("{kind: webhook, secrets: [env:A], allow_hosts: ['https://a.example']}", "host"),
        (MAIL + "login: {user: me, password: env:MAIL}, security: none}", "login"),
        (MAIL + "bounces: nobody}", "address"),
        (MAIL + "unsubscribe: {url: 'http://a.example/u', secret: env:S}}", "url"),
    ],
)
def test_settings_that_may_not_stand(tmp_path: Path, sink: str, code: str) -> None:
    assert f": {code}: " in problems(tmp_path, sink)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://0x7f000001/",
        "https://127.1/",
        "https://[::ffff:169.254.169.254]/",
        "https://[2002:7f00:1::]/",
        "file:///etc/passwd",
        "https://10.0.0.1/",
        "https://127.0.0.2/",
        "http://localhost/",
        "hooks.example.com",
    ],
)
def test_a_url_that_leads_where_none_may_is_refused_at_its_place(tmp_path: Path, url: str) -> None:
    assert problems(tmp_path, HOOK + f"url: '{url}'}}").startswith("project.yaml:3:")
    assert ": url: " in problems(tmp_path, HOOK + f"url: '{url}'}}")


@pytest.mark.parametrize(
    ("sink", "canary"),
    [
        ("{kind: webhook, secrets: [hunter2canary]}", "hunter2canary"),
        ("{kind: webhook, secrets: [whsec_Y2FuYXJ5Y2FuYXJ5]}", "Y2FuYXJ5"),
        (MAIL + "login: {user: me, password: hunter2canary}}", "hunter2canary"),
        (MAIL + "login: {user: me, password: 123456789}}", "123456789"),
        (MAIL + "login: {user: me, password: 'env:two words'}}", "two words"),
        (MAIL + "smtp_password: hunter2canary}", "hunter2canary"),
        (MAIL + "api_key: hunter2canary}", "hunter2canary"),
        ("{kind: webhook, secrets: [env:A], url: 'https://me:hunter2canary@a.example/'}", "hunter2canary"),
        ("{kind: webhook, secrets: [env:A], url: 'https://hooks.slack.com/services/T0/B0/canary'}", "canary"),
        ("{kind: files, path: 'Bearer hunter2canary'}", "hunter2canary"),
        ("{kind: files, path: sk_live_canary0000}", "canary0000"),
    ],
)
def test_a_secret_that_is_written_out_is_refused_and_not_shown(tmp_path: Path, sink: str, canary: str) -> None:
    found = problems(tmp_path, sink)
    assert found.startswith("project.yaml:3:")
    assert ": secret: " in found and "change the secret" in found
    assert canary not in found


def test_a_secret_comes_from_a_variable_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from a file\n")
    secrets = Secrets(tmp_path, {"KEY": "from a variable"})
    for reference, value in (
        ("env:KEY", "from a variable"),
        ("file:key", "from a file"),
        (f"file:{tmp_path}/key", "from a file"),
    ):
        read = secrets.read(reference)
        assert read.get_secret_value() == value
        assert value not in f"{read} {read!r} {secrets!r}"


@pytest.mark.parametrize(
    "reference", ["env:NOBODY", "file:nowhere", "file:.", "file:empty", "file:binary", "file:large"]
)
def test_a_secret_that_is_not_there_is_told_by_its_name(tmp_path: Path, reference: str) -> None:
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "large").write_text("x" * 70_000)
    with pytest.raises(EnvironmentFault) as caught:
        Secrets(tmp_path, {}).read(reference)
    assert caught.value.code == "no-secret"
    assert reference.partition(":")[2] in caught.value.message
