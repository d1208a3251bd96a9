"""Finds the state file of the demo that runs on this machine, from any folder, without the package that writes it."""

import json
from pathlib import Path
from typing import TypedDict

from askproai_cli.cluster import list_kubeconfigs

_STATE = Path(".demo/state.json")
_CHECKOUT = Path(__file__).resolve().parents[2]  # of an editable installation; an installed wheel has no .demo there


class DemoState(TypedDict):
    """What commands need of `.demo/state.json`, which `askproai demo` writes. The maps go from NAMESPACE.TENANT."""

    kubeconfig: str
    retellUrl: str
    calcomUrl: str
    adminUrls: dict[str, str]
    adminTokens: dict[str, str]


def find_demo() -> DemoState | None:
    """Return the state of the running demo, None when there is none.

    It is the demo of the kubeconfig in use, else of this folder or one above it, else of the checkout of this program.
    """
    files = list_kubeconfigs()
    if files and (state := _read(files[0].absolute().parent.parent / _STATE.name)) is not None and is_in_use(state):
        return state  # its kubeconfig is .demo/cluster/kubeconfig
    here = Path.cwd()
    found = (_read(folder / _STATE) for folder in (here, *here.parents, _CHECKOUT))
    return next((state for state in found if state is not None), None)


def is_in_use(state: DemoState) -> bool:
    """Return whether kubectl would use the demo's cluster; without any kubeconfig there is no other."""
    in_use = list_kubeconfigs()
    return not in_use or in_use[0].resolve() == Path(state["kubeconfig"]).resolve()


def _read(file: Path) -> DemoState | None:
    try:
        state: DemoState = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    return state if isinstance(state, dict) and "kubeconfig" in state else None
