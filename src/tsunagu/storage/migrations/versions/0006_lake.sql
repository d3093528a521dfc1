-- When each task of the lake's upkeep was last done for a workspace, and up to which mark.
create table lake_tasks (
    workspace_id integer not null,
    task text not null,
    mark text not null default '',
    done_at timestamptz not null,
    primary key (workspace_id, task)
);

-- An analyst's key asks the lake by SQL and does nothing else.
alter table api_keys drop constraint api_keys_kind_check;
alter table api_keys add constraint api_keys_kind_check check (kind in ('write', 'api', 'analyst'));

-- Questions that somebody keeps under a name, and the last ones that each person asked.
create table saved_queries (
    workspace_id integer not null,
    name text not null,
    sql text not null,
    saved_by text not null,
    saved_at timestamptz not null,
    primary key (workspace_id, name)
);
create table query_runs (
    workspace_id integer not null,
    run_id bigint generated always as identity,
    asked_by text not null,
    sql text not null,
    at timestamptz not null,
    outcome text not null check (outcome in ('done', 'refused', 'stopped')),
    rows bigint not null,
    seconds double precision not null,
    primary key (workspace_id, run_id)
);
create index query_runs_asked on query_runs (workspace_id, asked_by, run_id desc);
