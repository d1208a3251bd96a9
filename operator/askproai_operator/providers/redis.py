"""Redis as its administrator: a user for each tenant, written to every node, because Redis replicates no users.

RedisError
├── RedisAway          it does not answer, or refuses the administrator; Redis is an accelerator, so nobody waits for it
├── UsersUnsupported   this server knows no users (no ACL commands): all tenants share the administrator's
└── UsersBypassed      this server lets in whoever gives no name: a tenant need only leave its user
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import redis.exceptions
import structlog
from redis.asyncio import Redis

from askproai_core.clock import Clock
from askproai_core.database import login_dsn
from askproai_core.redis import EVERYBODY, acl_rules, coordinator_acl_rules
from askproai_core.redis.connection import connect, send
from askproai_operator.providers.checks import login_in

log = structlog.get_logger(__name__)

_TIMEOUT: Final = timedelta(seconds=1)
# Seconds in which a node that did not answer is not asked again: no worker of the queue stands there
_REST: Final = 5.0
_CHUNK: Final = 1000  # keys for each SCAN


class RedisError(Exception):
    """Something about Redis that the operator cannot do now. The text carries no password."""


class RedisAway(RedisError):
    pass


class UsersUnsupported(RedisError):
    pass


class UsersBypassed(RedisError):
    pass


@dataclass(slots=True)
class _Node:
    """One server, and until when (monotonic) it is left alone."""

    address: str
    client: "Redis"
    clock: Clock
    away_until: float = 0.0

    async def send(self, *command: str | int) -> Any:
        if self.clock.monotonic() < self.away_until:
            raise RedisAway(f"Redis at {self.address} did not answer a moment ago")
        try:
            return await send(self.client, *command)
        except redis.exceptions.NoPermissionError as error:
            text = (
                f"the operator's Redis user may not {command[0]}: give it +acl|setuser +acl|getuser +acl|deluser +role"
            )
            raise RedisAway(text) from error
        except redis.exceptions.ResponseError as error:
            if command[0] == "ACL" and str(error).lower().removeprefix("err ").startswith("unknown command"):
                raise UsersUnsupported("this Redis has no ACL commands") from error
            raise RedisAway(f"Redis at {self.address} refuses {command[0]}") from error
        except (redis.exceptions.RedisError, OSError) as error:
            self.away_until = self.clock.monotonic() + _REST
            raise RedisAway(f"Redis at {self.address} does not answer ({type(error).__name__})") from error


class RedisAdmin:
    """The tenants' users in one Redis, named by the administrator's URL (Sentinel's form, too). One installation for each
    Redis: keys are told apart by tenant only."""

    def __init__(self, url: str, clock: Clock, ca_file: Path | None = None) -> None:
        """Take the URL; raises ValueError for one that cannot be used. Nothing is connected yet."""
        if "+sentinel" not in url and urlsplit(url).path not in {"", "/", "/0"}:
            raise ValueError("Redis: use database 0, because the tenants' users may not select another one")
        self._url, self._clock, self._ca_file = url, clock, ca_file
        self._main = _Node(_host(url), connect(url, _TIMEOUT, ca_file), clock)
        self._nodes: dict[str, _Node] = {}
        self._shared = False  # known to have no users

    @property
    def ca(self) -> str | None:
        """Give the authority's certificate, for those who connect, too."""
        file = self._ca_file
        return file.read_text(encoding="ascii") if file is not None and file.exists() else None

    def tenant_url(self, tenant: str, kept: str | None) -> str:
        """Give the tenant's REDIS_URL: with the password of the kept one, if it names this user."""
        if self._shared or kept == self._url:
            return self._url
        name, (before, password) = user_name(tenant), login_in(kept)
        password = password if before == name else ""
        return login_dsn(self._url, name, password or secrets.token_urlsafe(32))

    async def ensure_user(self, tenant: str, url: str) -> tuple[str, ...]:
        """Make the user of `tenant_url` as it should be, on every node; gives the replicas that could not be asked. The
        tenant `EVERYBODY` is the coordinator.

        Nothing is written where all is as wanted. Raises RedisAway for the primary, UsersBypassed once all is written, and
        UsersUnsupported: `tenant_url` gives the shared one from then on.
        """
        try:
            if url == self._url:
                await self._main.send("ACL", "WHOAMI")
                self._shared = False
                raise RedisAway("Redis has users now: the tenant's own comes with the next look")
            hashed = hashlib.sha256(login_in(url)[1].encode()).hexdigest()
            rules = coordinator_acl_rules(hashed) if tenant == EVERYBODY else acl_rules(tenant, hashed)
            return await self._everywhere(user_name(tenant), rules)
        except UsersUnsupported:
            self._shared = True
            raise

    async def drop_tenant(self, tenant: str) -> None:
        """Remove the user from every node, then the tenant's keys. Raises RedisAway; safe to run again."""
        nodes = await self._all()
        try:
            for node in nodes:
                if await node.send("ACL", "DELUSER", user_name(tenant)):
                    await _save(node)
        except UsersUnsupported:
            log.info("redis.no_users", node=nodes[0].address)
        cursor = "0"
        while True:
            command = ("SCAN", cursor, "MATCH", f"askproai:{tenant}:*", "COUNT", _CHUNK)
            cursor, keys = await nodes[0].send(*command)
            if keys:
                await nodes[0].send("UNLINK", *keys)
            if str(cursor) == "0":
                return

    async def close(self) -> None:
        for node in (self._main, *self._nodes.values()):
            await node.client.aclose()

    async def _everywhere(self, user: str, rules: tuple[str, ...]) -> tuple[str, ...]:
        missed: list[str] = []
        open_nodes: list[str] = []
        nodes = await self._all()
        for node in nodes:
            try:
                if not _as_ruled(await node.send("ACL", "GETUSER", user), rules):
                    await node.send("ACL", "SETUSER", user, *rules)
                    await _save(node)
                    log.info("redis.user_written", user=user, node=node.address)
                if _lets_in_anybody(await node.send("ACL", "GETUSER", "default")):
                    open_nodes.append(node.address)
            except RedisAway:
                if node is nodes[0]:
                    raise
                missed.append(node.address)
        if open_nodes:
            raise UsersBypassed(f"Redis at {', '.join(open_nodes)} lets in anybody without a password")
        return tuple(missed)

    async def _all(self) -> list[_Node]:
        """Give the primary, then its replicas: after a failover one of them answers, and it must know the users, too."""
        primary, role = self._main, await self._main.send("ROLE")
        if role[0] == "slave":  # the URL names a replica, or one that has become it
            primary = self._node(str(role[1]), int(role[2]))
            role = await primary.send("ROLE")
        if role[0] != "master":
            raise RedisAway(f"{primary.address} is no primary; name the primary, or redis+sentinel://host:port/master")
        return [primary, *(self._node(str(host), int(port)) for host, port, _ in role[2])]

    def _node(self, host: str, port: int) -> _Node:
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if where not in self._nodes:
            client = connect(_at(self._url, where), _TIMEOUT, self._ca_file)
            self._nodes[where] = _Node(where, client, self._clock)
        return self._nodes[where]


def user_name(tenant: str) -> str:
    """Give the tenant's user: a hash, as its database role has (other users can read names)."""
    return "askproai_t_" + hashlib.sha256(tenant.encode()).hexdigest()[:24]


async def _save(node: _Node) -> None:
    """Have users survive a restart where the server keeps them in a file; elsewhere the next look writes them again."""
    try:
        await node.send("ACL", "SAVE")
    except RedisAway as error:
        log.debug("redis.users_not_saved", node=node.address, error=str(error))


def _as_ruled(live: list[Any] | None, rules: tuple[str, ...]) -> bool:
    """Compare what ACL GETUSER tells with the rules. One that is told in other words is only written again."""
    if live is None:
        return False
    have = dict(zip(live[::2], live[1::2], strict=True))
    wanted = {
        "passwords": [rule[1:] for rule in rules if rule.startswith("#")],
        "keys": " ".join(rule for rule in rules if rule[0] in "~%"),
        "channels": " ".join(rule for rule in rules if rule[0] == "&"),
        "commands": " ".join(rule for rule in rules if rule[0] in "+-"),
        "selectors": [],
    }
    return {name: have.get(name) for name in wanted} == wanted and {"on"} <= set(have["flags"]) <= {
        "on",
        "sanitize-payload",
    }


def _lets_in_anybody(default: list[Any]) -> bool:
    """Say whether the default user needs no password: RESET, which nobody can be forbidden, makes any client that user."""
    flags = dict(zip(default[::2], default[1::2], strict=True))["flags"]
    return "on" in flags and "nopass" in flags


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _at(url: str, where: str) -> str:
    """Give the URL of one server: the same user, password and encryption."""
    parts = urlsplit(url)
    credentials = parts.netloc.rpartition("@")[0]
    database = "" if parts.scheme.endswith("+sentinel") else parts.path
    scheme = parts.scheme.removesuffix("+sentinel")
    return f"{scheme}://{credentials}{'@' if credentials else ''}{where}{database}"
