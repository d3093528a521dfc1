-- Runs at the end of every migration, over whatever tables there are then: a new table is
-- under row-level security and closed to `ingest` unless it is named here.
--
--   log tables      no row-level security (COPY FROM is refused under it); ingest, pipeline only
--   open tables     readable before a workspace is known; no row of a customer in them
--   all others      FORCE ROW LEVEL SECURITY by the workspace the transaction names
do $protect$
declare
    item record;
    log_tables constant text[] := array['inbox', 'seen_messages', 'left_out'];
    open_tables constant text[] := array[
        'workspaces', 'api_keys', 'operators', 'processes', 'alembic_version'
    ];
    -- what the console and the APIs may write; all else enters as events
    app_writes constant text[] := array[
        'workspaces', 'api_keys', 'operators', 'processes', 'cursors', 'definitions',
        'suppressions', 'scores', 'reports', 'saved_queries', 'query_runs',
        'sources', 'source_runs', 'source_files', 'source_rows', 'webhook_doors', 'webhook_calls',
        'households', 'household_members', 'companies', 'company_members'
    ];
    named constant text :=
        'workspace_id = nullif(current_setting(''tsunagu.workspace'', true), '''')::integer';
    -- the installation's own acts have no workspace, and are seen under none
    named_or_none constant text := replace(named, ' = ', ' is not distinct from ');
begin
    for item in
        select c.relname as name, c.oid::regclass as ident, c.relispartition as part,
            exists (
                select from pg_attribute as a
                where a.attrelid = c.oid and a.attname = 'workspace_id' and not a.attisdropped
            ) as has_workspace,
            coalesce(parent.relname, c.relname) as rule_of
        from pg_class as c
        left join pg_inherits as i on i.inhrelid = c.oid
        left join pg_class as parent on parent.oid = i.inhparent
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
            and pg_get_userbyid(c.relowner) = current_user
    loop
        if item.rule_of = any (log_tables) then
            if not item.part then
                execute format('grant insert on %s to tsunagu_ingest', item.ident);
                execute format(
                    'grant select, insert, update, delete on %s to tsunagu_pipeline', item.ident
                );
            end if;
            continue;
        end if;
        if item.rule_of <> all (open_tables) then
            if not item.has_workspace then
                raise exception 'table % has no workspace_id and is not named as open', item.name;
            end if;
            execute format('alter table %s enable row level security', item.ident);
            execute format('alter table %s force row level security', item.ident);
            execute format('drop policy if exists workspace on %s', item.ident);
            execute format(
                'create policy workspace on %s using (%s)', item.ident,
                case when item.name = 'audit_log' then named_or_none else named end
            );
        end if;
        if item.part or item.name = 'alembic_version' then
            continue;
        end if;
        execute format('grant select on %s to tsunagu_app', item.ident);
        execute format(
            'grant select, insert, update, delete on %s to tsunagu_pipeline', item.ident
        );
        if item.name = any (app_writes) then
            execute format('grant insert, update, delete on %s to tsunagu_app', item.ident);
        end if;
    end loop;
    -- the audit log only grows
    revoke update, delete on audit_log from tsunagu_pipeline;
    grant insert on audit_log to tsunagu_app;
    grant select on workspaces, api_keys to tsunagu_ingest;
    grant select, insert, update, delete on processes to tsunagu_ingest;
    grant usage on all sequences in schema public to tsunagu_app, tsunagu_pipeline;
    -- a load takes a range of positions of the log for itself
    execute format(
        'grant update on sequence %s to tsunagu_pipeline',
        pg_get_serial_sequence('inbox', 'position')
    );
end
$protect$;
