#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# gpuprov configure: files, options, exit codes, links; the fs cases of tests/vectors.
# shellcheck disable=SC2154 # bats sets output and status

bats_require_minimum_version 1.5.0
load fixture

setup() {
	fixture
	mkdir -p "$root/etc/docker"
	: >"$root/usr/bin/nvidia-container-runtime"
	chmod 755 "$root/usr/bin/nvidia-container-runtime"
	file=$root/etc/docker/daemon.json
	printf '{\n    "debug": true,\n    "log-level": "info"\n}' >"$file"
	cp -a "$file" before
}

configure() {
	run --separate-stderr "$GPUPROV" configure "$@" --root "$root"
}

needs_root() {
	[ "$(id -u)" -eq 0 ] || skip "only root writes as root does"
}

# Nothing of ours is left beside the files.
clean() {
	[ -z "$(find "$root/etc" -name '.gpuprov*' -o -name '*.bak')" ]
}

@test "--diff prints a patch and writes nothing, without rights" {
	configure docker --diff --default
	[ "$status" -eq 0 ]
	cmp "$file" before
	[ ! -e "$root/var/lib/gpuprov" ]
	cp before patched
	patch -s patched <<<"$output"
	python3 - patched <<-'END'
		import json, sys
		j = json.load(open(sys.argv[1]))
		assert j == {"debug": True, "log-level": "info", "default-runtime": "nvidia", "runtimes":
		             {"nvidia": {"path": "/usr/bin/nvidia-container-runtime", "runtimeArgs": []}}}, j
	END
}

@test "it writes, does nothing the second time, and rollback gives the bytes back" {
	needs_root
	configure docker --yes
	[ "$status" -eq 0 ]
	run ! cmp -s "$file" before
	stat -c '%i %Y %Z' "$file" >earlier
	configure docker --yes
	[ "$status" -eq 0 ]
	[[ $output == *"Nothing to do"* ]]
	stat -c '%i %Y %Z' "$file" | cmp - earlier
	run "$GPUPROV" rollback --yes --root "$root"
	[ "$status" -eq 0 ]
	cmp "$file" before
	clean
}

@test "--remove takes out what was put in, also after the user edited elsewhere" {
	needs_root
	configure docker --yes --default
	sed -i 's/"info"/"warn"/' "$file"
	configure docker --yes --remove
	[ "$status" -eq 0 ]
	sed 's/"info"/"warn"/' before | cmp "$file" -
	run "$GPUPROV" rollback --yes --root "$root"
	grep -q '"default-runtime": "nvidia"' "$file"
}

@test "--remove gives a default back that was replaced" {
	needs_root
	printf '{"default-runtime": "crun", "runtimes": {"crun": {"path": "/usr/bin/crun"}}}\n' >"$file"
	cp "$file" before
	configure docker --yes --default
	[ "$status" -eq 3 ]
	cmp "$file" before
	configure docker --yes --default --replace
	[ "$status" -eq 0 ]
	configure docker --yes --remove
	cmp "$file" before
}

@test "a file that is made is removed again, with its folder" {
	needs_root
	rm -r "$root/etc/docker"
	configure docker --yes
	[ "$(stat -c '%a %u %g' "$file")" = "644 0 0" ]
	[ "$(stat -c %a "$root/etc/docker")" = 755 ]
	run "$GPUPROV" rollback --yes --root "$root"
	[ ! -e "$root/etc/docker" ]
}

@test "exit codes: 65 for a text that is none, 3 for a conflict, 64 for a word that is no engine" {
	needs_root
	printf '{\n  "debug": true,\n}\n' >"$file"
	configure docker --yes
	[ "$status" -eq 65 ]
	[[ $stderr == *"/etc/docker/daemon.json:"[23]":"* ]]
	printf '{"runtimes": {"nvidia": {"path": "/opt/other"}}}' >"$file"
	configure docker --yes
	[ "$status" -eq 3 ]
	configure docker --yes --runtime-name gpu
	[ "$status" -eq 0 ]
	configure podman --yes
	[ "$status" -eq 64 ]
}

