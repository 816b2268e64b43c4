#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Applying for real: real libapt and dpkg on a real Debian root, packages from a local repository.

load ../lib/real

setup_file() {
	real_need
	BASE=$(real_base bookworm)
	export BASE
}

setup() {
	real_root "$BASE"
	mkdir "$REPO"
	repo_serve
}

teardown() {
	real_drop
}

# Start an apply in the background and wait until a maintainer script made /tmp/here in the root.
apply_until_script() {
	"$GPUPROV" apply --yes --root "$ROOT" --cache "$CACHE" "$DEMO" >"$WORK/out" 2>&1 3>&- &
	APPLY=$!
	until_there "$ROOT/tmp/here"
}

# A kernel with an initramfs makes one more step after the packages.
fake_kernel() {
	mkdir -p "$ROOT/boot" "$ROOT/usr/sbin"
	touch "$ROOT/boot/vmlinuz-6.1.0-99-amd64" "$ROOT/boot/initrd.img-6.1.0-99-amd64"
	printf '#!/bin/sh\necho rebuilt >/boot/initrd.img-6.1.0-99-amd64\n' \
		>"$ROOT/usr/sbin/update-initramfs"
	chmod 755 "$ROOT/usr/sbin/update-initramfs"
}

driver_is_there() {
	[ "$(chroot "$ROOT" dpkg-query -W -f '${db:Status-Abbrev}${Version}' nvidia-smi)" = "ii $VERSION" ]
	[ ! -e "$ROOT/usr/sbin/policy-rc.d" ]
	no_mounts
}

