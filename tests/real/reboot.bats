#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Two sittings with a boot between them, as the running system sees them: the program in a chroot, which is
# "/" to it, with a systemctl that writes down what it is told and a boot id that changes. Also images.

load ../cli/fixture

bats_require_minimum_version 1.5.0

setup() {
	[ "$(id -u)" -eq 0 ] || skip "only root applies"
	fixture
	install_driver "$root"
	write_profile "$profile" 'driver: {modules: none, nouveau: blacklist}'
	conf=$root/etc/modprobe.d/gpuprov-nouveau.conf
	source=$root/etc/apt/sources.list.d/gpuprov-debian.sources
	calls=$root/systemctl-calls
}

# boot ID: the running system's next boot. live ARGUMENT...: gpuprov in it.
boot() {
	echo "$1" >"$BATS_TEST_TMPDIR/boot_id"
}

live() {
	status=0
	unshare -m sh -euc '
		root=$1 program=$2 boot=$3 upper=$4
		shift 4
		mkdir -p "$root/usr/lib" "$root/proc" "$root/dev" "$upper/usr/bin" "$upper/work"
		printf "#!/bin/sh\necho \"\$@\" >>/systemctl-calls\n" >"$upper/usr/bin/systemctl"
		chmod 755 "$upper/usr/bin/systemctl"
		for link in bin sbin lib lib64; do [ -e "$root/$link" ] || ln -sfn usr/$link "$root/$link"; done
		mount -t overlay overlay -o "lowerdir=$upper/usr:$root/usr:/usr" "$root/usr"
		mkdir -p "$root/lib/x86_64-linux-gnu"
		mount --bind /usr/lib/x86_64-linux-gnu "$root/lib/x86_64-linux-gnu"
		if [ -e "$root/proc/modules" ]; then
			mkdir -p "$root/proc/sys/kernel/random"
			cp "$boot" "$root/proc/sys/kernel/random/boot_id"
		else
			mount -t proc proc "$root/proc"
			mount --bind "$boot" "$root/proc/sys/kernel/random/boot_id"
			mount --bind /dev "$root/dev"
		fi
		cp "$program" "$root/gpuprov"
		exec chroot "$root" /gpuprov "$@"
	' sh "$root" "$GPUPROV" "$BATS_TEST_TMPDIR/boot_id" "$BATS_TEST_TMPDIR/upper" "$@" \
		>out 2>err </dev/null || status=$?
	stdout=$(cat out)
	stderr=$(cat err)
	show
}

# The plan of the profile, edited: set ATTRIBUTE of the second step, and keys of header and totals.
two_sittings() {
	live plan --out /f.plan /p.yaml
	[ "$status" -eq 0 ]
	python3 - "$root/f.plan" "$@" <<-'END'
		import hashlib, json, sys
		text = open(sys.argv[1]).read().split("\n", 1)[1]
		saved = json.loads(text)
		for edit in sys.argv[2:]:
		    where, _, value = edit.partition("=")
		    if where == "when":
		        next(s for s in saved["plan"]["steps"] if s["kind"] == "repo")["when"] = value
		    elif where == "reboot-needed":
		        saved["plan"]["totals"]["reboot"] = True
		    else:
		        saved["plan"]["header"][where] = value
		text = json.dumps(saved)
		open(sys.argv[1], "w").write(
		    "gpuprov.saved-plan/1 " + hashlib.sha256(text.encode()).hexdigest() + "\n" + text)
	END
}

put_profile() {
	write_profile "$root/p.yaml" 'driver: {modules: none, nouveau: blacklist}' "$@"
}

state_is() {
	live status --json
	[[ $stdout == *"\"state\": \"$1\""* ]]
}

