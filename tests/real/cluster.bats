#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# kubernetes.cluster: apply, against a real kube-apiserver: what a plan says of the cluster, applying, waiting,
# resuming, taking out again. No controller runs there: what a kubelet and the controllers would write into the
# status of objects, these tests write. The server is that of kubernetes.bats.

load ../lib/real
load ../lib/cluster

setup_file() {
	cluster_need
	[ "$(id -u)" -eq 0 ] || export MISSING="needs root: a private /var/lib"
	[ -z "${MISSING:-}" ] || return 0
	start_cluster
}

setup() {
	[ -z "${MISSING:-}" ] || skip "$MISSING"
	cd "$BATS_TEST_TMPDIR" || return
	mkdir state
	NS=gpu-$BATS_TEST_NUMBER
	NODE=node-$BATS_TEST_NUMBER
	k create -f - <<-JSON
		{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "$NODE"}}
	JSON
	profile >p.yaml
}

teardown() {
	[ -z "${MISSING:-}" ] || return 0
	k delete daemonsets --all --all-namespaces >/dev/null 2>&1 || :
	k delete runtimeclass --all >/dev/null 2>&1 || :
}

teardown_file() {
	cluster_end
}

# profile [LINE...]: lines for the map kubernetes.
profile() {
	printf '%s\n' 'version: 1' 'kind: k8s' 'driver: {modules: none}' 'gpus: [Tesla T4]' 'kubernetes:' \
		'  cluster: apply' "  node-name: $NODE" "  namespace: $NS" \
		"  kubeconfig: $BATS_FILE_TMPDIR/kubeconfig" '  rollout-timeout: 3'
	[ $# -eq 0 ] || printf '  %s\n' "$@"
}

# What apply would have left when it was cut off before the step of the cluster.
begin_run() {
	rm -rf state
	mkdir state
	"$GPUPROV" plan --facts "$TOP/tests/hosts/k8s-fresh-noble.json" p.yaml --json >plan.json 2>/dev/null
	"$TOP/tests/lib/open_run.py" plan.json cluster state
}

gpuprov() {
	"$TOP/tests/lib/private-state.sh" "$PWD/state" "$GPUPROV" "$@"
}

# The cluster's controllers in a few lines: every DaemonSet has come up on one node, as far as $1 says.
come_up() {
	local set generation
	for set in $(k -n "$NS" get daemonsets -o name); do
		generation=$(k -n "$NS" get "$set" -o jsonpath='{.metadata.generation}')
		k replace --raw "/apis/apps/v1/namespaces/$NS/daemonsets/${set#*/}/status" -f - >/dev/null < <(
			k -n "$NS" get "$set" -o json | python3 -c 'import json, sys
o = json.load(sys.stdin)
n = int(sys.argv[2])
o["status"] = {"observedGeneration": int(sys.argv[1]), "desiredNumberScheduled": 1, "currentNumberScheduled": 1,
               "updatedNumberScheduled": 1, "numberAvailable": n, "numberReady": n, "numberMisscheduled": 0}
json.dump(o, sys.stdout)' "$generation" "$1")
	done
}

keep_coming_up() {
	for _ in $(seq 60); do
		come_up 1 2>/dev/null || :
		sleep 0.3
	done
}

refused() {
	run -3 "$GPUPROV" plan p.yaml
	[[ $output == *"[GP$1]"* ]]
	[[ $output == *"leave the cluster alone: kubernetes.cluster: leave"* ]]
}

# ---- what a plan says ----

@test "a plan is refused where the cluster cannot be had: each way with its name" {
	NODE=nobody profile >p.yaml
	refused 7007
	profile 'context: none-such' >p.yaml
	refused 7002
	profile 'context: stranger' >p.yaml
	refused 7002
	profile 'context: weak' >p.yaml
	refused 7003
	profile | sed 's,kubeconfig: .*,kubeconfig: /none/such,' >p.yaml
	refused 7002
	sed "s,127.0.0.1:[0-9]*,127.0.0.1:$(free_port)," "$BATS_FILE_TMPDIR/kubeconfig" >dead
	profile | sed "s,kubeconfig: .*,kubeconfig: $PWD/dead," >p.yaml
	refused 7004
	profile 'dcgm-exporter: {service-monitor: true}' >p.yaml
	refused 7006
	[[ $output == *"service-monitor: false"* ]]
	[[ $output != *lab-token* && $output != *none-such-token* ]]
}

# gpu-operator's own object is in tests/unit/t_kubectl.c: this server, built by a newer Go than its own, dies of it.
@test "never two owners: another device plugin, fields of another manager" {
	k create -f - <<-YAML
		apiVersion: apps/v1
		kind: DaemonSet
		metadata: {name: nvidia-device-plugin-daemonset, namespace: kube-system}
		spec:
		  selector: {matchLabels: {name: x}}
		  template:
		    metadata: {labels: {name: x}}
		    spec: {containers: [{name: x, image: "registry/nvidia/k8s-device-plugin:v0.17.4"}]}
	YAML
	refused 7005
	[[ $output == *"kube-system/nvidia-device-plugin-daemonset"* ]]
	k -n kube-system delete daemonset nvidia-device-plugin-daemonset
	printf '%s\n' 'apiVersion: node.k8s.io/v1' 'kind: RuntimeClass' 'metadata: {name: nvidia}' 'handler: other' |
		k create --field-manager=helm -f -
	run -3 "$GPUPROV" plan p.yaml
	[[ $output == *"[GP7005]"*"owned by helm"* ]]
}

# ---- applying ----

@test "apply puts in exactly the stream that emit writes, waits, and rollback takes only that out" {
	begin_run
	keep_coming_up &
	gpuprov apply --resume --yes
	kill $! || :
	"$GPUPROV" emit k8s p.yaml | put --dry-run=server -f - >/dev/null
	[ "$(k get node "$NODE" -o jsonpath='{.metadata.labels.nvidia\.com/gpu\.present}')" = true ]
	k -n "$NS" get daemonset nvidia-device-plugin -o json --show-managed-fields |
		python3 -c 'import json, sys; m = json.load(sys.stdin)["metadata"]["managedFields"]
assert [f["manager"] for f in m if f["operation"] == "Apply"] == ["gpuprov"], m'
	run "$GPUPROV" verify p.yaml
	[[ $output == *"PASS      kubernetes.manifests"* ]]
	come_up 0
	run "$GPUPROV" verify p.yaml
	[[ $output == *"FAIL      kubernetes.manifests"*"0 of 1 nodes"* ]]
	k -n "$NS" create configmap somebodys
	gpuprov rollback --yes
	run k -n "$NS" get daemonsets,services,pods,serviceaccounts -l app.kubernetes.io/instance=gpuprov -o name
	[ -z "$output" ]
	k -n "$NS" get configmap somebodys
	[ -z "$(k get namespace "$NS" -o jsonpath='{.metadata.deletionTimestamp}')" ]
	[ -z "$(k get runtimeclass nvidia --ignore-not-found -o name)" ]
	[ -z "$(k get node "$NODE" -o jsonpath='{.metadata.labels.nvidia\.com/gpu\.present}')" ]
}

@test "rollback takes the namespace away when nothing else is in it" {
	begin_run
	keep_coming_up &
	gpuprov apply --resume --yes
	kill $! || :
	gpuprov rollback --yes
	[ -n "$(k get namespace "$NS" -o jsonpath='{.metadata.deletionTimestamp}')" ] || ! k get namespace "$NS"
}

@test "what was there before is put back to the byte, with its owners" {
	k create namespace "$NS"
	k create --field-manager=somebody -f - <<-YAML
		apiVersion: v1
		kind: ServiceAccount
		metadata: {name: dcgm-exporter, namespace: $NS, labels: {team: a}}
	YAML
	look() {
		k -n "$NS" get serviceaccount dcgm-exporter -o json --show-managed-fields | grep -v resourceVersion
	}
	look >before
	begin_run
	keep_coming_up &
	gpuprov apply --resume --yes
	kill $! || :
	look >after
	run ! cmp -s before after
	gpuprov rollback --yes
	look >after
	cmp before after
}

@test "pods that do not come up: the step says which and why, and the same apply goes on" {
	begin_run
	run -1 gpuprov apply --resume --yes
	[[ $output == *"did not become ready in 3 s"*"nvidia-device-plugin"* || $output == *"did not become ready in 3 s"* ]]
	[[ $output == *"kubectl -n $NS describe pods"* ]]
	keep_coming_up &
	gpuprov apply --resume --yes
	kill $! || :
	gpuprov rollback --yes
	[ -z "$(k -n "$NS" get daemonsets -o name)" ]
}

@test "killed in the middle, the same apply goes on, and rollback still knows what was there first" {
	begin_run
	gpuprov apply --resume --yes >out 2>&1 &
	for _ in $(seq 100); do
		[ -z "$(k -n "$NS" get daemonsets -o name 2>/dev/null)" ] || break
		sleep 0.1
	done
	# The group of the namespace's child; TERM lets a step end, so it is the kernel's word here.
	pgrep -f "private-state.sh.*$PWD|$GPUPROV apply --resume" >/dev/null || :
	kill -s KILL "$(pgrep -P $! || echo $!)" 2>/dev/null || kill -s KILL $!
	wait $! || :
	keep_coming_up &
	gpuprov apply --resume --yes
	kill $! || :
	gpuprov rollback --yes
	[ -z "$(k -n "$NS" get daemonsets -o name)" ]
	[ -z "$(k get runtimeclass nvidia --ignore-not-found -o name)" ]
}
