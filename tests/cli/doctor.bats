#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# gpuprov doctor on the command line; what it finds on which host is in tests/doctor/.

load fixture

setup() {
	fixture
	hosts="$BATS_TEST_DIRNAME/../hosts"
	catalog="$BATS_TEST_DIRNAME/../../catalog/symptoms.cat"
}

@test "a host without fault: one line, exit 0" {
	gpuprov doctor --facts "$hosts/installed-noble.json"
	ends_with 0
	[ "$(wc -l <out)" -eq 1 ] || { echo "expected one line:"; show; return 1; }
	says "Nothing is wrong here that gpuprov knows of: driver 580.178.04."
}

@test "a fault: what, evidence, cause, cure and command; exit 5" {
	gpuprov doctor --facts "$hosts/mismatch-noble.json"
	ends_with 5
	says "error[GP5201]: libraries of driver 580.178.04, but module 570.211.01 is in the kernel"
	says "in use by python3 (process 51877, user@1000.service)"
	says "cause:"
	says "sudo reboot"
	says "1 error."
}

@test "warnings and notes alone: exit 0" {
	gpuprov doctor --facts "$hosts/two-sources-noble.json"
	ends_with 0
	says "1 warning."
}

@test "doctor --json: one object, the same findings" {
	gpuprov doctor --json --facts "$hosts/new-kernel-noble.json"
	ends_with 5
	python3 - out <<-'EOF'
		import json, sys
		r = json.load(open(sys.argv[1]))
		assert r["schema"] == "gpuprov.doctor/1" and r["changed"] is False, r
		[f] = r["findings"]
		assert (f["code"], f["name"], f["severity"]) == ("GP5202", "kernel-without-module", "error"), f
		assert any("6.8.0-117-generic" in e for e in f["evidence"]), f
		assert "sudo apt-get install linux-modules-nvidia-580-server-open-6.8.0-117-generic" in f["commands"], f
	EOF
	gpuprov doctor --json --facts "$hosts/installed-noble.json"
	ends_with 0
}

@test "a message that was pasted finds its symptom" {
	gpuprov doctor --error "Failed to initialize NVML: Driver/library version mismatch"
	ends_with 0
	says "error[GP5201]"
	gpuprov doctor --error 'docker: Error response from daemon: could not select device driver "" with capabilities: [[gpu]].'
	says "[GP5245]"
	gpuprov doctor --error "it does not work"
	ends_with 0
	says "This message is not known here"
}

