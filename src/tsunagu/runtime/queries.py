"""SQL of the runtime: heartbeats of processes."""

BEAT = """
insert into processes (role, host, pid, started_at, beat_at, figures)
values (%(role)s, %(host)s, %(pid)s, now(), now(), %(figures)s)
on conflict (role, host, pid) do update
set beat_at = excluded.beat_at, figures = excluded.figures,
    started_at = case when %(first)s then excluded.started_at else processes.started_at end
"""

LEAVE = """
delete from processes where role = %(role)s and host = %(host)s and pid = %(pid)s
"""

FORGET_DEAD = """
delete from processes
where role = %(role)s and host = %(host)s and beat_at < now() - interval '10 seconds'
"""

LATEST_EVENTS = """
select position, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), type, name,
    coalesce(user_id, anonymous_id), source
from inbox
where workspace_id = %(workspace)s
order by position desc
limit %(limit)s
"""

EVENTS_AFTER = """
select position, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), type, name,
    coalesce(user_id, anonymous_id), source
from inbox
where workspace_id = %(workspace)s and position > %(after)s
order by position
limit 1000
"""
