#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Real dockerd and containerd of several suites: configured by gpuprov while they run, asked, and put back.
# shellcheck disable=SC2016 # the bodies are for the shell inside
# shellcheck disable=SC2154 # bats sets output and status

load ../lib/real.bash

setup_file() {
	[ "$(id -u)" -eq 0 ] || skip "daemons need root"
	unshare -m -n -p -i -f true 2>/dev/null || skip "no namespaces here"
	local lib=$BATS_TEST_DIRNAME/../lib/engine-debs.sh
	"$lib" bookworm "$O/cache/engines-bookworm" containerd docker.io runc busybox-static
	"$lib" trixie "$O/cache/engines-trixie" containerd docker.io docker-cli
	"$lib" sid "$O/cache/engines-sid" containerd
	# Podman reads the specifications of today since 5.1; a newer libc serves the rest of the host, too.
	"$lib" trixie "$O/cache/engines-podman" podman conmon runc golang-github-containers-common libc6 \
		golang-github-containers-image libgpgme11t64 libsubid5 libassuan9 libgpg-error0 libsqlite3-0 \
		libglib2.0-0t64 libsystemd0 libseccomp2 netavark
}

setup() {
	WORK=$O/real/engines-$BATS_TEST_NUMBER
	mkdir -p "$WORK"
	export GPUPROV O TINY=$BATS_TEST_DIRNAME/../lib/tiny-image.py
}

# Mounts and processes went with their namespaces; the folder is empty again.
teardown() {
	rmdir "$WORK/host" "$WORK" 2>/dev/null || :
}

# on SUITE BODY: run it on a host with the engines of that suite. Debian 13's runc wants a newer libc than
# this machine may have, so runc is always Debian 12's.
on() {
	local trees=("$O/cache/engines-bookworm/root")
	case $1 in
	bookworm) ;;
	podman) trees=("$O/cache/engines-podman/root") ;;
	*) trees=("$O/cache/engines-$1/root" "${trees[@]}") ;;
	esac
	run timeout 150 "$BATS_TEST_DIRNAME/../lib/engine-host.sh" "$WORK/host" "${trees[@]}" -- \
		bash -euc "$PRELUDE
$2" on-host
}

# What every host has: the program of the runtime, as a stub that says it was called, and ways to wait.
PRELUDE='
cat >/usr/bin/nvidia-container-runtime <<-"END"
	#!/bin/sh
	echo "$@" >>/run/calls
	exec /usr/bin/runc "$@"
END
chmod 755 /usr/bin/nvidia-container-runtime
configure() { "$GPUPROV" configure "$@" --yes >/run/said 2>&1 || { rc=$?; cat /run/said >&2; return $rc; }; }
until_so() { for i in $(seq 150); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done; echo "never: $*" >&2; return 1; }
said() { grep -qF -- "$1" /run/said || { cat /run/said >&2; return 1; }; }
lacks() { case $1 in *"$2"*) echo "has $2: $1" >&2; return 1 ;; esac; }
same() { cmp /run/before "$1"; }
package() {
	printf "Package: %s\nStatus: install ok installed\nArchitecture: amd64\nVersion: %s-1\n\n" "$1" "$2" \
		>>/var/lib/dpkg/status
}
docker_up() {
	echo "docker:x:990:" >>/etc/group
	sed -i "s/^\([[:blank:]]*\)ulimit/\1: ulimit/" /etc/init.d/docker # a container may not raise limits
	mkdir -p /etc/docker /run/image/bin
	printf "{\n\t\"iptables\": false, \"ip6tables\": false,   \n\t\"bridge\": \"none\",\n%s\n}" \
		"	\"log-opts\": {\"max-size\": \"10m\"}" >/etc/docker/daemon.json
	cp /etc/docker/daemon.json /run/before
	package docker.io "$(dockerd --version | sed "s/Docker version \([^,]*\),.*/\1/")"
	service docker start >/dev/null
	until_so docker info
	cp "$O/cache/engines-bookworm/root/bin/busybox" /run/image/bin/true
	tar -C /run/image -c . | docker import - lab/tiny:1 >/dev/null
}
runs_with() { : >/run/calls; docker run --rm --network none "$@" lab/tiny:1 /bin/true && [ -s /run/calls ]; }
info() { docker info --format "$1"; }
'

