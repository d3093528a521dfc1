-- Decisions about identity: merged, parted, kept apart.

-- How an edge came to be: observed in an event, or decided by somebody. A parting cuts edges; they
-- stay as history.
alter table identity_edges
    add column kind text not null default 'observed'
        check (kind in ('observed', 'operator', 'review', 'model')),
    add column weight double precision,
    add column decided_by text,
    add column cut_position bigint;

-- Whose identifiers are never joined again, but by somebody's decision.
create table identity_apart (
    workspace_id integer not null,
    kind_a text not null,
    value_a text not null,
    kind_b text not null,
    value_b text not null,
    decided_by text not null,
    reason text not null,
    position bigint not null,
    at timestamptz not null,
    primary key (workspace_id, kind_a, value_a, kind_b, value_b)
);
create index identity_apart_other on identity_apart (workspace_id, kind_b, value_b);

-- By whom an event of the timeline was stated: where its identifiers part, it follows them.
alter table timeline add column user_id text, add column anonymous_id text;
