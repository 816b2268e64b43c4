#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# gpuprov emit: every stream is YAML that says what it should, whatever the profile holds.

load fixture

setup() {
	load_libs
	cd "$BATS_TEST_TMPDIR" || return
	mkdir -p root/etc
}

k8s_profile() { # k8s_profile [LINE...]
	printf '%s\n' 'version: 1' 'kind: k8s' "$@" >p.yaml
}

@test "every combination of parts, sharing, MIG, engine and way in is right, or refused with a way out" {
	python3 "$BATS_TEST_DIRNAME/../lib/manifests.py" "$GPUPROV" k8s
}

@test "yamllint is content with what is emitted" {
	command -v yamllint >/dev/null || skip "there is no yamllint on this machine"
	k8s_profile 'kubernetes:' '  device-plugin: {sharing: {kind: mps, replicas: 4}}' \
		'  dcgm-exporter: {service-monitor: true}'
	gpuprov emit k8s p.yaml
	ends_with 0
	yamllint -d '{extends: default, rules: {line-length: {max: 110}}}' out
}

@test "names that would break out of YAML are refused, and the rest stays one value" {
	k8s_profile 'kubernetes:' '  node-selector: {"a: b": "c"}'
	gpuprov emit k8s p.yaml
	[ "$status" -ne 0 ] || { show; return 1; }
	[ ! -s out ] || { show; return 1; }
	k8s_profile 'kubernetes:' '  tolerations:' '    - {key: "x", value: "y\n      evil: true"}'
	gpuprov emit k8s p.yaml
	[ "$status" -ne 0 ] || { show; return 1; }
	[ ! -s out ] || { show; return 1; }
	k8s_profile 'kubernetes:' '  node-selector: {a: "no", b: "1.10", c: "0x1", d: "", e: "2026-11-22"}'
	gpuprov emit k8s p.yaml
	ends_with 0
	python3 - out <<-'PY'
		import sys, yaml
		docs = list(yaml.safe_load_all(open(sys.argv[1])))
		want = {"a": "no", "b": "1.10", "c": "0x1", "d": "", "e": "2026-11-22"}
		found = [d["spec"]["template"]["spec"]["nodeSelector"] for d in docs if d["kind"] == "DaemonSet"]
		assert found and all(f == want for f in found), found
	PY
}

@test "a template of one's own takes the place of ours; a mistake in it is named with its line" {
	k8s_profile
	mkdir -p root/etc/gpuprov/templates/k8s
	printf '%s\n' '%# ours' '# own header, set {{set}}' >root/etc/gpuprov/templates/k8s/header.yaml
	gpuprov emit --root root k8s p.yaml
	ends_with 0
	[ "$(head -n 1 out)" = '# own header, set "26.7.0"' ] || { show; return 1; }
	for wrong in '{{sett}}' '{{set' '% if sett' '% if set' '% end' '% els' 'x: {{tolerations}}' \
		'{{sharing-replicas}}'; do
		printf '%s\n' '# one' "$wrong" >root/etc/gpuprov/templates/k8s/header.yaml
		gpuprov emit --root root k8s p.yaml
		ends_with 65
		complains "k8s/header.yaml:2:1: "
		[ ! -s out ] || { show; return 1; }
	done
}

@test "a template is not read through a link that leads out of the root" {
	k8s_profile
	mkdir -p root/etc/gpuprov/templates/k8s
	echo secret >secret
	ln -s "$PWD/secret" root/etc/gpuprov/templates/k8s/header.yaml
	gpuprov emit --root root k8s p.yaml
	! grep -q secret out || { show; return 1; }
}

@test "manifests are made from a profile of kind k8s only; what is not known is said" {
	write_profile p.yaml
	gpuprov emit k8s p.yaml
	ends_with 64
	complains "GP6002"
	gpuprov emit k9s p.yaml
	ends_with 64
	complains "not 'k9s'"
}

@test "emit takes under 10 ms" {
	k8s_profile
	best=1000000
	for _ in 1 2 3 4 5; do
		gpuprov emit --timing k8s p.yaml
		sum=$(awk '/^timing:/ { sum += $3 } END { print sum }' err)
		[ "$sum" -ge "$best" ] || best=$sum
	done
	echo "# best of five: $best us" >&3
	[ "$best" -lt 10000 ]
}
