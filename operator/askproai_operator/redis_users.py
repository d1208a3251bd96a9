"""The tenants' users in Redis, created by its administrator on every node, because Redis does not replicate users.

INFO shows whether a server keeps acknowledged writes. Managed servers allow INFO, too; most of them refuse CONFIG.

RedisAdminError
├── RedisAdminUnavailable   a node does not answer, or refuses the administrator; Redis is optional, so nobody waits for it
├── UsersUnsupported        the server has no ACL commands: all tenants share the administrator's user
└── UsersBypassed           the server admits clients without a user name: a tenant could just leave its own user
"""

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import redis.exceptions
import structlog
from redis.asyncio import Redis

from askproai_core.clock import Clock
from askproai_core.redis import ALL_TENANTS, PROMISE_EXPIRY, PROMISE_KEY, connect, send
from askproai_operator.login_urls import login_dsn, parse_login
from askproai_operator.redis_acl import acl_rules, coordinator_acl_rules

log = structlog.get_logger(__name__)

_TIMEOUT: Final = timedelta(seconds=1)
# A node that did not answer is not asked again for this long, so that no worker of the queue waits for it.
_REST_SECONDS: Final = 5.0
_FACTS_SECONDS: Final = 30.0
_SCAN_COUNT: Final = 1000  # keys per SCAN

_WAITAOF_SINCE: Final = (7, 2)  # Valkey says 7.2.4


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """A Redis server's settings. `evicts`: full memory may make it remove keys without expiry. `run`: the id of its last start."""

    version: tuple[int, ...]
    appends: bool
    evicts: bool
    policy: str
    run: str = ""

    @property
    def knows_waitaof(self) -> bool:
        return self.version >= _WAITAOF_SINCE


def parse_info(info: dict[str, object]) -> ServerFacts:
    """Return the settings in a reply of INFO, as redis-py parses it. A value that is missing counts as the worse one."""
    policy = str(info.get("maxmemory_policy", "unknown"))
    is_bounded = str(info.get("maxmemory", "1")) != "0"
    parts = str(info.get("redis_version", "0")).split(".")
    return ServerFacts(
        version=tuple(int(part) for part in parts[:2] if part.isdigit()),
        appends=str(info.get("aof_enabled", "0")) == "1",
        evicts=is_bounded and policy != "noeviction" and not policy.startswith("volatile-"),
        policy=policy,
        run=str(info.get("run_id", "")),
    )


def durability_problem(address: str, facts: ServerFacts) -> str | None:
    """Return why the server cannot promise that acknowledged data is on disk and stays there, and the remedy; None if it can."""
    if not facts.knows_waitaof:
        return f"Redis at {address} is older than 7.2 and does not know WAITAOF: update it, or use Valkey"
    if not facts.appends:
        return f"Redis at {address} writes no append-only file: set appendonly yes"
    if facts.evicts:
        return f"Redis at {address} evicts keys (maxmemory-policy {facts.policy}): set maxmemory-policy noeviction"
    return None


class RedisAdminError(Exception):
    """Raised for an operation in Redis that cannot succeed now; the subclasses say why. The text holds no password."""


class RedisAdminUnavailable(RedisAdminError):
    pass


class UsersUnsupported(RedisAdminError):
    pass


class UsersBypassed(RedisAdminError):
    pass


