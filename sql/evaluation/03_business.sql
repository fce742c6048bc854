-- [workdays] Monday to Friday without holidays, numbered: business days are counted on it.
CREATE OR REPLACE TEMP TABLE workdays AS
SELECT day, ROW_NUMBER() OVER (ORDER BY day) AS number
FROM (
    SELECT CAST(day AS DATE) AS day
    FROM generate_series(CAST($as_of AS DATE) - 14, CAST($as_of AS DATE) + 800, INTERVAL 1 DAY) AS g(day)
)
WHERE extract(isodow FROM day) <= 5 AND day NOT IN (SELECT day FROM closed_days WHERE is_holiday);

-- [business_steps] The day on which so many business days from today are over.
CREATE OR REPLACE TEMP TABLE business_steps AS
SELECT w.number - t.number AS business_days, w.day - CAST($as_of AS DATE) AS days
FROM workdays AS w
CROSS JOIN (SELECT MAX(number) AS number FROM workdays WHERE day <= CAST($as_of AS DATE)) AS t
WHERE w.number > t.number
UNION ALL
SELECT 0, 0;
