#!/usr/bin/env bash
# Builds bin/mesh-cluster: kube-apiserver, etcd, kubectl and Istio's webhook in
# one binary. The first time takes minutes and says so as it goes; afterwards
# Go's own caches make it seconds, and nothing at all when no source changed.
set -euo pipefail
cd "$(dirname "$0")"

say() { printf 'cluster: %s\n' "$*"; }

if ! command -v go >/dev/null; then
    if [ -x bin/mesh-cluster ]; then
        say "Go is not installed; taking bin/mesh-cluster as it is" >&2
        exit 0
    fi
    say "Go is not installed; it builds the API server that the tests run against." >&2
    say "Install Go 1.26 or later, or set KUBECONFIG_TEST to a cluster of your own." >&2
    exit 1
fi

# What goes in, as one digest. A change of any of it builds anew.
stamp=$({ go version; go env GOOS GOARCH; cat build.sh go.mod go.sum ./*.go; } | cksum)
up_to_date() { [ -x bin/mesh-cluster ] && [ "$(cat bin/stamp 2>/dev/null)" = "$stamp" ]; }
if up_to_date; then
    say "bin/mesh-cluster is up to date"
    exit 0
fi

# Test files run at the same time, and each asks for the build: one does it.
mkdir -p bin
until mkdir bin/lock 2>/dev/null; do
    owner=$(cat bin/lock/pid 2>/dev/null || true)
    if [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; then
        rm -rf bin/lock
        continue
    fi
    [ -n "${waiting:-}" ] || say "waiting for another build (process ${owner:-unknown}) ..."
    waiting=yes
    sleep 1
done
trap 'rm -rf bin/lock' EXIT
echo $$ >bin/lock/pid
if up_to_date; then
    say "bin/mesh-cluster is up to date"
    exit 0
fi

kubernetes=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
minor=${kubernetes#v1.}
minor=${minor%%.*}
version=k8s.io/component-base/version
flags="-s -w -X $version.gitVersion=$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=$minor"
flags="$flags -X k8s.io/client-go/pkg/version.gitVersion=$kubernetes"

started=$SECONDS
log=bin/build.log.$$
pid=
trap 'rm -rf "$log" bin/lock; [ -z "$pid" ] || kill "$pid" 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM

# Runs a command, and says every few seconds how many lines it has printed: Go
# itself is silent for minutes. Its output is shown only when it fails.
counted() {
    local what=$1 next=$((SECONDS + 5))
    shift
    : >"$log"
    "$@" >"$log" 2>&1 &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
        if [ "$SECONDS" -ge "$next" ]; then
            say "  $(wc -l <"$log" | tr -d ' ') $what, $((SECONDS - started)) s"
            next=$((SECONDS + 5))
        fi
    done
    if ! wait "$pid"; then
        pid=
        cat "$log" >&2
        exit 1
    fi
    pid=
}

say "fetching Go modules (up to 1 GB the first time) ..."
gateway=$(go mod download -json sigs.k8s.io/gateway-api | sed -n 's/^.*"Dir": "\(.*\)".*$/\1/p')
rm -rf bin/gateway-api
mkdir bin/gateway-api
for file in "$gateway"/config/crd/standard/*.yaml; do
    # cat, not cp: files in the module cache are read-only, and would stay so.
    cat "$file" >"bin/gateway-api/${file##*/}"
done
# Go names on stderr each module that it downloads.
counted "modules downloaded" sh -c 'exec go list -deps . >bin/packages'
total=$(wc -l <bin/packages | tr -d ' ')
rm bin/packages

say "compiling kube-apiserver, etcd, kubectl and Istio (about 6 minutes on two cores the first time) ..."
# -v names each package that is compiled anew.
CGO_ENABLED=0 counted "of at most $total packages compiled" \
    nice -n 10 go build -v -ldflags "$flags" -o bin/mesh-cluster.new .
# Renamed into place: a cluster that is running keeps the file it started from.
mv bin/mesh-cluster.new bin/mesh-cluster
printf '%s\n' "$stamp" >bin/stamp
say "bin/mesh-cluster built in $((SECONDS - started)) s"
