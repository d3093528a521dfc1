-- Kinds of identifiers: their limits, and what was held back.
select 1;
