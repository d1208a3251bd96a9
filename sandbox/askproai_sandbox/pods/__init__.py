"""The local pod runner: one process that replaces the kubelet of one Node, and runs containers as local processes.

`python -m askproai_sandbox.pods --kubeconfig FILE --directory DIR [--node NAME] [--mount-delay SECONDS]`

It behaves like a kubelet where our pods could notice a difference:
- Processes: a container runs its `command` and `args`. A program without a path is looked up in this Python's folder, then on
  the PATH. The environment has only the variables of the manifest (values and fields of the pod), and PATH, HOME, HOSTNAME, LANG,
  TZ and PYTHONUNBUFFERED.
- Network: each pod has its own address 127.x.y.z as podIP, and ASKPROAI_BIND_ADDRESS=0.0.0.0 becomes that address. While
  another program of this machine holds a declared port on all addresses, the container waits with reason `PortTaken`.
- Volumes: ConfigMaps and Secrets are mounted, alone or projected. All files of a volume change at once, through the link `..data`,
  a minute after their source (`--mount-delay`), or as soon as an annotation of the pod changes. A variable with a `mountPath`, or
  a path below one, gets the local folder.
- Health: startup, readiness and liveness probes (`httpGet`) determine the conditions. A container that ends is restarted, with
  backoff.
- Termination: SIGTERM, the grace period, SIGKILL; then the pod object is deleted.

It refuses these, in the pod's status: `subPath`, init containers, `envFrom`, `valueFrom` other than fields of the pod, other
volumes and probes than those above, host networks, a restartPolicy other than Always, and a container without `command`.

It ignores: image and pull policy, resources, security contexts, affinity, topology, tolerations and priority (which the
scheduler reads), service links, lifecycle hooks, DNS settings, file modes of volumes, `binaryData`, `$(NAME)` in values,
workingDir, stdin, readiness gates, and `serviceAccountToken` and `downwardAPI` in projected volumes: no pod gets a token.
It serves no `kubectl logs`, `exec` or `port-forward`: read the log files and connect to the address instead.

In its folder, `pods.json` has the running processes (`{"pids": {"<namespace>/<pod>/<container>": pid}}`), and
`pods/<namespace>_<pod>/<container>.log` their output. When the runner ends, it ends the containers and what they started. When
it is killed by SIGKILL, the containers are killed with it; what those had started is ended by the next runner.
"""

from askproai_sandbox.pods.runner import MOUNT_DELAY, PodRunner

__all__ = ["MOUNT_DELAY", "PodRunner"]
