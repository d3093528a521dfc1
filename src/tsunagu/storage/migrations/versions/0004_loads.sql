select 1;

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
