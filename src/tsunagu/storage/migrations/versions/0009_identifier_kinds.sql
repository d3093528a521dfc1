-- Kinds of identifiers: their limits, and what was held back.

-- What was stated together with an identifier and belongs to other customers, as "kind" unit
-- separator "value" texts; never more than the limit of its kind. From `held_position` on it was
-- stated by too many and names nobody beside another identifier.
alter table identifiers add column stated_by text[], add column held_position bigint;

-- What identified nobody, and why: for people to read; nothing is decided by it, and the oldest
-- rows go when there are many.
create table held_identifiers (
    workspace_id integer not null,
    kind text not null,
    value text not null,
    reason text not null check (reason in ('blocked', 'full', 'apart', 'shared')),
    customer_id bigint,
    first_position bigint not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    times bigint not null,
    primary key (workspace_id, kind, value, reason)
);
create index held_identifiers_last on held_identifiers (workspace_id, last_at);
