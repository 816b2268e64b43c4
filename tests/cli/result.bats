#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# gpuprov.result/1, what engines are told: one object of the published schema, whatever happens.

load fixture

setup() {
	fixture
	install_driver "$root"
	write_profile "$profile" 'driver: {modules: none, nouveau: blacklist}'
	conf=$root/etc/modprobe.d/gpuprov-nouveau.conf
}

# told EXPRESSION: of the one object on stdout, which is of the schema.
told() {
	/usr/bin/python3 - "$BATS_TEST_DIRNAME/../../docs/gpuprov.result-1.schema.json" out <<-'END' || return 1
		import json, sys
		import jsonschema
		schema, said = (json.load(open(name)) for name in sys.argv[1:3])
		jsonschema.Draft7Validator.check_schema(schema)
		schema["additionalProperties"] = False  # readers ignore keys; we notice them
		jsonschema.validate(said, schema)
	END
	jq -e "$1" out >/dev/null || { echo "expected: $1"; show; return 1; }
}

# task [KEY=JSON]...: the file that Ansible would pass.
task() {
	jq -n --arg root "$root" '{root: $root, _ansible_version: "2.19", _ansible_check_mode: false} + $ARGS.named' \
		"$@" >task.json
}

@test "plan, apply, apply again" {
	[ "$(id -u)" -eq 0 ] || skip "only root applies"
	gpuprov plan --root "$root" --format result "$profile"
	ends_with 0
	told '.changed and (.failed | not) and .rc == 0 and .msg == "2 steps to do"'
	told '[.actions[].state] == ["planned", "planned"]'
	told '.diff[0].before == "" and (.diff[0].after | contains("blacklist nouveau"))'
	[ ! -e "$conf" ]
	id=$(jq -r .plan_id out)
	gpuprov apply --root "$root" --yes --format result "$profile"
	ends_with 0
	told '.changed and .msg == "2 steps done" and .plan_id == "'"$id"'"'
	told '[.actions[].state] == ["done", "done"]'
	[ -e "$conf" ]
	# The plan's id is the one that the journal knows it by.
	grep -q "$id" "$root/var/lib/gpuprov/runs/000001/journal"
	gpuprov apply --root "$root" --yes --format result "$profile"
	ends_with 0
	told '(.changed | not) and .actions == [] and .diff == [] and .msg == "nothing to do"'
}

@test "the exit status of plan is in it: 2 with --detailed-exitcode is no failure" {
	gpuprov plan --root "$root" --detailed-exitcode --format result "$profile"
	ends_with 2
	told '.rc == 2 and (.failed | not) and .changed'
}

@test "whatever goes wrong, there is one object that says what" {
	gpuprov plan --root "$root" --format result missing.yaml
	ends_with 65
	told '.failed and .rc == 65 and (.changed | not) and .diagnostics[0].code == "GP0101"'
	write_profile bad.yaml 'driver: {branch: 999999, modules: nnone}'
	gpuprov apply --root "$root" --yes --format result bad.yaml
	ends_with 65
	told '.failed and (.diagnostics | length) >= 1 and .plan_id == null'
	gpuprov apply --root "$root" --gpu T5 --yes --format result "$profile"
	told '.failed and .rc == 3 and .diagnostics[0].code == "GP1005"'
	gpuprov apply --root "$root" --format result "$profile"
	[ "$(id -u)" -ne 0 ] || {
		ends_with 64
		told '.failed and .rc == 64 and .actions[0].state == "skipped"'
	}
	gpuprov plan --root missing --format result "$profile"
	told '.failed and (.msg | contains("missing"))'
}

@test "another run holds the lock: 75" {
	[ "$(id -u)" -eq 0 ] || skip "only root applies"
	mkdir -p "$root/var/lib/gpuprov"
	exec 7>"$root/var/lib/gpuprov/lock"
	flock 7
	gpuprov apply --root "$root" --yes --format result "$profile"
	exec 7>&-
	ends_with 75
	told '.failed and .rc == 75 and (.changed | not) and .diagnostics[0].code == "GP0007"'
}

