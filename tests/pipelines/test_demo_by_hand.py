"""The demo's numbers by hand: plain SQL on the CSV files says what must have happened, the warehouse what did.

The SQL here shares nothing with the engine: dates and thresholds are written out, and "known on Monday" is spelled as a
person would (a contract runs that has begun and has not ended by then). Each story asks for the week before as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipelines.cli.demonstration import run_demo
from pipelines.cycle import run_cycle
from pipelines.errors import ClockWentBack
from pipelines.snapshot import take_snapshot
from pipelines.workspace import Workspace
from sql import DuckDBSession

Ask = Callable[[str], list[tuple[Any, ...]]]
Tell = Callable[[str, str], Any]


def test_company_12_signs_again_within_a_week(csv: Ask, story: Tell) -> None:
    """Renewal of A-6c093d. Its annual contract S-0ff481 of 30 April 2023 is 302 days old on 26 February and 309 on 4
    March, so that week the account enters. On 8 March it signs another annual contract: thanked and out on the 11th."""
    assert csv(
        """
        SELECT d, count(*) FILTER (WHERE NOT is_trial), sum(mrr_amount),
            string_agg(subscription_id) FILTER (WHERE annual AND d - start_date BETWEEN 305 AND 335) AS turning_one,
            string_agg(subscription_id) FILTER (WHERE annual AND d - start_date < 60) AS just_signed
        FROM unnest([DATE '2024-02-26', DATE '2024-03-04', DATE '2024-03-11']) AS monday (d)
        JOIN (SELECT *, billing_frequency = 'annual' AND NOT is_trial AS annual FROM subscriptions) ON start_date <= d
        WHERE account_id = 'A-6c093d' AND (end_date IS NULL OR end_date > d) GROUP BY d ORDER BY d
        """
    ) == [
        ("2024-02-26", 3, 1055, None, None),
        ("2024-03-04", 3, 1055, "S-0ff481", None),
        ("2024-03-11", 4, 1398, "S-0ff481", "S-91da84"),
    ]
    assert csv("SELECT count(*) FROM churn_events WHERE account_id = 'A-6c093d'") == [(0,)]
    assert csv(
        """
        SELECT sum(usage_count) FILTER (WHERE DATE '2024-03-04' - usage_date < 56),
            sum(usage_count) FILTER (WHERE DATE '2024-03-04' - usage_date BETWEEN 56 AND 111)
        FROM usage
        WHERE account_id = 'A-6c093d' AND usage_date <= DATE '2024-03-04' AND contract_on <= DATE '2024-03-04'
        """
    ) == [(21, 41)]
    billing_before_champion = "role IN ('billing', 'champion') ORDER BY role"
    assert csv(
        f"SELECT contact_id, first_name FROM contacts WHERE account_id = 'A-6c093d' AND {billing_before_champion}"
    ) == [("P-6c093d-1", "Maja")]
    owner = "SELECT user_id, name FROM users JOIN accounts_with_owner ON owner_id = user_id"
    assert csv(f"{owner} WHERE account_id = 'A-6c093d'") == [("CSM-6", "Jonas Berg")]

    told = story("renewal", "A-6c093d")
    found = told.passage
    assert (found["entered"], found["left"], found["exit_reason"]) == (
        "2024-03-04 06:00",
        "2024-03-11 06:00",
        "renewed",
    )
    assert (found["met_at_entry"], found["met"], found["recipient"]) == (False, "2024-03-11 06:00", "P-6c093d-1")
    assert told.path == [
        "03-04 entered (condition)",
        "03-04 moved: mark_renewing, plan, renewal_hello -> signed_early until 04-01",
        "03-11 exited (renewed): outlook=Signed, thank_you, done",
        "03-11 objective_met",
    ]
    use = {"account.usage_8w": 21, "account.usage_prior_8w": 41, "account.account_name": "Company_12"}
    people = {"account.owner.name": "Jonas Berg", "recipient.first_name": "Maja", "user.owner": "CSM-6"}
    assert told.actions == {
        "03-04 mark_renewing": {},
        "03-04 plan": use | {"account.mrr": 1055, "account.paid_contracts": 3, "user.owner": "CSM-6"},
        "03-04 renewal_hello": use | people,
        "03-11 thank_you": people,
    }


def test_company_260_signs_five_days_too_late_to_count(csv: Ask, story: Tell) -> None:
    """Renewal of A-151c9a. S-da9f05 of 8 May 2023 is 301 days old on 4 March and 308 on the 11th. Four weeks pass
    without a signature; the contract renews by itself, so a reminder is enough. Another four weeks and the flow ends on
    6 May. It is watched until 5 June; the new annual contract is of 10 June."""
    assert csv(
        """
        SELECT d, sum(mrr_amount),
            string_agg(subscription_id) FILTER (WHERE annual AND d - start_date BETWEEN 305 AND 335) AS turning_one,
            string_agg(subscription_id) FILTER (
                WHERE annual AND NOT auto_renew_flag AND d - start_date BETWEEN 305 AND 365) AS to_negotiate,
            string_agg(subscription_id) FILTER (WHERE annual AND d - start_date < 60) AS just_signed
        FROM unnest([DATE '2024-03-04', '2024-03-11', '2024-04-01', '2024-04-08', '2024-05-06', '2024-06-03', '2024-06-10'])
            AS monday (d)
        JOIN (SELECT *, billing_frequency = 'annual' AND NOT is_trial AS annual FROM subscriptions) ON start_date <= d
        WHERE account_id = 'A-151c9a' AND (end_date IS NULL OR end_date > d) GROUP BY d ORDER BY d
        """
    ) == [
        ("2024-03-04", 7125, None, None, None),
        ("2024-03-11", 7125, "S-da9f05", None, None),
        ("2024-04-01", 7125, "S-da9f05", None, None),
        ("2024-04-08", 7125, None, None, None),
        ("2024-05-06", 7125, None, None, None),
        ("2024-06-03", 7125, None, None, None),
        ("2024-06-10", 11702, None, None, "S-f9e2ca"),
    ]
    # it said goodbye in November 2023 and has signed since: a customer like any other
    goodbye = "SELECT max(churn_date) FROM churn_events WHERE account_id = 'A-151c9a'"
    assert csv(goodbye) == [("2023-11-04",)]
    assert csv(
        f"SELECT max(start_date) > ({goodbye}) FROM subscriptions "
        "WHERE account_id = 'A-151c9a' AND start_date <= DATE '2024-03-11'"
    ) == [(True,)]

    told = story("renewal", "A-151c9a")
    found = told.passage
    assert (found["entered"], found["left"], found["status"]) == ("2024-03-11 06:00", "2024-05-06 06:00", "completed")
    assert (found["exit_reason"], found["met"], found["watched"]) == (None, None, "2024-06-05 06:00")
    assert told.path == [
        "03-11 entered (condition)",
        "03-11 moved: mark_renewing, plan, renewal_hello -> signed_early until 04-08",
        "04-08 moved (timed_out): outlook=else, reminder -> anniversary until 05-06",
        "05-06 completed: forecast",
    ]
    assert list(told.actions) == [
        "03-11 mark_renewing",
        "03-11 plan",
        "03-11 renewal_hello",
        "04-08 reminder",
        "05-06 forecast",
    ]
    forecast = {
        "account.account_id": "A-151c9a",
        "account.mrr": 7125,
        "account.owner.email": "hannah.weiss@example.com",
    }
    assert told.actions["05-06 forecast"] == forecast


def test_company_169_has_two_urgent_tickets_and_calms_down(csv: Ask, story: Tell) -> None:
    """Escalation at A-86902e, worth 13,431 USD a month. The urgent ticket of 13 March brings it in on the 18th, that of
    the 21st makes it "Again" on the 25th. On 15 April the second is still within four weeks; on the 22nd both are gone
    and the product is used, so the objective ends it on the day on which the wait would have run out."""
    assert csv(
        """
        SELECT d, count(*) FILTER (WHERE priority = 'urgent' AND d - submitted_at < 7),
            count(*) FILTER (WHERE escalation_flag AND d - submitted_at < 7),
            count(*) FILTER (WHERE d - submitted_at < 21),
            count(*) FILTER (WHERE priority IN ('high', 'urgent') AND d - submitted_at < 28)
        FROM unnest([DATE '2024-03-11', '2024-03-18', '2024-03-25', '2024-04-15', '2024-04-22']) AS monday (d)
        LEFT JOIN support_tickets ON submitted_at <= d AND account_id = 'A-86902e' GROUP BY d ORDER BY d
        """
    ) == [
        ("2024-03-11", 0, 0, 0, 0),
        ("2024-03-18", 1, 0, 1, 1),
        ("2024-03-25", 1, 0, 2, 2),
        ("2024-04-15", 0, 0, 0, 1),
        ("2024-04-22", 0, 0, 0, 0),
    ]
    assert csv(
        """
        SELECT d, sum(mrr_amount), count(*) FILTER (WHERE NOT is_trial)
        FROM unnest([DATE '2024-03-11', '2024-03-18', '2024-03-25']) AS monday (d)
        JOIN subscriptions ON start_date <= d AND (end_date IS NULL OR end_date > d)
        WHERE account_id = 'A-86902e' GROUP BY d ORDER BY d
        """
    ) == [("2024-03-11", 13431, 3), ("2024-03-18", 13431, 3), ("2024-03-25", 13431, 3)]
    assert csv("SELECT min(churn_date) FROM churn_events WHERE account_id = 'A-86902e'") == [("2024-12-07",)]
    assert csv(
        """
        SELECT d, sum(usage_count) FILTER (WHERE d - usage_date < 28)
        FROM unnest([DATE '2024-03-18', '2024-03-25', '2024-04-15', '2024-04-22']) AS monday (d)
        JOIN usage ON usage_date <= d AND contract_on <= d WHERE account_id = 'A-86902e' GROUP BY d ORDER BY d
        """
    ) == [("2024-03-18", 34), ("2024-03-25", 14), ("2024-04-15", 8), ("2024-04-22", 17)]  # 15 or more is "in use"

    told = story("ticket_escalation", "A-86902e")
    found = told.passage
    assert (found["entered"], found["left"], found["exit_reason"]) == (
        "2024-03-18 06:00",
        "2024-04-22 06:00",
        "objective",
    )
    assert (found["met"], found["recipient"]) == ("2024-04-22 06:00", "P-86902e-1")
    assert told.path == [
        "03-18 entered (condition)",
        "03-18 moved: call_today, war_room -> next_week until 03-25",
        "03-25 moved: how_it_went=Again, problem_review, sponsor -> quiet until 04-22",
        "04-22 exited (objective)",
        "04-22 objective_met",
    ]
    assert told.actions == {
        "03-18 call_today": {
            "account.account_name": "Company_169",
            "account.mrr": 13431,
            "account.urgent_4w": 1,
            "user.owner": "CSM-1",
        },
        "03-18 war_room": {"account.account_name": "Company_169", "account.owner.name": "Hannah Weiss"},
        "03-25 problem_review": {"account.account_name": "Company_169", "user.owner": "CSM-1"},
        "03-25 sponsor": {"account.account_id": "A-86902e", "account.mrr": 13431},
    }


def test_company_460_signs_and_does_not_use_it(csv: Ask, story: Tell) -> None:
    """Onboarding of A-31ab9a. It signs up on Sunday 3 March. The first contract is of 23 March, so the wait for one ends
    on the 25th; nothing is used then nor in the two weeks after, and on a Pro plan that means an email, not a workshop.
    Three weeks later comes the review, and two features are not in use by the end of the watch on 5 June."""
    assert csv("SELECT signup_date, plan_tier, seats FROM accounts_with_owner WHERE account_id = 'A-31ab9a'") == [
        ("2024-03-03", "Pro", 3)
    ]
    assert csv(
        """
        SELECT d, count(subscription_id), max(start_date), count(*) FILTER (WHERE is_trial)
        FROM unnest([DATE '2024-03-04', '2024-03-18', '2024-03-25', '2024-04-08', '2024-04-29']) AS monday (d)
        LEFT JOIN subscriptions ON account_id = 'A-31ab9a' AND start_date <= d AND (end_date IS NULL OR end_date > d)
        GROUP BY d ORDER BY d
        """
    ) == [
        ("2024-03-04", 0, None, 0),
        ("2024-03-18", 0, None, 0),
        ("2024-03-25", 1, "2024-03-23", 0),
        ("2024-04-08", 2, "2024-04-01", 0),
        ("2024-04-29", 3, "2024-04-23", 0),
    ]
    assert csv(
        """
        SELECT d, coalesce(sum(usage_count) FILTER (WHERE d - usage_date < 28), 0),
            count(DISTINCT feature_name) FILTER (WHERE d - usage_date < 56)
        FROM unnest([DATE '2024-03-25', '2024-04-01', '2024-04-08', '2024-04-29', '2024-05-13', '2024-06-03']) AS monday (d)
        LEFT JOIN usage ON account_id = 'A-31ab9a' AND usage_date <= d AND contract_on <= d GROUP BY d ORDER BY d
        """
    ) == [
        ("2024-03-25", 0, 0),
        ("2024-04-01", 0, 1),  # one row of February came with the second contract: five weeks old
        ("2024-04-08", 0, 1),
        ("2024-04-29", 0, 0),
        ("2024-05-13", 6, 1),
        ("2024-06-03", 19, 1),
    ]
    assert csv("SELECT min(churn_date) FROM churn_events WHERE account_id = 'A-31ab9a'") == [("2024-08-09",)]

    told = story("onboarding", "A-31ab9a")
    found = told.passage
    assert (found["entered"], found["left"], found["status"]) == ("2024-03-04 06:00", "2024-04-29 06:00", "completed")
    assert (found["met"], found["watched"]) == (None, "2024-06-05 06:00")
    assert told.path == [
        "03-04 entered (condition)",
        "03-04 moved: mark_onboarding, kickoff, welcome -> contract until 04-01",
        "03-25 moved (met): first_use=Signed but idle, setup_call -> time_to_start until 04-08",
        "04-08 moved (timed_out): still_idle=Idle, getting_started -> settle_in until 04-29",
        "04-29 completed: review",
    ]
    carried = told.actions
    assert carried["03-04 kickoff"]["account.plan_tier"] == "Pro"
    assert carried["03-25 setup_call"]["account.last_contract_on"] == "2024-03-23"
    review = carried["04-29 review"]
    assert (review["account.features_8w"], review["account.paid_contracts"]) == (0, 3)


def test_company_202_says_goodbye_twice_and_comes_back(csv: Ask, story: Tell) -> None:
    """Win-back of A-68f37c. It left on 15 May over support: 26 days ago on 10 June, 33 on the 17th, when a call is asked
    for. On 29 June it says goodbye again and is left alone from 1 July. Thirty days later it qualifies anew, and is
    refused until 28 December. On 1 August it signs; the objective is met on the 5th, and the refusal is over."""
    assert csv(
        """
        SELECT d, max(churn_date), d - max(churn_date), last(reason_code ORDER BY churn_date),
            (SELECT max(start_date) FROM subscriptions WHERE account_id = 'A-68f37c' AND start_date <= d) AS signed_on
        FROM unnest([DATE '2024-06-10', '2024-06-17', '2024-06-24', '2024-07-01', '2024-07-22', '2024-07-29', '2024-08-05'])
            AS monday (d)
        JOIN churn_events ON churn_date <= d WHERE account_id = 'A-68f37c' GROUP BY d ORDER BY d
        """
    ) == [
        ("2024-06-10", "2024-05-15", 26, "support", "2024-04-11"),
        ("2024-06-17", "2024-05-15", 33, "support", "2024-04-11"),  # 30 to 60 days
        ("2024-06-24", "2024-05-15", 40, "support", "2024-04-11"),
        ("2024-07-01", "2024-06-29", 2, "unknown", "2024-04-11"),  # less than 21 days: out
        ("2024-07-22", "2024-06-29", 23, "unknown", "2024-04-11"),
        ("2024-07-29", "2024-06-29", 30, "unknown", "2024-04-11"),  # qualifies again
        ("2024-08-05", "2024-06-29", 37, "unknown", "2024-08-01"),  # has signed since
    ]
    assert csv("SELECT DATE '2024-07-01' + 180") == [("2024-12-28",)]
    # of two that may be written to, whoever was seen last; what came after 17 June is not known then
    assert csv(
        """
        SELECT contact_id, last_seen_at > TIMESTAMPTZ '2024-06-17 06:00 America/New_York' FROM contacts
        WHERE account_id = 'A-68f37c' AND role IN ('champion', 'admin') ORDER BY contact_id
        """
    ) == [("P-68f37c-1", True), ("P-68f37c-4", False)]

    told = story("win_back", "A-68f37c")
    found = told.passage
    assert (found["entered"], found["left"], found["met"]) == (
        "2024-06-17 06:00",
        "2024-07-01 06:00",
        "2024-08-05 06:00",
    )
    assert (found["exit_reason"], found["recipient"]) == ("exit_condition", "P-68f37c-4")
    assert told.path == [
        "06-17 entered (condition)",
        "06-17 moved: mark_churned, reason=Support, apologise -> think until 07-15",
        "07-01 exited (exit_condition)",
        "08-05 objective_met",
    ]
    assert told.actions == {
        "06-17 mark_churned": {},
        "06-17 apologise": {"account.account_name": "Company_202", "user.owner": "CSM-7"},
    }
    assert told.refusals == [("waiting_after_exit", "2024-12-28 06:00", "07-29", "08-05")]


def test_company_108_replaces_a_contract(csv: Ask, story: Tell, demo_warehouse: Workspace) -> None:
    """Contract S-8eab5b, 2,989 USD a month, ends on 1 March: it runs on 26 February and is over on 4 March. A trial of
    11 March is a later contract, so it leaves that day, before the two weeks are up and anybody else is told."""
    assert csv(
        """
        SELECT d, end_date <= d AND churn_flag, is_trial, mrr_amount, plan_tier,
            (SELECT max(start_date) FROM subscriptions AS o WHERE o.account_id = s.account_id AND start_date <= d) > end_date
        FROM unnest([DATE '2024-02-26', '2024-03-04', '2024-03-11']) AS monday (d), subscriptions AS s
        WHERE subscription_id = 'S-8eab5b' ORDER BY d
        """
    ) == [
        ("2024-02-26", False, False, 2989, "Pro", False),
        ("2024-03-04", True, False, 2989, "Pro", False),
        ("2024-03-11", True, False, 2989, "Pro", True),
    ]
    said = "SELECT account_name, min(churn_date) FROM accounts_with_owner JOIN churn_events USING (account_id)"
    assert csv(f"{said} WHERE account_id = 'A-2e3bad' GROUP BY account_name") == [("Company_108", "2024-03-30")]

    told = story("contract_ended", "S-8eab5b")
    found = told.passage
    assert (found["entered"], found["left"], found["met"]) == (
        "2024-03-04 06:00",
        "2024-03-11 06:00",
        "2024-03-11 06:00",
    )
    assert (found["exit_reason"], found["recipient"]) == ("objective", None)
    assert told.path == [
        "03-04 entered (condition)",
        "03-04 moved: save_desk -> two_weeks until 03-18",
        "03-11 exited (objective)",
        "03-11 objective_met",
    ]
    assert [list(told.actions), told.refusals] == [["03-04 save_desk"], []]
    batches = [file.read_text() for file in demo_warehouse.out.glob("actions/*-notify-*.jsonl")]
    sent = [json.loads(line) for batch in batches for line in batch.splitlines()]
    assert [action["content"] for action in sent if action["record"] == "S-8eab5b"] == [
        {
            "channel": "#save-desk",
            "text": "Company_108: Pro contract over 2989 USD a month ended on 2024-03-01.",
        }
    ]


def test_an_account_in_the_control_group_is_only_watched(csv: Ask, story: Tell) -> None:
    """Adoption drop of A-49b828. Its use is below two fifths of what it was since 12 February; that has held for two
    weeks on the 26th, and not on the 19th. Its draw is below 20 %, so it is watched for the six weeks that the flow can
    take, and nothing is done. Use is back on 6 May, two days before the watch is over."""
    use = csv(
        """
        SELECT d, coalesce(sum(usage_count) FILTER (WHERE d - usage_date < 56), 0),
            sum(usage_count) FILTER (WHERE d - usage_date BETWEEN 56 AND 111)
        FROM monday JOIN usage ON usage_date <= d AND contract_on <= d
        WHERE account_id = 'A-49b828' AND d BETWEEN DATE '2024-02-05' AND DATE '2024-05-06' GROUP BY d ORDER BY d
        """
    )
    assert use[:4] == [("2024-02-05", 16, 33), ("2024-02-12", 0, 49), ("2024-02-19", 8, 49), ("2024-02-26", 8, 38)]
    assert [day for day, now, before in use if before >= 30 and now < 0.4 * before][:3] == [
        "2024-02-12",
        "2024-02-19",
        "2024-02-26",
    ]
    assert [day for day, now, _ in use if now >= 25] == ["2024-05-06"]
    assert csv(
        """
        SELECT count(*) > 0, (SELECT count(*) FROM churn_events WHERE account_id = 'A-49b828') FROM subscriptions
        WHERE account_id = 'A-49b828' AND NOT is_trial AND start_date <= DATE '2024-02-26' AND end_date IS NULL
        """
    ) == [(True, 0)]
    draw = "md5('ravenstack-2024|holdout|adoption_drop|A-49b828')"
    assert csv(f"SELECT CAST('0x' || substr({draw}, 1, 8) AS BIGINT) / 4294967296.0 < 0.2") == [(True,)]

    told = story("adoption_drop", "A-49b828")
    found = told.passage
    assert (found["arm"], found["entered"], found["left"]) == ("holdout", "2024-02-26 06:00", "2024-04-08 06:00")
    assert (found["met"], found["watched"]) == ("2024-05-06 06:00", "2024-05-08 06:00")
    assert told.path == [
        "02-26 entered (condition) until 04-08",
        "04-08 completed (holdout_watched)",
        "05-06 objective_met",
    ]
    assert told.actions == {}


def test_an_escalation_that_is_calm_already_is_refused(csv: Ask, story: Tell) -> None:
    """A-49b828 again: a medium ticket of 4 October was escalated, and the account is worth 26,391 USD a month. But no
    high or urgent ticket is there and the product is in use: the objective is met, there is nothing to do."""
    assert csv(
        """
        SELECT d, count(*) FILTER (WHERE escalation_flag AND d - submitted_at < 7) AS escalated,
            count(*) FILTER (WHERE priority IN ('high', 'urgent')) AS serious,
            (SELECT sum(usage_count) FROM usage
                WHERE account_id = 'A-49b828' AND usage_date <= d AND d - usage_date < 28 AND contract_on <= d) AS used,
            (SELECT sum(mrr_amount) FROM subscriptions
                WHERE account_id = 'A-49b828' AND start_date <= d AND (end_date IS NULL OR end_date > d)) AS mrr
        FROM unnest([DATE '2024-09-30', '2024-10-07', '2024-10-14']) AS monday (d)
        JOIN support_tickets ON submitted_at <= d WHERE account_id = 'A-49b828' GROUP BY d ORDER BY d
        """
    ) == [("2024-09-30", 0, 0, 15, 26391), ("2024-10-07", 1, 0, 15, 26391), ("2024-10-14", 0, 0, 12, 26881)]
    assert story("ticket_escalation", "A-49b828").refusals == [("objective_already_met", None, "10-07", "10-14")]


QUALIFYING = {
    "renewal": "paid > 0 AND NOT churned AND turning_one > 0 AND just_signed = 0",
    "ticket_escalation": "paid > 0 AND NOT churned AND mrr >= 10000 AND serious",
    "trial_conversion": "paid = 0 AND trials > 0 AND d - signed_on < 14 AND NOT churned",
    "win_back": "churned AND d - left_on BETWEEN 30 AND 60",
    "onboarding": "d > DATE '2024-01-01' AND d - signup_date < 7",
}


@pytest.mark.parametrize("workflow", list(QUALIFYING))
def test_who_qualifies_in_which_week(csv: Ask, demo: DuckDBSession, workflow: str) -> None:
    found = demo.rows(
        "SELECT record, strftime(v.as_of, '%Y-%m-%d') AS d FROM state.episodes AS e JOIN journal.evaluations AS v "
        "ON v.as_of >= e.matched_from AND (e.matched_to IS NULL OR v.as_of < e.matched_to) WHERE e.subject = $subject",
        {"subject": f"entry:{workflow}"},
    )
    by_hand = csv(f"SELECT account_id, d FROM weekly WHERE {QUALIFYING[workflow]}")
    assert len(by_hand) > 30
    assert {(row["record"], row["d"]) for row in found} == set(by_hand)


ENTRIES = {
    # a contract that was there the week before and has ended since; it ends once, so there is no second time
    "contract_ended": """
        SELECT subscription_id, d, CASE
            WHEN (SELECT max(churn_date) FROM churn_events AS c WHERE c.account_id = s.account_id AND churn_date <= d) > end_date
                THEN 'exit_condition'
            WHEN (SELECT max(start_date) FROM subscriptions AS o WHERE o.account_id = s.account_id AND start_date <= d) > end_date
                THEN 'objective_already_met'
            ELSE 'entered' END
        FROM monday JOIN subscriptions AS s ON end_date <= d AND d - end_date < 7 AND d - start_date >= 7
        WHERE d > DATE '2024-01-01' AND NOT is_trial AND mrr_amount >= 2000
    """,
    # an account of this week; it comes once
    "onboarding": """
        SELECT account_id, d, CASE
            WHEN churned OR (paid = 0 AND trials > 0) THEN 'exit_condition'
            WHEN paid > 0 AND features >= 2 THEN 'objective_already_met'
            ELSE 'entered' END
        FROM weekly WHERE d > DATE '2024-01-01' AND d - signup_date < 7
    """,
    # the first week of the first spell that began after the first Monday; whoever was in has been in
    "trial_conversion": """
        SELECT account_id, min(d), 'entered' FROM (
            SELECT account_id, d, min(d) OVER (PARTITION BY account_id, spell) AS since FROM (
                SELECT account_id, d, (d - DATE '2024-01-01') // 7
                    - row_number() OVER (PARTITION BY account_id ORDER BY d) AS spell
                FROM weekly WHERE paid = 0 AND trials > 0 AND d - signed_on < 14 AND NOT churned
            )
        ) WHERE since > DATE '2024-01-01' GROUP BY account_id
    """,
}


@pytest.mark.parametrize("workflow", list(ENTRIES))
def test_all_entries_of_the_year(csv: Ask, demo: DuckDBSession, workflow: str) -> None:
    found = demo.rows(
        """
        SELECT record, strftime(entered_at, '%Y-%m-%d') AS d, 'entered' AS outcome
        FROM state.participants WHERE workflow = $workflow
        UNION ALL
        SELECT record, strftime(refused_from, '%Y-%m-%d'), reason
        FROM state.refusals WHERE workflow = $workflow AND reason NOT IN ('already_inside', 'entered_before')
        """,
        {"workflow": workflow},
    )
    by_hand = csv(ENTRIES[workflow])
    assert len(by_hand) > 40
    assert {tuple(row.values()) for row in found} == set(by_hand)
    assert len(found) == len(by_hand)


def test_every_measure_is_the_use_of_that_monday(csv: Ask, demo: DuckDBSession) -> None:
    """Two workflows measure the use of four weeks; at entry as well, or there is nothing to compare the exit with."""
    used = csv(
        "SELECT d, account_id, sum(usage_count) FROM monday "
        "JOIN usage ON usage_date <= d AND d - usage_date < 28 AND contract_on <= d GROUP BY d, account_id"
    )
    by_hand = {(record, day): float(count) for day, record, count in used}
    seen = demo.rows(
        "SELECT p.record, strftime(o.observed_at, '%Y-%m-%d') AS d, o.measure FROM state.observations AS o "
        "JOIN state.participants AS p ON p.participant_id = o.participant_id "
        "WHERE p.workflow IN ('ticket_escalation', 'onboarding')"
    )
    assert len(seen) > 500
    assert [row for row in seen if row["measure"] != by_hand.get((row["record"], row["d"]), 0.0)] == []


def test_every_sent_action_is_in_one_batch_once(csv: Ask, demo: DuckDBSession, demo_warehouse: Workspace) -> None:
    delivered = csv(
        f"SELECT action_id FROM read_json('{demo_warehouse.out}/actions/*.jsonl', columns = {{action_id: 'VARCHAR'}})"
    )
    sent = demo.rows("SELECT action_id FROM outbox.actions WHERE status = 'sent'")
    assert sorted(key for (key,) in delivered) == sorted(row["action_id"] for row in sent)
    others = demo.rows("SELECT DISTINCT kind, status, status_reason FROM outbox.actions WHERE status <> 'sent'")
    assert others == [{"kind": "email", "status": "dropped", "status_reason": "no_recipient"}]


def contents(workspace: Workspace) -> dict[str, Any]:
    """Every table's rows as a number and a hash, and every file of the batches with its time."""
    with DuckDBSession(workspace.warehouse, timezone="America/New_York", read_only=True) as session:
        tables = {
            name: session.rows(f"SELECT count(*) AS n, bit_xor(hash(t)) AS h FROM {name} AS t")[0]
            for name in session.columns()
        }
    files = {
        path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in workspace.out.rglob("*") if path.is_file()
    }
    return tables | files


