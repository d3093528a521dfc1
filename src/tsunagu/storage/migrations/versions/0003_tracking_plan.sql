-- How often events differ from the tracking plan: by day, source, event, place and rule, with
-- the last time as a sample. The key is a hash, since names may be too long for an index entry.
create table plan_violations (
    workspace_id integer not null,
    day date not null,
    violation_key uuid not null,
    source text not null,
    type text not null,
    event text not null,
    -- of the event's schema; 0 for an event without one
    version integer not null,
    -- JSON path, list positions as [*]; empty for the event itself
    place text not null,
    rule text not null,
    action text not null check (action in ('observe', 'flag', 'block')),
    expected text not null,
    got text not null,
    count bigint not null,
    position bigint not null,
    at timestamptz not null,
    primary key (workspace_id, day, violation_key)
);

-- How many events were held against the plan, by day, source, event and version.
create table plan_traffic (
    workspace_id integer not null,
    day date not null,
    traffic_key uuid not null,
    source text not null,
    type text not null,
    event text not null,
    version integer not null,
    seen bigint not null,
    violating bigint not null,
    primary key (workspace_id, day, traffic_key)
);

-- The mark of an event that passed although it violates the plan. The event itself is a fact
-- and stays as it came.
create table flagged_events (
    workspace_id integer not null,
    position bigint not null,
    violations jsonb not null,
    put_at timestamptz not null default now(),
    primary key (workspace_id, position)
);
create index flagged_events_put on flagged_events (workspace_id, put_at);

alter table plan_violations set (fillfactor = 70);
alter table plan_traffic set (fillfactor = 70);

-- Dead letters have a number of their own: a row of a file never had a place in the log.
alter table dead_letters drop constraint dead_letters_pkey;
alter table dead_letters
    alter column position drop not null,
    add column letter_id bigint generated always as identity,
    add column source text not null default '',
    -- where a row that never reached the log came from: load, file and line
    add column origin text,
    add column state text not null default 'open'
        check (state in ('open', 'replayed', 'discarded')),
    -- the message id under which it entered the log again
    add column replayed_as text,
    add column settled_by text,
    add column settled_at timestamptz,
    add column put_at timestamptz not null default now(),
    -- what letters are looked up by: short enough for an index, and plain columns, since no
    -- expression can be an index condition under row-level security
    add column name_key text generated always as (left(name, 200)) stored,
    add column source_key text generated always as (left(source, 200)) stored,
    add column message_key text generated always as (left(message_id, 200)) stored,
    add column user_key text generated always as (left(event ->> 'user_id', 200)) stored,
    add primary key (workspace_id, letter_id);
-- one letter an event, however often its batch is repeated
create unique index dead_letters_position on dead_letters (workspace_id, position);
create unique index dead_letters_origin on dead_letters (workspace_id, md5(origin));
create index dead_letters_state on dead_letters (workspace_id, state, letter_id);
create index dead_letters_about on dead_letters
    (workspace_id, state, stage, name_key, source_key, letter_id);
create index dead_letters_name on dead_letters (workspace_id, name_key, letter_id);
create index dead_letters_source on dead_letters (workspace_id, source_key, letter_id);
create index dead_letters_message on dead_letters (workspace_id, message_key);
create index dead_letters_user on dead_letters (workspace_id, user_key);

-- Work on many dead letters: which, up to where, and how far it has come.
create table letter_jobs (
    workspace_id integer not null,
    job_id bigint generated always as identity,
    action text not null check (action in ('replay', 'discard')),
    filter jsonb not null,
    -- letters up to this one: what dies again meanwhile is not taken again
    upto bigint not null,
    after bigint not null default 0,
    total bigint not null,
    done bigint not null default 0,
    -- what cannot enter the log as it is
    skipped bigint not null default 0,
    state text not null default 'running' check (state in ('running', 'done', 'stopped')),
    asked_by text not null,
    asked_at timestamptz not null default now(),
    ended_at timestamptz,
    primary key (workspace_id, job_id)
);
create index letter_jobs_running on letter_jobs (workspace_id, job_id) where state = 'running';

-- The end of the log as the console may see it: of the workspace that the transaction names.
create view live_events with (security_barrier) as
select i.position, i.workspace_id, i.received_at, i.known_at, i.message_id, i.type, i.name,
    i.user_id, i.anonymous_id, i.at, i.source, i.body
from inbox as i
where i.workspace_id = nullif(current_setting('tsunagu.workspace', true), '')::integer;
create view live_left_out with (security_barrier) as
select l.position, l.workspace_id, l.reason
from left_out as l
where l.workspace_id = nullif(current_setting('tsunagu.workspace', true), '')::integer;
grant select on live_events, live_left_out to tsunagu_app, tsunagu_pipeline;

-- The position behind which the newest so many events of the workspace stand. A range of
-- positions is found by the index through the view; the newest ones by order are not, since
-- what the view asks of the session stands between.
create function live_floor(look_back integer) returns bigint
language sql stable security definer set search_path = public, pg_temp
as $floor$
    select coalesce((
        select position from inbox
        where workspace_id = nullif(current_setting('tsunagu.workspace', true), '')::integer
        order by position desc
        offset look_back
        limit 1
    ), 0)
$floor$;
revoke execute on function live_floor from public;
grant execute on function live_floor to tsunagu_app, tsunagu_pipeline;
