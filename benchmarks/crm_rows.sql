-- [draw] An even draw in [0, 1) of a row and a name; the seed decides all of them.
CREATE OR REPLACE MACRO draw(n, name) AS (hash(n, name, getvariable('seed')) >> 11) / 9007199254740992.0;

-- [word] One of the words; with a skew above 1 the first ones are more frequent.
CREATE OR REPLACE MACRO word(n, name, words, skew) AS words[1 + CAST(floor(draw(n, name) ** skew * len(words)) AS INTEGER)];

-- [whole] A whole number in [low, high).
CREATE OR REPLACE MACRO whole(n, name, low, high) AS CAST(floor(low + draw(n, name) * (high - low)) AS BIGINT);

-- [gap] The value, missing in a share of the rows.
CREATE OR REPLACE MACRO gap(n, name, share, value) AS CASE WHEN draw(n, name || ' gap') >= share THEN value END;

-- [amount] Money and sizes: even in their logarithm, with two decimals.
CREATE OR REPLACE MACRO amount(n, name, low, spread) AS round(exp(low + draw(n, name) * spread), 2);

-- [ago] An instant in the last days; with a skew above 1 recent ones are more frequent.
CREATE OR REPLACE MACRO ago(n, name, days, skew) AS
    getvariable('now') - to_microseconds(CAST(floor(draw(n, name) ** skew * days * 86400000000) AS BIGINT));

-- [day] A date from `first` to `last` days after today.
CREATE OR REPLACE MACRO day_in(n, name, first, last) AS CAST(getvariable('now') AS DATE) + CAST(whole(n, name, first, last) AS INTEGER);

-- [key] Text keys of 18 characters, as CRMs have them.
CREATE OR REPLACE MACRO key_of(prefix, n) AS prefix || lpad(CAST(n AS VARCHAR), 15, '0');

-- [place] The account of a related row: a few have many rows, most have few, and the large ones lie all over the table.
CREATE OR REPLACE MACRO place(n, name) AS
    CAST(floor(draw(n, name) ** 1.6 * getvariable('accounts')) AS BIGINT) * 611953 % getvariable('accounts');

-- [is_touched] Does something happen to the account in the ten minutes after now.
CREATE OR REPLACE MACRO is_touched(account) AS draw(account, 'touched') < getvariable('share');

-- [users] The people who work here.
CREATE OR REPLACE VIEW users AS
SELECT
    key_of('005', n) AS user_id, 'User ' || n AS name, 'user' || n || '@example.com' AS email,
    word(n, 'team', getvariable('team'), 1.0) AS team
FROM range(getvariable('users')) AS r(n);

-- [account_numbers] One row an account.
CREATE OR REPLACE VIEW account_numbers AS SELECT n, n AS parent FROM range(getvariable('accounts')) AS r(n);

-- [accounts_of] The accounts of the given numbers.
CREATE OR REPLACE MACRO accounts_of(numbers) AS TABLE
SELECT
    n, parent,
    key_of('001', n) AS account_id,
    'Account ' || n AS account_name,
    'https://account' || n || '.example.com' AS website,
    word(n, 'industry', getvariable('industry'), 1.5) AS industry,
    word(n, 'tier', getvariable('tier'), 2.5) AS tier,
    word(n, 'region', getvariable('region'), 1.5) AS region,
    word(n, 'country', getvariable('country'), 1.5) AS country,
    word(n, 'plan', getvariable('plan'), 1.5) AS plan,
    word(n, 'lifecycle_stage', getvariable('lifecycle_stage'), 1.0) AS lifecycle_stage,
    word(n, 'churn_risk', getvariable('churn_risk'), 2.0) AS churn_risk,
    gap(n, 'onboarding_status', 0.1, word(n, 'onboarding_status', getvariable('onboarding_status'), 1.0)) AS onboarding_status,
    key_of('005', whole(n, 'owner_id', 0, getvariable('users'))) AS owner_id,
    whole(n, 'health_score', 0, 101) AS health_score,
    gap(n, 'nps', 0.4, whole(n, 'nps', 0, 11)) AS nps,
    amount(n, 'arr', 6, 7) AS arr,
    round(amount(n, 'arr', 6, 7) / 12, 2) AS mrr,
    1 + CAST(floor(exp(draw(n, 'seats') * 7)) AS BIGINT) AS seats,
    CAST(floor((1 + floor(exp(draw(n, 'seats') * 7))) * least(draw(n, 'seats_used') * 1.2, 1)) AS BIGINT) AS seats_used,
    gap(n, 'employees', 0.2, CAST(floor(amount(n, 'employees', 0, 11)) AS BIGINT)) AS employees,
    draw(n, 'is_paying') < 0.6 AS is_paying,
    gap(n, 'has_sso', 0.05, draw(n, 'has_sso') < 0.2) AS has_sso,
    gap(n, 'renewal_date', 0.1, day_in(n, 'renewal_date', -60, 365)) AS renewal_date,
    day_in(n, 'contract_start', -1500, 0) AS contract_start,
    gap(n, 'last_qbr_date', 0.3, day_in(n, 'last_qbr_date', -400, 0)) AS last_qbr_date,
    gap(n, 'last_login_at', 0.05, ago(n, 'last_login_at', 120, 2.0)) AS last_login_at,
    ago(n, 'last_activity_at', 60, 2.0) AS last_activity_at,
    ago(n, 'created_at', 1500, 1.0) AS created_at,
    CAST(NULL AS VARCHAR) AS cs_phase,
    ago(n, 'synced_at', 400, 4.0) AS synced_at,
    CAST(NULL AS TIMESTAMPTZ) AS deleted_at
