-- Decisions about identity: merged, parted, kept apart.
select 1;
