"""A real Kubernetes control plane on one machine, without root: etcd, API server, controller manager, scheduler.

`ControlPlane(directory)` starts all of it. `askproai_sandbox.programs` has the programs.
"""

from askproai_core.kube import ApiError
from askproai_sandbox.cluster.client import UNREACHED, KubeClient, Mirror, Object, object_key
from askproai_sandbox.cluster.control_plane import ControlPlane, ControlPlaneOptions, kubectl
from askproai_sandbox.cluster.processes import (
    Child,
    ProcessError,
    eventually,
    free_port,
    port_is_free,
    reap_leftovers,
    spawn,
    stop_signal,
    write_atomically,
)

__all__ = [
    "UNREACHED", "ApiError", "Child", "ControlPlane", "ControlPlaneOptions", "KubeClient", "Mirror", "Object", "ProcessError",
    "eventually", "free_port", "kubectl", "object_key", "port_is_free", "reap_leftovers", "spawn", "stop_signal",
    "write_atomically",
]  # fmt: skip
