"""The published record of bench `load`: what its files hold, to the byte, for anybody to repeat.

Twelve columns, as a warehouse keeps the calls of the Segment spec: message_id, type, name,
user_id, anonymous_id, group_id, happened_at, received_at, source, properties (an object of
about 300 bytes with 13 members), traits, context. One in twenty calls is an identify with
traits, the rest are tracks of five names. A customer has twenty calls on average, spread over
the year 2024 in the order of the file; every 50th line is a repeat of an earlier one. All of it
is drawn from hashes of the line's number, so the same size gives the same files.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

EVENTS_A_CUSTOMER = 20
SHARE_OF_REPEATS = 1 / 50

_ROWS = """
with numbered as (
    select i, case when i > 0 and hash(i, 1) % 50 = 0 then (hash(i, 2) % i)::bigint else i end as n
    from range({events}) as t (i)
),
drawn as (
    select n, (hash(n, 3) % {customers})::bigint as customer,
        make_timestamptz(1704067200000000 + (n * (31622400000000.0 / {events}))::bigint)
            as happened_at,
        (hash(n, 4) % 1000000007)::bigint as dice
    from numbered
)
select
    'm-' || lower(hex(hash(n, 5))) || '-' || n as message_id,
    case when dice % 20 = 0 then 'identify' else 'track' end as type,
    case when dice % 20 > 0 then [
        'Product Viewed', 'Cart Updated', 'Order Completed', 'Product Searched', 'Checkout Started'
    ][1 + dice // 100 % 5] end as name,
    'u' || customer as user_id,
    case when dice % 3 = 0 then 'a-' || customer * 3 end as anonymous_id,
    case when dice % 17 = 0 then 'g' || customer % 1000 end as group_id,
    happened_at,
    happened_at + to_milliseconds(dice % 900) as received_at,
    'shop' as source,
    '{{"order_id":"o-' || n || '","product_id":"p-' || dice % 5000
        || '","category":"' || ['kitchen', 'garden', 'books', 'travel', 'office'][1 + dice // 7 % 5]
        || '","price":' || dice % 100000 / 100.0 || ',"quantity":' || 1 + dice % 9
        || ',"currency":"JPY","coupon":null,"url":"https://shop.example/items/'
        || lower(hex(hash(n, 6))) || '","referrer":"https://search.example/?q='
        || lower(hex(hash(n, 7))) || '","session":"' || lower(hex(hash(n, 8)))
        || lower(hex(hash(n, 9))) || '","list":"recommended","position":' || dice % 40 || '}}'
        as properties,
    case when dice % 20 = 0 then '{{"email":"user' || customer || '@mail.example","plan":"'
        || ['free', 'basic', 'pro'][1 + dice % 3] || '","city":"'
        || ['東京', '大阪', '福岡', '札幌'][1 + dice % 4] || '"}}' end as traits,
    '{{"ip":"10.' || dice % 250 || '.' || dice // 11 % 250 || '.7","locale":"ja-JP",'
        || '"library":{{"name":"analytics.js","version":"4.1"}}}}' as context
from drawn
"""
_LINE = """
select '{{"type":"' || type || '","messageId":"' || message_id || '",'
    || coalesce('"event":"' || name || '",', '') || '"userId":"' || user_id || '",'
    || coalesce('"anonymousId":"' || anonymous_id || '",', '')
    || coalesce('"groupId":"' || group_id || '",', '')
    || '"timestamp":"' || strftime(happened_at, '%Y-%m-%dT%H:%M:%S.%gZ')
    || '","receivedAt":"' || strftime(received_at, '%Y-%m-%dT%H:%M:%S.%gZ')
    || '","properties":' || properties || coalesce(',"traits":' || traits, '')
    || ',"context":' || context || '}}' as line
from ({rows})
"""
_PEOPLE = """
select '{{"type":"identify","messageId":"i-' || n || '","userId":"u' || n
    || '","timestamp":"2024-06-01T00:00:00.000Z","traits":{{"email":"user' || n
    || '@mail.example","plan":"' || ['free', 'basic', 'pro'][1 + n % 3]
    || '","city":"' || ['東京', '大阪', '福岡', '札幌'][1 + n % 4]
    || '","visits":' || n % 90 || '}}}}' as line
from range({first}, {last}) as t (n)
"""
_AS_LINES = "(format csv, header false, quote '', escape '', delimiter '\x01')"


def write_ndjson(target: Path, events: int) -> None:
    """The record as lines of calls, about 600 bytes each."""
    _copy(_LINE.format(rows=_rows(events)), target, _AS_LINES)


def write_parquet(target: Path, events: int) -> None:
    """The record as a table, in row groups of DuckDB's size, Snappy inside."""
    _copy(_rows(events), target, "(format parquet, compression snappy)")


def write_people(target: Path, count: int, *, first: int = 0) -> None:
    """One identify each of so many customers, as an export of a CRM has them."""
    _copy(_PEOPLE.format(first=first, last=first + count), target, _AS_LINES)


def _rows(events: int) -> str:
    customers = max(100, events // EVENTS_A_CUSTOMER)
    return _ROWS.format(events=events, customers=customers)


def _copy(query: str, target: Path, options: str) -> None:
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"copy ({query}) to '{target}' {options}")
