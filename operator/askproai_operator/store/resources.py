"""Rows of `resources`: the units of staff members and of persons, so that a person in several branches has one claim at a time.

A member is a staff member of one branch: (branch, staff). A member without a person has its own rows. The members of one person
share the person's rows, whose branch is empty: each member's row names the person's row of the same unit (`person_row`), and a
trigger of `claims` redirects to it. So pods that still have an earlier config claim the same rows as all others.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import asyncpg
import structlog

from askproai_core.database import Connection, DatabaseError

log = structlog.get_logger(__name__)

PERSON = ""  # `branch` of a person's rows

Member = tuple[str, str]  # (branch, staff); (PERSON, person) of a person
ResourceKey = tuple[str, str, int]


class TenantNotFound(DatabaseError):
    """Raised if the table `tenants` has no row of this tenant; call `ensure_tenant` first."""


@dataclass(frozen=True, slots=True)
class _Row:
    id: int
    unit: int
    active: bool
    person_row: int | None
    persons: frozenset[str]
    recent: bool  # linked or unlinked a short time ago: pods may still have the earlier config


async def find_resources(
    conn: Connection, tenant: str, desired: Iterable[ResourceKey], persons: Mapping[Member, str]
) -> dict[ResourceKey, int] | None:
    """Return the ids as `ensure_resources` does, by one statement and without a lock; None if rows have to be written first.

    Also None if any staff member has a person, now or before.
    """
    keys, rows = set(desired), await _read(conn, tenant)
    own = [(member, row) for member, found in rows.items() for row in found]
    is_current = keys == {(*member, row.unit) for member, row in own if row.active}
    if not keys or persons or any(row.persons for _, row in own) or not is_current:
        return None
    return _order(rows, {(branch, staff) for branch, staff, _ in keys if branch != PERSON})


async def ensure_resources(
    conn: Connection, tenant: str, desired: Iterable[ResourceKey], persons: Mapping[Member, str]
) -> dict[ResourceKey, int]:
    """Create missing rows, deactivate all others, link the members of `persons`, and return the ids of each member's rows.

    `desired` are rows by (branch, staff, unit); rows of persons have the branch `PERSON`. The ids returned are by branch, staff
    and a number in place of the unit: first the units in use, then all other rows where a claim can conflict with the member's.
    No row is ever deleted: past and future appointments refer to rows, and a staff member who comes back keeps the id. Raises
    `TenantNotFound`.
    """
    # NO KEY: the foreign keys of the tenant's own inserts need not wait for this lock.
    if not await conn.fetchval("SELECT true FROM tenants WHERE tenant = $1 FOR NO KEY UPDATE", tenant):
        raise TenantNotFound(f"no database row of tenant {tenant}: ensure_tenant() comes first")
    keys = set(desired) | {(*member, 1) for member in persons}
    members = {(branch, staff) for branch, staff, _ in keys if branch != PERSON}
    await _insert(conn, tenant, keys)
    await _set_active(conn, tenant, keys)
    rows = await _read(conn, tenant)
    if persons or any(row.persons for own in rows.values() for row in own):
        await _insert(conn, tenant, _counterparts(rows, persons))
        await _link(conn, tenant, members, persons)
        rows = await _read(conn, tenant)
    return _order(rows, members)


async def _insert(conn: Connection, tenant: str, keys: Iterable[ResourceKey]) -> None:
    await conn.execute(
        """INSERT INTO resources (tenant, branch, staff, unit)
           SELECT $1, w.* FROM unnest($2::text[], $3::text[], $4::smallint[]) w (branch, staff, unit)
           WHERE NOT EXISTS (SELECT 1 FROM resources r WHERE r.tenant = $1
                             AND (r.branch, r.staff, r.unit) = (w.branch, w.staff, w.unit))
           ORDER BY w.branch, w.staff, w.unit""",
        tenant, *_columns(keys),
    )  # fmt: skip


async def _set_active(conn: Connection, tenant: str, keys: Iterable[ResourceKey]) -> None:
    changing = await conn.fetch(
        """SELECT r.id FROM resources r
           WHERE r.tenant = $1 AND r.active IS DISTINCT FROM EXISTS (
               SELECT 1 FROM unnest($2::text[], $3::text[], $4::smallint[]) w (branch, staff, unit)
               WHERE (w.branch, w.staff, w.unit) = (r.branch, r.staff, r.unit))""",
        tenant, *_columns(keys),
    )  # fmt: skip
    if not changing:
        return
    # Lock all rows, by id as every writer of claims does: the links may need other rows with a lower id.
    await conn.execute("SELECT 1 FROM resources WHERE tenant = $1 ORDER BY id FOR UPDATE", tenant)
    ids = [row["id"] for row in changing]
    await conn.execute("UPDATE resources SET active = NOT active WHERE tenant = $1 AND id = ANY($2)", tenant, ids)


def _columns(keys: Iterable[ResourceKey]) -> tuple[list[str], list[str], list[int]]:
    ordered = sorted(keys)
    return [branch for branch, _, _ in ordered], [staff for _, staff, _ in ordered], [unit for _, _, unit in ordered]


async def _read(conn: Connection, tenant: str) -> dict[Member, list[_Row]]:
    """Return all rows of `resources` of the tenant, by (branch, staff), each list ordered by unit."""
    rows = await conn.fetch(
        """SELECT branch, staff, unit, id, active, person_row, persons,
                  coalesce(linked_at > clock_timestamp() - interval '1 day', false) AS recent
           FROM resources WHERE tenant = $1 ORDER BY branch, staff, unit""",
        tenant,
    )
    found: dict[Member, list[_Row]] = defaultdict(list)
    for r in rows:
        member = r["branch"], r["staff"]
        found[member].append(
            _Row(r["id"], r["unit"], r["active"], r["person_row"], frozenset(r["persons"]), r["recent"])
        )
    return found


def _counterparts(rows: Mapping[Member, list[_Row]], persons: Mapping[Member, str]) -> set[ResourceKey]:
    """Return the rows to create: each member and its persons need a row for every unit that any of them has."""
    needed: set[ResourceKey] = set()
    for member in [member for member in rows if member[0] != PERSON]:
        own = [person for person in {persons.get(member), *_former(rows[member])} if person]
        identities = [member, *((PERSON, person) for person in own)]
        if own:
            units = {row.unit for identity in identities for row in rows.get(identity, ())}
            needed |= {(*identity, unit) for identity in identities for unit in units}
    return needed


def _former(rows: Iterable[_Row]) -> frozenset[str]:
    return frozenset().union(*(row.persons for row in rows))


async def _link(conn: Connection, tenant: str, members: Iterable[Member], persons: Mapping[Member, str]) -> None:
    """Link each member's rows to the rows of its person, if it has one, and move the claims of the member's appointments there.

    Members no longer declared keep their person: their appointments are still to come.
    """
    rows = await _read(conn, tenant)
    links = [_Link(member, persons.get(member), rows) for member in sorted(members)]
    links = [link for link in links if link.changed or not link.former <= {link.person}]
    # As every writer of claims locks them: nobody adds one until this transaction ends, and then the link is there.
    await conn.execute(
        "SELECT 1 FROM resources WHERE tenant = $1 AND id = ANY($2) ORDER BY id FOR UPDATE",
        tenant, [row.id for link in links for row in link.everywhere],
    )  # fmt: skip
    for link in links:
        own = [row.id for row in link.own]
        if link.changed:
            await conn.execute(
                """UPDATE resources r SET person_row = w.shared, persons = $4, linked_at = clock_timestamp()
                   FROM unnest($2::bigint[], $3::bigint[]) w (id, shared) WHERE r.tenant = $1 AND r.id = w.id""",
                tenant, own, [link.shared.get(row.unit) for row in link.own], sorted(link.names),
            )  # fmt: skip
        stay = await _move_claims(conn, tenant, link)
        if stay:
            branch, staff = link.member
            log.warning("resources.taken_twice", tenant=tenant, branch=branch, staff=staff, appointments=stay)
        elif not link.changed and not any(row.recent for row in link.own):
            current = [link.person] if link.person else []
            await conn.execute(
                "UPDATE resources SET persons = $3 WHERE tenant = $1 AND id = ANY($2)", tenant, own, current
            )


class _Link:
    """A member with its desired person. `everywhere`: the rows that may have its claims; `moves`: new row ids by former row id."""

    def __init__(self, member: Member, person: str | None, rows: Mapping[Member, list[_Row]]) -> None:
        self.member, self.person, self.own = member, person, rows[member]
        self.former = _former(self.own)
        self.names = self.former | {person} if person else self.former
        self.shared = {row.unit: row.id for row in rows.get((PERSON, person), ())} if person else {}
        self.changed = any(row.person_row != self.shared.get(row.unit) for row in self.own)
        self.everywhere = [*self.own, *(row for name in self.names for row in rows.get((PERSON, name), ()))]
        targets = {row.unit: self.shared.get(row.unit, row.id) for row in self.own}
        self.moves = {row.id: targets[row.unit] for row in self.everywhere if row.id != targets[row.unit]}


async def _move_claims(conn: Connection, tenant: str, link: _Link) -> list[str]:
    """Move the claims of a member's appointments to their desired rows; return the ids of appointments that could not move.

    The oldest appointments come first. An appointment that would collide with another is not moved, and keeps its time: both
    were promised.
    """
    appointments = await conn.fetch(
        """SELECT a.id FROM appointments a WHERE a.tenant = $1 AND a.branch = $2 AND a.staff = $3 AND a.id IN (
               SELECT c.appointment_id FROM claims c WHERE c.tenant = $1 AND c.resource_id = ANY($4)
               AND c.block_end > clock_timestamp() AND c.state IN ('held', 'booked'))
           ORDER BY a.created_at""",
        tenant, *link.member, list(link.moves),
    )  # fmt: skip
    stay = []
    for appointment in appointments:
        try:
            async with conn.transaction():
                await conn.execute(
                    """UPDATE claims c SET resource_id = w.target FROM unnest($3::bigint[], $4::bigint[]) w (source, target)
                       WHERE c.tenant = $1 AND c.appointment_id = $2 AND c.resource_id = w.source""",
                    tenant, appointment["id"], list(link.moves), list(link.moves.values()),
                )  # fmt: skip
        except asyncpg.ExclusionViolationError:
            stay.append(str(appointment["id"]))
    return stay


def _order(rows: Mapping[Member, list[_Row]], members: Iterable[Member]) -> dict[ResourceKey, int]:
    """Return the ids of each member's rows: first the units in use, then rows of others where a claim may conflict with it."""
    member_of = {row.id: member for member, own in rows.items() for row in own}
    identity = {
        member: next((member_of[row.person_row] for row in own if row.person_row is not None), member)
        for member, own in rows.items()
    }
    # By identity: the members that are the same person now, members no longer declared included.
    same: dict[Member, set[Member]] = defaultdict(set)
    for member in rows:
        same[identity[member]].add(member)
    ordered: dict[ResourceKey, int] = {}
    for member in members:
        first = [row.id for row in rows[identity[member]]]
        former = {(PERSON, person) for each in same[identity[member]] for person in _former(rows[each])}
        others = {row.id for each in same[identity[member]] | former for row in rows.get(each, ())} - {*first}
        ordered |= {(*member, number): row for number, row in enumerate([*first, *sorted(others)], 1)}
    return ordered
