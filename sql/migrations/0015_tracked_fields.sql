-- Since when fields are tracked: before that nothing is known of them.

-- One row is one field that has been tracked only since a later snapshot than its object's first one.
CREATE TABLE journal.tracked_fields (
    object VARCHAR NOT NULL,                -- its object
    field VARCHAR NOT NULL,                 -- the field
    since TIMESTAMPTZ NOT NULL              -- the instant of the snapshot that kept its value first
);

-- The instant from which a field's values are known; `later` are the fields that were not tracked from the start.
CREATE MACRO main.known_from(later, f) AS COALESCE(CAST(later AS MAP(VARCHAR, TIMESTAMPTZ))[f], TIMESTAMPTZ '-infinity');
