"""The tenant's own book in our database: what stands in `claims` is all there is."""

from datetime import timedelta

from askproai_runtime.calendars.types import CalendarRequest, Confirmed, Outcome


class LocalCalendar:
    """Nothing is to be made elsewhere, so everything is confirmed."""

    remote = False

    async def create(self, request: CalendarRequest, *, within: timedelta) -> Outcome:  # noqa: ARG002  the protocol's names
        return Confirmed(uid=None)

    async def find(self, request: CalendarRequest) -> Confirmed | None:  # noqa: ARG002  the protocol's names
        return None
