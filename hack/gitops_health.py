"""Render health checks of our custom resources for Argo CD (Lua) and Flux (CEL), by the operator's transient reasons.

Without such a check, Argo CD calls every custom resource healthy, and Flux waits for each until its timeout.
"""

import json
import textwrap
from collections.abc import Iterator

from askproai_operator.api import KINDS
from askproai_operator.api.conditions import TRANSIENT_REASONS
from askproai_operator.resources import GROUP, TENANTS

_LUA = """
local ready
for _, condition in ipairs((obj.status or {{}}).conditions or {{}}) do
  if condition.type == "Paused" and condition.status == "True" then
    return {{status = "Suspended", message = condition.message}}
  end
  if condition.type == "Ready" then
    ready = condition
  end
end
if ready == nil or (ready.observedGeneration or 0) < obj.metadata.generation then
  return {{status = "Progressing", message = "The operator has not read this generation yet."}}
end
if ready.status == "True" then
  return {{status = "Healthy", message = ready.message}}
end
local transient = {{{transient}}}
local status = "Degraded"
if obj.metadata.deletionTimestamp ~= nil or transient[ready.reason] then
  status = "Progressing"
end
return {{status = status, message = ready.reason .. ": " .. ready.message}}
"""
_CURRENT_READY = "c, c.type == 'Ready' && c.observedGeneration == metadata.generation"


def render_lua() -> str:
    """Return the body of Argo CD's health function in Lua: it reads `obj`, and returns a table of `status` and `message`."""
    transient = ", ".join(f"{reason} = true" for reason in sorted(TRANSIENT_REASONS))
    return _LUA.format(transient=transient).strip()


def render_cel() -> dict[str, str]:
    """Return Flux's CEL expressions by field, in the order of evaluation. Their variables are the object's top-level fields."""
    transient = json.dumps(sorted(TRANSIENT_REASONS)).replace('"', "'")
    return {
        "inProgress": f"!has(status.conditions) || !status.conditions.exists({_CURRENT_READY})",
        "failed": f"status.conditions.exists({_CURRENT_READY} && c.status != 'True' && !(c.reason in {transient}))",
        "current": f"status.conditions.exists({_CURRENT_READY} && c.status == 'True')",
    }


def argocd_cm() -> Iterator[str]:
    """Yield the lines of a patch of Argo CD's ConfigMap. It has a key for each kind, so that checks of other groups stay."""
    yield "# Health checks of Argo CD for AskProAI (docs/gitops.md):\n#"
    yield "#     kubectl patch configmap argocd-cm -n argocd --patch-file argocd-cm.yaml\ndata:"
    for kind in KINDS.values():
        yield f"  resource.customizations.health.{GROUP}_{kind.kind}: |"
        yield textwrap.indent(render_lua(), "    ")


def flux_checks() -> Iterator[str]:
    """Yield the lines of a patch of a Flux Kustomization with the health checks of all kinds."""
    yield "# Health checks of Flux for AskProAI (docs/gitops.md): the part `spec.healthCheckExprs` of a Kustomization.\nspec:"
    yield "  wait: true\n  healthCheckExprs:"
    for kind in KINDS.values():
        yield f"    - apiVersion: {TENANTS.api_version}\n      kind: {kind.kind}"
        for field, expression in render_cel().items():
            yield f"      {field}: {json.dumps(expression)}"
