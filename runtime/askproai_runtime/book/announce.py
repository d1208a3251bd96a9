"""Enqueue the notifications of a changed appointment, in the transaction of the change."""

from askproai_core.database import Connection
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.notifications.outbox import enqueue_change
from askproai_runtime.notifications.types import Kind


async def announce(
    conn: Connection, config: TenantConfig, kind: Kind, appointment: Appointment, *, told: bool = False
) -> None:
    """Enqueue the notifications of a change, with at most one SQL statement. `appointment` is the state after the change.

    `told`: the customer need not hear of the change, having made it with us or never having known of the appointment.
    """
    await enqueue_change(
        conn,
        config,
        kind,
        appointment_id=appointment.id,
        version=appointment.version,
        starts_at=appointment.starts_at,
        email=appointment.attendee_email,
        phone=appointment.phone or appointment.caller,
        in_remote_calendar=appointment.in_remote_calendar,
        told=told,
        correlation_id=appointment.correlation_id,
    )
