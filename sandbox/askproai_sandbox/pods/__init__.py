"""The local pod runner: one process that plays the kubelet of one Node, and runs containers as local processes.

`python -m askproai_sandbox.pods --kubeconfig FILE --directory DIR [--node NAME]`

It holds the contract of the real one where our pods can tell the difference:
- A container runs its `command` and `args`; a program without a path comes from this Python's folder, else the PATH.
  Its environment is only what the manifest says (values and fields) and PATH, HOME, HOSTNAME, LANG, TZ, PYTHONUNBUFFERED.
- A pod has an address of its own, 127.x.y.z, as podIP; ASKPROAI_BIND_ADDRESS=0.0.0.0 becomes that address. A variable
  that names a `mountPath`, or a path below one, names the local folder instead. A declared port that another program of
  this machine holds, on all addresses, is told in the status (`PortTaken`) and waited for.
- ConfigMaps and Secrets are mounted, alone or projected, and swapped through `..data`: a reader sees all of the old files
  or all of the new ones. A change arrives within a second (a real kubelet may take a minute).
- Startup, readiness and liveness probes (`httpGet`) make the conditions; who exits is started again, with backoff.
- SIGTERM, the grace period, SIGKILL; then the pod object goes.

It refuses, in the pod's status: `subPath`, init containers, `envFrom`, `valueFrom` other than fields of the pod, volumes and
probes other than named here, host networks, a restartPolicy other than Always, and a container without `command`.

It ignores: image and pull policy, resources, security contexts, affinity, topology, tolerations and priority (the scheduler
reads those), service links, lifecycle hooks, DNS settings, file modes of volumes, `binaryData`, `$(NAME)` in values,
workingDir, stdin, readiness gates, `serviceAccountToken` and `downwardAPI` in projected volumes: no pod gets a token.
It serves no `kubectl logs`, `exec` or `port-forward`: read the files, ask the address.

Its folder: `pods.json` says what runs (`{"pids": {"<namespace>/<pod>/<container>": pid}}`), `pods/<namespace>_<pod>/
<container>.log` what was printed. The runner's end ends the containers and what they started; its end by SIGKILL the
containers, and what those had started ends when the next runner starts.
"""

from askproai_sandbox.pods.runner import PodRunner

__all__ = ["PodRunner"]