# nouveau_host: nouveau holds the GPUs, and the driver of the profile is on the disk, with a module for the
# running kernel. Processes and modules are what files in proc say.
nouveau_host() {
	local modules name
	modules=$root/lib/modules/$(uname -r)
	kernel "$root" "$(uname -r)"
	for name in nvidia-kernel-dkms nvidia-persistenced nvidia-kernel-support nvidia-alternative \
		firmware-nvidia-gsp "linux-headers-$(uname -r | cut -d- -f2-)"; do
		package "$root" "$name" 535.309.01-1~deb12u1
	done
	mkdir -p "$root/proc" "$modules/updates/dkms" "$root/usr/src/nvidia-current-535.309.01"
	touch "$root/usr/src/nvidia-current-535.309.01/dkms.conf"
	printf '\177ELF...\0version=535.309.01\0license=NVIDIA\0' >"$modules/updates/dkms/nvidia-current.ko"
	# Libraries that see two Tesla T4 with driver 535.309.01.
	cp "$O/fakegpu/libcuda.so.1" "$root/usr/lib/x86_64-linux-gnu/libcuda.so.535.309.01"
	cp "$O/fakegpu/libnvidia-ml.so.1" "$root/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.535.309.01"
	ln -sf libnvidia-ml.so.535.309.01 "$root/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1"
	mkdir -p "$root/dev" "$root/sys/module/nouveau"
	[ -e "$root/dev/null" ] || mknod -m 666 "$root/dev/null" c 1 3
	echo 'nouveau 1 0 - Live 0x0' >"$root/proc/modules"
	write_profile "$root/p.yaml" 'driver: {branch: "535", modules: proprietary}' "$@"
}

# The next boot: nouveau is kept out, udev has loaded the new module.
boot_with_nvidia() {
	boot "$1"
	echo 'nvidia 1 0 - Live 0x0' >"$root/proc/modules"
	mkdir -p "$root/sys/module/nvidia"
	rm -rf "$root/sys/module/nouveau"
	echo "$2" >"$root/sys/module/nvidia/version"
	for name in nvidiactl:255 nvidia0:0 nvidia1:1; do
		[ -e "$root/dev/${name%:*}" ] || mknod -m 666 "$root/dev/${name%:*}" c 195 "${name#*:}"
	done
	[ -e "$root/dev/nvidia-uvm" ] || mknod -m 666 "$root/dev/nvidia-uvm" c 511 0
}

@test "a real profile where nouveau holds the GPUs: the run waits, the boot ends and proves it" {
	for word in ask never auto; do
		boot one
		nouveau_host "reboot: $word" 'report: /report.json'
		live plan /p.yaml
		[[ $stdout == *"-/+ module "*"until then nouveau holds the GPUs"*"A reboot is needed."* ]]
		live apply --yes --json /p.yaml
		[ "$status" -eq 0 ]
		[[ $stdout == *'"changed": true'*'"reboot_required": true'* ]]
		[ -e "$root/var/lib/gpuprov/resume.json" ]
		if [ $word = auto ]; then
			[ "$(cat "$calls")" = reboot ]
		else
			[[ $stderr == *"The rest needs a reboot"* ]]
			[ ! -e "$calls" ]
		fi
		state_is "waits for a reboot"
		[[ $stdout == *'"reboot_required": true'* ]]
		# Again before the boot: nothing is done, nothing is written down.
		runs=$(find "$root/var/lib/gpuprov/runs" | sort)
		live apply --yes /p.yaml
		[ "$status" -eq 0 ]
		[ "$(find "$root/var/lib/gpuprov/runs" | sort)" = "$runs" ]
		boot_with_nvidia two 535.309.01
		live apply --resume --yes
		[ "$status" -eq 0 ]
		state_is "done"
		[[ $stdout == *'"reboot_required": false'* ]]
		grep -q '"id": "driver.loaded"' "$root/report.json"
		grep -A3 '"id": "driver.loaded"' "$root/report.json" | grep -q '"result": "PASS"'
		live rollback --yes
		[ "$status" -eq 0 ]
		[[ $stdout != *"module "* ]]
		[ ! -e "$conf" ]
		rm -r "$root/sys/module" "$root"/dev/nvidia* "$root/var/lib/gpuprov" "$root/report.json"
		rm -f "$calls"
	done
}

