"""The ACL rules of the Redis users (tenants and coordinator): the least permissions that the pods' commands and scripts need.

Redis checks a script's commands like a client's. Left out on purpose: every command that lists keys or users, shows other
clients, or changes the server.
"""

import re

# The key `namespace.name`: DNS labels, so no glob character can widen the pattern, and no colon can leave the prefix.
_TENANT = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", re.ASCII)

ALLOWED_COMMANDS = (
    "ping", "time", "get", "set", "del", "incrby", "pexpire", "pttl",
    "hget", "hmget", "hgetall", "hset", "hincrby", "hdel",
    "eval", "evalsha", "publish", "subscribe", "unsubscribe",
)  # fmt: skip

# For `DurableStream`. Servers before Redis 7.2 do not know WAITAOF, and refuse rules that name it.
SPOOL_COMMANDS = ("xadd", "xrange", "xrevrange", "xdel", "xlen", "waitaof")

# SCAN shows the names of all keys: no tenant may run it, the coordinator must.
COORDINATOR_COMMANDS = (
    "ping", "time", "get", "set", "del", "hget", "hset", "hgetall", "pttl", "pexpire", "pexpireat", "scan", "eval", "evalsha",
)  # fmt: skip


def acl_rules(tenant: str, password_sha256: str, *, spool: bool = True) -> tuple[str, ...]:
    """Return the complete rules for `ACL SETUSER`; `reset` removes the user's earlier permissions.

    `password_sha256` is in hex. `spool`: the server knows the commands of `DurableStream`. The coordinator's keys for all
    tenants begin with `askproai:_:`; tenants may only read them. Raises `ValueError` if `tenant` is not a key of a tenant.
    """
    if not _TENANT.fullmatch(tenant):
        raise ValueError(f"{tenant!r} is no tenant's key: it must be namespace.name")
    return (
        "reset", "on", f"#{password_sha256}",
        f"~askproai:{tenant}:*", "%R~askproai:_:*", "resetchannels", f"&askproai:{tenant}:*",
        "-@all", *(f"+{command}" for command in (*ALLOWED_COMMANDS, *(SPOOL_COMMANDS if spool else ()))),
    )  # fmt: skip


def coordinator_acl_rules(password_sha256: str) -> tuple[str, ...]:
    """Return the complete rules for the coordinator's user: all tenants' keys, few commands, no channel."""
    return (
        "reset", "on", f"#{password_sha256}", "~askproai:*", "resetchannels",
        "-@all", *(f"+{command}" for command in COORDINATOR_COMMANDS),
    )  # fmt: skip