@test "a step that fails: which, and that those before it were done" {
	[ "$(id -u)" -eq 0 ] || skip "only root applies"
	gpuprov plan --root "$root" --json "$profile"
	[ "$(jq -r '.steps[0].id' out)" = file:nouveau ]
	rm -r "$root/etc/apt/sources.list.d"
	ln -s /somewhere/else "$root/etc/apt/sources.list.d"
	gpuprov apply --root "$root" --yes --format result "$profile"
	[ "$status" -ne 0 ]
	told '.failed and .changed and [.actions[].state] == ["done", "failed"]'
}

@test "the program itself breaks down: still one object, and 70" {
	mkfifo "$root/etc/wait"
	for signal in ABRT SEGV; do
		"$GPUPROV" plan --root "$root" --format result /dev/stdin >out 2>err < <(exec sleep 30) &
		pid=$!
		for _ in $(seq 100); do
			grep -q S "/proc/$pid/stat" && break
			sleep 0.02
		done
		sleep 0.3
		kill -$signal $pid
		status=0
		wait $pid || status=$?
		ends_with 70
		told '.failed and .rc == 70'
	done
}

@test "Salt: the last line is what stateful takes" {
	[ "$(id -u)" -eq 0 ] || skip "only root applies"
	gpuprov plan --root "$root" --format salt "$profile"
	ends_with 0
	[ "$(tail -n 1 out | jq -c '[.changed, .comment, .actions]')" = \
		'[true,"2 steps to do",["file:nouveau","repo:debian"]]' ]
	gpuprov apply --root "$root" --yes --format salt "$profile"
	[ "$(jq -r '.comment' out)" = "2 steps done" ]
	gpuprov apply --root "$root" --yes --format salt "$profile"
	[ "$(cat out)" = '{"changed":false,"comment":"nothing to do"}' ]
	gpuprov apply --root "$root" --yes --format salt missing.yaml
	ends_with 65
	[ "$(jq -c .changed out)" = false ]
}

@test "ansible-module: check mode changes nothing, diff mode shows, then it is done" {
	[ "$(id -u)" -eq 0 ] || skip "only root applies"
	task --argjson content '{"version": 1, "kind": "bare-metal", "driver": {"modules": "none", "nouveau": "blacklist"}}' \
		--argjson _ansible_check_mode true --argjson _ansible_diff true
	before=$(sum_tree "$root")
	gpuprov ansible-module task.json
	ends_with 0
	told '.changed and (.diff | length) == 2 and .ansible_facts.gpuprov.os.codename == "bookworm"'
	[ "$(sum_tree "$root")" = "$before" ]
	task --arg profile "$profile" --argjson facts false
	gpuprov ansible-module task.json
	told '.changed and .diff == [] and (has("ansible_facts") | not)'
	[ -e "$conf" ]
	gpuprov ansible-module task.json
	told '(.changed | not)'
	gpuprov ansible-module task.json facts
	told '(.changed | not)'
}

@test "ansible-module: what a task says and we do not know is refused by name" {
	task --arg profil x
	gpuprov ansible-module task.json
	ends_with 64
	told ".failed and (.msg | contains(\"no parameter 'profil'\"))"
	task --argjson offline '"maybe"'
	gpuprov ansible-module task.json
	told ".failed and (.msg | contains(\"'offline' is true or false\"))"
	task --arg profile a --arg content b
	gpuprov ansible-module task.json
	told '.failed and .rc == 64'
	for text in '' '[]' '{"a": ' '{"gpus": 1}' '{"root": {}}'; do
		echo "$text" >task.json
		gpuprov ansible-module task.json
		told '.failed and .rc == 64'
	done
	gpuprov ansible-module missing.json
	told '.failed'
}

@test "--report: whole, also of a plan that is refused" {
	gpuprov plan --root "$root" --json --report report.json "$profile"
	ends_with 0
	same out report.json
	gpuprov plan --root "$root" --gpu T5 --json --report report.json "$profile"
	ends_with 3
	same out report.json
	gpuprov plan --root "$root" --report missing/report.json "$profile"
	[ "$status" -eq 1 ]
	complains "opening the folder of the report"
}
