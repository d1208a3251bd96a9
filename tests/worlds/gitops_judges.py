"""The judgment of Argo CD and Flux on an object by the health checks in examples/gitops."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from cel_expr_python import cel
from lupa.lua51 import LuaRuntime  # Argo CD's interpreter has the language of Lua 5.1

EXAMPLES = Path(__file__).parents[2] / "examples/gitops"
Judge = Callable[[dict[str, Any]], str]


def read(name: str) -> dict[str, Any]:
    return yaml.safe_load((EXAMPLES / name).read_text("utf-8"))


def argo_cd(kind: str) -> Judge:
    """Return Argo CD's judgment of a kind: Healthy, Progressing, Degraded or Suspended."""
    lua = LuaRuntime(unpack_returned_tuples=True)
    body = read("argocd-cm.yaml")["data"][f"resource.customizations.health.askproai.de_{kind}"]
    health = lua.execute(f"return function(obj)\n{body}\nend")
    return lambda manifest: str(health(lua.table_from(manifest, recursive=True)).status)


def flux(kind: str) -> Judge:
    """Return Flux's judgment of a kind, in Argo CD's words. The order of the checks follows Flux's RFC 9."""
    (check,) = (each for each in read("flux-health.yaml")["spec"]["healthCheckExprs"] if each["kind"] == kind)
    environment = cel.NewEnv(variables={"metadata": cel.Type.DYN, "status": cel.Type.DYN})
    states = {"inProgress": "Progressing", "failed": "Degraded", "current": "Healthy"}

    def judge(manifest: dict[str, Any]) -> str:
        if "status" not in manifest:
            return "Progressing"  # the operator has not seen the object yet
        observed = manifest["status"].get("observedGeneration")
        if observed is not None and observed != manifest["metadata"]["generation"]:
            return "Progressing"  # Flux evaluates no expression then
        fields = {name: manifest[name] for name in ("metadata", "status")}
        holds = (field for field in states if environment.compile(check[field]).eval(data=fields).plain_value())
        return states[next(holds, "inProgress")]  # Flux takes the first expression that is true, and waits if none is

    return judge
