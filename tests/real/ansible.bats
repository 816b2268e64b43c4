#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Ten hosts on one machine, by Ansible: each with a network namespace, an sshd on its loopback and a root of its
# own; the real package, real apt and dpkg, a signed local repository. The tests are one story.

load ../lib/real
load ../lib/fleet

HOSTS="gpu-01 gpu-02 gpu-03 gpu-04 gpu-05 gpu-06 gpu-07 gpu-08 gpu-09 gpu-10"

setup_file() {
	real_need
	"$TOP/tests/lib/deb.sh" "$O" >&2 3>&- || return 1
	# shellcheck disable=SC2086 # words
	BASE=$(real_base bookworm-fleet $FLEET_PACKAGES)
	WORK=$O/real/ansible FLEET=$O/real/ansible REPO=$O/real/ansible/repo
	real_drop
	mkdir -p "$WORK"
	{
		debian_suite
		driver_packages "$VERSION"
	} | repo_make
	export BASE WORK FLEET REPO FLEET_BASE=$BASE
	fleet_template "$BASE" "$(echo "$O"/deb/gpuprov_*.deb)"
	# shellcheck disable=SC2086 # words
	hosts_up $HOSTS
	# shellcheck disable=SC2086 # words
	controller one "$BASE" $HOSTS
	playbooks one
}

teardown_file() {
	local name
	for name in $HOSTS; do [ ! -e "$FLEET/$name/pid" ] || kill "$(cat "$FLEET/$name/pid")" 2>/dev/null || :; done
	real_drop
}

# playbooks CONTROLLER: the one task; the same in batches; and a task that uses what the first one learnt.
playbooks() {
	local to=$FLEET/$1/root/fleet
	cat >"$to/apply.yml" <<-'END'
		- hosts: gpu_hosts
		  gather_facts: false
		  tasks:
		    - name: Apply
		      gpuprov.host.apply:
		        content: {version: 1, kind: bare-metal, driver: {branch: "535", modules: none, nouveau: blacklist}}
		      register: gpu
		    - name: Use what it learnt
		      ansible.builtin.debug:
		        msg: "{{ inventory_hostname }} has {{ gpuprov.gpus | length }} GPU {{ gpuprov.gpus[0].device }}, driver {{ gpuprov.driver.version | default('none') }}, rc {{ gpu.rc }}"
	END
	sed 's/^  gather_facts: false/&\n  serial: [1, 4, "100%"]\n  max_fail_percentage: 0/' "$to/apply.yml" >"$to/rolling.yml"
}

each() {
	local name
	for name in $HOSTS; do echo "$name $1"; done
}

# state_of HOST: everything on it but what ssh and Ansible themselves leave.
state_of() {
	(
		cd "$FLEET/$1/root" || exit 1
		find . -xdev \( -path ./root/.ansible -o -path ./proc -o -path ./run -o -path ./tmp \
			-o -path ./var/log -o -path ./var/cache/gpuprov -o -path ./root -o -path ./var/lib/gpuprov/lock \) \
			-prune -o -type f -newer "$FLEET/template/upper/etc/apt/sources.list" -printf '%P %s %T@\n' | sort
	)
}

@test "the check run: changed=1 each, the diff is shown, and not a byte changes (traced)" {
	for name in $HOSTS; do state_of "$name" >"$WORK/$name.before"; done
	printf '%s\n' '#!/bin/sh' 'exec strace -f -qq -y -o /tmp/trace -e trace=%file,fchmod,fchown,ftruncate,fsetxattr /usr/bin/gpuprov "$@"' \
		>"$FLEET/gpu-01/root/usr/local/bin/gpuprov"
	chmod +x "$FLEET/gpu-01/root/usr/local/bin/gpuprov"
	play one apply.yml --check --diff
	rm "$FLEET/gpu-01/root/usr/local/bin/gpuprov"
	[ "$status" -eq 0 ]
	[ "$recap" = "$(each 'changed=1 failed=0')" ]
	grep -q '^+blacklist nouveau' <<<"$output"
	grep -q "^+nvidia-smi $VERSION" <<<"$output"
	for name in $HOSTS; do
		rm -f "$FLEET/$name/root/usr/local/bin/gpuprov"
		diff "$WORK/$name.before" <(state_of "$name")
	done
	# All that its calls could write is in the cache.
	"$TOP/tests/lib/writes.py" "$FLEET/gpu-01/root/tmp/trace" /var/cache/gpuprov /dev /tmp
}

