-- One row is one value that did not fit its type, or one row without a key: the first 1,000 an object and snapshot, of the last 100 snapshots.
CREATE TABLE journal.quarantine (
    snapshot_id BIGINT NOT NULL,            -- the snapshot that met it
    object VARCHAR NOT NULL,                -- the object
    key VARCHAR,                            -- the record's key; null where the row has none that can be read
    field VARCHAR NOT NULL,                 -- the field
    value VARCHAR,                          -- what stood there, at most 200 characters; of a row without a key, its label
    reason VARCHAR NOT NULL                 -- no_key: the row was left out; not_integer, not_date ...: the value counts as missing
);

-- rows that were read
ALTER TABLE journal.snapshot_objects ADD COLUMN row_count BIGINT;

-- was only a part of the table read: what changed
ALTER TABLE journal.snapshot_objects ADD COLUMN is_partial BOOLEAN;
