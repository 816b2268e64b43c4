#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Many at once, signals in the middle, closed terminals, who may do what, and what nobody may see.

load ../cli/fixture

bats_require_minimum_version 1.5.0

setup() {
	[ "$(id -u)" -eq 0 ] || skip "only root applies"
	fixture
	install_driver "$root"
	write_profile "$profile" 'driver: {modules: none, nouveau: blacklist}'
	conf=$root/etc/modprobe.d/gpuprov-nouveau.conf
	source=$root/etc/apt/sources.list.d/gpuprov-debian.sources
}

need_stepper() {
	[ "$(uname -m)" = x86_64 ] || skip "the stepper knows x86_64 only"
}

# The number of the call with which the first step puts its file in place.
first_rename() {
	cp -a "$root" counting
	"$O/exec/stepper" list "$GPUPROV" apply --yes --root counting "$profile" 2>calls >/dev/null
	rm -rf counting
	# Renames: format, plan.json, then the first file.
	awk '/^@[0-9]+ renameat/ { n++; if (n == 3) { sub("@", "", $1); print $1; exit } }' calls
}

# during SCRIPT-LINE...: apply, and in the middle of its first step run these lines ($1 = process id).
during() {
	printf '%s\n' "$@" >"$BATS_TEST_TMPDIR/middle.sh"
	status=0
	"$O/exec/stepper" pause "$(first_rename)" "$BATS_TEST_TMPDIR/middle.sh" \
		"$GPUPROV" apply --yes --root "$root" "$profile" >out 2>err </dev/null || status=$?
	stdout=$(cat out) stderr=$(cat err)
}

@test "50 applies while one is at work: 50 times 75 with its process and age; then all is well" {
	need_stepper
	during "for i in \$(seq 50); do
			( '$GPUPROV' apply --yes --root '$root' '$profile' >'$BATS_TEST_TMPDIR/o'\$i 2>&1
			  echo \$? >'$BATS_TEST_TMPDIR/rc'\$i ) &
		done
		wait
		echo \$1 >'$BATS_TEST_TMPDIR/holder'"
	ends_with 0
	[ "$(cat "$BATS_TEST_TMPDIR"/rc* | grep -cx 75)" -eq 50 ]
	[ "$(grep -l "process $(cat "$BATS_TEST_TMPDIR/holder"), for [0-9]* s" "$BATS_TEST_TMPDIR"/o* | wc -l)" -eq 50 ]
	[ -e "$conf" ]
	[ -e "$source" ]
	[ "$(find "$root/var/lib/gpuprov/runs" -name journal | wc -l)" -eq 1 ]
}

@test "50 applies at once, none held: each ends with 0 or 75, one run, no damage" {
	for i in $(seq 50); do
		( "$GPUPROV" apply --yes --root "$root" "$profile" >"o$i" 2>&1; echo $? >"rc$i" ) 3>&- &
	done
	wait
	[ "$(cat rc* | grep -cx 0)" -ge 1 ]
	[ "$(cat rc* | grep -cvxE '0|75')" -eq 0 ]
	[ "$(find "$root/var/lib/gpuprov/runs" -name journal | wc -l)" -eq 1 ]
	gpuprov apply --yes --root "$root" "$profile"
	ends_with 0
}

@test "a dead holder's lock is free at once" {
	need_stepper
	"$O/exec/stepper" kill "$(first_rename)" "$GPUPROV" apply --yes --root "$root" "$profile" >/dev/null 2>&1 || :
	before=$(date +%s%N)
	gpuprov apply --yes --root "$root" "$profile"
	ends_with 0
	[ $(($(date +%s%N) - before)) -lt 1000000000 ]
}

@test "TERM in a step: the step ends, exit 1, and the next apply goes on" {
	need_stepper
	during "kill -TERM \$1"
	ends_with 1
	complains "interrupted; 1 of 2 steps are done"
	[ -e "$conf" ]
	[ ! -e "$source" ]
	gpuprov status --root "$root"
	says "interrupted"
	gpuprov apply --yes --root "$root" "$profile"
	ends_with 0
	[ -e "$source" ]
}

@test "a second Ctrl-C is told what is in flight" {
	need_stepper
	during "kill -TERM \$1; kill -INT \$1"
	ends_with 1
	complains "Still in step 1 of 2, file:nouveau"
	[ -e "$conf" ]
}

@test "a closed terminal (HUP) and a closed pipe (PIPE) stop nothing" {
	need_stepper
	during "kill -HUP \$1; kill -PIPE \$1"
	ends_with 0
	[ -e "$source" ]
	gpuprov rollback --yes --root "$root"
	# Nobody reads what is said after the plan.
	{ "$GPUPROV" apply --yes --root "$root" "$profile" 2>&1 >/dev/null; echo $? >rc; } | head -c 1 >/dev/null
	[ "$(cat rc)" -eq 0 ]
	[ -e "$source" ]
}

@test "closed descriptors 0, 1 and 2 are no places to write a journal to" {
	status=0
	"$GPUPROV" apply --yes --root "$root" "$profile" <&- >&- 2>&- || status=$?
	# The plan could not be shown, so it was not carried out.
	[ "$status" -eq 1 ]
	[ ! -e "$conf" ]
	# With a place for the plan and none for the talk.
	"$GPUPROV" apply --yes --root "$root" "$profile" <&- >out 2>&-
	[ -e "$source" ]
	run -1 grep -q 'linux\|Done\.\|to add' "$root/var/lib/gpuprov/runs/000001/journal"
	gpuprov history --root "$root"
	says "2 steps done"
}

