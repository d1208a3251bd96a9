"""Facts about the database itself, to read before other causes of a problem are sought: version, schema, roles and clock."""

from dataclasses import dataclass
from datetime import datetime

from askproai_core.database import Connection, read_applied, shipped_migrations
from askproai_core.database.group_roles import list_group_roles

_SERVER = """
SELECT current_setting('server_version') AS version, clock_timestamp() AS now, current_database() AS database,
    r.rolsuper AS is_superuser, r.rolcreaterole AS may_create_roles
FROM pg_roles r WHERE r.rolname = current_user
"""


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """PostgreSQL's facts about itself and this installation.

    `schema` is the schema's version in the database, and `shipped` the version of this release. `pending` names this release's
    migrations that are not applied, and `changed` those whose file differs from the applied one. `missing_roles` are group
    roles.
    """

    version: str
    now: datetime
    schema: int
    shipped: int
    pending: tuple[str, ...]
    changed: tuple[str, ...]
    missing_roles: tuple[str, ...]
    is_superuser: bool
    may_create_roles: bool


async def read_facts(conn: Connection) -> DatabaseFacts:
    """Return the facts, by three statements that write nothing. A database with another history shows changed migrations."""
    (server,) = await conn.fetch(_SERVER)
    digests = {version: row["sha256"] for version, row in (await read_applied(conn)).items()}
    shipped = shipped_migrations()
    needed = list_group_roles(server["database"])
    present = await conn.fetch("SELECT rolname FROM pg_roles WHERE rolname = ANY($1)", needed)
    return DatabaseFacts(
        version=server["version"].partition(" ")[0],
        now=server["now"],
        schema=max(digests, default=0),
        shipped=shipped[-1].version,
        pending=tuple(f"{each.version:04}_{each.name}" for each in shipped if each.version not in digests),
        changed=tuple(
            f"{each.version:04}_{each.name}"
            for each in shipped
            if digests.get(each.version, each.sha256) != each.sha256
        ),
        missing_roles=tuple(sorted(set(needed) - {row["rolname"] for row in present})),
        is_superuser=server["is_superuser"],
        may_create_roles=server["may_create_roles"],
    )
