"""What sending asks of a project's own tables: zones, phones and refusals of recipients, sends made elsewhere, limits.

Everything else about send times is fixed SQL over all workflows: see `sql/evaluation/10_*.sql`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import phonenumbers
from phonenumbers import timezone

from definitions.catalog import CatalogObject
from sql.names import PHONE_ZONES, quoted, record_table
from sql.statements import Lookup, Rounds, Statement, load_statements
from sql.truths.plan import TruthPlan, recipient_object

STAGE = "10_send"
MAX_ROUNDS = 60
_OPEN = ("open_sends",)
_NEW_NUMBERS = """SELECT DISTINCT n.number
FROM (SELECT unnest(phones) AS number FROM addresses) AS n
WHERE n.number IS NOT NULL AND NOT EXISTS (SELECT 1 FROM state.phone_zones AS p WHERE p.number = n.number)
ORDER BY n.number"""


def address_statements(plan: TruthPlan) -> Iterator[Statement | Lookup]:
    """How recipients of open messages can be reached, and the zones of numbers that were not seen before."""
    project = plan.project
    found = {recipient_object(workflow, project) for workflow in project.workflows.values()}
    # what was planned by an older version may go to others
    objects = [o for n, o in sorted(project.catalog.objects.items()) if n in found or o.email or o.phones]
    parts = [_address(spec) for spec in objects] or [_no_address()]
    sql = "CREATE OR REPLACE TEMP TABLE addresses AS\n" + "\nUNION ALL\n".join(parts)
    yield Statement(STAGE, "addresses", "Zone, phones and refusal of the recipients of open messages.", sql, _OPEN)
    sentence = "Zones of phone numbers that were not looked up before."
    yield Lookup(STAGE, "look_up_numbers", sentence, _NEW_NUMBERS, zones_of_numbers, PHONE_ZONES, _OPEN)


def _address(spec: CatalogObject) -> str:
    key = f"CAST({quoted(spec.key)} AS VARCHAR)"
    zone = quoted(spec.timezone) if spec.timezone else "CAST(NULL AS VARCHAR)"
    phones = ", ".join(quoted(phone) for phone in spec.phones)
    unsubscribed = f"COALESCE({quoted(spec.unsubscribed)}, FALSE)" if spec.unsubscribed else "FALSE"
    return (
        f"SELECT '{spec.object}' AS object, {key} AS record, {zone} AS zone, "
        f"CAST([{phones}] AS VARCHAR[]) AS phones, {unsubscribed} AS is_unsubscribed\n"
        f"FROM {record_table(spec.object)}\n"
        f"WHERE {key} IN (SELECT recipient FROM open_sends WHERE recipient_object = '{spec.object}')"
    )


def _no_address() -> str:
    return (
        "SELECT '' AS object, '' AS record, '' AS zone, CAST([] AS VARCHAR[]) AS phones, FALSE AS is_unsubscribed "
        "WHERE FALSE"
    )


def zones_of_numbers(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The zones of phone numbers; none for what is no number, or toll-free.

    >>> zones_of_numbers([{"number": "+1 212 555 0100"}])
    [{'number': '+1 212 555 0100', 'zones': ['America/New_York'], 'is_toll_free': False}]
    """
    return [_zones(row["number"]) for row in rows]


def _zones(number: str) -> dict[str, Any]:
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return {"number": number, "zones": [], "is_toll_free": False}
    kind = phonenumbers.number_type(parsed)
    if kind == phonenumbers.PhoneNumberType.TOLL_FREE or not phonenumbers.is_valid_number(parsed):
        return {"number": number, "zones": [], "is_toll_free": kind == phonenumbers.PhoneNumberType.TOLL_FREE}
    zones = timezone.time_zones_for_number(parsed)
    return {"number": number, "zones": [z for z in zones if z != "Etc/Unknown"], "is_toll_free": False}


def limit_statements(plan: TruthPlan) -> Iterator[Statement | Rounds]:
    """Limits of senders and recipients; nothing where the project has none."""
    limits = plan.project.settings.limits
    made = [(s, x.at_most) for s, x in (("sender", limits.sender), ("recipient", limits.recipient)) if x is not None]
    if not made:
        return
    values = ", ".join(f"('{subject}', {rate.number}, '{rate.unit}')" for subject, rate in made)
    sql = f"CREATE OR REPLACE TEMP TABLE limits AS\nSELECT * FROM (VALUES {values}) AS v (subject, at_most, unit)"
    yield Statement(STAGE, "limits", "How many messages are too many.", sql, _OPEN)
    yield Statement(STAGE, "elsewhere", "Sends that were made outside.", _elsewhere(plan), _OPEN)
    fixed = load_statements("evaluation")
    judge, move, give_up = (
        tuple(s for s in fixed if s.stage == stage) for stage in ("10_limits", "10_place", "10_give_up")
    )
    sentence = f"Send times move until no limit is broken, {MAX_ROUNDS} times at most."
    yield Rounds(STAGE, "keep_limits", sentence, judge, "moving", move, give_up, MAX_ROUNDS, _OPEN)


def _elsewhere(plan: TruthPlan) -> str:
    sender = plan.project.settings.limits.sender
    made = sender.elsewhere if sender else None
    if made is None:
        source = "SELECT '' AS sender, CAST(NULL AS TIMESTAMPTZ) AS sent_at WHERE FALSE"
    else:
        sent_at = quoted(made.at)
        source = (
            f"SELECT CAST({quoted(made.sender)} AS VARCHAR) AS sender, {sent_at} AS sent_at\n"
            f"FROM {record_table(made.object)}\nWHERE {sent_at} IS NOT NULL"
        )
    return f"CREATE OR REPLACE TEMP TABLE elsewhere AS\n{source}"
