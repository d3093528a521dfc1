-- Households and companies: a layer above customers, computed anew from profiles by rules.
create table households (
    workspace_id integer not null,
    household_id bigint not null,
    family text not null,
    address text not null,
    members integer not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (workspace_id, household_id)
);

create table household_members (
    workspace_id integer not null,
    household_id bigint not null,
    customer_id bigint not null,
    grounds jsonb not null,
    primary key (workspace_id, customer_id)
);
create index household_members_household on household_members (workspace_id, household_id);

create table companies (
    workspace_id integer not null,
    company_id bigint not null,
    core text not null,
    form text not null,
    members integer not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (workspace_id, company_id)
);

create table company_members (
    workspace_id integer not null,
    company_id bigint not null,
    customer_id bigint not null,
    branch text not null,
    grounds jsonb not null,
    primary key (workspace_id, customer_id, company_id)
);
create index company_members_company on company_members (workspace_id, company_id);
