-- [empty_truths] Room for the conditions that hold: one row for each condition and record.
CREATE OR REPLACE TEMP TABLE truths (condition BIGINT, record VARCHAR);

-- [empty_personal_truths] Room for the conditions about participants that hold.
CREATE OR REPLACE TEMP TABLE personal_truths (condition BIGINT, participant_id VARCHAR);

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

-- [closed_days if live.blackouts] Every date of every calendar, from two weeks ago on.
CREATE OR REPLACE TEMP TABLE closed_days AS
SELECT b.calendar, d.day, BOOL_OR(b.is_holiday) AS is_holiday
FROM (
    SELECT calendar, in_year(first_date, y) AS first_date, in_year(last_date, y + year(last_date) - year(first_date)) AS last_date, is_holiday
    FROM live.blackouts
    JOIN range(year($as_of) - 3, year($as_of) + 8) AS years (y)
        ON y = year(first_date) OR (is_yearly AND y > year(first_date))
    UNION
    SELECT calendar, first_date, last_date, is_holiday FROM live.blackouts
) AS b
JOIN (SELECT CAST($as_of AS DATE) + CAST(i AS INTEGER) - 14 AS day FROM range(0, 2400) AS days (i)) AS d
    ON d.day BETWEEN b.first_date AND b.last_date
GROUP BY b.calendar, d.day;
