-- The tables of the loop. Times are timestamptz; in Python they are integer microseconds.
-- Every table but the inbox and the dead letters' source is under FORCE ROW LEVEL SECURITY;
-- a connection names its workspace with set_config('tsunagu.workspace', id, true).

create sequence workspace_ids;

create table workspaces (
    workspace_id integer primary key default nextval('workspace_ids'),
    name text not null unique,
    zone text not null default 'UTC',
    currency text not null default 'USD',
    -- 'wall': business time is the machine's. 'driven': only a driver moves clock_now.
    clock text not null default 'wall' check (clock in ('wall', 'driven')),
    clock_now timestamptz,
    sends_paused boolean not null default false,
    synthetic boolean not null default false,
    created_at timestamptz not null default now()
);

create table api_keys (
    key_hash bytea primary key,
    workspace_id integer not null references workspaces,
    kind text not null check (kind in ('write', 'api')),
    name text not null,
    source text not null,
    created_at timestamptz not null default now(),
    revoked_at timestamptz
);

create table operators (
    operator_id bigint generated always as identity primary key,
    name text not null unique,
    password_hash text not null,
    created_at timestamptz not null default now()
);

-- The log. Positions become visible in order because each group commit holds one advisory
-- transaction lock around its COPY.
create table inbox (
    position bigint generated always as identity,
    workspace_id integer not null,
    received_at timestamptz not null,
    known_at timestamptz not null,
    message_id text not null,
    type text not null,
    name text not null,
    user_id text,
    anonymous_id text,
    at timestamptz not null,
    source text not null,
    body text not null
) partition by range (position);
create index inbox_workspace on inbox (workspace_id, position);

create table cursors (
    workspace_id integer not null,
    consumer text not null,
    position bigint not null default 0,
    -- business time up to which this consumer has closed its timers
    closed_at timestamptz,
    -- the rules by which everybody's audiences were last answered, or are being answered
    plan text,
    last_received_at timestamptz,
    updated_at timestamptz not null default now(),
    primary key (workspace_id, consumer)
);

-- Which message ids were seen, by receipt; probed for 30 days.
create table seen_messages (
    workspace_id integer not null,
    message_key uuid not null,
    received_at timestamptz not null,
    position bigint not null
) partition by range (received_at);
create index seen_messages_key on seen_messages (workspace_id, message_key);

-- Positions the pipeline left out: repeats and dead letters. The lake leaves them out too.
create table left_out (
    workspace_id integer not null,
    position bigint not null,
    reason text not null check (reason in ('repeat', 'dead')),
    primary key (workspace_id, position)
);

create table dead_letters (
    workspace_id integer not null,
    position bigint not null,
    message_id text not null,
    type text not null,
    name text not null,
    stage text not null,
    reason text not null,
    event jsonb not null,
    at timestamptz not null,
    primary key (workspace_id, position)
);

-- Identity: identifiers point to the current customer; edges are the evidence.
create table customers (
    workspace_id integer not null,
    customer_id bigint not null,
    first_kind text not null,
    first_value text not null,
    created_position bigint not null,
    created_at timestamptz not null,
    merged_into bigint,
    merged_position bigint,
    primary key (workspace_id, customer_id)
);
create index customers_merged on customers (workspace_id, merged_into)
    where merged_into is not null;

create table identifiers (
    workspace_id integer not null,
    kind text not null,
    value text not null,
    customer_id bigint not null,
    first_position bigint not null,
    primary key (workspace_id, kind, value)
);
create index identifiers_customer on identifiers (workspace_id, customer_id);

create table identity_edges (
    workspace_id integer not null,
    kind_a text not null,
    value_a text not null,
    kind_b text not null,
    value_b text not null,
    source text not null,
    message_id text not null,
    position bigint not null,
    at timestamptz not null,
    primary key (workspace_id, kind_a, value_a, kind_b, value_b)
);

-- Profiles: one row a customer, loaded with the batch. `state` is the fold (traits with the
-- time and position that set them, feature buckets, sends); `traits` the readable values.
create table profiles (
    workspace_id integer not null,
    customer_id bigint not null,
    traits jsonb not null default '{}',
    audiences text[] not null default '{}',
    state bytea not null,
    wake_at timestamptz,
    first_seen timestamptz not null,
    last_seen timestamptz not null,
    events bigint not null default 0,
    position bigint not null,
    -- the rules by which the audiences were answered
    plan text,
    primary key (workspace_id, customer_id)
) with (fillfactor = 70);
create index profiles_wake on profiles (workspace_id, wake_at) where wake_at is not null;

create table audience_members (
    workspace_id integer not null,
    audience text not null,
    customer_id bigint not null,
    entered_at timestamptz not null,
    primary key (workspace_id, audience, customer_id)
);

-- What happened to whom, newest last; a merge leaves rows under the id they happened to.
create table timeline (
    workspace_id integer not null,
    customer_id bigint not null,
    position bigint not null,
    at timestamptz not null,
    type text not null,
    name text not null,
    source text not null,
    body text not null
) partition by range (position);
create index timeline_customer on timeline (workspace_id, customer_id, position desc);
-- What the platform did and how customers answered: a small part of all events.
create index timeline_told on timeline (workspace_id, name)
    where source in ('tsunagu', 'public', 'email');

create table consents (
    workspace_id integer not null,
    customer_id bigint not null,
    channel text not null,
    purpose text not null,
    granted boolean not null,
    at timestamptz not null,
    position bigint not null,
    evidence jsonb not null default '{}',
    primary key (workspace_id, customer_id, channel, purpose)
);

