-- When messages go out: windows, blackout dates, zones of phone numbers, who must not be written to.

-- One row is one window of a weekly schedule; one that spans midnight is two rows.
CREATE TABLE live.windows (
    schedule_id VARCHAR NOT NULL,           -- hash of all its windows
    weekday INTEGER NOT NULL,               -- 1 is Monday, 7 is Sunday
    from_minute INTEGER NOT NULL,           -- its first minute, from midnight
    to_minute INTEGER NOT NULL              -- the first minute after it
);

-- One row is one blackout: a date or a range of dates of a calendar.
CREATE TABLE live.blackouts (
    calendar VARCHAR NOT NULL,              -- the calendar
    first_date DATE NOT NULL,               -- its first date, local to the recipient
    last_date DATE NOT NULL,                -- its last date
    is_yearly BOOLEAN NOT NULL,             -- again in every later year
    is_holiday BOOLEAN NOT NULL,            -- it is no business day either
    name VARCHAR NOT NULL                   -- what people call it
);

-- One row is one calendar that counts for a workflow.
CREATE TABLE live.workflow_calendars (
    workflow VARCHAR NOT NULL,              -- the workflow
    calendar VARCHAR NOT NULL               -- the calendar
);

-- One row is one phone number that was looked up.
CREATE TABLE state.phone_zones (
    number VARCHAR NOT NULL,                -- the number as the source has it
    zones JSON NOT NULL,                    -- names of the timezones it may lie in; none when invalid or toll-free
    is_toll_free BOOLEAN NOT NULL           -- a toll-free number lies nowhere
);

-- One row is one recipient that must not be written to or called.
CREATE TABLE state.suppressions (
    object VARCHAR NOT NULL,                -- the recipient's object
    recipient VARCHAR NOT NULL,             -- the recipient's key
    since TIMESTAMPTZ NOT NULL,             -- since when
    reason VARCHAR NOT NULL                 -- why
);

-- One row is one change of a planned action's send time; append only.
CREATE TABLE outbox.shifts (
    action_id VARCHAR NOT NULL,             -- the action
    evaluation_id BIGINT NOT NULL,          -- the evaluation that moved it
    rule VARCHAR NOT NULL,                  -- why: blackout or sender_limit
    from_at TIMESTAMPTZ NOT NULL,           -- the send time before
    to_at TIMESTAMPTZ                       -- the send time after; null when no window was left
);

-- the windows of its messages, see live.windows
ALTER TABLE live.workflows ADD COLUMN schedule_id VARCHAR DEFAULT 'default';

-- the timezone of recipients whose own is not known; null is the project's
ALTER TABLE live.workflows ADD COLUMN fallback_zone VARCHAR;

-- ends a wait of a day or more
ALTER TABLE live.hops ADD COLUMN is_long BOOLEAN DEFAULT FALSE;

-- it came after a wait of a day or more
ALTER TABLE outbox.actions ADD COLUMN is_long BOOLEAN DEFAULT FALSE;

-- the timezone that its send time heeds; null for what is no message
ALTER TABLE outbox.actions ADD COLUMN zone VARCHAR;

-- where the timezone comes from: recipient_field, phone, phones_middle or fallback
ALTER TABLE outbox.actions ADD COLUMN zone_rule VARCHAR;

-- why the send time is what it is: in_window, next_opening, blackout or sender_limit
ALTER TABLE outbox.actions ADD COLUMN send_rule VARCHAR;

-- the user or address that it is sent from
ALTER TABLE outbox.actions ADD COLUMN sender VARCHAR;

-- What was live before keeps the usual windows until the next apply.
INSERT INTO live.windows SELECT 'default', day, 540, 960 FROM range(1, 6) AS days (day);

-- The instant of a local time: of two the first, and a time in a gap moves forward.
CREATE MACRO main.before_change(l, z) AS (l AT TIME ZONE 'UTC') - (
    ((l AT TIME ZONE z) - to_hours(24)) AT TIME ZONE z - ((l AT TIME ZONE z) - to_hours(24)) AT TIME ZONE 'UTC'
);

CREATE MACRO main.instant_of(l, z) AS CASE
    WHEN before_change(l, z) AT TIME ZONE z = l THEN least(before_change(l, z), l AT TIME ZONE z) ELSE l AT TIME ZONE z END;

-- The same day in another year: 29 February is the 28th where there is none.
CREATE MACRO main.in_year(d, y) AS CAST(d + to_years(CAST(y - year(d) AS INTEGER)) AS DATE);
