#!/usr/bin/env bash
# Make a cluster in Docker, build both images, load them, install the evaluation (docs/evaluation.md), apply a salon and call it.
#   run.sh kind|k3d [up|down]
# Needs docker, kubectl and Helm beside kind or k3d. The kubeconfig is a file of its own: the one in use is not changed.
# A second `up` brings the changes of the checkout into the same cluster.
set -euo pipefail
cd "$(dirname "$0")/../.."
tool=${1:-} action=${2:-up} name=askproai
config=hack/docker-cluster/$tool.yaml
kubeconfig=$PWD/.cache/$tool/kubeconfig

fail() {
  echo "hack/$tool: $1" >&2
  exit 2
}

cluster_exists() {
  case $tool in
    kind) kind get clusters 2>/dev/null ;;
    k3d) k3d cluster list --no-headers | awk '{print $1}' ;;
  esac | grep -x "$name" >/dev/null
}

create_cluster() {
  mkdir -p "$(dirname "$kubeconfig")"
  case $tool in
    kind)
      cluster_exists || kind create cluster --config "$config" --kubeconfig "$kubeconfig" --wait 3m
      kind export kubeconfig --name "$name" --kubeconfig "$kubeconfig"
      ;;
    k3d)
      cluster_exists || k3d cluster create --config "$config" --kubeconfig-update-default=false --wait
      k3d kubeconfig write "$name" --output "$kubeconfig" >/dev/null
      ;;
  esac
}

# Build an image, and name it by its content: pods of a changed image are replaced, and those of the same one stay.
build() { # NAME ARGUMENTS…; sets `built`
  local id
  docker build -t "$1:local" "${@:2}"
  id=$(docker image inspect --format '{{.Id}}' "$1:local")
  id=${id#sha256:}
  built=$1:${id:0:12}
  docker tag "$1:local" "$built"
}

load() {
  case $tool in
    kind) kind load docker-image --name "$name" "$@" ;;
    k3d) k3d image import --cluster "$name" "$@" ;;
  esac
}

[ -f "$config" ] || { echo "usage: run.sh kind|k3d [up|down]" >&2; exit 2; }
case $action in
  down)
    case $tool in
      kind) kind delete cluster --name "$name" ;;
      k3d) k3d cluster delete "$name" ;;
    esac
    rm -rf "$(dirname "$kubeconfig")"
    exit
    ;;
  up) ;;
  *) fail "unknown: $action; use up or down" ;;
esac
for program in docker "$tool" kubectl helm; do
  command -v "$program" >/dev/null || fail "needs $program on the PATH"
done
docker info >/dev/null 2>&1 || fail "Docker does not answer: is it running, and may you use it?"

echo "== images (the first time a few minutes)"
build askproai .
image=$built
build askproai-simulators -f sandbox/Dockerfile --build-arg IMAGE="$image" .
simulators=$built
echo "== cluster"
create_cluster
export KUBECONFIG=$kubeconfig
load "$image" "$simulators"
echo "== AskProAI with PostgreSQL, Valkey and simulated providers"
helm upgrade askproai charts/askproai --install -n askproai-system --create-namespace --wait --timeout 10m \
  --set image.repository=askproai,image.tag="${image#*:}" \
  --set evaluation.enabled=true,evaluation.simulators=true,evaluation.simulatorsImage="$simulators"
echo "== a salon, and a call to it"
kubectl apply -f examples/salon.yaml
kubectl wait --for=condition=Ready --all -n salon-mueller retellagents --timeout=180s
kubectl exec -n askproai-system deploy/askproai-simulators -- askproai call --to +49301234567 \
  --say "Einen Haarschnitt nächste Woche Freitag um halb drei, bitte." --say "Ja, mein Name ist Erika Muster."
cat <<END

It runs. For this shell:  export KUBECONFIG=$kubeconfig
What to look at next:     docs/evaluation.md, "Look closer"
To remove all of it:      hack/$tool down
END