@dataclass(slots=True)
class _Node:
    """One Redis server, and until when (monotonic seconds) no command is sent to it after a failure."""

    address: str
    client: "Redis"
    clock: Clock
    resting_until: float = 0.0
    _facts: ServerFacts | None = None
    _facts_until: float = 0.0

    async def send(self, *command: str | int) -> Any:
        if self.clock.monotonic() < self.resting_until:
            raise RedisAdminUnavailable(f"Redis at {self.address} did not answer a moment ago")
        try:
            return await send(self.client, *command)
        except redis.exceptions.NoPermissionError as error:
            text = f"the operator's Redis user may not {command[0]}: give it +acl +role +scan +unlink +info +set ~askproai:*"
            raise RedisAdminUnavailable(text) from error
        except redis.exceptions.ResponseError as error:
            if command[0] == "ACL" and str(error).lower().removeprefix("err ").startswith("unknown command"):
                raise UsersUnsupported("this Redis has no ACL commands") from error
            raise RedisAdminUnavailable(f"Redis at {self.address} refuses {command[0]}") from error
        except (redis.exceptions.RedisError, OSError) as error:
            self.resting_until = self.clock.monotonic() + _REST_SECONDS
            raise RedisAdminUnavailable(f"Redis at {self.address} does not answer ({type(error).__name__})") from error

    async def facts(self) -> ServerFacts:
        """Return the server's settings from INFO, at most half a minute old: a thousand Tenants may ask for them at once."""
        if self._facts is None or self.clock.monotonic() >= self._facts_until:
            self._facts = parse_info(await self.send("INFO"))
            self._facts_until = self.clock.monotonic() + _FACTS_SECONDS
        return self._facts


@dataclass(frozen=True, slots=True)
class PresentUsers:
    """The names of users that every reached node has, the addresses of replicas not reached, and the run ids of the servers."""

    names: frozenset[str]
    unreached: tuple[str, ...]
    runs: frozenset[str]


