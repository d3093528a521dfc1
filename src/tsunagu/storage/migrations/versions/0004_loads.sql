-- Bulk loads. A row survives kills: the cursor says from where a load that was interrupted goes
-- on. `files` holds each file's path, size and time of change; `fingerprint` their sum, by which
-- the same command run again finds its load.
create table loads (
    workspace_id integer not null,
    load_id bigint generated always as identity,
    state text not null default 'open' check (state in ('open', 'stopped', 'done')),
    files jsonb not null,
    mapping text,
    source text not null,
    fingerprint uuid not null,
    -- which version of the events table of the lake is this load's newest
    part integer not null default 0,
    -- the cursor: the file, the byte or row in it, and the line that comes next
    file integer not null default 0,
    place bigint not null default 0,
    line bigint not null default 1,
    bytes bigint not null,
    bytes_done bigint not null default 0,
    rows_read bigint not null default 0,
    loaded bigint not null default 0,
    repeats bigint not null default 0,
    bad bigint not null default 0,
    blocked bigint not null default 0,
    reason text,
    -- the receipt of all its events
    received_at timestamptz not null,
    updated_at timestamptz not null,
    ended_at timestamptz,
    primary key (workspace_id, load_id)
);
create index loads_fingerprint on loads (workspace_id, fingerprint);

-- Parts that are promised to the lake; `data` lists their files. Written before the lake's
-- commit, settled after it.
create table load_parts (
    workspace_id integer not null,
    load_id bigint not null,
    part integer not null,
    first_position bigint not null,
    last_position bigint not null,
    loaded bigint not null,
    data jsonb not null,
    settled_at timestamptz,
    primary key (workspace_id, load_id, part)
);

-- Positions of the log that a load owns; no event of the inbox has one of them. They are fed to
-- identities and profiles once all their parts are in the lake.
create table load_ranges (
    workspace_id integer not null,
    load_id bigint not null,
    after_position bigint not null,
    upto_position bigint not null,
    fed_at timestamptz,
    primary key (workspace_id, load_id, after_position)
);

-- Which message ids were loaded: sorted files of 128-bit keys in the lake's folder, probed by the
-- pipeline and by later loads. Files of a level are joined when there are many.
create table loaded_keys (
    workspace_id integer not null,
    file text not null,
    level integer not null,
    keys bigint not null,
    received_at timestamptz not null,
    primary key (workspace_id, file)
);

-- How far what a load wrote to the lake is fed to identities and profiles, by the range of
-- positions that the load owns. `fed_position`: profiles are; `told_position`: the timeline is.
create table load_feeds (
    workspace_id integer not null,
    after_position bigint not null,
    upto_position bigint not null,
    fed_position bigint not null,
    told_position bigint not null,
    events bigint not null default 0,
    customers bigint not null default 0,
    updated_at timestamptz not null default now(),
    primary key (workspace_id, after_position)
);
