-- where it came from: webhook, unsubscribe, a provider, a table or a folder; null: written by another program
ALTER TABLE inbox.results ADD COLUMN source VARCHAR;

-- its id there: each event counts once
ALTER TABLE inbox.results ADD COLUMN event_id VARCHAR;

-- of a bounce: hard (nothing will ever arrive there) or soft
ALTER TABLE inbox.results ADD COLUMN bounce VARCHAR;

-- One row is a line or a row from outside that is no result (yet): it is malformed, or its action is not known.
CREATE TABLE inbox.aside (
    place VARCHAR NOT NULL,                 -- the file and line, or the table and key
    source VARCHAR NOT NULL,                -- where it came from
    reason VARCHAR NOT NULL,                -- unknown-action, which is tried again for 3 days and kept for 30, or malformed
    message VARCHAR NOT NULL,               -- what is wrong
    event VARCHAR NOT NULL,                 -- what came
    received_at TIMESTAMPTZ NOT NULL,       -- when
    PRIMARY KEY (place)
);

-- One row says how far a file with results has been read.
CREATE TABLE inbox.positions (
    file VARCHAR NOT NULL,                  -- the file
    position BIGINT NOT NULL,               -- the bytes of it that are known
    PRIMARY KEY (file)
);

-- Rows that were written by another program have none of the new columns, and the seal that they had.
CREATE OR REPLACE MACRO main.seal_of_result(action_id, result, value, recipient, happened_at, received_at, source, event_id, bounce) AS md5_number_lower(
    CASE
        WHEN COALESCE(source, event_id, bounce) IS NULL
            THEN CAST(to_json([action_id, result, value, recipient, CAST(epoch_us(happened_at) AS VARCHAR), CAST(epoch_us(received_at) AS VARCHAR)]) AS VARCHAR)
        ELSE CAST(to_json([action_id, result, value, recipient, CAST(epoch_us(happened_at) AS VARCHAR), CAST(epoch_us(received_at) AS VARCHAR), source, event_id, bounce]) AS VARCHAR)
    END
);
