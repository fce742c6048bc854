-- [moment] An instant in the ten minutes after now.
CREATE OR REPLACE MACRO moment(n, name) AS getvariable('now') + to_microseconds(1 + whole(n, name || ' moment', 0, 599000000));

-- [new_account_numbers] A few accounts that came.
CREATE OR REPLACE VIEW new_account_numbers AS
SELECT getvariable('accounts') + n AS n, getvariable('accounts') + n AS parent
FROM range(getvariable('accounts')) AS r(n)
WHERE is_touched(n) AND draw(n, 'new account') < 0.01;

-- [changed_accounts] Half of the accounts to which something happens change themselves; one in two hundred of these goes.
CREATE OR REPLACE VIEW changed_accounts AS
SELECT * EXCLUDE (n, parent) REPLACE (
    whole(n, 'later health_score', 0, 101) AS health_score,
    word(n, 'later lifecycle_stage', getvariable('lifecycle_stage'), 1.0) AS lifecycle_stage,
    CASE WHEN draw(n, 'later plan') < 0.2 THEN word(n, 'next plan', getvariable('plan'), 1.5) ELSE plan END AS plan,
    CAST(floor(seats * draw(n, 'later seats_used')) AS BIGINT) AS seats_used,
    moment(n, 'accounts') AS last_activity_at,
    moment(n, 'accounts') AS synced_at,
    CASE WHEN draw(n, 'account gone') < 0.005 THEN moment(n, 'accounts') END AS deleted_at
)
FROM accounts_of('account_numbers')
WHERE is_touched(n) AND draw(n, 'accounts change') < 0.5
UNION ALL BY NAME
SELECT * EXCLUDE (n, parent) REPLACE (moment(n, 'accounts') AS created_at, moment(n, 'accounts') AS synced_at)
FROM accounts_of('new_account_numbers');

-- [new_contact_numbers] Contacts that came, each for an account to which something happens.
CREATE OR REPLACE VIEW new_contact_numbers AS
SELECT 3 * getvariable('accounts') + n AS n, n AS parent
FROM range(getvariable('accounts')) AS r(n)
WHERE is_touched(n) AND draw(n, 'new contact') < 0.1;

-- [changed_contacts] A third of the contacts of these accounts change; some move to another account, some go.
CREATE OR REPLACE VIEW changed_contacts AS
SELECT * EXCLUDE (n, parent) REPLACE (
    whole(n, 'later engagement', 0, 101) AS engagement,
    CASE WHEN draw(n, 'contact moves') < 0.1 THEN key_of('001', place(n, 'contacts next account')) ELSE account_id END AS account_id,
    moment(n, 'contacts') AS synced_at,
    CASE WHEN draw(n, 'contact gone') < 0.05 THEN moment(n, 'contacts') END AS deleted_at
)
FROM contacts_of('contact_numbers')
WHERE is_touched(parent) AND draw(n, 'contacts change') < 0.33
UNION ALL BY NAME
SELECT * EXCLUDE (n, parent) REPLACE (moment(n, 'contacts') AS created_at, moment(n, 'contacts') AS synced_at)
FROM contacts_of('new_contact_numbers');

-- [new_opportunity_numbers] Opportunities that came.
CREATE OR REPLACE VIEW new_opportunity_numbers AS
SELECT 3 * getvariable('accounts') + n AS n, n AS parent
FROM range(getvariable('accounts')) AS r(n)
WHERE is_touched(n) AND draw(n, 'new opportunity') < 0.2;

-- [changed_opportunities] A third of the opportunities of these accounts change; some move to another account, some go.
CREATE OR REPLACE VIEW changed_opportunities AS
SELECT * EXCLUDE (n, parent) REPLACE (
    word(n, 'later stage', getvariable('stage'), 0.6) AS stage,
    CASE WHEN draw(n, 'opportunity moves') < 0.1 THEN key_of('001', place(n, 'opportunities next account')) ELSE account_id END AS account_id,
    moment(n, 'opportunities') AS synced_at,
    CASE WHEN draw(n, 'opportunity gone') < 0.05 THEN moment(n, 'opportunities') END AS deleted_at
)
FROM opportunities_of('opportunity_numbers')
WHERE is_touched(parent) AND draw(n, 'opportunities change') < 0.33
UNION ALL BY NAME
SELECT * EXCLUDE (n, parent) REPLACE (moment(n, 'opportunities') AS created_at, moment(n, 'opportunities') AS synced_at)
FROM opportunities_of('new_opportunity_numbers');

-- [new_ticket_numbers] Tickets that came.
CREATE OR REPLACE VIEW new_ticket_numbers AS
SELECT 2 * getvariable('accounts') + n AS n, n AS parent
FROM range(getvariable('accounts')) AS r(n)
WHERE is_touched(n) AND draw(n, 'new ticket') < 0.3;

-- [changed_tickets] A third of the tickets of these accounts change; a new one in ten comes forty days late.
CREATE OR REPLACE VIEW changed_tickets AS
SELECT * EXCLUDE (n, parent) REPLACE (
    word(n, 'later status', getvariable('status'), 1.0) AS status,
    moment(n, 'tickets') AS synced_at,
    CASE WHEN draw(n, 'ticket gone') < 0.05 THEN moment(n, 'tickets') END AS deleted_at
)
FROM tickets_of('ticket_numbers')
WHERE is_touched(parent) AND draw(n, 'tickets change') < 0.33
UNION ALL BY NAME
SELECT * EXCLUDE (n, parent) REPLACE (
    moment(n, 'tickets') - CASE WHEN draw(n, 'late ticket') < 0.1 THEN INTERVAL 40 DAYS ELSE INTERVAL 0 DAYS END AS created_at,
    moment(n, 'tickets') AS synced_at
)
FROM tickets_of('new_ticket_numbers');

-- [new_usage_event_numbers] Events that came: ten minutes of the log for everybody, and two more for each account to which something happens.
CREATE OR REPLACE VIEW new_usage_event_numbers AS
SELECT 20 * getvariable('accounts') + n AS n, place(n, 'usage later account') AS parent
FROM range(20 * getvariable('accounts') // 12960) AS r(n)
UNION ALL
SELECT 21 * getvariable('accounts') + n, n // 2
FROM range(2 * getvariable('accounts')) AS r(n)
WHERE is_touched(n // 2);

-- [changed_usage_events] New events, one in ten of them up to forty days late; of old ones a few are taken back.
CREATE OR REPLACE VIEW changed_usage_events AS
SELECT * EXCLUDE (n, parent) REPLACE (
    moment(n, 'usage') - CASE WHEN draw(n, 'late event') < 0.1 THEN to_days(CAST(whole(n, 'late days', 1, 41) AS INTEGER)) ELSE INTERVAL 0 DAYS END AS ts,
    moment(n, 'usage') AS synced_at
)
FROM usage_events_of('new_usage_event_numbers')
UNION ALL BY NAME
SELECT * EXCLUDE (n, parent) REPLACE (moment(n, 'usage') AS synced_at, moment(n, 'usage') AS deleted_at)
FROM usage_events_of('usage_event_numbers')
WHERE is_touched(parent) AND draw(n, 'event taken back') < 0.02;
