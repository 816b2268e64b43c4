#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# User data that gpuprov emits, checked and carried out by the real cloud-init of Debian 12, without a machine: its
# four stages run in a root with namespaces of its own. gpuprov itself is a stub here that writes down how it was
# called; what it does is proved by the other tests.

load ../lib/real

setup_file() {
	real_need
	unshare -u -m -i -p -f -n true || skip "namespaces of its own cannot be had here"
	real_base bookworm-cloud cloud-init mount >"$BATS_FILE_TMPDIR/base"
}

setup() {
	real_need
	base=$(cat "$BATS_FILE_TMPDIR/base")
	cd "$BATS_TEST_TMPDIR" || return
	mkdir upper work root
	mount -t overlay overlay -o "lowerdir=$base,upperdir=upper,workdir=work" root
	printf '%s\n' 'version: 1' 'kind: bare-metal' "description: \"it's \$(touch /evil)\"" 'driver: {modules: none}' >p.yaml
	printf '%s\n' 'datasource_list: [ NoCloud, None ]' 'locale: C.UTF-8' 'resize_rootfs: false' >root/etc/cloud/cloud.cfg.d/90_test.cfg
	cat >root/usr/bin/gpuprov <<-'SH'
		#!/bin/sh
		echo "$*" >>/called
		case $1 in
		apply) [ ! -e /fail ] ;;
		status) printf '  "reboot_required": %s,\n' "$(cat /reboot)" ;;
		esac
	SH
	chmod +x root/usr/bin/gpuprov
	# What would end the machine, and what there is no init for.
	for name in systemctl shutdown; do
		rm -f "root/usr/sbin/$name" "root/usr/bin/$name"
		printf '#!/bin/sh\necho "%s $*" >>/called\n' "$name" >"root/usr/bin/$name"
		chmod +x "root/usr/bin/$name"
	done
	ln -sf ../bin/shutdown root/usr/sbin/shutdown
	echo false >root/reboot
}

teardown() {
	[ ! -d root ] || ! mountpoint -q root || umount root
}

# boot ID: seed the user data and run the four stages of a boot.
boot() {
	mkdir -p root/var/lib/cloud/seed/nocloud
	cp out root/var/lib/cloud/seed/nocloud/user-data
	echo "instance-id: $1" >root/var/lib/cloud/seed/nocloud/meta-data
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin unshare -u -m -i -p -f -n chroot root sh -c '
		mount -t proc proc /proc; mount -t tmpfs tmpfs /run; mkdir /run/cloud-init
		cloud-init init --local; cloud-init init; cloud-init modules --mode=config
		cloud-init modules --mode=final; cloud-init status --long >/status
		# A reboot is made a moment after cloud-init has ended.
		n=0; while [ "$(cat /reboot)" = true ] && ! grep -q shutdown /called && [ $n -lt 15 ]; do
			sleep 1; n=$((n + 1)); done; true' >boot.log 2>&1 3>&-
}

called() {
	if ! diff -U 9 - root/called; then
		tail -n 30 boot.log
		return 1
	fi
}

@test "cloud-init schema accepts every user data" {
	python3 -c 'open("long.yaml", "w").write(open("p.yaml").read() + "# \u00e4\n" + "# x\n" * 500)'
	for profile in p.yaml long.yaml; do
		for deb in '' "--deb https://mirror.example/g.deb --sha256 $(printf %064d 7)" '--deb /srv/g.deb'; do
			# shellcheck disable=SC2086 # several words
			"$GPUPROV" emit cloud-init $deb "$profile" >root/user-data
			chroot root cloud-init schema --config-file /user-data
		done
	done
	sed 's/^runcmd:/runcmd: a/; /^  - - /d' root/user-data >root/wrong
	run ! chroot root cloud-init schema --config-file /wrong
}

@test "the first boot applies the profile and reboots; the second boot does nothing" {
	"$GPUPROV" emit cloud-init p.yaml >out
	echo true >root/reboot
	boot one
	cmp p.yaml root/etc/gpuprov/profile.yaml
	[ "$(stat -c %a root/etc/gpuprov/profile.yaml)" = 600 ]
	[ ! -e root/evil ]
	grep -v '^shutdown' root/called >calls
	diff -U 9 - calls <<-'EOT'
		apply --yes /etc/gpuprov/profile.yaml
		status --json
		systemctl enable gpuprov-first-boot.service
	EOT
	grep '^shutdown' root/called || { grep power_state root/var/log/cloud-init.log; return 1; }
	grep -q '^status: done' root/status || { cat root/status; grep -i power root/var/log/cloud-init.log; return 1; }
	rm root/called
	boot one
	[ ! -e root/called ]
}

@test "without a reboot to make none is made" {
	"$GPUPROV" emit cloud-init p.yaml >out
	boot one
	called <<-'EOT'
		apply --yes /etc/gpuprov/profile.yaml
		status --json
	EOT
	[ ! -e root/etc/systemd/system/gpuprov-first-boot.service ]
}

@test "an apply that fails ends as an error of cloud-init" {
	"$GPUPROV" emit cloud-init p.yaml >out
	touch root/fail
	boot one
	called <<-'EOT'
		apply --yes /etc/gpuprov/profile.yaml
	EOT
	grep -q '^status: error' root/status || { cat root/status; return 1; }
}