@test "nouveau is still there after the boot: said so; then the boot that takes it out ends the run" {
	boot one
	nouveau_host
	live apply --yes /p.yaml
	boot two
	live apply --resume --yes
	[ "$status" -eq 1 ]
	[[ $stderr == *GP3015*"nouveau is still loaded after the boot"* ]]
	state_is failed
	boot_with_nvidia three 535.309.01
	live apply --resume --yes
	[ "$status" -eq 0 ]
	state_is "done"
}

@test "reboot: auto reboots, and the next boot goes on, proves, and reports" {
	boot one
	put_profile 'reboot: auto' 'report: /var/log/gpuprov.json'
	mkdir -p "$root/var/log"
	two_sittings when=boot reboot-needed=
	live apply --yes /f.plan
	[ "$status" -eq 0 ]
	[ "$(cat "$calls")" = reboot ]
	[ -e "$conf" ]
	[ ! -e "$source" ]
	[ -e "$root/var/lib/gpuprov/resume.json" ]
	grep -q '"state": "waits for a reboot"' "$root/var/log/gpuprov.json"
	state_is "waits for a reboot"
	[[ $stdout == *'"reboot_required": true'* ]]
	# Not before the boot.
	live apply --resume --yes
	[ "$status" -eq 1 ]
	[[ $stderr == *GP3013* ]]
	boot two
	live apply --resume --yes
	[ "$status" -eq 0 ]
	[ -e "$source" ]
	[ ! -e "$root/var/lib/gpuprov/resume.json" ]
	[ "$(wc -l <"$calls")" -eq 1 ]
	grep -q '"state": "done"' "$root/var/log/gpuprov.json"
	grep -q '"checks": \[' "$root/var/log/gpuprov.json"
	state_is "done"
	live rollback --yes
	[ "$status" -eq 0 ]
	[ ! -e "$conf" ]
	[ ! -e "$source" ]
}

# told EXPRESSION: of the one object that is the result.
told() {
	jq -e "$1" out >/dev/null || { echo "expected: $1"; return 1; }
}

@test "what engines are told: waiting for the boot is no change, however often they ask" {
	boot one
	put_profile 'reboot: never'
	two_sittings when=boot reboot-needed=
	live apply --yes --format result /f.plan
	[ "$status" -eq 0 ]
	told '.changed and .reboot_required and ([.actions[].state] == ["done", "waiting"])'
	for _ in 1 2; do
		live apply --yes --format result /f.plan
		[ "$status" -eq 0 ]
		told '(.changed | not) and (.failed | not) and .reboot_required and .msg == "what is left waits for a reboot"'
	done
	live apply --yes --format salt /f.plan
	told '.changed == false'
	boot two
	live apply --resume --yes --format result
	told '.changed and (.failed | not) and (.reboot_required | not)'
	told '[.actions[] | select(.ms > 0).id] == ["repo:debian"] and .msg == "1 step done"'
	[ -e "$source" ]
	live plan --format result /p.yaml
	told '.changed == false and .reboot_required == false'
	live status --json
	told '.state == "done" and .reboot_required == false'
}

@test "ask and never: one clear line, exit 0, no reboot, and what is left is done after it" {
	for word in ask never; do
		boot one
		put_profile "reboot: $word"
		two_sittings when=boot reboot-needed=
		live apply --yes /f.plan
		[ "$status" -eq 0 ]
		[[ $stderr == *"The rest needs a reboot"* ]]
		[ ! -e "$calls" ]
		boot two
		live apply --resume --yes
		[ "$status" -eq 0 ]
		[ -e "$source" ]
		live rollback --yes
		[ ! -e "$source" ]
	done
}

