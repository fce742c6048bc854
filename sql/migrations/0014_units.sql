-- Hours, days, weeks and months of the session's timezone, for limits that count by them.

-- The unit that an instant lies in, as an instant that no other unit has. `date_trunc` puts the first of two hours of the same name behind itself.
CREATE MACRO main.unit_of(unit, i) AS CASE
    WHEN unit = 'hour' THEN i - (CAST(i AS TIMESTAMP) - date_trunc('hour', CAST(i AS TIMESTAMP)))
    ELSE CAST(CAST(date_trunc(unit, CAST(i AS DATE)) AS DATE) AS TIMESTAMPTZ)
END;

-- The instant at which the unit after that one begins.
CREATE MACRO main.next_unit(unit, i) AS unit_of(unit, i) + CASE unit
    WHEN 'hour' THEN to_hours(1) WHEN 'day' THEN to_days(1) WHEN 'week' THEN to_days(7) ELSE to_months(1) END;