@test "every text of the catalog finds the symptom it belongs to, in either case and in the middle" {
	sed -n 's/^symptom-text [^ ]* of=S\([0-9]*\) text="\(.*\)"$/\1 \2/p' "$catalog" >texts
	[ "$(wc -l <texts)" -gt 60 ] || { echo "expected more texts:"; cat texts; return 1; }
	while read -r number text; do
		text=${text//.../ 12 }
		gpuprov doctor --error "Nov 22 host: ${text^^} and so on"
		ends_with 0
		says "[GP52$number]"
	done <texts
}

@test "every symptom is explained, and what doctor names is in the catalog" {
	sed -n 's/^symptom \(S[0-9]*\) .*/\1/p' "$catalog" >known
	[ "$(sort -u known | wc -l)" -eq "$(wc -l <known)" ] || { echo "one twice:"; sort known | uniq -d; return 1; }
	while read -r symptom; do
		gpuprov why "$symptom"
		ends_with 0
		says "GP52${symptom#S}: "
		says "Exit status: 5"
	done <known
	grep -oh '"S[0-9][0-9]"' "$BATS_TEST_DIRNAME"/../../src/doctor*.c | tr -d '"' | sort -u >told
	! grep -vxF -f known told || { echo "these are not in the catalog"; return 1; }
	sed -n 's/^symptom-text .* of=\(S[0-9]*\) .*/\1/p' "$catalog" | sort -u >meant
	! grep -vxF -f known meant || { echo "these have texts and are not there"; return 1; }
}

@test "every symptom that facts can show has a case that shows it" {
	grep -oh '"S[0-9][0-9]"' "$BATS_TEST_DIRNAME"/../../src/doctor*.c | tr -d '"' | sort -u |
		while read -r symptom; do
			grep -q "\[GP52${symptom#S}\]" "$BATS_TEST_DIRNAME"/../doctor/cases/*.case ||
				{ echo "no case shows $symptom"; exit 1; }
		done
}

@test "changes of the profile that are proposed are keys and values of the profile" {
	cat "$BATS_TEST_DIRNAME"/../doctor/cases/*.case | sed -n 's/^  profile: *//p' | sort -u >sets
	sed -n 's/^symptom .* set="\{0,1\}\([^ {"]*=[a-z0-9][a-z0-9]*\).*/\1/p' "$catalog" >>sets
	[ "$(wc -l <sets)" -ge 5 ] || { echo "expected some:"; cat sets; return 1; }
	while IFS='=' read -r path value; do
		kind=bare-metal
		[ "${path%%.*}" != docker ] || kind=docker
		printf 'version: 1\nkind: %s\n%s: {%s: %s}\n' $kind "${path%%.*}" "${path#*.}" "\"$value\"" >set.yaml
		gpuprov lint set.yaml
		ends_with 0
	done <sets
}

@test "on a root: nobody may ask, and nothing is changed" {
	copy_program
	mkdir -p "$root/etc/docker"
	echo '{"runtimes": {},}' >"$root/etc/docker/daemon.json"
	before=$(sum_tree "$root")
	as_nobody "$GPUPROV" doctor --root "$root" >out 2>err || status=$?
	[ "${status:-0}" -eq 5 ] || { echo "expected exit 5"; cat out err; return 1; }
	grep -q "error\[GP5219\]: /etc/docker/daemon.json is not JSON" out || { cat out; return 1; }
	[ "$before" = "$(sum_tree "$root")" ] || { echo "the root was changed"; return 1; }
}

# What an earlier driver left: the fixture's root with its mark, and no driver.
leave_mark() {
	mkdir -p "$root/usr/lib/nvidia"
	echo "use packages" >"$root/usr/lib/nvidia/alternate-install-present"
	chmod 0640 "$root/usr/lib/nvidia/alternate-install-present"
}

@test "doctor --fix: the plan is shown and carried out, and rollback puts it back" {
	leave_mark
	mark=$root/usr/lib/nvidia/alternate-install-present
	gpuprov doctor --root "$root"
	says "fix:     by a plan"
	gpuprov doctor --fix --yes --root "$root"
	ends_with 0
	says "- file-away  /usr/lib/nvidia/alternate-install-present"
	says "When this is done, doctor finds nothing more."
	says "Nothing is wrong here that gpuprov knows of"
	[ ! -e "$mark" ] || { show; return 1; }
	gpuprov history --root "$root"
	says "doctor --fix"
	gpuprov doctor --fix --yes --root "$root"
	ends_with 0
	[ "$(wc -l <out)" -eq 1 ] || { show; return 1; }
	gpuprov rollback --yes --root "$root"
	ends_with 0
	[ "$(cat "$mark")" = "use packages" ] && [ "$(stat -c %a "$mark")" = 640 ] || { ls -l "$mark"; return 1; }
}

@test "doctor --fix: nothing is done without --yes and a terminal, nor without rights" {
	leave_mark
	gpuprov doctor --fix --root "$root"
	ends_with 64
	[ -e "$root/usr/lib/nvidia/alternate-install-present" ]
	copy_program
	as_nobody "$GPUPROV" doctor --fix --yes --root "$root" >out 2>err || status=$?
	[ "$status" -eq 77 ] || { cat out err; return 1; }
	grep -q "file-away  /usr/lib/nvidia/alternate-install-present" out || { cat out err; return 1; }
	[ -e "$root/usr/lib/nvidia/alternate-install-present" ]
}

@test "doctor --fix: a mark that is a link is left alone" {
	leave_mark
	mv "$root/usr/lib/nvidia/alternate-install-present" "$root/usr/lib/nvidia/other"
	ln -s other "$root/usr/lib/nvidia/alternate-install-present"
	gpuprov doctor --fix --yes --root "$root"
	ends_with 0
	[ -e "$root/usr/lib/nvidia/other" ]
}

@test "doctor --fix PROFILE: planned from that profile; alone a profile is refused" {
	write_profile p.yaml 'driver: {branch: "580"}'
	gpuprov doctor --fix --facts "$hosts/new-kernel-noble.json" p.yaml
	ends_with 5
	says "linux-modules-nvidia-580-server-open-6.8.0-117-generic"
	says "p.yaml:"
	gpuprov doctor p.yaml
	ends_with 64
	gpuprov doctor --fix --error "Driver/library version mismatch"
	ends_with 64
}
