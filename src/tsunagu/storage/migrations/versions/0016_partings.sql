-- A plan may part what an older model merged. Such a change names both times the one customer that
-- they are, the two identifiers that the model's edge joins, and what each side's record tells.
alter table match_plans add column partings bigint not null default 0;
alter table match_changes
    drop constraint match_changes_action_check,
    add constraint match_changes_action_check check (action in ('merge', 'review', 'part')),
    add column kind_a text,
    add column value_a text,
    add column kind_b text,
    add column value_b text,
    add column told_a jsonb,
    add column told_b jsonb;
alter table match_reviews add column told_a jsonb, add column told_b jsonb;

-- The merges of models that are in force.
create index identity_edges_judged on identity_edges (workspace_id)
    where kind = 'model' and cut_position is null;
