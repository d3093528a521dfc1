-- Sources: what each one is stands in its definition; here is where it stands.

create table sources (
    workspace_id integer not null,
    name text not null,
    kind text not null,
    -- encrypted by the vault; the key is not in the database
    secrets bytea,
    paused boolean not null default false,
    -- the cursor: what the reader needs to go on, as JSON
    state text not null default '{}',
    -- null: only when asked
    next_run_at timestamptz,
    asked_by text,
    failures integer not null default 0,
    last_run_at timestamptz,
    last_ok_at timestamptz,
    last_error text,
    -- when the newest row it has brought happened
    newest_at timestamptz,
    created_at timestamptz not null,
    primary key (workspace_id, name)
);

create table source_runs (
    workspace_id integer not null,
    run_id bigint generated always as identity,
    name text not null,
    cause text not null,
    started_at timestamptz not null,
    ended_at timestamptz,
    outcome text not null default 'running'
        check (outcome in ('running', 'done', 'stopped', 'failed', 'killed')),
    rows bigint not null default 0,
    events bigint not null default 0,
    known bigint not null default 0,
    refused bigint not null default 0,
    error text,
    primary key (workspace_id, run_id)
);
create index source_runs_name on source_runs (workspace_id, name, run_id desc);

-- How far each file was taken. `version` is its size and time of change.
create table source_files (
    workspace_id integer not null,
    name text not null,
    file text not null,
    version text not null,
    rows bigint not null default 0,
    status text not null check (status in ('reading', 'done', 'failed')),
    reason text,
    at timestamptz not null,
    primary key (workspace_id, name, file)
);

-- The rows a source without a cursor has brought, by their message ids.
create table source_rows (
    workspace_id integer not null,
    name text not null,
    row_key uuid not null,
    primary key (workspace_id, name, row_key)
);

-- Where webhooks come in: all that the collector has to know of a source.
create table webhook_doors (
    workspace_id integer not null,
    door text not null,
    name text not null,
    clock text not null,
    document jsonb not null,
    secrets bytea not null,
    open boolean not null default true,
    primary key (workspace_id, name),
    unique (workspace_id, door)
);
grant select on webhook_doors to tsunagu_ingest;

-- What came through each door, by day. The collectors add to it every few seconds.
create table webhook_calls (
    workspace_id integer not null,
    name text not null,
    day date not null,
    calls bigint not null default 0,
    events bigint not null default 0,
    refused bigint not null default 0,
    forged bigint not null default 0,
    last_at timestamptz not null,
    primary key (workspace_id, name, day)
);
grant select, insert, update on webhook_calls to tsunagu_ingest;
-- the collector buries what a webhook sends and nobody can map
grant insert on dead_letters to tsunagu_ingest;
