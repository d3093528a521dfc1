-- Survivorship: which of several values of a trait holds.
select 1;
