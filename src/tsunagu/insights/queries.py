"""DuckDB SQL over a lake's `customer_events`, and PostgreSQL SQL for reports and scores.

A feature of a customer at a time counts only what was known before that time, however early it
happened. Times come out as integer microseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from psycopg import Cursor

from tsunagu.core import Json
from tsunagu.core.events import JOURNEY_ENTERED, PLATFORM_SOURCE
from tsunagu.core.times import moment

Row = tuple[Any, ...]

# One row an enrolment: arm, entry, and the goal's first occurrence from then on (0: never).
OUTCOMES = f"""
with entered as (
    select
        customer_id, known_at,
        json_extract_string(properties, '$.arm') as arm,
        json_extract_string(properties, '$.enrolment_id') as enrolment_id
    from customer_events
    where name = '{JOURNEY_ENTERED}' and source = '{PLATFORM_SOURCE}'
        and json_extract_string(properties, '$.journey') = $journey
),
reached as (
    select customer_id, known_at
    from customer_events
    where name = $goal and source <> '{PLATFORM_SOURCE}'
)
select e.arm, epoch_us(e.known_at), coalesce(epoch_us(min(r.known_at)), 0)
from entered as e
left join reached as r on r.customer_id = e.customer_id and r.known_at >= e.known_at
group by e.enrolment_id, e.arm, e.known_at
order by e.enrolment_id
"""  # noqa: S608 - written from constants

# Who got which campaign, when the business knew, and whether they redeemed in its time.
OFFERS = """
create or replace temp table offers as
with received as (
    select
        customer_id, user_id, known_at,
        json_extract_string(properties, '$.campaign') as campaign,
        coalesce(json_extract_string(properties, '$.campaign_type'), '') as kind,
        json_extract_string(properties, '$.ends') as ends
    from customer_events
    where name = 'Campaign Received' and customer_id is not null
),
redeemed as (
    select
        customer_id,
        json_extract_string(properties, '$.campaign') as campaign,
        min(timezone($zone, happened_at))::date as day
    from customer_events as e
    where name = 'Coupon Redeemed'
    group by 1, 2
)
select r.*, coalesce(d.day <= r.ends::date, false) as took
from received as r
left join redeemed as d using (customer_id, campaign)
"""

# Offers of campaigns that had ended, for which enough history lies before them.
ENDED = """
create or replace temp table asked as
select customer_id, campaign, known_at as asked_at, kind, took
from offers
where ends::date < timezone($zone, make_timestamptz($cut_off))::date
    and known_at >= (
        select min(known_at) + to_days($history) from customer_events
        where name = 'Order Completed'
    )
"""

# Everybody at the cut-off, as if the next campaign reached them.
EVERYBODY = """
create or replace temp table asked as
select distinct
    customer_id, $campaign as campaign, make_timestamptz($cut_off) as asked_at, $kind as kind,
    false as took
from customer_events
where customer_id is not null
"""

FEATURES = """
with orders as (
    select
        customer_id, known_at,
        coalesce(try_cast(json_extract_string(properties, '$.total') as double), 0) as total,
        coalesce(
            try_cast(json_extract_string(properties, '$.coupon_discount') as double), 0
        ) as saved
    from customer_events
    where name = 'Order Completed'
),
bought as (
    select
        a.customer_id, a.campaign,
        count(*) filter (where o.known_at >= a.asked_at - interval 28 days) as orders_28,
        count(*) filter (where o.known_at >= a.asked_at - interval 91 days) as orders_91,
        sum(o.total) filter (where o.known_at >= a.asked_at - interval 28 days) as spent_28,
        sum(o.total) filter (where o.known_at >= a.asked_at - interval 91 days) as spent_91,
        sum(o.saved) as saved,
        count(*) filter (where o.saved > 0) as saving_orders,
        date_diff('hour', max(o.known_at), any_value(a.asked_at)) / 24 as days_since_order
    from asked as a
    join orders as o on o.customer_id = a.customer_id and o.known_at < a.asked_at
    group by a.customer_id, a.campaign
),
redeemed as (
    select
        a.customer_id, a.campaign,
        count(*) as redemptions,
        count(*) filter (where e.known_at >= a.asked_at - interval 91 days) as redemptions_91,
        count(distinct json_extract_string(e.properties, '$.campaign')) as campaigns_taken
    from asked as a
    join customer_events as e
        on e.customer_id = a.customer_id and e.known_at < a.asked_at
        and e.name = 'Coupon Redeemed'
    group by a.customer_id, a.campaign
),
received as (
    select a.customer_id, a.campaign, count(*) as campaigns
    from asked as a
    join customer_events as e
        on e.customer_id = a.customer_id and e.known_at < a.asked_at
        and e.name = 'Campaign Received'
    group by a.customer_id, a.campaign
)
select
    a.customer_id,
    a.took,
    (a.kind = 'Type A')::int as personal_campaign,
    coalesce(b.orders_28, 0) as orders_28,
    coalesce(b.orders_91, 0) as orders_91,
    coalesce(b.spent_28, 0) as spent_28,
    coalesce(b.spent_91, 0) as spent_91,
    coalesce(b.saved, 0) as saved,
    coalesce(b.saving_orders, 0) as saving_orders,
    coalesce(b.days_since_order, 365) as days_since_order,
    coalesce(d.redemptions, 0) as redemptions,
    coalesce(d.redemptions_91, 0) as redemptions_91,
    coalesce(d.campaigns_taken, 0) as campaigns_taken,
    coalesce(r.campaigns, 0) as campaigns
from asked as a
left join bought as b using (customer_id, campaign)
left join redeemed as d using (customer_id, campaign)
left join received as r using (customer_id, campaign)
order by a.customer_id, a.campaign
"""

TAKERS = "select distinct customer_id, took from offers where campaign = $campaign"


def store_report(cursor: Cursor[Row], workspace_id: int, name: str, document: Json) -> None:
    """Keep a report in place of its last version; its time is the machine's."""
    cursor.execute(
        """
        insert into reports (workspace_id, report, document, at)
        values (%s, %s, %s::jsonb, clock_timestamp())
        on conflict (workspace_id, report) do update
        set document = excluded.document, at = excluded.at
        """,
        (workspace_id, name, msgspec.json.encode(document).decode()),
    )


def store_scores(
    cursor: Cursor[Row],
    workspace_id: int,
    score: str,
    customers: Sequence[int],
    values: Iterable[float],
    as_of: int,
) -> None:
    """Keep a score for each customer in place of the last one."""
    cursor.execute(
        """
        insert into scores (workspace_id, score, customer_id, value, as_of)
        select %s, %s, customer_id, value, %s
        from unnest(%s::bigint[], %s::double precision[]) as given(customer_id, value)
        on conflict (workspace_id, score, customer_id) do update
        set value = excluded.value, as_of = excluded.as_of
        """,
        (workspace_id, score, moment(as_of), list(customers), list(values)),
    )
