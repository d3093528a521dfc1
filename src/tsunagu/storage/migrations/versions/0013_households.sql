-- Households and companies: a layer above customers.
select 1;
