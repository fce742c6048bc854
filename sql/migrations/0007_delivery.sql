-- tries so far
ALTER TABLE outbox.actions ADD COLUMN attempt_count INTEGER DEFAULT 0;

-- when it was first tried
ALTER TABLE outbox.actions ADD COLUMN first_attempt_at TIMESTAMPTZ;

-- no other try before this
ALTER TABLE outbox.actions ADD COLUMN retry_at TIMESTAMPTZ;

-- SHA-256 of what its sink was told first; another try says the same
ALTER TABLE outbox.actions ADD COLUMN payload_hash VARCHAR;

-- the sink
ALTER TABLE outbox.attempts ADD COLUMN sink VARCHAR;

-- the sink's code, such as an HTTP status
ALTER TABLE outbox.attempts ADD COLUMN code VARCHAR;

-- the sink's own name for what it did
ALTER TABLE outbox.attempts ADD COLUMN provider_id VARCHAR;

-- The one row says how far the delivery journal beside the warehouse has been read.
CREATE TABLE outbox.journal (
    id INTEGER NOT NULL,                    -- always 1
    file VARCHAR NOT NULL,                  -- a file of the journal
    position BIGINT NOT NULL,               -- the bytes of it that are known
    PRIMARY KEY (id)
);

-- Is a day within a blackout: of the years written, or of any later year.
CREATE MACRO main.is_blacked_out(day, first_date, last_date, is_yearly) AS
    day BETWEEN first_date AND last_date
    OR (is_yearly AND year(day) > year(first_date) AND (
        day BETWEEN in_year(first_date, year(day)) AND in_year(last_date, year(day) + year(last_date) - year(first_date))
        OR day BETWEEN in_year(first_date, year(day) - 1) AND in_year(last_date, year(day) - 1 + year(last_date) - year(first_date))
    ));
