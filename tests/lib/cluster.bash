# SPDX-License-Identifier: Apache-2.0
# For bats: a real kube-apiserver with etcd beneath it, on the loopback. To be loaded after real.bash.
# shellcheck shell=bash

# MISSING says what there is none of; else KUBE_APISERVER is there.
cluster_need() {
	export KUBE_APISERVER=${KUBE_APISERVER:-$O/cache/kube-apiserver/kube-apiserver}
	if [ ! -x "$KUBE_APISERVER" ] && [ "${LONG:-0}" = 1 ]; then
		"$TOP/tests/lib/kube-apiserver.sh" "$(dirname "$KUBE_APISERVER")" >&2 3>&-
	fi
	for tool in kubectl etcd; do
		command -v "$tool" >/dev/null || export MISSING="there is no $tool"
	done
	[ -x "$KUBE_APISERVER" ] ||
		export MISSING="no kube-apiserver was built; LONG=1 builds one in nine CPU minutes"
	return 0
}

cluster_end() {
	local file
	for file in "$BATS_FILE_TMPDIR"/*.pid; do
		[ ! -e "$file" ] || kill "$(cat "$file")" || true
	done
	return 0
}

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

start_cluster() {
	local dir=$BATS_FILE_TMPDIR store peer port
	store=$(free_port) peer=$(free_port) port=$(free_port)
	etcd --data-dir "$dir/etcd" --unsafe-no-fsync --listen-client-urls "http://127.0.0.1:$store" \
		--advertise-client-urls "http://127.0.0.1:$store" --listen-peer-urls "http://127.0.0.1:$peer" \
		--initial-advertise-peer-urls "http://127.0.0.1:$peer" \
		--initial-cluster "default=http://127.0.0.1:$peer" >"$dir/etcd.log" 2>&1 3>&- &
	echo $! >"$dir/etcd.pid"
	openssl genrsa -out "$dir/sa.key" 2048 2>/dev/null
	openssl rsa -in "$dir/sa.key" -pubout -out "$dir/sa.pub" 2>/dev/null
	printf '%s\n' 'lab-token,admin,1,system:masters' 'weak-token,weak,2' >"$dir/tokens.csv"
	"$KUBE_APISERVER" --etcd-servers="http://127.0.0.1:$store" --bind-address=127.0.0.1 --secure-port="$port" \
		--cert-dir="$dir/certs" --service-cluster-ip-range=10.96.0.0/16 \
		--service-account-key-file="$dir/sa.pub" --service-account-signing-key-file="$dir/sa.key" \
		--service-account-issuer="https://127.0.0.1:$port" --token-auth-file="$dir/tokens.csv" \
		--authorization-mode=RBAC --advertise-address=127.0.0.1 --allow-privileged=true \
		>"$dir/apiserver.log" 2>&1 3>&- &
	echo $! >"$dir/apiserver.pid"
	cat >"$dir/kubeconfig" <<-YAML
		apiVersion: v1
		kind: Config
		clusters:
		  - {name: lab, cluster: {server: "https://127.0.0.1:$port", insecure-skip-tls-verify: true}}
		users:
		  - {name: lab, user: {token: lab-token}}
		  - {name: weak, user: {token: weak-token}}
		  - {name: stranger, user: {token: none-such}}
		contexts:
		  - {name: lab, context: {cluster: lab, user: lab}}
		  - {name: weak, context: {cluster: lab, user: weak}}
		  - {name: stranger, context: {cluster: lab, user: stranger}}
		current-context: lab
	YAML
	for _ in $(seq 120); do
		[ "$(k get --raw /readyz 2>/dev/null)" != ok ] || return 0
		sleep 0.5
	done
	tail "$dir"/*.log
	return 1
}

k() {
	kubectl --kubeconfig "$BATS_FILE_TMPDIR/kubeconfig" --cache-dir "$BATS_FILE_TMPDIR/cache" "$@"
}

put() {
	k apply --server-side --field-manager=gpuprov "$@"
}
