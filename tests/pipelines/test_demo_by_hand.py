"""The demo's numbers by hand: plain SQL on the CSV files says what must have happened, the warehouse what did.

The SQL here shares nothing with the engine: dates and thresholds are written out, and "known on Monday" is spelled as a
person would (a contract runs that has begun and has not ended by then). Each story asks for the week before as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
