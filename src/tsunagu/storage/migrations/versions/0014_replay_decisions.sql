-- A replay's shadow has its own rows of whom somebody keeps apart; see 0007.
create policy shadow on identity_apart to tsunagu_owner using (
    abs(workspace_id) = nullif(current_setting('tsunagu.shadow', true), '')::integer
);

-- Blocking keys are other numbers now; the index is made anew with the next plan.
truncate match_index;
