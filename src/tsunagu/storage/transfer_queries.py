"""What the catalog tells of the platform's own tables: enough to carry their rows elsewhere."""

from __future__ import annotations

from typing import LiteralString

# Of every table with its columns; partitions come under their parents. `secured` tables show
# the rows of one workspace at a time, to their owner as well.
TABLES: LiteralString = """
select c.relname, c.relrowsecurity, array_agg(a.attname::text order by a.attnum)
from pg_class as c
join pg_attribute as a
    on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
    and not c.relispartition and pg_get_userbyid(c.relowner) = 'tsunagu_owner'
    and c.relname <> all(%s)
group by c.relname, c.relrowsecurity
order by c.relname
"""

# The column and the bounds as the server writes them; those of a net are null.
PARTITIONS: LiteralString = """
select parent.relname, c.relname, a.attname,
    nullif(pg_get_expr(c.relpartbound, c.oid), 'DEFAULT')
from pg_inherits as i
join pg_class as c on c.oid = i.inhrelid
join pg_class as parent on parent.oid = i.inhparent
join pg_partitioned_table as p on p.partrelid = parent.oid
join pg_attribute as a on a.attrelid = parent.oid and a.attnum = p.partattrs[0]
where parent.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
order by parent.relname, c.relname
"""

SEQUENCES: LiteralString = """
select sequencename, last_value from pg_sequences
where schemaname = 'public' and last_value is not null
order by sequencename
"""

# Which table must be filled before which.
REFERENCES: LiteralString = """
select child.relname, parent.relname
from pg_constraint as k
join pg_class as child on child.oid = k.conrelid
join pg_class as parent on parent.oid = k.confrelid
where k.contype = 'f' and child.relnamespace = 'public'::regnamespace
    and child.oid <> parent.oid and not child.relispartition and not parent.relispartition
"""

REVISION: LiteralString = "select version_num from alembic_version"
SIZE: LiteralString = """
select coalesce(sum(pg_table_size(c.oid)), 0)::bigint from pg_class as c
where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
"""

# Until the backup is through, the log's housekeeper drops no partition.
HOLD_PARTITIONS: LiteralString = "select pg_advisory_xact_lock_shared(1650549611)"  # "back"
TRY_PARTITIONS: LiteralString = "select pg_try_advisory_xact_lock(1650549611)"
NAME_WORKSPACE: LiteralString = "select set_config('tsunagu.workspace', %s, true)"