DOCKER_CYCLE='
docker_up
pid=$(pidof dockerd)
configure docker
info "{{json .Runtimes}}" | grep -q nvidia-container-runtime
[ "$(info "{{.DefaultRuntime}}")" = runc ]
runs_with --runtime nvidia
[ "$(pidof dockerd)" = "$pid" ]           # a reload, no restart
configure docker
said "Nothing to do"
configure docker --default
[ "$(info "{{.DefaultRuntime}}")" = nvidia ]
runs_with
"$GPUPROV" facts --json | grep -q "\"default_nvidia\": true"
configure docker --remove
same /etc/docker/daemon.json
lacks "$(info "{{json .Runtimes}}")" nvidia     # the daemon forgot it, too
[ "$(info "{{.DefaultRuntime}}")" = runc ]
[ "$(pidof dockerd)" = "$pid" ]
configure docker --default
"$GPUPROV" rollback --yes >/dev/null 2>&1
same /etc/docker/daemon.json
[ "$(info "{{.DefaultRuntime}}")" = runc ]
'

@test "dockerd of Debian 12: added, asked, used, made default, taken out, put back" {
	on bookworm "$DOCKER_CYCLE"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "dockerd of Debian 13: the same" {
	on trixie "$DOCKER_CYCLE"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "CDI on Docker 26 needs a restart, and the daemon has its folders then; 20.10 has none" {
	on trixie '
docker_up
[ "$(info "{{json .CDISpecDirs}}")" = null ] || [ "$(info "{{json .CDISpecDirs}}")" = "[]" ]
pid=$(pidof dockerd)
# Debian 26 offers CDI only among its experimental features.
sed -i "s/^{/{ \"experimental\": true,/" /etc/docker/daemon.json
configure docker --cdi
info "{{json .CDISpecDirs}}" | grep -q /etc/cdi
[ "$(pidof dockerd)" != "$pid" ]
'
	echo "$output"
	[ "$status" -eq 0 ]
	on bookworm 'docker_up
rc=0; configure docker --cdi || rc=$?
[ $rc -eq 3 ]
same /etc/docker/daemon.json
'
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "a file that the daemon would not take: the validator of 26 says so, nothing is written" {
	on trixie '
docker_up
sed -i "s/^{/{ \"no-such-key\": 1,/" /etc/docker/daemon.json
cp /etc/docker/daemon.json /run/before
rc=0; configure docker || rc=$?
[ $rc -ne 0 ]
said no-such-key
same /etc/docker/daemon.json
info . >/dev/null
'
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "a reload that the daemon did not take: 20.10 has no validator, the old file comes back" {
	on bookworm '
docker_up
sed -i "s/^{/{ \"no-such-key\": 1,/" /etc/docker/daemon.json
cp /etc/docker/daemon.json /run/before
rc=0; configure docker || rc=$?
[ $rc -eq 1 ]
said "does not know the runtime"
said "old configuration is back"
same /etc/docker/daemon.json
lacks "$(info "{{json .Runtimes}}")" nvidia
'
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "dockerd with a file of its own, found by its arguments" {
	on bookworm '
mkdir -p /srv/d /etc/docker
printf "{\"iptables\": false, \"bridge\": \"none\", \"hosts\": [\"unix:///run/own.sock\"]}" >/run/own.json
package docker.io 20.10.24
dockerd --config-file=/run/own.json >/run/log 2>&1 &
until_so docker -H unix:///run/own.sock info
configure docker
docker -H unix:///run/own.sock info --format "{{json .Runtimes}}" | grep -q nvidia
[ ! -e /etc/docker/daemon.json ]
'
	echo "$output"
	[ "$status" -eq 0 ]
}

# ---- containerd ----

# An init script, as a host without systemd has one.
CONTAINERD='
cat >/etc/init.d/containerd <<-"END"
	#!/bin/sh
	stop() { [ ! -s /run/c.pid ] || { kill "$(cat /run/c.pid)" 2>/dev/null; while kill -0 "$(cat /run/c.pid)" 2>/dev/null; do sleep 0.1; done; }; }
	start() { setsid /usr/bin/containerd >>/run/c.log 2>&1 </dev/null & echo $! >/run/c.pid; }
	case $1 in start) start ;; stop) stop ;; restart) stop; start ;; esac
END
chmod 755 /etc/init.d/containerd
version=$(containerd --version | sed "s/.*containerd \([0-9][0-9.]*\).*/\1/")
package containerd "$version"
cp /etc/containerd/config.toml /run/debian.toml
cat >/etc/containerd/config.toml <<-"END"
	# the site writes this
	version = 2
	[plugins."io.containerd.grpc.v1.cri"]
	  sandbox_image = "site.example/pause:1"   # mine
	[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
	  runtime_type = "io.containerd.runc.v2"
	[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
	  SystemdCgroup = true
END
cp /etc/containerd/config.toml /run/before
effective() { containerd -c /etc/containerd/config.toml config dump 2>/dev/null; }
cri() { ctr plugins ls | grep -E "grpc.v1 +cri |cri.v1" | grep -v " ok *$" | wc -l; }
'

CONTAINERD_CYCLE=$CONTAINERD'
service containerd start
until_so ctr version
[ "$(cri)" = 0 ]
effective >/run/dump-before
configure containerd --default
until_so ctr version
[ "$(cri)" = 0 ]
effective >/run/dump
grep -q "runtimes.nvidia.options" /run/dump
grep -q "runtimes.runc.options" /run/dump
grep -q "BinaryName = .*/usr/bin/nvidia-container-runtime" /run/dump
grep -q "default_runtime_name = .nvidia" /run/dump
grep -q "site.example/pause:1" /run/dump
[ "$(grep -c "SystemdCgroup = true" /run/dump)" -ge 2 ]
configure containerd --default
said "Nothing to do"
configure containerd --remove
same /etc/containerd/config.toml
[ ! -e /etc/containerd/conf.d/99-gpuprov-nvidia.toml ]
[ "$(cri)" = 0 ]
effective | cmp - /run/dump-before
'

@test "containerd 1.6: in place, CRI stays loaded, keys of the user stay" {
	on bookworm "$CONTAINERD_CYCLE"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "containerd 1.7: the same, and CDI when it is asked for" {
	on trixie "$CONTAINERD_CYCLE"'
configure containerd --cdi
effective | grep -q "enable_cdi = true"
[ "$(cri)" = 0 ]
'
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "containerd 2: a file of our own with the version of the root file" {
	on sid "$CONTAINERD_CYCLE"'
configure containerd
grep -q "^version = 2" /etc/containerd/conf.d/99-gpuprov-nvidia.toml
'
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "containerd: no file at all, then Debian's own; CRI loads with both" {
	for suite in bookworm trixie; do
		on "$suite" "$CONTAINERD"'
rm /etc/containerd/config.toml
service containerd start
until_so ctr version
configure containerd
[ "$(cri)" = 0 ]
"$GPUPROV" rollback --yes >/dev/null 2>&1
[ ! -e /etc/containerd/config.toml ]
cp /run/debian.toml /etc/containerd/config.toml
service containerd restart
until_so ctr version
configure containerd
[ "$(cri)" = 0 ]
effective | grep -q "runtimes.runc"
'
		echo "$output"
		[ "$status" -eq 0 ]
	done
}

@test "containerd: a file it cannot read is refused with its place, the daemon goes on" {
	on trixie "$CONTAINERD"'
service containerd start
until_so ctr version
printf "version = 2\n[plugins\n" >/etc/containerd/config.toml
rc=0; configure containerd || rc=$?
[ $rc -eq 65 ]
said "/etc/containerd/config.toml:2:"
ctr version >/dev/null
printf "version = 3\n" >/etc/containerd/config.toml
rc=0; configure containerd || rc=$?
[ $rc -eq 3 ]
'
	echo "$output"
	[ "$status" -eq 0 ]
}

# ---- the vectors, with the real programs as judges ----

# each ENGINE FILE CASE...: what the case says must come of it; the engine's own check of the candidate, and
# containerd's effective configuration before and after, are part of what configure does.
VECTORS='
each() {
	local engine=$1 file=$2 case
	shift 2
	for case; do
		rm -rf "$(dirname "$file")" /var/lib/gpuprov
		mkdir -p "$(dirname "$file")"
		input=$(jq -r ".input // empty" "$case/case.json")
		[ -z "$input" ] || cp "$case/$input" "$file"
		options=$(jq -r "[.operation | if .set_default then \"--default\" else empty end,
			if .enable_cdi then \"--cdi\" else empty end, if .replace then \"--replace\" else empty end] | join(\" \")" "$case/case.json")
		rc=0
		# shellcheck disable=SC2086 # a list of options
		"$GPUPROV" configure "$engine" --config "$file" $options --yes >/run/said 2>&1 || rc=$?
		wanted=$(jq -r .expect.status "$case/case.json")
		# A file that dockerd would not start with before is left as it is, too.
		if [ "$engine" = docker ] && [ -n "$input" ] && ! dockerd --validate --config-file "$case/$input" >/dev/null 2>&1; then
			wanted=refused
		fi
		case $wanted:$rc in
		refused:3 | refused:65) [ -z "$input" ] || cmp "$case/$input" "$file" ;;
		unchanged:0) cmp "$case/$input" "$file"; grep -q "Nothing to do" /run/said ;;
		changed:0 | created:0)
			grep -q nvidia /run/said
			"$GPUPROV" rollback --yes >/run/back 2>&1
			if [ -n "$input" ]; then cmp "$case/$input" "$file"; else [ ! -e "$file" ]; fi ;;
		*) echo "$case: wanted $wanted, exit $rc"; cat /run/said; return 1 ;;
		esac
		echo "$case $wanted"
	done
}
'

@test "vectors: dockerd 26 takes what we make of them" {
	on trixie "$VECTORS"'
package docker.io 26.1.5
# The unit of Debian has -H, and some cases have hosts: dockerd refuses both together, and so do we.
mkdir -p /etc/systemd/system/docker.service.d
printf "[Service]\nExecStart=\nExecStart=/usr/sbin/dockerd\n" >/etc/systemd/system/docker.service.d/own.conf
each docker /etc/docker/daemon.json '"$TOP"'/tests/vectors/docker/*
'
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(grep -c 'vectors/docker/.* \(changed\|created\)' <<<"$output")" -ge 10 ]
}

@test "vectors: containerd 1.7 and 2 have the user's keys unchanged" {
	on trixie "$VECTORS"'
package containerd 1.7.24
each containerd /etc/containerd/config.toml '"$TOP"'/tests/vectors/containerd/1*
'
	echo "$output"
	[ "$status" -eq 0 ]
	on sid "$VECTORS"'
package containerd 2.1.9
each containerd /etc/containerd/config.toml '"$TOP"'/tests/vectors/containerd/2*
'
	echo "$output"
	[ "$status" -eq 0 ]
}

# ---- a container that looks for GPUs ----

# As if the driver of a T4 were loaded: its devices and its line in /proc, in this namespace alone.
GPU='
gpu_up() {
	mkdir /run/dev
	mount -t tmpfs -o mode=0755 tmpfs /run/dev
	for n in null zero full random urandom tty; do cp -a "/dev/$n" /run/dev/; done
	mkdir /run/dev/char /run/dev/pts /run/dev/shm /run/dev/mqueue
	ln -s pts/ptmx /run/dev/ptmx
	ln -s /proc/self/fd /run/dev/fd
	mount -t devpts -o newinstance,ptmxmode=0666 devpts /run/dev/pts
	mknod -m 666 /run/dev/nvidia0 c 195 0
	mknod -m 666 /run/dev/nvidiactl c 195 255
	mknod -m 666 /run/dev/nvidia-uvm c 511 0
	mount --bind /run/dev /dev
	mount -t tmpfs tmpfs /proc/driver
	mkdir /proc/driver/nvidia
	echo "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.309.01  Sat Jul  1 00:00:00 UTC 2026" \
		>/proc/driver/nvidia/version
	sed "s/^Block devices/511 nvidia-uvm\n&/" /proc/devices >/run/devices
	mount --bind /run/devices /proc/devices
}
# What would be an image of CUDA: its nvidia-smi tells the devices that the container has.
image() {
	mkdir -p /run/image/bin
	cp "$O/cache/engines-bookworm/root/bin/busybox" /run/image/bin/sh
	printf "%s\n" "#!/bin/sh" "for d in /dev/nvidia[0-9]; do [ ! -c \$d ] || echo \"GPU \${d#/dev/nvidia}: Tesla T4\"; done" \
		>/run/image/bin/nvidia-smi
	chmod 755 /run/image/bin/nvidia-smi
	/usr/bin/python3 "$TINY" /run/image /run/tiny.tar docker.io/lab/tiny:1
}
# The stub of the runtime does what NVIDIA'"'"'s does, for what is asked of it here: the device joins.
gives_devices() {
	cat >/usr/bin/nvidia-container-runtime <<-"END"
		#!/usr/bin/python3
		import json, os, sys
		args = sys.argv[1:]
		if "create" in args:
		    path = args[args.index("--bundle") + 1] + "/config.json"
		    with open(path) as f:
		        spec = json.load(f)
		    if "NVIDIA_VISIBLE_DEVICES=all" in spec["process"]["env"]:
		        spec["linux"].setdefault("devices", []).append({"path": "/dev/nvidia0", "type": "c", "major": 195, "minor": 0, "fileMode": 438})
		        spec["linux"]["resources"].setdefault("devices", []).append({"allow": True, "type": "c", "major": 195, "minor": 0, "access": "rwm"})
		        with open(path, "w") as f:
		            json.dump(spec, f)
		os.execv("/usr/bin/runc", ["/usr/bin/runc"] + args)
	END
}
'

# ---- what verify says of a daemon that runs ----

# The profile is about more than the engine; what is asked here is its line alone.
VERIFY='
cat >/run/p.yaml <<-"END"
	version: 1
	kind: docker
	gpus: ["T4"]
	driver: {branch: "535", modules: none, source: distro}
	verify: {container-image: "lab/tiny:1"}
END
verdict() { "$GPUPROV" verify --json /run/p.yaml 2>/run/verify.err | jq -r ".checks[] | select(.id == \"$1\") | .result"; }
detail() { "$GPUPROV" verify --json /run/p.yaml 2>/dev/null | jq -r ".checks[] | select(.id == \"$1\")" | grep -qF -- "$2" || { echo "$1 does not say: $2" >&2; return 1; }; }
is_now() { [ "$(verdict "$1")" = "$2" ] || { echo "$1: $(verdict "$1"), expected $2" >&2; cat /run/verify.err >&2; return 1; }; }
'

@test "verify asks the daemon: it does not know, it knows, it was not told, it does not run" {
	on bookworm "$VERIFY"'
docker_up
is_now containers.docker FAIL
configure docker
is_now containers.docker PASS
is_now containers.gpu DEFERRED
# The file is right and nobody told the daemon.
cp /etc/docker/daemon.json /run/right
configure docker --remove
cp /run/right /etc/docker/daemon.json
is_now containers.docker FAIL
service docker stop >/dev/null
is_now containers.docker DEFERRED
'
	echo "$output"
	[ "$status" -eq 0 ]
}

# The same with containerd: its own client starts the container, by the runtime that was configured.
RUNS_CONTAINERD="$CONTAINERD$GPU$VERIFY"'
sed -i "s/kind: docker/kind: docker\nengine: containerd/" /run/p.yaml
gpu_up
image
service containerd start
until_so ctr version
configure containerd
until_so ctr version
is_now containers.gpu DEFERRED         # there is no such image yet
detail containers.gpu "lab/tiny:1 is not on this host"
ctr -n k8s.io images import /run/tiny.tar >/dev/null
is_now containers.gpu FAIL             # the stub runs it, and gives it no device
detail containers.gpu "sees 0 GPUs"
gives_devices
is_now containers.gpu PASS
detail containers.gpu "sees 1 GPU"
ctr -n k8s.io containers create docker.io/lab/tiny:1 gpuprov-verify   # left by one that was cut off
is_now containers.gpu PASS
[ -z "$(ctr -n k8s.io containers ls -q)" ]
umount /proc/driver
is_now containers.gpu DEFERRED
'

@test "verify starts a container by containerd 1.6" {
	on bookworm "$RUNS_CONTAINERD"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "verify starts a container by containerd 2" {
	on sid "$RUNS_CONTAINERD"
	echo "$output"
	[ "$status" -eq 0 ]
}

# Podman reads CDI specifications itself; CRI-O has its images from the same place.
PODMAN="$GPU$VERIFY"'
podman_up() {
	package podman "$(podman --version | sed "s/podman version //")"
	package crio 1.34.0
	printf "%s\n" "#!/bin/sh" "echo crio version 1.34.0" >/usr/bin/crio
	chmod 755 /usr/bin/crio
	gpu_up
	image
	mkdir -p /etc/containers /etc/cdi /var/lib/containers
	mount -t tmpfs -o mode=0755 tmpfs /var/lib/containers
	printf "%s\n" "[containers]" "netns = \"none\"" "[engine]" "runtime = \"runc\"" "events_logger = \"file\"" \
		"cgroup_manager = \"cgroupfs\"" >/etc/containers/containers.conf
}
spec() {
	printf "%s\n" "cdiVersion: 0.5.0" "kind: nvidia.com/gpu" "devices:" "- name: all" "  containerEdits:" \
		"    deviceNodes:" "    - path: /dev/nvidia0" "    - path: $1" >/etc/cdi/nvidia.yaml
}
'

@test "verify starts a container by Podman, with the devices of a CDI specification" {
	on podman "$PODMAN"'
sed -i "s/kind: docker/kind: docker\nengine: podman/" /run/p.yaml
podman_up
is_now containers.gpu DEFERRED
podman load -q -i /run/tiny.tar >/dev/null 2>&1
is_now containers.gpu FAIL             # no specification names the device
detail containers.gpu "does not run nvidia-smi"
spec /dev/nvidiactl
is_now containers.gpu PASS
detail containers.gpu "sees 1 GPU"
[ "$(podman run --rm lab/tiny:1 nvidia-smi -L 2>/dev/null)" = "" ]
spec /dev/nvidia-modeset               # stale: it names a device that is gone
is_now containers.cdi FAIL
is_now containers.gpu FAIL
'
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "verify tries the runtime of CRI-O by Podman, or says that it cannot" {
	on podman "$PODMAN"'
sed -i "s/kind: docker/kind: docker\nengine: crio/" /run/p.yaml
podman_up
podman load -q -i /run/tiny.tar >/dev/null 2>&1
configure crio
is_now containers.gpu FAIL             # the stub runs it, and gives it no device
detail containers.gpu "sees 0 GPUs"
gives_devices
is_now containers.gpu PASS
mv /usr/bin/podman /usr/bin/gone
is_now containers.gpu DEFERRED
detail containers.gpu "CRI-O starts pods only"
'
	echo "$output"
	[ "$status" -eq 0 ]
}
