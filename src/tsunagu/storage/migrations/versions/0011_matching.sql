-- Matching: records, keys, reviews and plans.
select 1;
