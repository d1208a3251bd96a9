"""Facts about the database itself, to read before other causes of a problem are sought: version, schema, roles and clock."""

from datetime import datetime

from askproai_core.database import Connection, read_applied, shipped_migrations
from askproai_core.database.group_roles import list_group_roles
from askproai_operator.installation_report import DatabaseReport

_SERVER = """
SELECT current_setting('server_version') AS version, clock_timestamp() AS now, current_database() AS database,
    r.rolsuper AS is_superuser, r.rolcreaterole AS may_create_roles
FROM pg_roles r WHERE r.rolname = current_user
"""


async def read_facts(conn: Connection) -> tuple[DatabaseReport, datetime]:
    """Return the facts, and PostgreSQL's time, by three statements that write nothing. A database with another history shows
    changed migrations.
    """
    (server,) = await conn.fetch(_SERVER)
    digests = {version: row["sha256"] for version, row in (await read_applied(conn)).items()}
    shipped = shipped_migrations()
    needed = list_group_roles(server["database"])
    present = await conn.fetch("SELECT rolname FROM pg_roles WHERE rolname = ANY($1)", needed)
    facts = DatabaseReport(
        version=server["version"].partition(" ")[0],
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
    return facts, server["now"]
