"""What requests to APIs promise, against servers that speak as the APIs document it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from support.actions import action, batch
from support.crm_apis import CloseServer, HubSpotServer, SalesforceServer
from support.receivers import Answer, Receiver, receiving

from connectors import Receipt, Sink, open_sink
from definitions.sinks import SinkSettings

VARIABLES = {"TOKEN": "token", "HUBSPOT": "pat-token", "CLOSE": "api_key"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def sink_of(receiver: Receiver, **settings: Any) -> Sink:
    made = {"server": {"url": receiver.url, "allow_http": True, "timeout": 2}} | settings
    return open_sink(TypeAdapter[Any](SinkSettings).validate_python(made), Path(), VARIABLES)


def results(receipt: Receipt) -> list[str]:
    return [outcome.result for outcome in receipt.outcomes]


def codes(receipt: Receipt) -> list[str | None]:
    return [outcome.code for outcome in receipt.outcomes]


REQUESTS: dict[str, Any] = {
    "task": {
        "path": "/v1/accounts/{record}/tasks",
        "body": {
            "title": {"field": "content.title"},
            "deep": [{"who": {"field": "content.assign"}}, 1],
            "kind": "todo",
        },
        "key_header": "Idempotency-Key",
        "provider_id": "data.id",
    },
    "update": {"method": "PATCH", "path": "/v1/{object}/{record}", "body": {"fields": {"field": "content.fields"}}},
}


def http(receiver: Receiver, **settings: Any) -> Sink:
    auth = {"header": "X-Key", "prefix": "", "secret": "env:TOKEN"}
    made = {"kind": "http", "auth": auth, "headers": {"X-Team": "cs"}, "requests": REQUESTS}
    return sink_of(receiver, **made | settings)


def test_a_request_holds_what_its_description_picks(receiver: Receiver) -> None:
    receiver.answers = [Answer(201, b'{"data": {"id": 17}}')]
    receipt = http(receiver).write(batch("task", action("a1", "A/1 ?#", title="{{ 7*7 }}", assign=None)))
    (outcome,), (asked,) = receipt.outcomes, receiver.asked
    assert (outcome.result, outcome.provider_id) == ("accepted", "17")
    assert (asked.method, asked.path) == ("POST", "/v1/accounts/A%2F1%20%3F%23/tasks")
    assert json.loads(asked.body) == {"title": "{{ 7*7 }}", "deep": [{"who": None}, 1], "kind": "todo"}
    assert (asked.headers["idempotency-key"], asked.headers["x-key"], asked.headers["x-team"]) == ("a1", "token", "cs")


@pytest.mark.parametrize("record", ["", ".", "..", "a\ud800"])
def test_a_record_never_leaves_its_place_in_a_path(receiver: Receiver, record: str) -> None:
    assert codes(http(receiver).write(batch("task", action("a1", record, title="x")))) == ["no-value"]
    assert receiver.asked == []


def test_what_is_not_described_is_not_taken(receiver: Receiver) -> None:
    assert codes(http(receiver).write(batch("sms", action("a1"), action("a2")))) == ["not-taken"] * 2


def test_what_an_api_knows_again_is_for_the_settings_to_say(receiver: Receiver) -> None:
    assert http(receiver).traits.dedupes == "never"
    assert http(receiver, dedupes="naturally").traits.dedupes == "naturally"
    traits = http(receiver, dedupes="2 hours", at_once=3).traits
    assert (traits.dedupes, traits.dedupes_for, traits.at_once) == ("by_key", timedelta(hours=2), 3)


@pytest.mark.parametrize(
    ("answer", "dedupes", "result"),
    [
        (Answer(502), "never", "unknown"),
        (Answer(502), "naturally", "later"),
        (Answer(503), "never", "later"),
        (Answer(cut=0), "naturally", "unknown"),
        (Answer(422, b"no"), "never", "rejected"),
        (Answer(200, b"not json"), "never", "accepted"),
    ],
)
def test_a_gateways_fault_hides_a_delivery_only_where_twice_is_twice(
    receiver: Receiver, answer: Answer, dedupes: str, result: str
) -> None:
    receiver.answers = [answer]
    assert results(http(receiver, dedupes=dedupes).write(batch("task", action(title="x")))) == [result]


def test_refused_credentials_close_the_sink_and_are_not_repeated(receiver: Receiver) -> None:
    receiver.answers = [Answer(401, b"bad key token_long_enough")]
    sink = open_sink(
        TypeAdapter[Any](SinkSettings).validate_python(
            {
                "kind": "http",
                "server": {"url": receiver.url, "allow_http": True},
                "auth": {"secret": "env:TOKEN"},
                "requests": REQUESTS,
            }
        ),
        Path(),
        {"TOKEN": "token_long_enough"},
    )
    receipt = sink.write(batch("task", action("a1", title="x"), action("a2", title="x")))
    assert results(receipt) == ["not_tried", "not_tried"] and receipt.closed
    assert receipt.outcomes[0].message == "bad key ***"
    assert "token_long" not in f"{receipt!r} {sink!r}"
    assert len(receiver.asked) == 1


HUBSPOT = {
    "kind": "hubspot",
    "token": "env:HUBSPOT",
    "objects": {"account": "companies", "deal": "deals", "note": "notes"},
}


@pytest.fixture
def hubspot(receiver: Receiver) -> HubSpotServer:
    receiver.answer = server = HubSpotServer()
    return server


def test_hubspot_gets_a_task_once_at_its_record(receiver: Receiver, hubspot: HubSpotServer) -> None:
    sink = sink_of(receiver, **HUBSPOT)
    tasks = batch("task", action("a1", "11", title="Call", assign="7"), action("a2", "11", title="Write", text="Hi"))
    first, second = sink.write(tasks), sink.write(tasks)
    assert results(first) == results(second) == ["accepted"] * 2
    assert [o.provider_id for o in first.outcomes] == [o.provider_id for o in second.outcomes] == ["1000", "1001"]
    made = hubspot.objects["tasks"]["1000"]
    assert (made["hs_task_subject"], made["hubspot_owner_id"], made["hs_task_type"]) == ("Call", "7", "TODO")
    assert made["hs_timestamp"] == "2026-01-05T09:00:00Z"
    assert hubspot.associated == {("tasks", "1000", "companies/11"), ("tasks", "1001", "companies/11")}
    assert sink.traits.dedupes == "naturally"


def test_hubspot_tells_of_each_item_and_what_it_does_not_mention_is_unknown(
    receiver: Receiver, hubspot: HubSpotServer
) -> None:
    hubspot.refuse, hubspot.silent = {"a2"}, {"a3"}
    receipt = sink_of(receiver, **HUBSPOT).write(
        batch("task", *(action(f"a{n}", "11", title="x") for n in range(1, 5)))
    )
    assert results(receipt) == ["accepted", "rejected", "unknown", "accepted"]
    assert codes(receipt)[1] == "VALIDATION_ERROR"


def test_hubspot_refusing_a_whole_batch_stops_the_one_item_alone(receiver: Receiver, hubspot: HubSpotServer) -> None:
    hubspot.atomic = {"a5"}
    receipt = sink_of(receiver, **HUBSPOT).write(batch("task", *(action(f"a{n}", "11", title="x") for n in range(9))))
    assert results(receipt) == ["accepted"] * 5 + ["rejected"] + ["accepted"] * 3
    assert len(hubspot.objects["tasks"]) == 8


def test_a_hubspot_task_that_is_not_at_its_record_yet_is_tried_again(
    receiver: Receiver, hubspot: HubSpotServer
) -> None:
    hubspot.refuse = {"11"}
    sink, tasks = sink_of(receiver, **HUBSPOT), batch("task", action("a1", "11", title="x"))
    (outcome,) = sink.write(tasks).outcomes
    assert (outcome.result, outcome.retry_after, outcome.provider_id) == ("later", 7, "1000")
    hubspot.refuse = set()
    assert results(sink.write(tasks)) == ["accepted"]
    assert len(hubspot.objects["tasks"]) == 1


def test_hubspot_records_are_changed_in_order_and_never_twice_in_one_request(
    receiver: Receiver, hubspot: HubSpotServer
) -> None:
    hubspot.objects["companies"] = {"11": {}, "12": {}}
    changes = [("a1", "11", "one"), ("a2", "12", "one"), ("a3", "11", "two"), ("a4", "99", "one")]
    receipt = sink_of(receiver, **HUBSPOT).write(
        batch("update", *(action(i, record, fields={"phase": value}) for i, record, value in changes))
    )
    assert results(receipt) == ["accepted", "accepted", "accepted", "rejected"]
    assert hubspot.objects["companies"] == {"11": {"phase": "two"}, "12": {"phase": "one"}}
    assert len(receiver.asked) == 2


def test_hubspot_takes_a_new_record_once_and_only_objects_that_are_named(
    receiver: Receiver, hubspot: HubSpotServer
) -> None:
    sink = sink_of(receiver, **HUBSPOT)
    new = batch(
        "create", action("a1", object="note", fields={"hs_note_body": "x"}), action("a2", object="odd", fields={})
    )
    assert codes(sink.write(new)) == codes(sink.write(new)) == [None, "no-object"]
    assert hubspot.objects["notes"] == {"1000": {"hs_note_body": "x", "drumbeat_id": "a1"}}
    stranger = replace(action(title="x"), object="contact")
    assert codes(sink.write(batch("task", stranger))) == ["no-object"]
    assert codes(sink.write(batch("tag", action(tags=["x"])))) == ["not-taken"]


def test_hubspot_refusing_the_token_closes_the_sink(receiver: Receiver, hubspot: HubSpotServer) -> None:
    receipt = sink_of(receiver, **HUBSPOT | {"token": "env:TOKEN"}).write(batch("task", action(title="x")))
    assert receipt.closed == "credentials are refused"


SALESFORCE = {"kind": "salesforce", "token": "env:TOKEN", "objects": {"account": "Account", "contact": "Contact"}}


@pytest.fixture
def salesforce(receiver: Receiver) -> SalesforceServer:
    receiver.answer = server = SalesforceServer({"Account": {"001A": {}, "001B": {}}})
    return server


def test_salesforce_gets_a_task_once_for_its_record_or_person(receiver: Receiver, salesforce: SalesforceServer) -> None:
    sink = sink_of(receiver, **SALESFORCE)
    person = replace(action("a2", "003C", title="Ring"), object="contact", due_at="2026-01-09T09:00:00Z")
    for _ in range(2):
        assert (
            results(sink.write(batch("call", action("a1", "001A", title="Call", assign="005U"), person)))
            == ["accepted"] * 2
        )
    assert salesforce.records["Task"] == {
        "00T000": {
            "Subject": "Call",
            "Description": "",
            "Status": "Not Started",
            "TaskSubtype": "Call",
            "WhatId": "001A",
            "OwnerId": "005U",
            "Drumbeat_Id__c": "a1",
        },
        "00T001": {
            "Subject": "Ring",
            "Description": "",
            "Status": "Not Started",
            "TaskSubtype": "Call",
            "WhoId": "003C",
            "ActivityDate": "2026-01-09",
            "Drumbeat_Id__c": "a2",
        },
    }


def test_salesforce_tells_of_each_item(receiver: Receiver, salesforce: SalesforceServer) -> None:
    salesforce.refuse = {"a2": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "a3": "UNABLE_TO_LOCK_ROW"}
    receipt = sink_of(receiver, **SALESFORCE).write(
        batch("task", *(action(f"a{n}", "001A", title="x") for n in (1, 2, 3)))
    )
    assert results(receipt) == ["accepted", "rejected", "later"]


def test_a_salesforce_list_of_another_length_says_nothing_and_another_try_settles_it(
    receiver: Receiver, salesforce: SalesforceServer
) -> None:
    sink, tasks = (
        sink_of(receiver, **SALESFORCE),
        batch("task", action("a1", "001A", title="x"), action("a2", "001A", title="y")),
    )
    salesforce.short = True
    assert results(sink.write(tasks)) == ["unknown", "unknown"]
    salesforce.short = False
    assert results(sink.write(tasks)) == ["accepted", "accepted"]
    assert len(salesforce.records["Task"]) == 2


def test_salesforce_fields_are_set_and_its_limit_is_no_refusal(
    receiver: Receiver, salesforce: SalesforceServer
) -> None:
    sink = sink_of(receiver, **SALESFORCE)
    changes = batch(
        "update",
        action("a1", "001A", fields={"Phase__c": "won", "id": "x", "attributes": 1}),
        action("a2", "001X", fields={"a": 1}),
    )
    assert results(sink.write(changes)) == ["accepted", "rejected"]
    assert salesforce.records["Account"]["001A"] == {"Phase__c": "won"}
    salesforce.limited = True
    receipt = sink.write(changes)
    assert results(receipt) == ["later", "later"] and receipt.closed is None
    assert receipt.outcomes[0].retry_after == 900


CLOSE = {"kind": "close", "key": "env:CLOSE"}


@pytest.fixture
def close(receiver: Receiver) -> CloseServer:
    receiver.answer = server = CloseServer()
    return server


def test_close_gets_tasks_calls_emails_and_changes_of_leads(receiver: Receiver, close: CloseServer) -> None:
    sink = sink_of(receiver, **CLOSE)
    work = action("a1", "lead_1", title="Call", text="Now", assign="user_1")
    for kind, one in (
        ("task", work),
        ("call", replace(work, due_at="2026-01-09T09:00:00Z")),
        ("email", action("a2", "lead_1", subject="Hi", text="Hello", to="cleo@example.com")),
        ("update", action("a3", "lead_1", fields={"custom.cf_1": "x"})),
    ):
        assert results(sink.write(batch(kind, one))) == ["accepted"]
    assert close.made == [
        (
            "POST",
            "/api/v1/task/",
            {"_type": "lead", "lead_id": "lead_1", "text": "Call\n\nNow", "assigned_to": "user_1"},
        ),
        (
            "POST",
            "/api/v1/task/",
            {
                "_type": "outgoing_call",
                "lead_id": "lead_1",
                "text": "Call\n\nNow",
                "assigned_to": "user_1",
                "date": "2026-01-09",
            },
        ),
        (
            "POST",
            "/api/v1/activity/email/",
            {"lead_id": "lead_1", "status": "draft", "subject": "Hi", "body_text": "Hello", "to": ["cleo@example.com"]},
        ),
        ("PUT", "/api/v1/lead/lead_1/", {"custom.cf_1": "x"}),
    ]


def test_close_says_how_long_to_wait_and_what_it_refuses(receiver: Receiver, close: CloseServer) -> None:
    sink = sink_of(receiver, **CLOSE)
    assert results(sink.write(batch("task", action("a1", "nobody", title="x"), action("a2", "lead_1", title="x")))) == [
        "rejected",
        "accepted",
    ]
    close.limited = True
    (outcome,) = sink.write(batch("task", action("a3", "lead_1", title="x"))).outcomes
    assert (outcome.result, outcome.retry_after) == ("later", 8.5)


def test_close_knows_no_task_again_and_changes_may_be_made_twice(receiver: Receiver) -> None:
    assert sink_of(receiver, **CLOSE).traits.dedupes == "never"
    changes = sink_of(receiver, **CLOSE, kinds=["update", "assign"])
    assert changes.traits.dedupes == "naturally"
    assert codes(changes.write(batch("task", action(title="x")))) == ["not-taken"]
