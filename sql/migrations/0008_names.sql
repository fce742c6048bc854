-- the record that it entered for; another one may have taken its place since
ALTER TABLE state.participants ADD COLUMN first_record VARCHAR;

UPDATE state.participants SET first_record = record;

-- orders of one instant are taken in this order
ALTER TABLE journal.commands ADD COLUMN given_number BIGINT;