@test "exactly the plan's set is installed, marked, and nothing else is changed" {
	{ debian_suite; driver_packages "$VERSION"; } | repo_make
	repo_use
	installed >"$WORK/before"
	chroot "$ROOT" apt-mark showmanual >"$WORK/manual-before"
	gp plan "$DEMO" --json
	[ "$status" -eq 0 ]
	planned >"$WORK/planned"
	[ "$(wc -l <"$WORK/planned")" -eq 4 ]
	sha256sum "$REPO"/pool/contrib/*.deb "$REPO"/pool/non-free/*.deb | cut -d ' ' -f 1 | sort |
		diff - <(grep -o '"sha256": "[^"]*"' <<<"$output" | cut -d '"' -f 4 | sort)
	apply
	[ "$status" -eq 0 ]
	installed >"$WORK/after"
	diff <(sort "$WORK/before" "$WORK/planned") "$WORK/after"
	chroot "$ROOT" apt-mark showmanual >"$WORK/manual-after"
	diff <(printf 'libcuda1\nnvidia-smi\n') \
		<(comm -13 <(sort "$WORK/manual-before") <(sort "$WORK/manual-after"))
	driver_is_there
	run -0 "$GPUPROV" verify --root "$ROOT" "$DEMO"
	[[ $output != *FAIL* ]]
}

@test "the journal has every step in order, with right checksums" {
	{ debian_suite; driver_packages "$VERSION"; } | repo_make
	repo_use
	apply
	[ "$status" -eq 0 ]
	run -0 journal 1
	diff - <(echo "$output") <<-END
		begin 
		start file:nouveau
		done file:nouveau
		start repo:debian
		done repo:debian
		start packages:nvidia
		done packages:nvidia
		end done
	END
}

@test "a second apply writes nothing and asks the repository nothing" {
	{ debian_suite; driver_packages "$VERSION"; } | repo_make
	repo_use
	apply
	tree_of "$ROOT" >"$WORK/tree"
	requests=$(wc -l <"$WORK/requests")
	apply
	[ "$status" -eq 0 ]
	diff "$WORK/tree" <(tree_of "$ROOT")
	[ "$(wc -l <"$WORK/requests")" -eq "$requests" ]
}

@test "a repository on disk inside the image is found there, by plan and by dpkg" {
	REPO=$ROOT/srv/repo URI=file:///srv/repo
	{ debian_suite; driver_packages "$VERSION"; } | repo_make
	repo_use
	apply
	[ "$status" -eq 0 ]
	driver_is_there
	[ ! -s "$WORK/requests" ]
	# What was written into the image is the image's own path.
	grep -q '^URIs: file:///srv/repo/\?$' "$ROOT/etc/apt/sources.list.d/gpuprov-debian.sources"
}

@test "the packages on offer changed since the plan: exit 6, each difference named" {
	{ debian_suite; driver_packages "$VERSION"; } | repo_make
	repo_use
	gp plan "$DEMO"
	[ "$status" -eq 0 ]
	# The plan's private indexes are recent and say the old version; the repository has a newer one.
	{ debian_suite; driver_packages 535.400.01-1; } | repo_make
	installed >"$WORK/before"
	apply
	[ "$status" -eq 6 ]
	says GP2006
	says "nvidia-smi: $VERSION in the plan, 535.400.01-1 now"
	diff "$WORK/before" <(installed)
	run -0 journal 1
	[[ $output == *"failed packages:nvidia"*"end failed" ]]
	# The root's own lists are newer now, so the next plan is made from them.
	apply
	[ "$status" -eq 0 ]
	installed | grep -qx 'nvidia-smi 535.400.01-1'
}

@test "one more package is needed since the plan: exit 6" {
	{ debian_suite; driver_packages "$VERSION"; } | repo_make
	repo_use
	gp plan "$DEMO"
	{ debian_suite; driver_packages "$VERSION" "Recommends: x" |
		sed 's/^Depends: nvidia-support/Depends: nvidia-support, not-wanted/'; } | repo_make
	apply
	[ "$status" -eq 6 ]
	says "not-wanted: not in the plan, 1 now"
}

@test "a question about a configuration file does not hang, and the user's file stays" {
	{ debian_suite; driver_packages "$VERSION" 'Conffile: /etc/nvidia/toy.conf of the package'; } | repo_make
	repo_use
	mkdir -p "$ROOT/etc/nvidia"
	echo "of the user" >"$ROOT/etc/nvidia/toy.conf"
	run --separate-stderr timeout 30 "$GPUPROV" apply --yes --root "$ROOT" --cache "$CACHE" "$DEMO"
	show
	[ "$status" -eq 0 ]
	[ "$(cat "$ROOT/etc/nvidia/toy.conf")" = "of the user" ]
	[ "$(cat "$ROOT/etc/nvidia/toy.conf.dpkg-dist")" = "of the package" ]
	driver_is_there
}

@test "a maintainer script that asks gets no answer, and does not hang" {
	{ debian_suite; driver_packages "$VERSION" 'Postinst: read answer || echo nobody >/tmp/asked
 if (read answer </dev/tty) 2>/dev/null; then echo somebody >/tmp/asked-tty; fi'; } | repo_make
	repo_use
	run --separate-stderr timeout 30 "$GPUPROV" apply --yes --root "$ROOT" --cache "$CACHE" "$DEMO"
	show
	[ "$status" -eq 0 ]
	[ "$(cat "$ROOT/tmp/asked")" = nobody ]
	[ ! -e "$ROOT/tmp/asked-tty" ]
}

@test "a failing postinst: exit 1 in dpkg's own words; mended, the next apply goes on" {
	{ debian_suite; driver_packages "$VERSION" 'Postinst: echo "toy: no such GPU" >&2
 test ! -e /etc/broken || exit 7'; } | repo_make
	repo_use
	touch "$ROOT/etc/broken"
	apply
	[ "$status" -eq 1 ]
	says GP2007
	says "nvidia-smi: installed nvidia-smi package post-installation script subprocess returned error exit status 7"
	says "$ROOT/var/lib/gpuprov/runs/000001/log"
	grep -q "toy: no such GPU" "$ROOT/var/lib/gpuprov/runs/000001/log"
	run -0 journal 1
	[[ $output == *"failed packages:nvidia"*"end failed" ]]
	[ ! -e "$ROOT/usr/sbin/policy-rc.d" ]
	no_mounts

	# What is half-configured is a step of its own, which fails with the same words until it is mended.
	gp plan "$DEMO"
	[ "$status" -eq 0 ]
	[[ $output == *"~ dpkg"*"dpkg --configure -a"*"nvidia-smi half-configured"* ]]
	apply
	[ "$status" -eq 1 ]
	says "dpkg:repair: finishing what dpkg left"
	says "toy: no such GPU"
	rm "$ROOT/etc/broken"
	apply
	[ "$status" -eq 0 ]
	driver_is_there
}

@test "dpkg refuses to begin: its own words are in the message" {
	{ debian_suite; driver_packages "$VERSION"; } | repo_make
	repo_use
	mv "$ROOT/usr/bin/tar" "$ROOT/usr/bin/tar.away"
	apply
	[ "$status" -eq 1 ]
	says GP2007
	says "dpkg: error: 1 expected program not found in PATH"
	mv "$ROOT/usr/bin/tar.away" "$ROOT/usr/bin/tar"
	apply
	[ "$status" -eq 0 ]
	driver_is_there
}

# Kill everything while a maintainer script of nvidia-smi runs; the next apply finishes what dpkg left.
killed_in() {
	{ debian_suite; driver_packages "$VERSION" "$1: touch /tmp/here
 test ! -e /tmp/slow || sleep 60"; } | repo_make
	repo_use
	touch "$ROOT/tmp/slow"
	apply_until_script
	kill_all "$APPLY"
	no_mounts
	rm "$ROOT/tmp/slow"
	gp plan "$DEMO"
	[ "$status" -eq 0 ]
	[[ $output == *"~ dpkg"*"dpkg --configure -a"* ]]
	apply
	[ "$status" -eq 0 ]
	driver_is_there
	chroot "$ROOT" dpkg --audit | diff /dev/null -
	run -0 "$GPUPROV" verify --root "$ROOT" "$DEMO"
	run -0 journal 1
	[ "${lines[-1]}" = "start packages:nvidia" ]
	run -0 journal 2
	[ "${lines[1]}" = "start dpkg:repair" ]
	[ "${lines[2]}" = "done dpkg:repair" ]
	[ "${lines[-1]}" = "end done" ]
}

@test "kill -9 of everything while dpkg configures: refused, repaired, converged" {
	killed_in Postinst
}

@test "kill -9 of everything while dpkg unpacks: refused, repaired, converged" {
	killed_in Preinst
}

@test "kill -9 of gpuprov alone: dpkg comes to its end, the lock holds until then" {
	{ debian_suite; driver_packages "$VERSION" 'Postinst: touch /tmp/here
 sleep 1
 touch /tmp/finished'; } | repo_make
	repo_use
	apply_until_script
	kill -KILL "$APPLY"
	wait "$APPLY" || :
	apply
	[ "$status" -eq 75 ]
	says "$APPLY"
	until_there "$ROOT/tmp/finished"
	for _ in $(seq 100); do
		apply
		[ "$status" -eq 75 ] || break
		sleep 0.1
	done
	[ "$status" -eq 0 ]
	# The policy that kept services from starting was left behind, and is gone now.
	driver_is_there
}

@test "kill -9 of gpuprov alone under a long progress that nobody reads: dpkg does not wait" {
	local many=()
	for i in $(seq 50); do many+=("many$i-$(printf "%0180d" 0)"); done
	{
		debian_suite
		driver_packages "$VERSION" "Recommends: x" |
			sed "s/^Depends: nvidia-support/&, $(IFS=,; echo "${many[*]}")/"
		printf '\nPackage: %s\nVersion: 1\nPreinst: touch /tmp/here\n' "${many[@]}"
	} | repo_make
	repo_use
	apply_until_script
	kill -KILL "$APPLY"
	for _ in $(seq 600); do
		apply
		[ "$status" -eq 75 ] || break
		sleep 0.1
	done
	[ "$status" -eq 0 ]
	driver_is_there
	[ "$(installed | grep -c ^many)" -eq 50 ]
}

@test "what a run that was cut off left behind is cleared away, and only that" {
	{ debian_suite; driver_packages "$VERSION"; } | repo_make
	repo_use
	mkdir -p "$ROOT/etc/modprobe.d"
	touch "$ROOT/etc/modprobe.d/.gpuprov-0123456789abcdef.tmp" "$ROOT/etc/modprobe.d/.mine.tmp"
	apply
	[ "$status" -eq 0 ]
	[ ! -e "$ROOT/etc/modprobe.d/.gpuprov-0123456789abcdef.tmp" ]
	[ -e "$ROOT/etc/modprobe.d/.mine.tmp" ]
	# Also when there is nothing else to do.
	touch "$ROOT/etc/apt/sources.list.d/.gpuprov-0123456789abcdef.tmp"
	apply
	[ "$status" -eq 0 ]
	[ ! -e "$ROOT/etc/apt/sources.list.d/.gpuprov-0123456789abcdef.tmp" ]
}

@test "a service policy of the user is neither replaced nor removed" {
	{ debian_suite; driver_packages "$VERSION"; } | repo_make
	repo_use
	printf '#!/bin/sh\nexit 101 # mine\n' >"$ROOT/usr/sbin/policy-rc.d"
	chmod 755 "$ROOT/usr/sbin/policy-rc.d"
	apply
	[ "$status" -eq 0 ]
	grep -q '# mine' "$ROOT/usr/sbin/policy-rc.d"
	apply
	[ "$status" -eq 0 ]
	grep -q '# mine' "$ROOT/usr/sbin/policy-rc.d"
}

@test "while packages are installed, no service is started" {
	{ debian_suite; driver_packages "$VERSION" 'Postinst: if invoke-rc.d --query toy start; then :; else
  echo $? >/tmp/policy
 fi
 /usr/sbin/policy-rc.d toy start || echo $? >/tmp/policy'; } | repo_make
	repo_use
	apply
	[ "$status" -eq 0 ]
	[ "$(cat "$ROOT/tmp/policy")" = 101 ]
	driver_is_there
}

@test "Ctrl-C during a step: the step ends, then exit 1; the next apply goes on" {
	{ debian_suite; driver_packages "$VERSION" 'Postinst: touch /tmp/here
 sleep 1
 touch /tmp/finished'; } | repo_make
	repo_use
	fake_kernel
	apply_until_script
	kill -INT "$APPLY"
	rc=0
	wait "$APPLY" || rc=$?
	cat "$WORK/out"
	[ "$rc" -eq 1 ]
	[ -e "$ROOT/tmp/finished" ]
	grep -q "interrupted; 3 of 4 steps are done" "$WORK/out"
	grep -q "run the same apply again" "$WORK/out"
	run -0 journal 1
	[[ $output == *"done packages:nvidia"*"end interrupted" ]]
	driver_is_there
	apply
	[ "$status" -eq 0 ]
	[ "$(cat "$ROOT/boot/initrd.img-6.1.0-99-amd64")" = rebuilt ]
	run -0 journal 2
	[[ $output == *"done initramfs:6.1.0-99-amd64"*"end done" ]]
	[[ $output != *packages* ]]
}

@test "two applies at once: the second is told who has the lock, exit 75" {
	{ debian_suite; driver_packages "$VERSION" 'Postinst: touch /tmp/here
 while test ! -e /tmp/go; do sleep 0.1; done'; } | repo_make
	repo_use
	apply_until_script
	apply
	[ "$status" -eq 75 ]
	says GP0007
	says "process $APPLY"
	touch "$ROOT/tmp/go"
	wait "$APPLY"
	driver_is_there
	apply
	[ "$status" -eq 0 ]
}

# hold_lock FILE SECONDS: a process of another name has apt's kind of lock on it. Its pid is $HOLDER.
hold_lock() {
	rm -f "$WORK/held"
	/usr/bin/python3 - "$1" "$WORK/held" "$2" 3>&- <<-'END' &
		import fcntl, sys, time
		f = open(sys.argv[1], "a+")
		fcntl.lockf(f, fcntl.LOCK_EX)
		open(sys.argv[2], "w").close()
		time.sleep(float(sys.argv[3]))
	END
	HOLDER=$!
	until_there "$WORK/held"
}

# The demo, with what stands here about apt.
with_apt() {
	{ cat "$DEMO"; printf 'apt:\n'; printf '  %s\n' "$@"; } >"$WORK/p.yaml"
}

@test "another program holds dpkg's lock: waited for, then exit 75 with its command, pid and age" {
	{ debian_suite; driver_packages "$VERSION"; } | repo_make
	repo_use
	with_apt "lock-timeout: 1"
	hold_lock "$ROOT/var/lib/dpkg/lock-frontend" 60
	installed >"$WORK/before"
	apply "$WORK/p.yaml"
	[ "$status" -eq 75 ]
	says GP2008
	says "held by python3"
	says "(process $HOLDER, for"
	says "apt.lock-timeout"
	# Never ended by us.
	kill "$HOLDER"
	diff "$WORK/before" <(installed)
	apply
	[ "$status" -eq 0 ]
}

@test "a lock that is given up in time: the wait is told, and the run goes on" {
	{ debian_suite; driver_packages "$VERSION"; } | repo_make
	repo_use
	for lock in var/lib/dpkg/lock-frontend var/lib/dpkg/lock var/cache/apt/archives/lock; do
		chroot "$ROOT" dpkg --purge nvidia-smi >/dev/null 2>&1 || :
		hold_lock "$ROOT/$lock" 3
		apply
		[ "$status" -eq 0 ]
		says "waiting up to 120 s for python3 - "
		says "(process $HOLDER"
		driver_is_there
	done
}

@test "a proxy that the profile names, in place of the one apt knows" {
	{ debian_suite; driver_packages "$VERSION"; } | repo_make
	repo_use
	# The name is the proxy's to resolve; the server of these tests takes whole addresses for paths.
	sed -i "s|$URI|http://repo.invalid|" "$ROOT/etc/apt/sources.list"
	echo 'Acquire::http::Proxy "http://127.0.0.1:1";' >"$ROOT/etc/apt/apt.conf.d/91proxy"
	with_apt "proxy: $URI"
	apply "$WORK/p.yaml"
	[ "$status" -eq 0 ]
	driver_is_there
	grep -q 'http://repo.invalid/' "$WORK/requests"
}

@test "a module that does not compile: the kernel, the compiler's words and the ways out; then mended" {
	# What DKMS leaves when a build fails: its log in the folder of the build, status 10.
	{ debian_suite; driver_packages "$VERSION" 'Postinst: test -e /etc/headers && exit 0
 mkdir -p /var/lib/dkms/nvidia-current/535.309.01/build
 cd /var/lib/dkms/nvidia-current/535.309.01/build
 echo "DKMS make.log for nvidia-current-535.309.01 for kernel 6.19.0-1-amd64 (x86_64)" >make.log
 echo "  CC [M]  nvidia/nv.o" >>make.log
 echo "nvidia/nv.c:12:10: error: implicit declaration of function vm_flags_or" >>make.log
 echo "make[2]: *** [scripts/Makefile.build:250: nvidia/nv.o] Error 1" >>make.log
 exit 10'; } | repo_make
	repo_use
	apply
	[ "$status" -eq 1 ]
	says GP2007
	says "did not compile for kernel 6.19.0-1-amd64"
	says "nv.c:12:10: error: implicit declaration of function vm_flags_or"
	says "$ROOT/var/lib/dkms/nvidia-current/535.309.01/build/make.log"
	says "gpuprov rollback"
	[[ $stderr != *"Makefile.build"* ]]
	# The repair says the same, and nothing is left half done once it compiles.
	apply
	[ "$status" -eq 1 ]
	says "vm_flags_or"
	touch "$ROOT/etc/headers"
	apply
	[ "$status" -eq 0 ]
	driver_is_there
}