@test "a runtime program that is not there is refused, another one can be named" {
	rm "$root/usr/bin/nvidia-container-runtime"
	configure docker --diff
	[ "$status" -eq 3 ]
	[[ $stderr == *"--runtime-path"* ]]
	mkdir -p "$root/opt"
	: >"$root/opt/runtime"
	configure docker --diff --runtime-path /opt/runtime
	[ "$status" -eq 0 ]
	[[ $output == *'"path": "/opt/runtime"'* ]]
}

@test "CDI by version of Docker" {
	configure docker --diff --cdi --engine-version 20.10.24
	[ "$status" -eq 3 ]
	configure docker --diff --cdi --engine-version 26.1.5
	[[ $output == *'"cdi": true'* ]]
	configure docker --diff --cdi --engine-version 28.2.0
	[ "$status" -eq 0 ]
	[[ $output != *cdi* ]]
}

@test "the unit says which file, and options that exclude a key are a conflict" {
	package "$root" docker.io 26.1.5+dfsg1-9+b11
	mkdir -p "$root/usr/lib/systemd/system" "$root/etc/systemd/system/docker.service.d" "$root/etc/default"
	printf '[Service]\nEnvironmentFile=-/etc/default/docker\nExecStart=/usr/sbin/dockerd -H fd:// $DOCKER_OPTS\n' \
		>"$root/usr/lib/systemd/system/docker.service"
	echo 'DOCKER_OPTS="--config-file=/srv/d.json --default-runtime runc"' >"$root/etc/default/docker"
	configure docker --diff
	[ "$status" -eq 0 ]
	[[ $output == *"+++ /srv/d.json"* ]]
	configure docker --diff --default
	[ "$status" -eq 3 ]
	[[ $stderr == *"--default-runtime"* ]]
	printf '[Service]\nExecStart=\nExecStart=/usr/sbin/dockerd --config-file /etc/other.json\n' \
		>"$root/etc/systemd/system/docker.service.d/x.conf"
	configure docker --diff --default
	[ "$status" -eq 0 ]
	[[ $output == *"+++ /etc/other.json"* ]]
}

@test "files that something else owns are refused" {
	configure docker --diff --config /var/snap/docker/2932/config/daemon.json
	[ "$status" -eq 3 ]
	configure containerd --diff --engine-version 1.7.24 --config /var/lib/rancher/k3s/agent/etc/containerd/config.toml
	[ "$status" -eq 3 ]
	[[ $stderr == *k3s* ]]
	configure containerd --diff --engine-version 1.7.24 --config /etc/k0s/containerd.toml
	[ "$status" -eq 3 ]
	configure docker --diff --config relative.json
	[ "$status" -eq 64 ]
}

@test "containerd: in place up to 1.7, a file beside it from 2.0 on" {
	needs_root
	mkdir -p "$root/etc/containerd"
	printf 'version = 2\n# mine\nimports = ["/etc/containerd/own/*.toml"]' >"$root/etc/containerd/config.toml"
	cp "$root/etc/containerd/config.toml" toml
	configure containerd --yes
	[ "$status" -eq 3 ]
	[[ $stderr == *--engine-version* ]]
	configure containerd --yes --engine-version 1.7.24
	[ "$status" -eq 0 ]
	grep -q 'runtimes.runc\]' "$root/etc/containerd/config.toml"
	[ ! -e "$root/etc/containerd/conf.d" ]
	run "$GPUPROV" rollback --yes --root "$root"
	cmp "$root/etc/containerd/config.toml" toml
	package "$root" containerd 2.1.9-1
	configure containerd --yes
	[ "$status" -eq 0 ]
	grep -q '^version = 2$' "$root/etc/containerd/conf.d/99-gpuprov-nvidia.toml"
	grep -q '^imports = \["/etc/containerd/own/\*.toml", "/etc/containerd/conf.d/\*.toml"\]' \
		"$root/etc/containerd/config.toml"
	configure containerd --yes --remove
	cmp "$root/etc/containerd/config.toml" toml
	[ ! -e "$root/etc/containerd/conf.d/99-gpuprov-nvidia.toml" ]
}

