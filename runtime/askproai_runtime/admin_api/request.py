"""One request to the private API, over HTTP or by the page: its sender's rights, and the objects that endpoints use."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

from askproai_core.http_server import Problem
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.admin_api.roles import Right, Role, rights_of
from askproai_runtime.admin_api.store.calls import CallStore
from askproai_runtime.admin_api.store.events import AdminApiStore
from askproai_runtime.admin_api.store.reads import record_read
from askproai_runtime.book.context import BookingContext
from askproai_runtime.input_values import INVISIBLE
from askproai_runtime.process import Process

E = TypeVar("E", bound=msgspec.Struct)
T = TypeVar("T", str, str | None)

_MAX_CLAIMED_BY = 100
LEFT_OUT: Final = "…"  # the text in place of a hidden value


@dataclass(frozen=True, slots=True)
class Access:
    """The rights of the sender of a request: of a token's bearer, or of a person logged in to the page."""

    role: Role
    admin_secret: str  # the name of the Secret whose token may do everything

    @property
    def is_reader(self) -> bool:
        """Return True if the names of customers are hidden from the sender."""
        return not self.may(Right.NAMES)

    def may(self, right: Right) -> bool:
        return right in rights_of(self.role)

    def require(self, right: Right, purpose: str) -> None:
        """Raise `Problem` 403 if the role lacks the right. `purpose` completes the sentence "to …"."""
        if self.may(right):
            return
        if self.role is Role.READER:
            text = f"This token may only look, and names nobody: to {purpose}, use that of Secret {self.admin_secret}"
        else:
            text = f"The role {self.role} may not do this: to {purpose}, ask somebody with the role {Role.OWNER}"
        raise Problem(403, "Forbidden", text)


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request's tenant and sender, without the request's parameters. `name` is the sender's own name, as sent."""

    api: "PrivateApi"
    access: Access
    correlation_id: str
    name: str
    zone: ZoneInfo

    @property
    def process(self) -> Process:
        return self.api.process

    @property
    def config(self) -> TenantConfig:
        return self.api.process.config.current

    @property
    def now(self) -> datetime:
        return self.api.process.clock.now()

    @property
    def claimed_by(self) -> str | None:
        """Return the sender's own name, limited to printable characters and in length; None if none was sent."""
        return printable(self.name) or None

    def booking(self) -> BookingContext:
        return self.api.process.booking()

    def hide(self, personal: T, right: Right = Right.NAMES) -> T:
        """Return personal data, such as a customer's name or an illness, or `…` if the sender lacks the right to see it."""
        return personal if not personal or self.access.may(right) else LEFT_OUT

    def entry(self, kind: type[E], found: object, hidden: Collection[str] = (), **other: Any) -> E:
        """Return an entry with the fields of a row or a value, and with `other` fields. Instants are in the tenant's time zone,
        ids are texts, and fields that are `hidden` from readers are `…` for them.
        """
        read = found.get if isinstance(found, asyncpg.Record) else partial(getattr, found)
        values = {name: other[name] if name in other else read(name) for name in kind.__struct_fields__}
        for name, value in values.items():
            if name in hidden:
                values[name] = self.hide(value)
            elif isinstance(value, datetime):
                values[name] = value.astimezone(self.zone)
            elif isinstance(value, UUID):
                values[name] = str(value)
        return msgspec.convert(values, kind)

    async def record_list(self, path: str) -> None:
        """Record in the audit log that a list of people is read, unless its names are hidden from the sender. Raises the errors
        of asyncpg; the list must then not be shown.
        """
        if self.access.may(Right.NAMES):
            detail = {"role": self.access.role, "claimed_by": self.claimed_by, "list": path}
            await record_read(self.process.pool, self.process.tenant, "list.read", detail, self.correlation_id)


class PrivateApi:
    """The objects that one tenant's endpoints share. Endpoints call `wake_worker` for jobs that became due; it returns at once."""

    def __init__(self, process: Process, wake_worker: Callable[[], None]) -> None:
        self.process, self.wake_worker = process, wake_worker
        self.store = AdminApiStore(process.pool, process.tenant)
        self.calls = CallStore(process.pool, process.tenant)  # shared by all requests, since it lists for one at a time

    def request(self, access: Access, correlation_id: str, name: str) -> ApiRequest:
        return ApiRequest(self, access, correlation_id, name, ZoneInfo(self.process.config.current.time_zone))


def printable(name: str) -> str:
    """Return a person's own name without invisible characters, cut to a maximum length."""
    return re.sub(f"[{INVISIBLE}]", "", name)[:_MAX_CLAIMED_BY]
