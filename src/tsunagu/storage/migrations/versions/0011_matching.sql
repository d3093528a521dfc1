-- Matching: questions to people, plans of merges, and what each plan would change.

-- Pairs of customers that a model neither links nor leaves; people answer.
create table match_reviews (
    workspace_id integer not null,
    review_id bigint generated always as identity,
    customer_a bigint not null,
    customer_b bigint not null,
    kind_a text not null,
    value_a text not null,
    kind_b text not null,
    value_b text not null,
    weight double precision not null,
    probability double precision not null,
    model integer not null,
    reasons jsonb not null,
    status text not null default 'open' check (status in ('open', 'same', 'different', 'later')),
    by text,
    created_at timestamptz not null default now(),
    decided_at timestamptz,
    primary key (workspace_id, review_id),
    unique (workspace_id, kind_a, value_a, kind_b, value_b)
);
create index match_reviews_open on match_reviews (workspace_id, weight desc, review_id)
    where status in ('open', 'later');

create table match_plans (
    workspace_id integer not null,
    plan_id bigint generated always as identity,
    model integer not null,
    status text not null check (status in ('planned', 'applied')),
    merges bigint not null,
    reviews bigint not null,
    held_apart bigint not null,
    created_by text not null,
    created_at timestamptz not null default now(),
    applied_at timestamptz,
    primary key (workspace_id, plan_id)
);

-- What a plan would do, in order. `seen_a` and `seen_b` are how far the customers' profiles were
-- folded when it was made: who has changed since is left alone.
create table match_changes (
    workspace_id integer not null,
    plan_id bigint not null,
    number bigint not null,
    action text not null check (action in ('merge', 'review')),
    customer_a bigint not null,
    customer_b bigint not null,
    weight double precision not null,
    seen_a bigint not null,
    seen_b bigint not null,
    reasons jsonb not null,
    outcome text check (outcome in ('done', 'changed', 'apart')),
    primary key (workspace_id, plan_id, number)
);

-- The records as a model last saw them, and the blocking keys that find them.
create table match_records (
    workspace_id integer not null,
    customer_id bigint not null,
    told text[] not null,
    primary key (workspace_id, customer_id)
);
create table match_keys (
    workspace_id integer not null,
    key bigint not null,
    customer_id bigint not null,
    primary key (workspace_id, key, customer_id)
);
create table match_index (
    workspace_id integer primary key,
    model integer not null,
    columns text[] not null
);
