"""A real Kubernetes control plane on one machine, without root: etcd, API server, controller manager, scheduler.

`ControlPlane(directory)` starts all of it. The programs come from the folder `KUBE_BIN`, or are built once from `hack/kube`.
"""

from askproai_core.kube import ApiError
from askproai_sandbox.cluster.client import UNREACHED, KubeClient, Mirror, Object, object_key
from askproai_sandbox.cluster.control_plane import ControlPlane, ControlPlaneOptions, kubectl
from askproai_sandbox.cluster.go_build import ProgramError
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
from askproai_sandbox.cluster.program import KUBE, link_kubectl, program_folder

__all__ = [
    "KUBE", "UNREACHED", "ApiError", "Child", "ControlPlane", "ControlPlaneOptions", "KubeClient", "Mirror", "Object",
    "ProcessError", "ProgramError", "eventually", "free_port", "kubectl", "link_kubectl", "object_key", "port_is_free",
    "program_folder", "reap_leftovers", "spawn", "stop_signal", "write_atomically",
]  # fmt: skip