def test_the_demo_a_second_time_changes_nothing(demo_warehouse: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(demo_warehouse)
    assert before["journal.evaluations"]["n"] == 52
    run_demo(demo_warehouse.root, 52)
    assert "nothing changed: 52 weeks of 2024" in capsys.readouterr().out
    last = datetime(2024, 12, 23, 6, tzinfo=ZoneInfo("America/New_York"))
    with demo_warehouse.session("tests") as session:
        again = run_cycle(session, demo_warehouse, last)
        assert (again.snapshot.taken, again.evaluation.made, again.delivered) == (False, False, ())
        with pytest.raises(ClockWentBack):
            run_cycle(session, demo_warehouse, datetime(2024, 12, 16, 6, tzinfo=ZoneInfo("America/New_York")))
    assert contents(demo_warehouse) == before


def known_on(day: str) -> dict[str, str]:
    """What the files hold that could be known on a day at six in the morning in New York."""
    now = f"TIMESTAMPTZ '{day} 06:00 America/New_York'"
    closed = f"CASE WHEN closed_at <= TIMESTAMP '{day} 06:00' THEN"
    return {
        "account": f"SELECT account_id, signup_date FROM accounts_with_owner WHERE signup_date <= DATE '{day}'",
        "subscription": f"SELECT subscription_id, CASE WHEN end_date <= DATE '{day}' THEN end_date END AS end_date, "
        f"churn_flag AND end_date <= DATE '{day}' AS churn_flag FROM subscriptions WHERE start_date <= DATE '{day}'",
        "feature_usage": f"SELECT usage_id, usage_count FROM feature_usage WHERE usage_date <= DATE '{day}'",
        "churn_event": f"SELECT churn_event_id, reason_code FROM churn_events WHERE churn_date <= DATE '{day}'",
        "support_ticket": f"SELECT ticket_id, {closed} closed_at END IS NOT NULL AS closed, {closed} satisfaction_score END "
        f"AS satisfaction_score FROM support_tickets WHERE submitted_at <= DATE '{day}'",
        "contact": f"SELECT contact_id, last_seen_at <= {now} AS seen FROM contacts",
    }


SEEN = {
    "account": "SELECT account_id, signup_date FROM crm.account",
    "subscription": "SELECT subscription_id, end_date, churn_flag FROM crm.subscription",
    "feature_usage": "SELECT usage_id, usage_count FROM crm.feature_usage",
    "churn_event": "SELECT churn_event_id, reason_code FROM crm.churn_event",
    "support_ticket": "SELECT ticket_id, closed_at IS NOT NULL AS closed, satisfaction_score FROM crm.support_ticket",
    "contact": "SELECT contact_id, last_seen_at IS NOT NULL AS seen FROM crm.contact",
}


def plain(rows: list[Any]) -> list[tuple[str, ...]]:
    """Rows to compare: values as text, where unknown and false are the same absence."""
    return sorted(tuple(str(value or "") for value in row) for row in rows)


def test_a_snapshot_knows_nothing_of_what_came_later(csv: Ask, demo_warehouse: Workspace) -> None:
    with DuckDBSession(timezone="America/New_York") as session:
        session.migrate()
        for day in ("2024-02-26", "2024-03-04", "2024-12-23"):
            as_of = datetime.fromisoformat(f"{day} 06:00").replace(tzinfo=ZoneInfo("America/New_York"))
            take_snapshot(session, demo_warehouse.project, demo_warehouse.sources(), as_of)
            for name, by_hand in known_on(day).items():
                found = [tuple(row.values()) for row in session.rows(SEEN[name])]
                assert plain(found) == plain(csv(by_hand)), f"{name} on {day}"
        # the end of S-8eab5b of 1 March: unknown, then known, and the history says since when
        spells = session.rows(
            "SELECT churn_flag, strftime(valid_from, '%m-%d') AS since FROM history.subscription "
            "WHERE subscription_id = 'S-8eab5b' ORDER BY valid_from"
        )
        assert spells == [{"churn_flag": False, "since": "02-26"}, {"churn_flag": True, "since": "03-04"}]


def test_the_page_shows_what_its_queries_find(demo: DuckDBSession, demo_warehouse: Workspace) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "demo.md").read_text()
    shown = re.findall(r"```sql\n(.*?)```\n\n((?:\|[^\n]*\n)+)", page, re.DOTALL)
    assert len(shown) == page.count("```sql") > 5
    for sql, table in shown:
        found = demo.rows(sql.replace("'demo/", f"'{demo_warehouse.root}/"))
        lines = [
            list(found[0]),
            ["---"] * len(found[0]),
            *(["" if value is None else str(value) for value in row.values()] for row in found),
        ]
        assert "".join(f"| {' | '.join(line)} |\n" for line in lines) == table, sql
