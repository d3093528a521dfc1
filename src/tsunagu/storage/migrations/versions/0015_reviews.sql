-- A pair asked both ways round keeps the question that somebody answered, else the first.
delete from match_reviews as r using match_reviews as k
where k.workspace_id = r.workspace_id and k.review_id <> r.review_id
    and (k.kind_a, k.value_a, k.kind_b, k.value_b) = (r.kind_b, r.value_b, r.kind_a, r.value_a)
    and (k.status in ('same', 'different'), -k.review_id)
        > (r.status in ('same', 'different'), -r.review_id);

alter table match_reviews
    drop constraint match_reviews_workspace_id_kind_a_value_a_kind_b_value_b_key;
create unique index match_reviews_pair on match_reviews (
    workspace_id,
    least(array[kind_a, value_a], array[kind_b, value_b]),
    greatest(array[kind_a, value_a], array[kind_b, value_b])
);

-- The queue is read in the order of asking.
drop index match_reviews_open;
create index match_reviews_open on match_reviews (workspace_id, review_id)
    where status in ('open', 'later');
