-- Replays of the log into a shadow: the same tables under a workspace number that nobody else
-- has, so that the same functions fill them. No workspace of that number exists, so no process
-- works on it and no backup holds it.
create table replays (
    workspace_id integer not null,
    replay_id bigint generated always as identity,
    shadow integer not null unique,
    stages text[] not null,
    from_at timestamptz,
    to_at timestamptz,
    -- the rules by which it answers audiences
    plan text not null,
    state text not null check (state in ('running', 'ready', 'swapped')),
    -- the positions of the log that it has read: the pipeline's part, and what loads brought
    done int8multirange not null default '{}',
    events bigint not null default 0,
    created_at timestamptz not null,
    -- the positions it had read when all customers were last compared
    compared int8multirange,
    swapped_at timestamptz,
    primary key (workspace_id, replay_id)
);

-- Events that the replay gives to another customer than the timeline does; `was` is the
-- timeline's, once it has been looked up.
create table replay_owners (
    workspace_id integer not null,
    replay_id bigint not null,
    position bigint not null,
    customer_id bigint not null,
    was bigint,
    primary key (workspace_id, replay_id, position)
);

-- Customers that are not the same in the shadow, and in what.
create table replay_differences (
    workspace_id integer not null,
    replay_id bigint not null,
    customer_id bigint not null,
    what text[] not null,
    detail jsonb not null default '{}',
    primary key (workspace_id, replay_id, customer_id)
);

-- Whoever compares and exchanges sees both sides; only the owner can, and only when it names
-- the shadow. Rows on their way from one side to the other bear the number negated.
do $policies$
declare
    name text;
begin
    foreach name in array array[
        'customers', 'identifiers', 'identity_edges', 'profiles', 'audience_members', 'consents'
    ] loop
        execute format(
            'create policy shadow on %I to tsunagu_owner using ('
            'abs(workspace_id) = nullif(current_setting(''tsunagu.shadow'', true), '''')::integer)',
            name
        );
    end loop;
end
$policies$;
