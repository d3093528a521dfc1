"""The calls of the Segment spec, as both collectors offer them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime

from tsunagu.client.messages import Fields, Message, message


class Calls(ABC):
    """Six calls, each of which returns the event's message id.

    Every call takes `user_id` or `anonymous_id`, and may take a `message_id` of your own (the
    number of an order, say), by which the platform knows a repeat for 30 days, a `timestamp`
    with a zone, and a `context`.
    """

    @abstractmethod
    def _enqueue(self, one: Message) -> None:
        """Take an event for delivery, or raise."""

    def track(
        self,
        event: str,
        properties: Fields | None = None,
        *,
        user_id: str | None = None,
        anonymous_id: str | None = None,
        message_id: str | None = None,
        timestamp: datetime | None = None,
        context: Fields | None = None,
    ) -> str:
        """Somebody did something."""
        return self._tell(
            message(
                "track",
                user_id=user_id,
                anonymous_id=anonymous_id,
                message_id=message_id,
                timestamp=timestamp,
                context=context,
                event=event,
                properties=properties,
            )
        )

    def identify(
        self,
        user_id: str | None = None,
        traits: Fields | None = None,
        *,
        anonymous_id: str | None = None,
        message_id: str | None = None,
        timestamp: datetime | None = None,
        context: Fields | None = None,
    ) -> str:
        """Who somebody is."""
        return self._tell(
            message(
                "identify",
                user_id=user_id,
                anonymous_id=anonymous_id,
                message_id=message_id,
                timestamp=timestamp,
                context=context,
                traits=traits,
            )
        )

    def page(
        self,
        name: str | None = None,
        properties: Fields | None = None,
        *,
        user_id: str | None = None,
        anonymous_id: str | None = None,
        message_id: str | None = None,
        timestamp: datetime | None = None,
        context: Fields | None = None,
    ) -> str:
        """Somebody saw a page."""
        return self._tell(
            message(
                "page",
                user_id=user_id,
                anonymous_id=anonymous_id,
                message_id=message_id,
                timestamp=timestamp,
                context=context,
                name=name,
                properties=properties,
            )
        )

    def screen(
        self,
        name: str | None = None,
        properties: Fields | None = None,
        *,
        user_id: str | None = None,
        anonymous_id: str | None = None,
        message_id: str | None = None,
        timestamp: datetime | None = None,
        context: Fields | None = None,
    ) -> str:
        """Somebody saw a screen of an app."""
        return self._tell(
            message(
                "screen",
                user_id=user_id,
                anonymous_id=anonymous_id,
                message_id=message_id,
                timestamp=timestamp,
                context=context,
                name=name,
                properties=properties,
            )
        )

    def group(
        self,
        group_id: str,
        traits: Fields | None = None,
        *,
        user_id: str | None = None,
        anonymous_id: str | None = None,
        message_id: str | None = None,
        timestamp: datetime | None = None,
        context: Fields | None = None,
    ) -> str:
        """Somebody belongs to a group."""
        return self._tell(
            message(
                "group",
                user_id=user_id,
                anonymous_id=anonymous_id,
                message_id=message_id,
                timestamp=timestamp,
                context=context,
                groupId=group_id,
                traits=traits,
            )
        )

    def alias(
        self,
        previous_id: str,
        user_id: str,
        *,
        message_id: str | None = None,
        timestamp: datetime | None = None,
        context: Fields | None = None,
    ) -> str:
        """Two ids are one person."""
        return self._tell(
            message(
                "alias",
                user_id=user_id,
                anonymous_id=None,
                message_id=message_id,
                timestamp=timestamp,
                context=context,
                previousId=previous_id,
            )
        )

    def _tell(self, one: Message) -> str:
        self._enqueue(one)
        return one.id
