-- [empty_truths] Room for the conditions that hold: one row for each condition and record, or participant where it is asked of one.
CREATE OR REPLACE TEMP TABLE truths (condition BIGINT, record VARCHAR, participant_id VARCHAR);

-- [empty_recipients] Room for the recipients chosen.
CREATE OR REPLACE TEMP TABLE recipients (value BIGINT, record VARCHAR, result VARCHAR);

-- [empty_measures] Room for the objectives' measures.
CREATE OR REPLACE TEMP TABLE measures (value BIGINT, record VARCHAR, result DOUBLE);

-- [empty_found_values] Room for the values that actions carry.
CREATE OR REPLACE TEMP TABLE found_values (value BIGINT, record VARCHAR, result VARCHAR);

-- [empty_values_at_entry] Room for the values that are kept from the entry.
CREATE OR REPLACE TEMP TABLE values_at_entry (value BIGINT, record VARCHAR, result VARCHAR);

-- [empty_pools] Room for the users that assign steps choose from, with their load.
CREATE OR REPLACE TEMP TABLE pools (value BIGINT, record VARCHAR, result DOUBLE);

-- [empty_dates] Room for the dates that waits wait for.
CREATE OR REPLACE TEMP TABLE dates (value BIGINT, record VARCHAR, result TIMESTAMPTZ);

-- [workdays] Monday to Friday, numbered: business days are counted on it.
CREATE OR REPLACE TEMP TABLE workdays AS
SELECT day, ROW_NUMBER() OVER (ORDER BY day) AS number
FROM (
    SELECT CAST(day AS DATE) AS day
    FROM generate_series(CAST($as_of AS DATE) - 14, CAST($as_of AS DATE) + 800, INTERVAL 1 DAY) AS g(day)
)
WHERE extract(isodow FROM day) <= 5;

-- [business_steps] The day on which so many business days from today are over.
CREATE OR REPLACE TEMP TABLE business_steps AS
SELECT w.number - t.number AS business_days, w.day - CAST($as_of AS DATE) AS days
FROM workdays AS w
CROSS JOIN (SELECT MAX(number) AS number FROM workdays WHERE day <= CAST($as_of AS DATE)) AS t
WHERE w.number > t.number
UNION ALL
SELECT 0, 0;