@test "CRI-O: a file of our own, and it goes again" {
	needs_root
	configure crio --yes --default
	[ "$status" -eq 0 ]
	# The plan names the file that is written, not the one that is only read.
	[[ $output == *"+ engine     /etc/crio/crio.conf.d/99-gpuprov-nvidia.conf"* && $output != *"/crio.conf "* ]]
	grep -q '^ *default_runtime = "nvidia"' "$root/etc/crio/crio.conf.d/99-gpuprov-nvidia.conf"
	run "$GPUPROV" rollback --yes --root "$root"
	[ ! -e "$root/etc/crio" ]
}

# ---- the fs cases of tests/vectors ----

@test "fs/501: a link is kept, its target is replaced with mode, owner and attributes" {
	needs_root
	mkdir "$root/etc/site"
	mv "$file" "$root/etc/site/daemon.json"
	ln -s ../site/daemon.json "$file"
	chown 0:7 "$root/etc/site/daemon.json"
	chmod 640 "$root/etc/site/daemon.json"
	setfattr -n user.note -v kept "$root/etc/site/daemon.json" 2>/dev/null || xattrs=none
	configure docker --yes
	[ "$status" -eq 0 ]
	[[ $output == *"/etc/site/daemon.json"* ]]
	[ "$(readlink "$file")" = ../site/daemon.json ]
	grep -q nvidia "$root/etc/site/daemon.json"
	[ "$(stat -c '%a %u %g' "$root/etc/site/daemon.json")" = "640 0 7" ]
	[ -n "${xattrs:-}" ] || [ "$(getfattr -n user.note --only-values "$root/etc/site/daemon.json" 2>/dev/null)" = kept ]
	run "$GPUPROV" rollback --yes --root "$root"
	[ "$(readlink "$file")" = ../site/daemon.json ]
	cmp "$root/etc/site/daemon.json" before
}

@test "a link that somebody else could turn is refused, and none leads out of the root" {
	needs_root
	mkdir "$root/srv"
	cp before "$root/srv/daemon.json"
	rm "$file"
	ln -s /srv/daemon.json "$file"
	chmod 777 "$root/srv"
	configure docker --yes
	[ "$status" -eq 1 ]
	[[ $stderr == *"/srv"*"root alone"* ]]
	chmod 755 "$root/srv"
	configure docker --yes
	[ "$status" -eq 0 ]
	grep -q nvidia "$root/srv/daemon.json"
	rm "$file"
	ln -s "../../../../../../../../..$PWD/before" "$file"
	cp before outside
	configure docker --yes
	[ "$status" -eq 1 ]
	cmp before outside
}

@test "fs/502 and fs/503: a link to nothing and a loop of links are refused" {
	needs_root
	rm "$file"
	ln -s ../site/daemon.json "$file"
	configure docker --yes
	[ "$status" -eq 1 ]
	[[ $stderr == *"/etc/docker/daemon.json"*"../site/daemon.json"*"not there"* ]]
	ln -sf daemon.json "$file"
	configure docker --yes
	[ "$status" -eq 1 ]
	[[ $stderr == *"loop"* ]]
}

@test "fs/504: a read-only file system is found before anything is written" {
	needs_root
	unshare -m true 2>/dev/null || skip "no mount namespaces here"
	run unshare -m sh -c "mount --bind '$root/etc' '$root/etc' && mount -o remount,bind,ro '$root/etc' &&
		'$GPUPROV' configure docker --yes --root '$root'"
	[ "$status" -eq 1 ]
	[[ $output == *"read-only"* ]]
	cmp "$file" before
	[ ! -e "$root/var/lib/gpuprov/runs" ]
}

@test "fs/505: mode and group are kept" {
	needs_root
	chmod 600 "$file"
	chown 0:42 "$file"
	configure docker --yes
	[ "$(stat -c '%a %u %g' "$file")" = "600 0 42" ]
}

