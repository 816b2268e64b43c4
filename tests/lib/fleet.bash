# SPDX-License-Identifier: Apache-2.0
# For bats: hosts on one machine. Each has a network namespace, an sshd on its own loopback, and a root of its
# own with a GPU; the controller reaches them by ssh. To be loaded after real.
# shellcheck shell=bash

# What hosts and controllers have; one root serves as both.
FLEET_PACKAGES="openssh-server openssh-client netcat-openbsd ansible-core python3-apt strace libjansson4
	libyaml-0-2 libcurl4 libarchive13"

# fleet_template BASE DEB: $FLEET/template, a host with the package and with $REPO as its only apt source.
fleet_template() {
	local t=$FLEET/template/root
	FLEET_BASE=$1
	scratch_make "$1" "$FLEET/template"
	cp "$2" "$t/tmp/gpuprov.deb"
	chroot "$t" dpkg -i /tmp/gpuprov.deb >/dev/null
	rm -f "$t"/etc/apt/sources.list.d/* "$t"/etc/apt/apt.conf.d/99mmdebstrap
	cp -r "$REPO" "$t/srv/repo"
	cp "$O/cache/keys/good.gpg" "$t/usr/share/keyrings/local.gpg"
	echo "deb [signed-by=/usr/share/keyrings/local.gpg] file:/srv/repo bookworm main" >"$t/etc/apt/sources.list"
	scratch_gpu "$t" 0000:3b:00.0 1eb8
	ssh-keygen -q -t ed25519 -N '' -f "$FLEET/key" <<<y >/dev/null
	mkdir -p "$t/root/.ssh" "$t/run/sshd"
	cp "$FLEET/key.pub" "$t/root/.ssh/authorized_keys"
	printf '%s\n' 'ListenAddress 127.0.0.1' 'UsePAM no' 'UseDNS no' 'PermitRootLogin yes' \
		'PasswordAuthentication no' >"$t/etc/ssh/sshd_config.d/fleet.conf"
	umount "$t"
}

# host_up NAME: a fresh copy of the template, running.
host_up() {
	local dir=$FLEET/$1
	scratch_make "$FLEET/template/upper:$FLEET_BASE" "$dir"
	echo "$1" >"$dir/root/etc/hostname"
	# shellcheck disable=SC2016 # the inner shell expands these
	unshare --net --mount --uts sh -euc '
		hostname "$2"
		ip link set lo up
		mount -t proc proc "$1/proc"
		exec chroot "$1" /usr/sbin/sshd -D -e' sh "$dir/root" "$1" >"$dir/sshd.log" 2>&1 3>&- &
	echo $! >"$dir/pid"
}

hosts_up() {
	local name
	for name; do host_up "$name"; done
	for name; do
		for _ in $(seq 250); do
			grep -qs 'Server listening' "$FLEET/$name/sshd.log" && break
			sleep 0.02
		done
	done
}

host_down() {
	local pid
	for pid in $(descendants "$(cat "$FLEET/$1/pid")"); do kill "$pid" 2>/dev/null || :; done
	for _ in $(seq 250); do
		[ -d "/proc/$(cat "$FLEET/$1/pid")" ] || break
		sleep 0.02
	done
	scratch_drop "$FLEET/$1"
	rm -rf --one-file-system "${FLEET:?}/${1:?}"
}

# controller NAME BASE HOST...: a root with Ansible, the collection, and a way to each host.
controller() {
	local root=$FLEET/$1/root base=$2 name
	scratch_make "$base" "$FLEET/$1"
	shift 2
	mkdir -p "$root/root/.ssh" "$root/fleet"
	cp "$FLEET/key" "$root/root/.ssh/key"
	cp -r "$TOP/examples/ansible/collections" "$root/fleet/"
	printf '%s\n' '[defaults]' 'collections_path = /fleet/collections' 'forks = 10' 'host_key_checking = False' \
		'interpreter_python = /usr/bin/python3' 'nocows = 1' 'retry_files_enabled = False' \
		>"$root/fleet/ansible.cfg"
	for name; do
		printf '%s\n' "Host $name" "  ProxyCommand nsenter --net=/proc/$(cat "$FLEET/$name/pid")/ns/net nc 127.0.0.1 22"
	done >"$root/root/.ssh/config"
	printf '%s\n' 'Host *' '  User root' '  IdentityFile ~/.ssh/key' '  StrictHostKeyChecking no' \
		'  UserKnownHostsFile /dev/null' '  LogLevel ERROR' >>"$root/root/.ssh/config"
	printf '%s\n' '[gpu_hosts]' "$@" >"$root/fleet/hosts"
}

# on_controller NAME COMMAND...: in its folder /fleet.
on_controller() {
	# shellcheck disable=SC2016 # the inner shell expands these
	unshare -m sh -euc '
		root=$1
		shift
		mount -t proc proc "$root/proc"
		mount --bind /dev "$root/dev"
		exec chroot "$root" env HOME=/root LC_ALL=C.UTF-8 ANSIBLE_CONFIG=/fleet/ansible.cfg \
			sh -c "cd /fleet && exec \"\$@\"" sh "$@"' sh "$FLEET/$1/root" "${@:2}" 3>&-
}

# play NAME PLAYBOOK [OPTION]...: $status, $output, and what the recap says of each host in $recap.
play() {
	run on_controller "$1" ansible-playbook -i hosts "${@:2}"
	recap=$(sed -n '/^PLAY RECAP/,$s/^\([a-z0-9-]*\) .*changed=\([0-9]*\) *unreachable=\([0-9]*\) *failed=\([0-9]*\).*/\1 changed=\2 failed=\4/p' <<<"$output" | sort)
	echo "--- status $status"
	head -n 150 <<<"$output"
}
