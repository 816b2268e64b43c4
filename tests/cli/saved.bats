#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Saved plans: carried out as they are, or refused with the name of what moved; resume; who may write them.

load fixture

setup() {
	fixture
	install_driver "$root"
	write_profile "$profile" 'driver: {modules: none, nouveau: blacklist}'
	plan=$BATS_TEST_TMPDIR/f.plan
}

need_root() {
	[ "$(id -u)" -eq 0 ] || skip "only root applies"
}

save() {
	gpuprov plan --root "$root" --out "$plan" "$profile"
	ends_with 0
}

carry_out() {
	gpuprov apply --root "$root" --yes "${1:-$plan}"
}

# stale TEXT...: refused with exit 6, each text said, and the root is as it was.
stale() {
	local sum text
	sum=$(state_free_sum)
	carry_out
	ends_with 6
	for text in GP3009 "$@"; do complains "$text"; done
	[ "$(state_free_sum)" = "$sum" ]
}

# Everything but gpuprov's own state.
state_free_sum() {
	(cd "$root" && find . -path ./var/lib/gpuprov -prune -o -printf '%P %y %m %T@ %l\n' | grep -v '^var/lib d' | sort &&
		find . -path ./var/lib/gpuprov -prune -o -type f -print0 | sort -z | xargs -0 sha256sum) | sha256sum
}

@test "a saved plan is private, and carried out exactly" {
	need_root
	save
	complains "gpuprov apply $plan"
	[ "$(stat -c %a "$plan")" = 600 ]
	carry_out
	ends_with 0
	gpuprov plan --root "$root" --detailed-exitcode "$profile"
	ends_with 0
	# Again: it is the last run, and all of it is there.
	carry_out
	ends_with 0
}

@test "an old file of any mode becomes private when a plan is saved over it" {
	: >"$plan"
	chmod 666 "$plan"
	save
	[ "$(stat -c %a "$plan")" = 600 ]
}

@test "what moved on the host is named: kernel, GPU, package, source, file, dpkg, release" {
	need_root
	save
	kernel "$root" 6.1.0-9-amd64
	stale "kernel 6.1.0-9-amd64"
	scratch_gpu "$root" 0000:af:00.0 20b5
	stale "GPU 0000:af:00.0: none in the plan"
	package "$root" nvidia-settings 535.1
	stale "package nvidia-settings: none in the plan"
	echo 'deb http://other.example/debian bookworm main' >>"$root/etc/apt/sources.list"
	stale "apt source"
	: >"$root/var/lib/dpkg/updates/0001"
	stale "state of dpkg"
	sed -i s/12/13/ "$root/etc/os-release"
	stale "operating system, version: 12 in the plan, 13 now"
	[ "$(grep -c ' in the plan, ' err)" -ge 6 ]
}

@test "a file that the plan writes was edited" {
	need_root
	save
	target=$(python3 -c '
import json, sys
text = open(sys.argv[1]).read().split("\n", 1)[1]
for s in json.loads(text)["plan"]["steps"]:
    for a in s["args"]:
        if a["key"] == "path" and s["op"] != "keep":
            print(a["value"]); sys.exit()' "$plan")
	mkdir -p "$root/${target%/*}"
	echo mine >"$root/$target"
	stale "/$target"
}

@test "profile, catalog, clock and another run in between" {
	need_root
	save
	echo '# one more line' >>"$profile"
	stale "profile:"
	save
	cat "$BATS_TEST_DIRNAME"/../../catalog/*.cat >/dev/null
	for f in "$BATS_TEST_DIRNAME"/../../catalog/*.cat; do echo "file ${f##*/}"; cat "$f"; done >my.cat
	echo '# mine' >>my.cat
	gpuprov apply --root "$root" --yes --catalog my.cat "$plan"
	ends_with 6
	complains "catalog:"
	save
	python3 - "$plan" <<-'END'
		import hashlib, json, sys
		head, text = open(sys.argv[1]).read().split("\n", 1)
		o = json.loads(text)
		o["made"] += 86400
		text = json.dumps(o)
		open(sys.argv[1], "w").write(
		    "gpuprov.saved-plan/1 " + hashlib.sha256(text.encode()).hexdigest() + "\n" + text)
	END
	stale "clock: it is now before the plan was made"
	save
	cp "$plan" first.plan
	carry_out "$profile"
	ends_with 0
	gpuprov rollback --root "$root" --yes
	ends_with 0
	stale "other runs: 2 made since the plan"
}