create table suppressions (
    workspace_id integer not null,
    channel text not null,
    address text not null,
    reason text not null,
    at timestamptz not null,
    primary key (workspace_id, channel, address)
);

-- Definitions: validated documents with versions.
create table definitions (
    workspace_id integer not null,
    kind text not null,
    name text not null,
    version integer not null,
    document jsonb not null,
    status text not null default 'draft' check (status in ('draft', 'published', 'stopped')),
    created_at timestamptz not null default now(),
    created_by text not null,
    primary key (workspace_id, kind, name, version)
);
create unique index definitions_published on definitions (workspace_id, kind, name)
    where status = 'published';

create table enrolments (
    workspace_id integer not null,
    enrolment_id bigint not null,
    journey text not null,
    version integer not null,
    customer_id bigint not null,
    entry integer not null,
    arm text not null check (arm in ('treated', 'holdout')),
    node text not null,
    status text not null check (status in ('active', 'completed', 'exited')),
    entered_at timestamptz not null,
    entered_position bigint not null,
    node_since timestamptz not null,
    wake_at timestamptz,
    steps integer not null default 0,
    goal_at timestamptz,
    ended_at timestamptz,
    end_reason text,
    primary key (workspace_id, enrolment_id)
);
create index enrolments_customer on enrolments (workspace_id, customer_id);
create index enrolments_journey on enrolments (workspace_id, journey, status, node);

create table journey_steps (
    workspace_id integer not null,
    enrolment_id bigint not null,
    step integer not null,
    journey text not null,
    customer_id bigint not null,
    node text not null,
    outcome text not null,
    at timestamptz not null,
    position bigint not null,
    primary key (workspace_id, enrolment_id, step)
);

-- The gate's other side: one row a message, forever; `send_key` makes a second one impossible.
create table send_ledger (
    workspace_id integer not null,
    send_id bigint not null,
    send_key text not null,
    customer_id bigint not null,
    enrolment_id bigint,
    journey text,
    node text,
    message text not null,
    message_version integer not null,
    channel text not null,
    purpose text not null,
    address text not null,
    decided_at timestamptz not null,
    decided_position bigint not null,
    state text not null default 'queued' check (state in
        ('queued', 'sent', 'refused', 'failed', 'unknown', 'expired')),
    reason text,
    detail text,
    provider_id text,
    result_at timestamptz,
    primary key (workspace_id, send_id),
    unique (workspace_id, send_key)
);
create index send_ledger_customer on send_ledger (workspace_id, customer_id, decided_at desc);

-- Refusals of the contact policy, kept with their reason: "why was this customer not sent this".
create table send_refusals (
    workspace_id integer not null,
    send_key text not null,
    customer_id bigint not null,
    enrolment_id bigint,
    journey text,
    node text,
    message text not null,
    reason text not null,
    detail text not null default '',
    at timestamptz not null,
    position bigint not null,
    primary key (workspace_id, send_key)
);
create index send_refusals_customer on send_refusals (workspace_id, customer_id);

-- Messages on their way; a row is deleted in the transaction that records its end.
create table outbox (
    workspace_id integer not null,
    send_id bigint not null,
    state text not null default 'queued' check (state in ('queued', 'claimed', 'handing')),
    not_before timestamptz not null,
    expires_at timestamptz not null,
    attempts integer not null default 0,
    claimed_by text,
    claimed_at timestamptz,
    -- the customer as known when the decision was made: what the message is rendered from
    data jsonb not null,
    decided_wall timestamptz not null,
    primary key (workspace_id, send_id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
create index outbox_due on outbox (workspace_id, state, not_before);

create table archive (
    workspace_id integer not null,
    send_id bigint not null,
    customer_id bigint not null,
    channel text not null,
    message text not null,
    message_version integer not null,
    address text not null,
    subject text not null,
    content bytea not null,
    sha256 bytea not null,
    -- keyed hash over the whole row: who can write here but has no key cannot forge it
    seal bytea not null,
    archived_at timestamptz not null,
    primary key (workspace_id, send_id)
);
create index archive_recent on archive (workspace_id, archived_at desc);

-- Lake: the version that was promised before its files are written.
create table lake_commits (
    workspace_id integer not null,
    version bigint not null,
    from_position bigint not null,
    to_position bigint not null,
    promised_at timestamptz not null default now(),
    done_at timestamptz,
    rows bigint,
    primary key (workspace_id, version)
);

create table scores (
    workspace_id integer not null,
    score text not null,
    customer_id bigint not null,
    value double precision not null,
    as_of timestamptz not null,
    primary key (workspace_id, score, customer_id)
);

create table reports (
    workspace_id integer not null,
    report text not null,
    document jsonb not null,
    at timestamptz not null,
    primary key (workspace_id, report)
);

-- What runs: each role writes its heartbeat and figures here.
create table processes (
    role text not null,
    host text not null,
    pid integer not null,
    started_at timestamptz not null,
    beat_at timestamptz not null,
    figures jsonb not null default '{}',
    primary key (role, host, pid)
);

create table audit_log (
    audit_id bigint generated always as identity primary key,
    workspace_id integer,
    actor text not null,
    action text not null,
    subject text not null,
    detail jsonb not null default '{}',
    at timestamptz not null default now()
);

-- A net under the partitions that are made ahead of the log.
create table inbox_default partition of inbox default;
create table timeline_default partition of timeline default;
create table seen_messages_default partition of seen_messages default;

-- Small tables whose rows change many times a second: room on the page keeps the changes off
-- the indexes, and the dead rows go before a scan has to step over them.
alter table cursors set (
    fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000
);
alter table processes set (
    fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000
);
alter table send_ledger set (fillfactor = 80);
alter table enrolments set (fillfactor = 80);