class RedisAdmin:
    """Manages the tenants' users in one Redis, by the administrator's login. Its URL may have Sentinel's form.

    A Redis serves one installation only, because its keys differ by tenant alone.
    """

    def __init__(self, url: str, clock: Clock, ca_file: Path | None = None, *, timeout: timedelta = _TIMEOUT) -> None:
        """Prepare clients without connecting; `timeout` bounds each command. Raises `ValueError` for an unusable URL."""
        if "+sentinel" not in url and urlsplit(url).path not in {"", "/", "/0"}:
            raise ValueError("Redis: use database 0, because the tenants' users may not select another one")
        self._url, self._clock, self._ca_file, self._timeout = url, clock, ca_file, timeout
        self._main = _Node(_host(url), connect(url, timeout, ca_file), clock)
        self._nodes: dict[str, _Node] = {}
        self._users_unsupported = False

    @property
    def ca(self) -> str | None:
        """Return the CA certificates of the Redis server, for clients in pods to verify it; None if there are none."""
        file = self._ca_file
        return file.read_text(encoding="ascii") if file is not None and file.exists() else None

    def tenant_url(self, tenant: str, stored: str | None) -> str:
        """Return the tenant's REDIS_URL, with the password of the `stored` URL if it is for the same user, else a new one."""
        if self._users_unsupported or stored == self._url:
            return self._url
        name, (stored_name, password) = user_name(tenant), parse_login(stored)
        password = password if stored_name == name else ""
        return login_dsn(self._url, name, password or secrets.token_urlsafe(32))

    async def ensure_user(self, tenant: str, url: str) -> tuple[str, ...]:
        """Create or update the user in `url` (of `tenant_url`) on every node; return the replicas that still lack the user.

        The tenant `ALL_TENANTS` is the coordinator. Writes nothing where the user is as desired. Raises `RedisAdminUnavailable`
        if the primary does not answer, and `UsersBypassed` after everything is written. Raises `UsersUnsupported` if the
        primary knows no users; from then on, `tenant_url` returns the administrator's URL.
        """
        try:
            if url == self._url:
                await (await self._list_nodes())[0].send("ACL", "WHOAMI")
                self._users_unsupported = False
                raise RedisAdminUnavailable("Redis has users now: the tenant's own comes with the next look")
            hashed = hashlib.sha256(parse_login(url)[1].encode()).hexdigest()
            return await self._ensure_on_nodes(user_name(tenant), lambda spool: _rules(tenant, hashed, spool=spool))
        except UsersUnsupported:
            self._users_unsupported = True
            raise

    async def list_users(self) -> PresentUsers:
        """Return the users of all tenants that exist on every node that answers. Raises the same errors as `ensure_user`.

        The users' permissions are not compared. The tenant's next reconcile finds a change by hand.
        """
        names: list[set[str]] = []
        runs: set[str] = set()

        async def look(node: _Node) -> None:
            names.append(set(map(str, await node.send("ACL", "USERS"))))
            runs.add(await _run_of(node))

        unreached = await self._visit_nodes(look)
        return PresentUsers(frozenset(set.intersection(*names)), unreached, frozenset(runs))

    async def drop_tenant(self, tenant: str) -> None:
        """Delete the tenant's user on every node, then the tenant's keys. Safe to repeat. Raises `RedisAdminUnavailable`."""
        nodes = await self._list_nodes()
        for node in nodes:
            try:
                if await node.send("ACL", "DELUSER", user_name(tenant)):
                    await _save_users(node)
            except UsersUnsupported:
                log.info("redis.no_users", node=node.address)
        cursor = "0"
        while True:
            command = ("SCAN", cursor, "MATCH", f"askproai:{tenant}:*", "COUNT", _SCAN_COUNT)
            cursor, keys = await nodes[0].send(*command)
            if keys:
                await nodes[0].send("UNLINK", *keys)
            if str(cursor) == "0":
                return

    async def close(self) -> None:
        for node in (self._main, *self._nodes.values()):
            await node.client.aclose()

    async def find_durability_problem(self) -> str | None:
        """Return why Redis may lose acknowledged data; None if it keeps it. Raises `RedisAdminUnavailable`."""
        return (await self._assess())[1]

    async def publish_durability(self) -> None:
        """Write a key for the pods: the number of replicas if Redis is durable, else "no". Raises `RedisAdminUnavailable`."""
        replicas, problem = await self._assess()
        expiry = int(PROMISE_EXPIRY.total_seconds() * 1000)
        await (await self._list_nodes())[0].send("SET", PROMISE_KEY, "no" if problem else str(replicas), "PX", expiry)

    async def describe(self) -> tuple[dict[str, ServerFacts], str | None]:
        """Return each server's settings by its address, the primary first, and why Redis may lose events (None: it keeps them).

        Raises `RedisAdminUnavailable`.
        """
        nodes = await self._list_nodes()
        facts = {node.address: await node.facts() for node in nodes}
        problems = (durability_problem(address, each) for address, each in facts.items())
        return facts, next(filter(None, problems), None)

    async def _assess(self) -> tuple[int, str | None]:
        """Return the number of replicas, and why a server may lose acknowledged data; None for the reason if no server may."""
        facts, problem = await self.describe()
        return len(facts) - 1, problem

    async def _ensure_on_nodes(self, user: str, rules_of: Callable[[bool], tuple[str, ...]]) -> tuple[str, ...]:
        async def ensure(node: _Node) -> None:
            rules = rules_of(await _knows_spool(node))
            if not _has_rules(await node.send("ACL", "GETUSER", user), rules):
                await node.send("ACL", "SETUSER", user, *rules)
                await _save_users(node)
                log.info("redis.user_written", user=user, node=node.address)

        return await self._visit_nodes(ensure)

    async def _visit_nodes(self, visit: Callable[[_Node], Awaitable[None]]) -> tuple[str, ...]:
        """Call `visit` with each node, and return the addresses of the replicas at which it failed.

        Raises any error of the primary's visit, and `UsersBypassed` if a node admits clients without a password.
        """
        unreached: list[str] = []
        open_nodes: list[str] = []
        nodes = await self._list_nodes()
        for node in nodes:
            try:
                await visit(node)
                if _admits_anybody(await node.send("ACL", "GETUSER", "default")):
                    open_nodes.append(node.address)
            except (RedisAdminUnavailable, UsersUnsupported):
                # Only the primary decides that there are no users: all tenants would share the administrator's URL.
                if node is nodes[0]:
                    raise
                unreached.append(node.address)
        if open_nodes:
            raise UsersBypassed(f"Redis at {', '.join(open_nodes)} lets in anybody without a password")
        return tuple(unreached)

    async def _list_nodes(self) -> list[_Node]:
        """Return the primary, then its replicas: after a failover a replica serves, and must know the users, too."""
        primary, role = self._main, await self._main.send("ROLE")
        if role[0] == "slave":  # the URL names a replica, or a node that has become one
            primary = self._node_at(str(role[1]), int(role[2]))
            role = await primary.send("ROLE")
        if role[0] != "master":
            raise RedisAdminUnavailable(
                f"{primary.address} is no primary; name the primary, or redis+sentinel://host:port/master"
            )
        return [primary, *(self._node_at(str(host), int(port)) for host, port, _ in role[2])]

    def _node_at(self, host: str, port: int) -> _Node:
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if address not in self._nodes:
            client = connect(_url_of_node(self._url, address), self._timeout, self._ca_file)
            self._nodes[address] = _Node(address, client, self._clock)
        return self._nodes[address]


