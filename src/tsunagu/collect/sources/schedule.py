"""When a source runs next. Schedules follow the machine's clock: the other side has no other."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from croniter import croniter

from tsunagu.collect.sources.models import Schedule
from tsunagu.core.times import HOUR, SECOND, local, micros, parse_duration

FIRST_RETRY = 30 * SECOND
LONGEST_RETRY = HOUR


def next_run(schedule: Schedule | None, after: int) -> int | None:
    """The first time after `after` that a schedule names, in microseconds; None without one."""
    if schedule is None:
        return None
    if schedule.every is not None:
        return after + parse_duration(schedule.every)
    begin = local(after, ZoneInfo(schedule.zone))
    return micros(croniter(str(schedule.cron), begin).get_next(datetime))


def after_failure(
    schedule: Schedule | None, now: int, failures: int, *, retryable: bool
) -> int | None:
    """When a source that has failed `failures` times in a row is tried again.

    What may pass by itself is tried soon, at growing distances up to an hour; what will not is
    tried when it is due again.
    """
    planned = next_run(schedule, now)
    if planned is None:
        return None
    soon = now + min(FIRST_RETRY << min(failures - 1, 10), LONGEST_RETRY)
    return soon if retryable else max(planned, soon)