@test "a second sitting that never ends: three boots, then it is given up and said so" {
	boot 0
	put_profile 'reboot: auto'
	two_sittings when=boot reboot-needed=
	live apply --yes /f.plan
	# The folder of the second step's file is a file: it fails at each boot.
	rmdir "$root/etc/apt/sources.list.d"
	: >"$root/etc/apt/sources.list.d"
	for n in 1 2 3; do
		boot $n
		live apply --resume --yes
		[ "$status" -eq 1 ]
		[[ $stderr != *GP3012* ]]
	done
	boot 4
	live apply --resume --yes
	[ "$status" -eq 1 ]
	[[ $stderr == *GP3012* ]]
	[ ! -e "$root/var/lib/gpuprov/resume.json" ]
	state_is failed
	[ "$(wc -l <"$calls")" -eq 1 ]
}

@test "on-failure: rollback when a postcondition does not hold: named, and all put back" {
	boot one
	put_profile 'on-failure: rollback' 'report: /report.json'
	rm "$root"/usr/lib/x86_64-linux-gnu/libcuda.so*
	live apply --yes /p.yaml
	[ "$status" -eq 5 ]
	[[ $stderr == *GP3014*libcuda*"everything was put back"* ]]
	[ ! -e "$conf" ]
	[ ! -e "$source" ]
	grep -q '"rolled_back": true' "$root/report.json"
	live history
	[[ $stdout == *"rolled back"*"rollback to before run 1: done"* ]]
}

@test "on-failure: rollback when a step fails; on-failure: stop leaves it resumable" {
	boot one
	rmdir "$root/etc/apt/sources.list.d"
	: >"$root/etc/apt/sources.list.d"
	put_profile 'on-failure: stop'
	live apply --yes /p.yaml
	[ "$status" -eq 1 ]
	[ -e "$conf" ]
	put_profile 'on-failure: rollback'
	live apply --yes /p.yaml
	[ "$status" -eq 1 ]
	[[ $stderr == *"everything that was done has been put back"* ]]
	[ ! -e "$conf" ]
}

@test "in an image what needs a boot is deferred to the first one" {
	boot build
	put_profile
	gpuprov plan --root "$root" --out f.plan "$root/p.yaml"
	python3 - f.plan <<-'END'
		import hashlib, json, sys
		text = open(sys.argv[1]).read().split("\n", 1)[1]
		saved = json.loads(text)
		next(s for s in saved["plan"]["steps"] if s["kind"] == "repo")["when"] = "boot"
		text = json.dumps(saved)
		open(sys.argv[1], "w").write(
		    "gpuprov.saved-plan/1 " + hashlib.sha256(text.encode()).hexdigest() + "\n" + text)
	END
	gpuprov apply --root "$root" --yes f.plan
	ends_with 0
	complains "deferred to the first boot"
	[ ! -e "$source" ]
	[ ! -e "$calls" ]
	boot first
	live apply --resume --yes
	[ "$status" -eq 0 ]
	[ -e "$source" ]
}

@test "the unit is well-formed, and in no ordering cycle with cloud-init" {
	unit=$BATS_TEST_DIRNAME/../../units/gpuprov-resume.service
	grep -q '^ConditionPathExists=/var/lib/gpuprov/resume.json$' "$unit"
	run -1 grep -qE '^(After|Before)=.*cloud' "$unit"
	make -s -C "$BATS_TEST_DIRNAME/../.." O="$O" DESTDIR="$BATS_TEST_TMPDIR/dest" prefix=/usr install
	[ -e "$BATS_TEST_TMPDIR/dest/usr/lib/systemd/system/multi-user.target.wants/gpuprov-resume.service" ]
	command -v systemd-analyze >/dev/null || skip "there is no systemd-analyze"
	install -D "$GPUPROV" "$BATS_TEST_TMPDIR/dest/usr/bin/gpuprov"
	run systemd-analyze verify --root="$BATS_TEST_TMPDIR/dest" --man=no gpuprov-resume.service
	echo "$output"
	[[ $output != *"gpuprov-resume"*"cycle"* ]]
	[[ $output != *"Unknown key"* ]]
}
