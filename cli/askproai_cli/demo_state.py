"""Finds the state file of the demo that runs on this machine, from any folder, without the package that writes it."""

import json
import os
from pathlib import Path
from typing import NamedTuple, TypedDict

from askproai_cli.cluster import find_kubeconfig_in_use
from askproai_cli.output import fail

_STATE = Path(".demo/state.json")
_CHECKOUT = Path(__file__).resolve().parents[2]  # of an editable installation; an installed wheel has no .demo there


class DemoState(TypedDict):
    """The part of `.demo/state.json` (written by `askproai demo`) that commands need. The maps are keyed by NAMESPACE.TENANT."""

    kubeconfig: str
    retellUrl: str
    calcomUrl: str
    mailsUrl: str
    smtpPort: int
    runtimeUrls: dict[str, str]
    adminUrls: dict[str, str]
    adminTokens: dict[str, str]


class SimulatedUrls(NamedTuple):
    """The URLs of the simulated providers."""

    retell: str
    calcom: str


def require_simulators() -> SimulatedUrls:
    """Return the simulators' URLs: from environment variables, as in the simulators' pod of an evaluation, or else the demo's.

    Without either, the command ends with exit code 1, as `require_demo` does.
    """
    if retell := os.environ.get("ASKPROAI_SIMULATED_RETELL"):
        return SimulatedUrls(retell, os.environ.get("ASKPROAI_SIMULATED_CALCOM", ""))
    state = require_demo()
    return SimulatedUrls(state["retellUrl"], state["calcomUrl"])


def find_demo() -> DemoState | None:
    """Return the state of the running demo, None when there is none.

    Searched in this order: the kubeconfig in use, this folder and the folders above it, the checkout of this program.
    """
    file = find_kubeconfig_in_use()
    if file and (state := _read(file.absolute().parent.parent / _STATE.name)) is not None and is_in_use(state):
        return state  # its kubeconfig is .demo/cluster/kubeconfig
    here = Path.cwd()
    found = (_read(folder / _STATE) for folder in (here, *here.parents, _CHECKOUT))
    return next((state for state in found if state is not None), None)


def require_demo() -> DemoState:
    """Return the state of the running demo. Without one the command ends with exit code 1, and says how to start it."""
    state = find_demo()
    if state is None:
        fail("no demo is running on this machine: start one with `askproai demo --keep`")
    return state


def is_in_use(state: DemoState) -> bool:
    """Return True if kubectl would use the demo's cluster, or if there is no kubeconfig at all."""
    in_use = find_kubeconfig_in_use()
    return in_use is None or in_use.resolve() == Path(state["kubeconfig"]).resolve()


def _read(file: Path) -> DemoState | None:
    try:
        state: DemoState = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    return state if isinstance(state, dict) and "kubeconfig" in state else None
