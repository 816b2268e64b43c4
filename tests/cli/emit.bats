#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# gpuprov emit: every stream is YAML that says what it should, whatever the profile holds.

load fixture

setup() {
	load_libs
	cd "$BATS_TEST_TMPDIR" || return
	mkdir -p root/etc
	sum=$(printf '%064d' 7)
}

k8s_profile() { # k8s_profile [LINE...]
	printf '%s\n' 'version: 1' 'kind: k8s' "$@" >p.yaml
}

@test "every combination of parts, sharing, MIG, engine and way in is right, or refused with a way out" {
	python3 "$BATS_TEST_DIRNAME/../lib/manifests.py" "$GPUPROV" k8s
}

@test "every profile that is shipped can be emitted as what it is for" {
	for profile in "$BATS_TEST_DIRNAME"/../../profiles/*.yaml; do
		what=shell
		! grep -q '^kind: k8s' "$profile" || what=k8s
		! grep -q 'owner: gpu-operator' "$profile" || what=helm-values
		gpuprov emit "$what" "$profile"
		ends_with 0
		[ -z "$stderr" ] || { show; return 1; }
	done
}

@test "yamllint is content with what is emitted" {
	command -v yamllint >/dev/null || skip "there is no yamllint on this machine"
	rules='{extends: default, rules: {line-length: {max: 110}}}'
	k8s_profile 'kubernetes:' '  device-plugin: {sharing: {kind: mps, replicas: 4}}' \
		'  dcgm-exporter: {service-monitor: true}'
	gpuprov emit k8s p.yaml
	ends_with 0
	yamllint -d "$rules" out
	k8s_profile 'kubernetes: {owner: gpu-operator, device-plugin: {sharing: {kind: mps, replicas: 4}}}'
	gpuprov emit helm-values p.yaml
	ends_with 0
	yamllint -d "$rules" out
	gpuprov emit cloud-init --deb https://mirror.example/gpuprov.deb --sha256 "$sum" p.yaml
	ends_with 0
	yamllint -d '{extends: default, rules: {line-length: disable, document-start: disable, comments: disable}}' out
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
	complains "did you mean 'k8s'?"
}

# A profile whose text would do harm wherever it were read as anything but text.
hostile_profile() {
	printf '%s\n' 'version: 1' 'kind: bare-metal' \
		"description: \"it's \$(touch evil) \`touch evil\` \\\\n # no\"" \
		'# GPUPROV' '# UNIT' "# ' ; touch evil #" '# {{profile}}' '# ## template: jinja' \
		'driver: {modules: none}' >p.yaml
}

@test "the script is one that shellcheck likes, and it writes the profile byte for byte" {
	hostile_profile
	printf '# no line break at the end; \303\244' >>p.yaml
	for deb in '' "--deb https://mirror.example/gpuprov.deb --sha256 $sum" '--deb /srv/gpuprov.deb'; do
		# shellcheck disable=SC2086 # several words
		gpuprov emit shell $deb p.yaml
		ends_with 0
		shellcheck -s sh -e SC2016 out
		sh -n out
	done
	# The part that writes the profile, on its own.
	gpuprov emit shell p.yaml
	{
		echo "profile=$PWD/written"
		awk '/^mkdir -p \/etc\/gpuprov$/ { on = 1; next } /^gpuprov apply/ { on = 0 } on' out
	} >part.sh
	sh -eu part.sh
	same p.yaml written
	[ "$(stat -c %a written)" = 600 ] || return 1
	[ ! -e evil ] || return 1
}

@test "user data is YAML with no key twice, holds the profile byte for byte, and begins as it must" {
	for kind in plain not-plain; do
		hostile_profile
		[ "$kind" = plain ] || printf '# \303\244\r\n' >>p.yaml
		gpuprov emit cloud-init --deb https://mirror.example/gpuprov.deb --sha256 "$sum" p.yaml
		ends_with 0
		[ "$(head -n 1 out)" = '#cloud-config' ] || { show; return 1; }
		python3 - out p.yaml "$sum" <<-'PY'
			import base64, sys, yaml
			text = yaml.safe_load(open(sys.argv[1], newline=""))
			assert sorted(text) == ["power_state", "runcmd", "write_files"], text.keys()
			profile, script = text["write_files"]
			assert (profile["path"], profile["permissions"]) == ("/etc/gpuprov/profile.yaml", "0600")
			got = profile["content"].encode()
			got = base64.b64decode(got) if profile.get("encoding") == "b64" else got
			assert got == open(sys.argv[2], "rb").read(), got
			assert text["runcmd"] == [[script["path"]]] and script["permissions"] == "0700"
			assert script["content"].startswith("#!/bin/sh\n") and sys.argv[3] in script["content"]
			open("script.sh", "w").write(script["content"])
		PY
		shellcheck -s sh script.sh
	done
	[ ! -e evil ] || return 1
}

@test "with reboot: never nothing is rebooted" {
	write_profile p.yaml 'reboot: never'
	gpuprov emit cloud-init p.yaml
	ends_with 0
	says_not power_state
}

@test "a package needs its sum, a profile must stand alone, and a cloud has its limit" {
	write_profile p.yaml
	gpuprov emit cloud-init --deb https://mirror.example/gpuprov.deb p.yaml
	ends_with 3
	complains "--sha256"
	silent
	gpuprov emit shell --deb 'https://mirror.example/$(id)' --sha256 12 p.yaml
	ends_with 3
	gpuprov emit shell --deb gpuprov.deb p.yaml
	ends_with 3
	complains "absolute path"
	write_profile base.yaml
	write_profile p.yaml 'extends: base.yaml'
	gpuprov emit cloud-init p.yaml
	ends_with 3
	complains "extends another"
	write_profile p.yaml "$(printf '# %080d\n' $(seq 200))"
	gpuprov emit cloud-init --platform nocloud p.yaml
	ends_with 0
	gpuprov emit cloud-init --platform openstack p.yaml
	ends_with 0
	gpuprov emit cloud-init --platform ec2 p.yaml
	ends_with 3
	complains "ec2 takes 16384"
	complains "compress it: --gzip"
	silent
	gpuprov emit cloud-init p.yaml
	cp out plain
	"$GPUPROV" emit cloud-init --gzip --platform ec2 p.yaml >one.gz
	"$GPUPROV" emit cloud-init --gzip p.yaml >two.gz
	cmp one.gz two.gz
	gzip -dc one.gz | cmp - plain
	[ "$(stat -c %s one.gz)" -lt 16384 ]
	gpuprov emit cloud-init --gzip --platform gce p.yaml
	ends_with 3
	complains "takes text only"
	silent
	gpuprov emit shell --gzip p.yaml
	ends_with 64
	complains "--gzip is for cloud-init"
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
