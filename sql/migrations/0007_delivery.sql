-- the sink
ALTER TABLE outbox.attempts ADD COLUMN sink VARCHAR;

-- the sink's code, such as an HTTP status
ALTER TABLE outbox.attempts ADD COLUMN code VARCHAR;

-- the sink's own name for what it did
ALTER TABLE outbox.attempts ADD COLUMN provider_id VARCHAR;

-- SHA-256 of what the sink was told; null where nothing was handed over
ALTER TABLE outbox.attempts ADD COLUMN payload_hash VARCHAR;

-- no other try before this
ALTER TABLE outbox.attempts ADD COLUMN retry_at TIMESTAMPTZ;

-- The one row says how far the delivery journal beside the warehouse has been read.
CREATE TABLE outbox.journal (
    id INTEGER NOT NULL,                    -- always 1
    file VARCHAR NOT NULL,                  -- a file of the journal
    position BIGINT NOT NULL,               -- the bytes of it that are known
    PRIMARY KEY (id)
);

CREATE OR REPLACE MACRO main.seal_of_attempt(action_id, attempt, batch_id, attempted_at, outcome, message, sink, code, provider_id, payload_hash, retry_at) AS md5_number_lower(
    CAST(to_json([action_id, CAST(attempt AS VARCHAR), batch_id, CAST(epoch_us(attempted_at) AS VARCHAR), outcome, message, sink, code, provider_id, payload_hash, CAST(epoch_us(retry_at) AS VARCHAR)]) AS VARCHAR)
);

-- What an action is after a try, or after a person said what became of it.
CREATE MACRO main.status_after_try(outcome) AS CASE WHEN outcome IN ('later', 'again') THEN 'planned' ELSE outcome END;

-- Is a day within a blackout: of the years written, or of any later year.
CREATE MACRO main.is_blacked_out(day, first_date, last_date, is_yearly) AS
    day BETWEEN first_date AND last_date
    OR (is_yearly AND year(day) > year(first_date) AND (
        day BETWEEN in_year(first_date, year(day)) AND in_year(last_date, year(day) + year(last_date) - year(first_date))
        OR day BETWEEN in_year(first_date, year(day) - 1) AND in_year(last_date, year(day) - 1 + year(last_date) - year(first_date))
    ));