@test "an apply with nothing to do: under a second, no network, no run written down" {
	command -v strace >/dev/null || skip "there is no strace"
	gpuprov apply --yes --root "$root" "$profile"
	ends_with 0
	runs=$(find "$root/var/lib/gpuprov/runs" | sort)
	before=$(date +%s%N)
	gpuprov apply --yes --root "$root" "$profile"
	ends_with 0
	[ $(($(date +%s%N) - before)) -lt 1000000000 ]
	strace -f -e trace=%network -o trace "$GPUPROV" apply --yes --root "$root" "$profile" >/dev/null 2>&1
	run -1 grep -E 'AF_INET|AF_INET6|connect\(|sendto\(' trace
	[ "$(find "$root/var/lib/gpuprov/runs" | sort)" = "$runs" ]
	# The trace would show it: this one asks a server.
	strace -f -e trace=%network -o trace python3 -c 'import socket; socket.socket().connect_ex(("127.0.0.1", 9))'
	grep -q AF_INET trace
}

# ---- privilege ----

# Calls that change something, of a trace; those on files beneath DIR, on pipes and on /dev/null are none.
changing_calls() {
	python3 - "$1" "$2" <<-'END'
		import re, sys
		allowed = sys.argv[2]
		change = re.compile(r"^\d*\s*(mkdir|mkdirat|rename|renameat|renameat2|unlink|unlinkat|rmdir|chmod|fchmodat"
		                    r"|chown|fchownat|lchown|link|linkat|symlink|symlinkat|mknod|mknodat|truncate|mount"
		                    r"|umount2|setxattr|lsetxattr|fsetxattr|removexattr|utimensat|swapon|reboot|sethostname"
		                    r"|init_module|finit_module|delete_module|ptrace|chroot|pivot_root|settimeofday)\(")
		writing = re.compile(r"^\d*\s*open(at|at2)?\(.*(O_WRONLY|O_RDWR|O_CREAT|O_TRUNC)")
		for line in open(sys.argv[1], errors="replace"):
		    if " = -1 EEXIST " in line:
		        continue
		    if (change.search(line) or writing.search(line)) and \
		            allowed not in line and '"/dev/null"' not in line and '"/dev/tty"' not in line:
		        print(line.rstrip())
	END
}

# quiet COMMAND...: as nobody, no call of it changes anything outside its cache.
quiet() {
	command -v strace >/dev/null || skip "there is no strace"
	[ "$GPUPROV" = "$BATS_TEST_TMPDIR/gpuprov" ] || copy_program
	mkdir -p nobody
	chown 65534:65534 nobody
	chmod -R a+rX "$root" "$profile"
	# strace itself stays root, so that only the program is nobody.
	(cd nobody && strace -f -u nobody -o "$BATS_TEST_TMPDIR/trace" env -i PATH=/usr/bin:/bin HOME="$PWD" \
		"$GPUPROV" "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err") || status=$?
	[ "$(grep -c '' "$BATS_TEST_TMPDIR/trace")" -gt 50 ]
	changing_calls "$BATS_TEST_TMPDIR/trace" "$BATS_TEST_TMPDIR/nobody/.cache" >changes
	cat changes
	[ ! -s changes ]
}

open_up() {
	chmod a+rx "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR/.." "$BATS_TEST_TMPDIR"
}

@test "facts, plan, lint, verify and doctor as nobody make no system call that changes anything" {
	open_up
	status=0
	quiet doctor --root "$root"
	[ "$status" -eq 0 ] || [ "$status" -eq 5 ]
	quiet doctor --root "$root" --json
	quiet facts --root "$root"
	status=0
	quiet facts --root "$root" --json
	[ "$status" -eq 0 ]
	quiet plan --root "$root" "$profile"
	[ "$status" -eq 0 ]
	quiet lint "$profile"
	[ "$status" -eq 0 ]
	quiet verify --root "$root" "$profile"
	[ "$status" -eq 0 ] || [ "$status" -eq 5 ]
}

@test "the test above would notice: an apply makes such calls" {
	strace -f -o trace "$GPUPROV" apply --yes --root "$root" "$profile" >/dev/null 2>&1
	changing_calls trace /nowhere >changes
	[ "$(wc -l <changes)" -gt 10 ]
}

@test "rollback, history and status as nobody: 77, and nothing told" {
	gpuprov apply --yes --root "$root" "$profile"
	open_up
	copy_program
	for command in history status "rollback --yes"; do
		status=0
		# shellcheck disable=SC2086 # a command with its option
		as_nobody "$GPUPROV" $command --root "$root" >out 2>err || status=$?
		stdout=$(cat out) stderr=$(cat err)
		ends_with 77
		silent
	done
	[ "$(stat -c %a "$root/var/lib/gpuprov")" = 700 ]
	find "$root/var/lib/gpuprov" -type f ! -perm 600 | tee open
	[ ! -s open ]
}

# ---- secrets ----

@test "a password in a source's URL, in a proxy and in the environment shows nowhere" {
	echo 'deb http://user:HUSH1@mirror.example/debian bookworm main' >"$root/etc/apt/sources.list"
	export http_proxy=http://me:HUSH2@127.0.0.1:9 HTTPS_PROXY=http://me:HUSH3@127.0.0.1:9 SOME_TOKEN=HUSH4
	gpuprov facts --root "$root" --json
	cp out all
	gpuprov plan --root "$root" --out f.plan "$profile"
	cat out err f.plan >>all
	gpuprov apply --yes --root "$root" f.plan
	cat out err >>all
	ends_with 0
	gpuprov history --root "$root" --json
	cat out err >>all
	find "$root/var/lib/gpuprov" -type f -exec cat {} + >>all
	[ -s all ]
	run -1 grep -ao 'HUSH[0-9]' all
}
