-- [business_steps] The day on which so many business days from today are over: Monday to Friday without holidays, as far as calendars are looked at.
CREATE OR REPLACE TEMP TABLE business_steps AS
SELECT ROW_NUMBER() OVER (ORDER BY day) AS business_days, day - CAST($as_of AS DATE) AS days
FROM (
    SELECT CAST($as_of AS DATE) + CAST(i AS INTEGER) AS day FROM range(1, 2386) AS later (i)
)
WHERE extract(isodow FROM day) <= 5 AND day NOT IN (SELECT day FROM closed_days WHERE is_holiday)
UNION ALL
SELECT 0, 0;
