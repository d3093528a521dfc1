-- The web pages that may use a key: null for all of them, empty for none.
alter table api_keys add column origins text[];
