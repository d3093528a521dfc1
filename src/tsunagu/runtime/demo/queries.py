"""DuckDB SQL over the files of the retail data: baskets, campaigns, placed redemptions.

The files are read where the package keeps them. Baskets are built a few days at a time, so
that the 1.47 million purchase lines never lie in memory together.
"""

from __future__ import annotations

TABLES = (
    "campaign_descriptions",
    "campaigns",
    "coupon_redemptions",
    "demographics",
    "products",
    "transactions",
)

VIEW = "create view {name} as from read_parquet('{path}')"

# Product categories of what was bought: a third of the catalogue.
CATEGORIES = """
create temp table categories as
select product_id, product_category
from products semi join transactions using (product_id)
"""

# One row a basket, without its products.
BASKETS = """
create temp table baskets as
select
    basket_id,
    any_value(household_id) as household_id,
    any_value(transaction_timestamp) as happened,
    sum(coupon_disc) as coupon_discount
from transactions
group by basket_id
"""

ORDERS = """
select
    basket_id,
    any_value(household_id) as household_id,
    epoch_us(any_value(transaction_timestamp)) as happened,
    to_json({
        order_id: basket_id::varchar,
        total: round(sum(sales_value), 2),
        discount: round(sum(retail_disc), 2),
        coupon_discount: round(sum(coupon_disc), 2),
        currency: 'USD',
        store: any_value(store_id)::varchar,
        products: list(
            {
                product_id: product_id::varchar,
                category: product_category,
                quantity: quantity,
                price: round(sales_value / nullif(quantity, 0), 6)
            } order by product_id
        )
    })::varchar as properties
from transactions left join categories using (product_id)
where transaction_timestamp >= $start::timestamp and transaction_timestamp < $stop::timestamp
group by basket_id
order by happened, basket_id
"""

ORDER_COUNT = """
select count(*) from baskets
where happened >= $start::timestamp and happened < $stop::timestamp
"""

CAMPAIGNS = """
select
    c.campaign_id, c.household_id, d.campaign_type,
    epoch_us(timezone('America/New_York', d.start_date + interval 9 hours)) as happened,
    strftime(d.start_date, '%Y-%m-%d') as starts,
    strftime(d.end_date, '%Y-%m-%d') as ends
from campaigns as c join campaign_descriptions as d using (campaign_id)
order by happened, c.campaign_id, c.household_id
"""

# A redemption is recorded by its New York day only: it is placed at the household's basket of
# that day, the one with the largest coupon discount and of equals the first.
REDEMPTIONS = """
select
    r.household_id, r.campaign_id, r.coupon_upc,
    strftime(r.redemption_date, '%Y-%m-%d') as day,
    epoch_us(arg_min(b.happened, (-b.coupon_discount, b.happened, b.basket_id))) as happened,
    arg_min(b.basket_id, (-b.coupon_discount, b.happened, b.basket_id)) as basket_id
from coupon_redemptions as r
join baskets as b
    on b.household_id = r.household_id
    and timezone('America/New_York', timezone('UTC', b.happened))::date = r.redemption_date::date
group by all
order by happened, r.household_id, r.campaign_id, r.coupon_upc
"""

HOUSEHOLDS = """
with seen as (
    select household_id, epoch_us(min(happened)) as happened from baskets group by household_id
    union all
    select c.household_id, epoch_us(min(
        timezone('America/New_York', d.start_date + interval 9 hours)
    ))
    from campaigns as c join campaign_descriptions as d using (campaign_id)
    group by c.household_id
),
first_seen as (select household_id, min(happened) as happened from seen group by household_id)
select f.household_id, f.happened, d.* exclude (household_id)
from first_seen as f left join demographics as d using (household_id)
order by f.happened, f.household_id
"""