@test "another user's plan, one that others may write, one behind a link: not run" {
	need_root
	save
	chmod 620 "$plan"
	carry_out
	ends_with 1
	complains GP3010
	chmod 600 "$plan"
	chown 12345 "$plan"
	carry_out
	ends_with 1
	complains "12345"
	chown 0 "$plan"
	ln -s f.plan link.plan
	carry_out link.plan
	[ "$status" -ne 0 ]
	[ ! -e "$root/etc/modprobe.d/gpuprov-nouveau.conf" ]
}

@test "a changed byte in a saved plan is refused" {
	need_root
	save
	sed -i 's/blacklist nouveau/blacklist nouveaU/' "$plan"
	carry_out
	ends_with 65
	complains GP3011
	complains "its hash differs"
}

@test "a kept file that was damaged is not put back" {
	need_root
	echo '# of an earlier hand' >"$root/etc/modprobe.d/gpuprov-nouveau.conf"
	gpuprov apply --root "$root" --yes "$profile"
	ends_with 0
	for kept in "$root"/var/lib/gpuprov/objects/*; do echo x >>"$kept"; done
	gpuprov rollback --root "$root" --yes
	ends_with 1
	complains GP3006
	grep -q blacklist "$root/etc/modprobe.d/gpuprov-nouveau.conf"
}

@test "a plan made from another host's facts cannot be saved" {
	gpuprov facts --root "$root" --json
	cp out f.json
	gpuprov plan --facts f.json --out "$plan" "$profile"
	ends_with 64
	[ ! -e "$plan" ]
}

@test "--resume without a run to go on with, or with a profile" {
	need_root
	gpuprov apply --root "$root" --yes --resume
	ends_with 64
	complains "no run to go on with"
	gpuprov apply --root "$root" --yes --resume "$profile"
	ends_with 64
	gpuprov apply --root "$root" --yes
	ends_with 64
}

# The run stops after its first step: the second one's folder is a file.
cut_off() {
	rmdir "$root/etc/apt/sources.list.d"
	: >"$root/etc/apt/sources.list.d"
	save
	carry_out
	ends_with 1
	rm "$root/etc/apt/sources.list.d"
	mkdir "$root/etc/apt/sources.list.d"
}

@test "a saved plan that failed half way is gone on with, though the host has moved by it" {
	need_root
	cut_off
	carry_out
	ends_with 0
	gpuprov status --root "$root" --json
	says '"state": "done"'
	gpuprov rollback --root "$root" --yes
	ends_with 0
	[ ! -e "$root/etc/modprobe.d/gpuprov-nouveau.conf" ]
}

@test "--resume does what is left, and does not repeat what was finished" {
	need_root
	cut_off
	gpuprov status --root "$root"
	says "apply again: it goes on from there"
	echo "# mine" >>"$root/etc/modprobe.d/gpuprov-nouveau.conf"
	gpuprov apply --root "$root" --yes --resume
	ends_with 0
	grep -q '# mine' "$root/etc/modprobe.d/gpuprov-nouveau.conf"
	[ -e "$root/etc/apt/sources.list.d/gpuprov-debian.sources" ]
	gpuprov history --root "$root"
	says "went on with run 1"
}

@test "a saved plan is replaced as a whole: what cannot be written leaves the old one" {
	gpuprov plan --root "$root" --out "$plan" "$profile"
	ends_with 0
	cp "$plan" before.plan
	was=$(stat -c %i "$plan")
	chmod 644 "$plan"
	# No room for one byte more than is there.
	(ulimit -f 0; trap '' XFSZ; "$GPUPROV" plan --root "$root" --out "$plan" "$profile") >/dev/null 2>err || status=$?
	[ "$status" -ne 0 ]
	cmp "$plan" before.plan
	[ -z "$(find "$(dirname "$plan")" -name '.gpuprov-*')" ]
	gpuprov plan --root "$root" --out "$plan" "$profile"
	ends_with 0
	[ "$(stat -c %a "$plan")" = 600 ]
	[ "$(stat -c %i "$plan")" != "$was" ]
	# Nor through a link.
	ln -s "$plan" other.plan
	gpuprov plan --root "$root" --out other.plan "$profile"
	[ "$status" -ne 0 ]
	[ -L other.plan ]
}

@test "rollback of a run that is not there names those that are" {
	need_root
	gpuprov rollback --root "$root" --yes 7
	[ "$status" -eq 1 ] || [ "$status" -eq 64 ]
	complains "there is no run '7' here; there is none that could be put back"
	save
	carry_out
	ends_with 0
	gpuprov rollback --root "$root" --yes 7
	complains "there is no run '7' here; those that can be put back are 1"
	complains "gpuprov history"
	complains "gpuprov rollback without a number"
	gpuprov rollback --root "$root" --yes 1
	ends_with 0
	says_not "Nothing has been changed"
}
