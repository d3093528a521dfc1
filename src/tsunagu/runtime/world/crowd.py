"""The customers of a running world: what they are about to do, and how mails change it."""

from __future__ import annotations

from bisect import bisect_left
from operator import attrgetter

from tsunagu.core import NewEvent
from tsunagu.runtime.world.model import Effect, Mail, Reaction, World, redemption


class Crowd:
    """All customers of a world.

    `plans` holds when each will redeem, `mails` the mails each got, by key. Both are all that
    the past has left in the crowd, so a driver that keeps them can go on after a crash.
    """

    def __init__(
        self,
        world: World,
        plans: dict[str, int] | None = None,
        mails: dict[str, list[str]] | None = None,
    ) -> None:
        self._world = world
        self._events = world.events()
        self._times = [event.at or 0 for event in self._events]
        self._effects: dict[str, Effect] = {name: shop.effect for name, shop in world.customers()}
        self.plans = world.plans() if plans is None else plans
        self.mails = {} if mails is None else mails

    def between(self, start: int, stop: int) -> list[NewEvent]:
        """What the customers do of themselves in [start, stop), in order of time."""
        first, last = (bisect_left(self._times, at) for at in (start, stop))
        due = [redemption(name, at) for name, at in self.plans.items() if start <= at < stop]
        found = [*self._events[first:last], *due]
        return sorted(found, key=attrgetter("at", "message_id"))

    def receive(self, customer: str, key: str, now: int) -> Reaction:
        """A customer finds a mail in the box at `now`; the same mail again changes nothing."""
        known = self.mails.setdefault(customer, [])
        if key not in known:
            known.append(key)
        mail = Mail(customer, known.index(key) + 1)
        reaction = self._world.react(mail, self._effects[customer])
        planned = self.plans.get(customer)
        if reaction.redeems:
            at = self._world.redeems_after(mail, now)
            self.plans[customer] = at if planned is None else self._earlier(planned, at, now)
        elif reaction.put_off and planned is not None and planned >= now:
            del self.plans[customer]
        return reaction

    @staticmethod
    def _earlier(planned: int, at: int, now: int) -> int:
        """A redemption that lies behind stays; of two that lie ahead the earlier happens."""
        return planned if planned < now else min(planned, at)
