-- Counts up when anybody but the pipeline changed customers of the workspace under its lease
-- (a bulk load, a replay that was swapped in): what the pipeline remembers is then void.
alter table cursors add column epoch bigint not null default 0;
