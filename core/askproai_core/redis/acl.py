"""What the users in Redis may do, a tenant's and the coordinator's: the least with which this room's commands and scripts run.

Commands that a script calls are checked like those that are sent. What is missing here on purpose: everything that lists
keys or users, tells of other clients, or changes the server.
"""

import re

# The key `namespace.name`: DNS labels, so no glob character can widen the pattern, and no colon can leave the prefix.
_TENANT = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", re.ASCII)

ALLOWED_COMMANDS = (
    "ping", "time", "get", "set", "del", "incrby", "pexpire", "pttl",
    "hget", "hmget", "hgetall", "hset", "hincrby", "hdel",
    "eval", "evalsha", "publish", "subscribe", "unsubscribe",
)  # fmt: skip


def acl_rules(tenant: str, password_sha256: str) -> tuple[str, ...]:
    """Give the rules for `ACL SETUSER`, whole: whatever the user could do before is taken. Raises `ValueError`.

    `password_sha256` is in hex. Under `askproai:_:` stands the coordinator's word for all tenants, which they only read.
    """
    if not _TENANT.fullmatch(tenant):
        raise ValueError(f"{tenant!r} is no tenant's key: it must be namespace.name")
    return (
        "reset", "on", f"#{password_sha256}",
        f"~askproai:{tenant}:*", "%R~askproai:_:*", "resetchannels", f"&askproai:{tenant}:*",
        "-@all", *(f"+{command}" for command in ALLOWED_COMMANDS),
    )  # fmt: skip


EVERYBODY = "_"  # stands for all tenants in the names of keys: the coordinator's own

# SCAN tells the names of all keys: no tenant may, the coordinator must.
COORDINATOR_COMMANDS = (
    "ping", "time", "get", "set", "del", "hset", "hgetall", "pttl", "pexpire", "pexpireat", "scan", "eval", "evalsha",
)  # fmt: skip


def coordinator_acl_rules(password_sha256: str) -> tuple[str, ...]:
    """Give the rules for the coordinator's user: all tenants' keys, few commands, no channel."""
    return (
        "reset", "on", f"#{password_sha256}", "~askproai:*", "resetchannels",
        "-@all", *(f"+{command}" for command in COORDINATOR_COMMANDS),
    )  # fmt: skip
