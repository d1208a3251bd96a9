#!/usr/bin/env bash
# Test the chart on a real cluster, from `helm install` to a complete removal (tests/e2e/node). `make e2e` runs this script.
#   KUBECONFIG  a cluster whose Services (ClusterIP) this machine reaches; default: start and remove ../shared/cluster
#   IMAGE       the image, by the name under which its nodes find it      (default askproai:e2e)
#   ADDRESS     the address at which its pods reach this machine          (required with KUBECONFIG)
# kubectl and helm are taken from the PATH.
set -euo pipefail
cd "$(dirname "$0")/.."
image=${IMAGE:-askproai:e2e} address=${ADDRESS:-10.244.0.1}
if [ -n "${KUBECONFIG:-}" ]; then
  [ -n "${ADDRESS:-}" ] || { echo "e2e: with KUBECONFIG, set ADDRESS to the address at which the cluster's pods reach this machine" >&2; exit 2; }
else
  cluster=../shared/cluster/cluster
  [ -x $cluster ] || { echo "e2e: set KUBECONFIG, IMAGE and ADDRESS; there is no $cluster to use instead" >&2; exit 2; }
  [ "$(id -u)" = 0 ] || { echo "e2e: starting a node ($cluster) requires root; otherwise set KUBECONFIG, IMAGE and ADDRESS" >&2; exit 2; }
  trap '$cluster down' EXIT
  KUBECONFIG=$($cluster up --node)
  export PATH=$(dirname "$KUBECONFIG")/bin:$PATH
  echo "== image $image from the Dockerfile" && $cluster build "$image" . >"$(dirname "$KUBECONFIG")/build.log" 2>&1 ||
    { tail -30 "$(dirname "$KUBECONFIG")/build.log"; exit 1; }
fi
export KUBECONFIG ASKPROAI_E2E_IMAGE=$image ASKPROAI_E2E_ADDRESS=$address
python -m pytest tests/e2e/node -p no:randomly --timeout 600 "$@"