@test "the first run: changed=1 on each, and the facts are there for the next task" {
	began=$(date +%s%3N)
	play one apply.yml
	echo $(($(date +%s%3N) - began)) >"$WORK/by-ansible"
	[ "$status" -eq 0 ]
	[ "$recap" = "$(each 'changed=1 failed=0')" ]
	for name in $HOSTS; do
		grep -q "\"msg\": \"$name has 1 GPU 1eb8, driver ${VERSION%%-*}, rc 0\"" <<<"$output"
		[ -e "$FLEET/$name/root/etc/modprobe.d/gpuprov-nouveau.conf" ]
		grep -q "^Version: $VERSION" <(chroot "$FLEET/$name/root" dpkg -s nvidia-smi)
	done
	touch "$WORK/applied"
}

@test "the second run: changed=0 on each, and no run was made" {
	[ -e "$WORK/applied" ] || skip "nothing was applied: see the failed test above"
	play one apply.yml
	[ "$status" -eq 0 ]
	[ "$recap" = "$(each 'changed=0 failed=0')" ]
	for name in $HOSTS; do
		[ "$(find "$FLEET/$name/root/var/lib/gpuprov/runs" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
	done
}

@test "at most three times as long as plain parallel ssh with the same command" {
	[ -e "$WORK/applied" ] || skip "nothing was applied: see the failed test above"
	for name in $HOSTS; do host_down "$name"; done
	# shellcheck disable=SC2086 # words
	hosts_up $HOSTS
	# shellcheck disable=SC2086 # words
	controller one "$BASE" $HOSTS
	playbooks one
	echo '{"content": {"version": 1, "kind": "bare-metal", "driver": {"branch": "535", "modules": "none", "nouveau": "blacklist"}}}' \
		>"$FLEET/one/root/fleet/task.json"
	began=$(date +%s%3N)
	# shellcheck disable=SC2016,SC2086 # the inner shell expands; words
	on_controller one sh -c '
		for name; do ssh $name "cat >/tmp/task.json && gpuprov ansible-module /tmp/task.json" <task.json >$name.out 2>/dev/null & done
		wait' sh $HOSTS
	plain=$(($(date +%s%3N) - began))
	for name in $HOSTS; do
		[ "$(jq -c '[.changed, .failed]' "$FLEET/one/root/fleet/$name.out")" = '[true,false]' ]
	done
	echo "# ten hosts: plain ssh $plain ms, ansible $(cat "$WORK/by-ansible") ms" >&3
	[ "$(cat "$WORK/by-ansible")" -le $((3 * plain)) ]
}

@test "a bad host in batch two: the roll-out stops there, and the rest is untouched" {
	for name in $HOSTS; do host_down "$name"; done
	# shellcheck disable=SC2086 # words
	hosts_up $HOSTS
	# shellcheck disable=SC2086 # words
	controller one "$BASE" $HOSTS
	playbooks one
	rm -r "$FLEET/gpu-03/root/srv/repo"
	for name in gpu-06 gpu-07 gpu-08 gpu-09 gpu-10; do state_of "$name" >"$WORK/$name.before"; done
	play one rolling.yml
	[ "$status" -eq 2 ]
	[ "$recap" = "$(printf '%s\n' 'gpu-01 changed=1 failed=0' 'gpu-02 changed=1 failed=0' 'gpu-03 changed=0 failed=1' \
		'gpu-04 changed=1 failed=0' 'gpu-05 changed=1 failed=0')" ]
	for name in gpu-06 gpu-07 gpu-08 gpu-09 gpu-10; do
		diff "$WORK/$name.before" <(state_of "$name")
		[ ! -e "$FLEET/$name/root/var/lib/gpuprov" ]
	done
	# The failure says what and why, as data.
	grep -q '"schema": "gpuprov.result/1"' <<<"$output"
}

@test "two controllers at once: one winner, and 75 for the other" {
	host=gpu-10
	controller two "$BASE" $host
	controller three "$BASE" $host
	playbooks two
	playbooks three
	echo 'pre-invoke="sleep 6"' >"$FLEET/$host/root/etc/dpkg/dpkg.cfg.d/slow"
	on_controller two ansible-playbook -i hosts apply.yml >"$WORK/two.out" 2>&1 &
	two=$!
	on_controller three ansible-playbook -i hosts apply.yml >"$WORK/three.out" 2>&1 &
	three=$!
	bad=0
	wait $two || bad=$((bad + 1))
	wait $three || bad=$((bad + 1))
	cat "$WORK/two.out" "$WORK/three.out"
	[ "$bad" -eq 1 ]
	[ "$(cat "$WORK"/{two,three}.out | grep -c '"rc": 75')" -eq 1 ]
	[ "$(cat "$WORK"/{two,three}.out | grep -c 'changed=1 .*failed=0')" -eq 1 ]
	[ "$(cat "$WORK"/{two,three}.out | grep -c 'changed=0 .*failed=1')" -eq 1 ]
	[ "$(find "$FLEET/$host/root/var/lib/gpuprov/runs" -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
}

@test "the role: package, profile, facts and proof, on a host without the package" {
	host=gpu-09
	chroot "$FLEET/$host/root" dpkg --purge gpuprov >/dev/null
	controller one "$BASE" $host
	cp "$O"/deb/gpuprov_*.deb "$FLEET/one/root/fleet/gpuprov.deb"
	cat >"$FLEET/one/root/fleet/role.yml" <<-'END'
		- hosts: gpu_hosts
		  gather_facts: false
		  vars:
		    gpuprov_deb: /fleet/gpuprov.deb
		    gpuprov_profile: {version: 1, kind: bare-metal, driver: {branch: "535", modules: none, nouveau: blacklist}}
		  roles: [gpuprov.host.provision]
	END
	play one role.yml
	[ "$status" -eq 0 ]
	[ "$recap" = "$host changed=3 failed=0" ]
	play one role.yml
	[ "$status" -eq 0 ]
	[ "$recap" = "$host changed=0 failed=0" ]
}

@test "what the modules take and give is documented" {
	for module in apply facts; do
		run on_controller one ansible-doc --json "gpuprov.host.$module"
		[ "$status" -eq 0 ]
		jq -e ".\"gpuprov.host.$module\".doc.short_description" <<<"$output" >/dev/null
	done
	# Every parameter that the program takes is on the page, and no other.
	run on_controller one ansible-doc --json gpuprov.host.apply
	jq -r '."gpuprov.host.apply".doc.options | keys[]' <<<"$output" | sort >"$WORK/documented"
	echo '{"what": 1}' >"$WORK/task.json"
	"$GPUPROV" ansible-module "$WORK/task.json" | jq -r '.diagnostics[0].ways[0].text' |
		sed 's/.*are //' | tr ',' '\n' | tr -d ' ' | sort >"$WORK/taken"
	diff "$WORK/documented" "$WORK/taken"
}

@test "the example plays and inventory are sound, by Debian 12's Ansible" {
	cp -r "$TOP/examples/ansible/." "$FLEET/one/root/fleet/"
	run on_controller one ansible-playbook -i inventory/hosts.yml --syntax-check site.yml
	echo "$output"
	[ "$status" -eq 0 ]
	run on_controller one ansible-inventory -i inventory/hosts.yml --host train-01.example.com
	[ "$(jq -r .gpuprov_profile.driver.modules <<<"$output")" = open ]
}

@test "Debian 13's Ansible does the same (LONG=1)" {
	[ -n "${LONG:-}" ] || skip "LONG=1 makes a controller of Debian 13"
	# shellcheck disable=SC2086 # words
	new=$(SUITE=trixie real_base trixie-ansible openssh-client netcat-openbsd ansible-core)
	for name in $HOSTS; do host_down "$name"; done
	# shellcheck disable=SC2086 # words
	hosts_up $HOSTS
	# shellcheck disable=SC2086 # words
	controller new "$new" $HOSTS
	playbooks new
	for name in $HOSTS; do state_of "$name" >"$WORK/$name.before"; done
	play new apply.yml --check --diff
	[ "$recap" = "$(each 'changed=1 failed=0')" ]
	grep -q '^+blacklist nouveau' <<<"$output"
	for name in $HOSTS; do diff "$WORK/$name.before" <(state_of "$name"); done
	play new apply.yml
	[ "$recap" = "$(each 'changed=1 failed=0')" ]
	grep -q "\"msg\": \"gpu-10 has 1 GPU 1eb8, driver ${VERSION%%-*}, rc 0\"" <<<"$output"
	play new apply.yml
	[ "$recap" = "$(each 'changed=0 failed=0')" ]
}