@test "fs/506: an immutable file" {
	needs_root
	chattr +i "$file" 2>/dev/null || skip "this file system has no immutable files"
	configure docker --yes
	chattr -i "$file"
	[ "$status" -ne 0 ]
	[[ $stderr == *"not permitted"* ]]
	cmp "$file" before
	clean
}

@test "fs/507: a folder, a pipe and a device are refused without waiting" {
	needs_root
	rm "$file"
	mkdir "$file"
	run timeout 5 "$GPUPROV" configure docker --yes --root "$root"
	[ "$status" -eq 1 ]
	rmdir "$file"
	mkfifo "$file"
	run timeout 5 "$GPUPROV" configure docker --yes --root "$root"
	[ "$status" -eq 1 ]
	[[ $output == *"not a regular file"* ]]
	rm "$file"
	mknod "$file" c 1 3 2>/dev/null || skip "no device nodes here"
	run timeout 5 "$GPUPROV" configure docker --yes --root "$root"
	[ "$status" -eq 1 ]
}

@test "fs/509: a full disk leaves the old file and nothing else" {
	needs_root
	unshare -m true 2>/dev/null || skip "no mount namespaces here"
	run unshare -m sh -c "mount -t tmpfs -o size=64k none '$root/etc/docker' && cp before '$file' &&
		{ head -c 1000000 /dev/zero >'$root/etc/docker/filler' || :; } 2>/dev/null
		'$GPUPROV' configure docker --yes --root '$root'; echo rc=\$?; ls -A '$root/etc/docker'; cmp '$file' before && echo same"
	[[ $output == *rc=1* ]]
	[[ $output == *same* ]]
	[[ $output != *.gpuprov-* ]]
}

@test "fs/510: what a run that was killed left is removed by the next" {
	needs_root
	echo '{"half' >"$root/etc/docker/.gpuprov-0123456789abcdef.tmp"
	configure docker --yes
	[ "$status" -eq 0 ]
	clean
}

@test "fs/511: a file with a second name is replaced only when that is said" {
	needs_root
	ln "$file" "$root/etc/docker/other-name"
	configure docker --yes
	[ "$status" -eq 3 ]
	[[ $stderr == *"hard links"* ]]
	configure docker --yes --replace
	[ "$status" -eq 0 ]
	cmp "$root/etc/docker/other-name" before
}

@test "fs/512: what is kept is never overwritten" {
	needs_root
	configure docker --yes
	object=$root/var/lib/gpuprov/objects/$(sha256sum <before | cut -c1-64)
	[ "$(stat -c %a "$object")" = 600 ]
	cmp "$object" before
	stat -c '%i %Z' "$object" >earlier
	run "$GPUPROV" rollback --yes --root "$root"
	configure docker --yes
	stat -c '%i %Z' "$object" | cmp - earlier
}

# ---- a rootless daemon ----

@test "a user's file is his: a new one in his folder too, and a folder that is not there is his to make" {
	needs_root
	mkdir -p "$root/home/ada/.config"
	chown -R 1000:1000 "$root/home/ada"
	configure docker --config /home/ada/.config/docker/daemon.json --yes
	[ "$status" -eq 3 ]
	[[ $stderr == *"belongs to a user"*"mkdir -p"* ]]
	[ ! -e "$root/home/ada/.config/docker" ]
	mkdir "$root/home/ada/.config/docker"
	chown 1000:1000 "$root/home/ada/.config/docker"
	configure docker --config /home/ada/.config/docker/daemon.json --yes
	[ "$status" -eq 0 ]
	[ "$(stat -c %u:%g:%a "$root/home/ada/.config/docker/daemon.json")" = 1000:1000:644 ]
	run "$GPUPROV" rollback --yes --root "$root"
	[ "$status" -eq 0 ]
	[ -z "$(ls -A "$root/home/ada/.config/docker")" ]
	# A link of his leads nowhere else.
	ln -s /etc/docker/daemon.json "$root/home/ada/.config/docker/daemon.json"
	configure docker --config /home/ada/.config/docker/daemon.json --yes
	[ "$status" -ne 0 ]
	cmp "$file" before
}
