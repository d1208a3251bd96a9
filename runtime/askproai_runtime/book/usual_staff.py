"""A caller's last staff member is offered first, if the tenant recognizes its callers (docs/decisions/0108-the-matrix.md)."""

from dataclasses import replace

from askproai_core.tenant_config import CallerVerification, TenantConfig
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.book.store.appointments import find_last_staff


async def prefer_usual_staff(ctx: BookingContext, request: ServiceRequest, caller: str | None) -> ServiceRequest:
    """Return the request with the staff member of the caller's last appointment in the branch as the first choice.

    Nothing changes if the caller prefers or asks for a staff member, withholds the number, or is not recognized.
    """
    rules = request.rules
    if request.staff is not None or rules.usual_staff is not None or caller is None or len(rules.staff_members) == 1:
        return request
    if not _recognises_callers(ctx.config(), rules.branch.name):
        return request
    async with ctx.pool.acquire() as conn:
        usual = await find_last_staff(conn, ctx.tenant, caller, rules.branch.name)
    return replace(request, rules=replace(rules, usual_staff=usual))


def _recognises_callers(config: TenantConfig, branch: str) -> bool:
    is_enabled = any(agent.caller_recognition for agent in config.agents if agent.branch in {branch, None})
    return is_enabled and config.caller_verification is CallerVerification.NUMBER