def _rules(tenant: str, password_sha256: str, *, spool: bool) -> tuple[str, ...]:
    if tenant == ALL_TENANTS:
        return coordinator_acl_rules(password_sha256)
    return acl_rules(tenant, password_sha256, spool=spool)


async def _knows_spool(node: _Node) -> bool:
    """Return True if the server knows the commands that the spool needs; False if it does not, or does not answer INFO."""
    try:
        return (await node.facts()).knows_waitaof
    except RedisAdminUnavailable:
        return False


async def _run_of(node: _Node) -> str:
    """Return the id of the server's last start; "" if the server does not answer INFO."""
    try:
        return (await node.facts()).run
    except RedisAdminUnavailable:
        return ""


def user_name(tenant: str) -> str:
    """Return the name of the tenant's user in Redis: a hash, as for its database role, because other users can read names."""
    return "askproai_t_" + hashlib.sha256(tenant.encode()).hexdigest()[:24]


async def _save_users(node: _Node) -> None:
    """Save the users to the server's ACL file, so that they survive a restart. Without a file, reconciles write them again."""
    try:
        await node.send("ACL", "SAVE")
    except RedisAdminUnavailable as error:
        log.debug("redis.users_not_saved", node=node.address, error=str(error))


def _has_rules(live: list[Any] | None, rules: tuple[str, ...]) -> bool:
    """Return True if a reply of ACL GETUSER (None: no such user) has exactly these rules. A false mismatch only costs a write."""
    if live is None:
        return False
    fields = dict(zip(live[::2], live[1::2], strict=True))
    desired = {
        "passwords": [rule[1:] for rule in rules if rule.startswith("#")],
        "keys": " ".join(rule for rule in rules if rule[0] in "~%"),
        "channels": " ".join(rule for rule in rules if rule[0] == "&"),
        "commands": " ".join(rule for rule in rules if rule[0] in "+-"),
        "selectors": [],
    }
    same_fields = {name: fields.get(name) for name in desired} == desired
    return same_fields and {"on"} <= set(fields["flags"]) <= {"on", "sanitize-payload"}


def _admits_anybody(default: list[Any]) -> bool:
    """Return True if the default user needs no password. RESET, which no ACL can forbid, makes any client the default user."""
    flags = dict(zip(default[::2], default[1::2], strict=True))["flags"]
    return "on" in flags and "nopass" in flags


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _url_of_node(url: str, address: str) -> str:
    """Return the administrator's URL for the server at `address`, with the same user, password and encryption."""
    parts = urlsplit(url)
    credentials = parts.netloc.rpartition("@")[0]
    database = "" if parts.scheme.endswith("+sentinel") else parts.path
    scheme = parts.scheme.removesuffix("+sentinel")
    return f"{scheme}://{credentials}{'@' if credentials else ''}{address}{database}"