FROM query_table(numbers);

-- [contact_numbers] One row a contact, with its account.
CREATE OR REPLACE VIEW contact_numbers AS
SELECT n, place(n, 'contacts account') AS parent FROM range(3 * getvariable('accounts')) AS r(n);

-- [contacts_of] The contacts of the given numbers and accounts.
CREATE OR REPLACE MACRO contacts_of(numbers) AS TABLE
SELECT
    n, parent,
    key_of('003', n) AS contact_id,
    key_of('001', parent) AS account_id,
    'Name ' || n AS name,
    'contact' || n || '@example.com' AS email,
    word(n, 'role', getvariable('role'), 0.7) AS role,
    word(n, 'seniority', getvariable('seniority'), 2.0) AS seniority,
    draw(n, 'email_opt_in') < 0.5 AS email_opt_in,
    draw(n, 'is_active') < 0.8 AS is_active,
    gap(n, 'engagement', 0.1, whole(n, 'engagement', 0, 101)) AS engagement,
    gap(n, 'last_contacted_at', 0.2, ago(n, 'last_contacted_at', 365, 1.5)) AS last_contacted_at,
    ago(n, 'contacts created_at', 1000, 1.0) AS created_at,
    ago(n, 'contacts synced_at', 365, 4.0) AS synced_at,
    CAST(NULL AS TIMESTAMPTZ) AS deleted_at
FROM query_table(numbers);

-- [opportunity_numbers] One row an opportunity, with its account.
CREATE OR REPLACE VIEW opportunity_numbers AS
SELECT n, place(n, 'opportunities account') AS parent FROM range(3 * getvariable('accounts')) AS r(n);

-- [opportunities_of] The opportunities of the given numbers and accounts.
CREATE OR REPLACE MACRO opportunities_of(numbers) AS TABLE
SELECT
    n, parent,
    key_of('006', n) AS opportunity_id,
    key_of('001', parent) AS account_id,
    word(n, 'stage', getvariable('stage'), 0.6) AS stage,
    word(n, 'deal_type', getvariable('deal_type'), 1.0) AS deal_type,
    gap(n, 'amount', 0.05, amount(n, 'amount', 5, 8)) AS amount,
    ago(n, 'opportunities created_at', 720, 1.0) AS created_at,
    day_in(n, 'close_date', -275, 90) AS close_date,
    ago(n, 'opportunities synced_at', 365, 4.0) AS synced_at,
    CAST(NULL AS TIMESTAMPTZ) AS deleted_at
FROM query_table(numbers);

-- [ticket_numbers] One row a ticket, with its account.
CREATE OR REPLACE VIEW ticket_numbers AS
SELECT n, place(n, 'tickets account') AS parent FROM range(2 * getvariable('accounts')) AS r(n);

-- [tickets_of] The tickets of the given numbers and accounts.
CREATE OR REPLACE MACRO tickets_of(numbers) AS TABLE
SELECT
    n, parent,
    key_of('500', n) AS ticket_id,
    key_of('001', parent) AS account_id,
    word(n, 'status', getvariable('status'), 0.6) AS status,
    word(n, 'priority', getvariable('priority'), 1.3) AS priority,
    gap(n, 'csat', 0.7, whole(n, 'csat', 1, 6)) AS csat,
    ago(n, 'tickets created_at', 365, 1.3) AS created_at,
    ago(n, 'tickets synced_at', 365, 4.0) AS synced_at,
    CAST(NULL AS TIMESTAMPTZ) AS deleted_at
FROM query_table(numbers);

-- [usage_event_numbers] One row an event, with its account.
CREATE OR REPLACE VIEW usage_event_numbers AS
SELECT n, place(n, 'usage account') AS parent FROM range(20 * getvariable('accounts')) AS r(n);

-- [usage_events_of] The events of the given numbers and accounts: a log of 90 days, oldest first.
CREATE OR REPLACE MACRO usage_events_of(numbers) AS TABLE
SELECT
    n, parent,
    key_of('700', n) AS event_id,
    key_of('001', parent) AS account_id,
    getvariable('now') - to_microseconds(CAST((1 - n / (20 * getvariable('accounts'))) * 7776000000000 AS BIGINT)) AS ts,
    word(n, 'metric', getvariable('metric'), 2.0) AS metric,
    whole(n, 'person', 0, 3 * getvariable('accounts')) AS person,
    whole(n, 'quantity', 1, 21) AS quantity,
    getvariable('now') - to_microseconds(CAST((1 - n / (20 * getvariable('accounts'))) * 7776000000000 AS BIGINT)) AS synced_at,
    CAST(NULL AS TIMESTAMPTZ) AS deleted_at
FROM query_table(numbers);
