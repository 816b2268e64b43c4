#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# gpuprov plan on small roots: exit status, JSON, GPUs by name, another host's facts. The text of plans is
# in tests/plan/cases.

load fixture

setup() {
	fixture
}

# The host's facts without its bus: an image.
facts_of() {
	"$GPUPROV" facts --root "$root" --json >"$1"
}

@test "a root that has all of it: nothing to do, exit 0" {
	satisfy "$root" "$profile"
	gpuprov plan --root "$root" "$profile"
	ends_with 0
	says "Nothing to do: all of this is already there."
	says "= packages   NVIDIA driver 535"
	gpuprov plan --root "$root" --detailed-exitcode "$profile"
	ends_with 0
}

@test "with kernel modules too" {
	write_profile "$profile" 'driver: {modules: proprietary}'
	kernel "$root" 6.1.0-56-amd64
	install_driver "$root"
	package "$root" nvidia-kernel-dkms 535.309.01-1~deb12u1
	package "$root" nvidia-persistenced 535.171.04-1~deb12u1
	package "$root" linux-headers-amd64 6.1.170-1
	our_files "$root" "$profile"
	touch "$root/boot/initrd.img-6.1.0-56-amd64"
	gpuprov plan --root "$root" --detailed-exitcode "$profile"
	ends_with 0
	says "= initramfs  /boot/initrd.img-6.1.0-56-amd64"
	says "Nothing to do"
}

@test "--detailed-exitcode: 2 when there is something to do, else 0 without it" {
	facts_of f.json
	gpuprov plan --facts f.json --detailed-exitcode "$profile"
	ends_with 2
	gpuprov plan --facts f.json "$profile"
	ends_with 0
}

@test "a package that is only half there is something to do" {
	satisfy "$root" "$profile"
	sed -i '/^Package: nvidia-smi/,/^$/s/install ok installed/deinstall ok config-files/' \
		"$root/var/lib/dpkg/status"
	facts_of f.json
	gpuprov plan --facts f.json --detailed-exitcode "$profile"
	ends_with 2
	says "+ packages   NVIDIA driver 535"
}

@test "plan --facts of another host shows its steps, and asks nobody for packages" {
	facts_of f.json
	rm -r "$root"
	gpuprov plan --facts f.json "$profile"
	ends_with 0
	says "+ repo       /etc/apt/sources.list.d/gpuprov-debian.sources"
	says "libcuda1: the CUDA driver library"
	says "2 to add."
	says_not "to download"
	[ ! -e "$XDG_CACHE_HOME" ] || { echo "expected no cache folder"; return 1; }
}

@test "the source that is added has the components that are missing, and the host's key" {
	cat >"$root/etc/apt/sources.list" <<-'EOF'
		deb [signed-by=/usr/share/keyrings/k.gpg] http://mirror.example/debian bookworm main contrib
		deb http://mirror.example/debian-security bookworm-security main contrib non-free
		deb http://tools.example/debian nodistro main
	EOF
	facts_of f.json
	gpuprov plan --facts f.json --json "$profile"
	ends_with 0
	python3 - out >source <<-'EOF'
		import json, sys
		step = next(s for s in json.load(open(sys.argv[1]))["steps"] if s["kind"] == "repo")
		print(next(a["value"] for a in step["args"] if a["key"] == "content"), end="")
	EOF
	cat >wanted <<-'EOF'
		# Written by gpuprov: the components that the NVIDIA driver needs.
		# Do not edit; 'gpuprov rollback' takes it away again.

		Types: deb
		URIs: http://mirror.example/debian/
		Suites: bookworm
		Components: non-free
		Signed-By: /usr/share/keyrings/k.gpg
	EOF
	same wanted source
}

@test "plan --json is valid JSON, and the same bytes each time" {
	facts_of f.json
	gpuprov plan --facts f.json --json "$profile"
	ends_with 0
	python3 -m json.tool out >/dev/null
	says '"schema": "gpuprov.plan/1"'
	cp out first
	gpuprov plan --facts f.json --json "$profile"
	same first out
}

@test "the same bytes in another directory order, locale, time zone, environment" {
	facts_of f.json
	gpuprov plan --facts f.json --json "$profile"
	cp out first
	env -i PATH="$PATH" LC_ALL=C TZ=Asia/Tokyo HOME=/ "$GPUPROV" plan --facts f.json --json "$profile" \
		>second
	same first second
}

@test "GPU names mean the same in a Turkish locale" {
	command -v localedef >/dev/null || skip "there is no localedef"
	mkdir locales
	localedef -i tr_TR -f UTF-8 locales/tr_TR.UTF-8 2>/dev/null || [ -d locales/tr_TR.UTF-8 ] ||
		skip "there is no source of the locale tr_TR"
	facts_of f.json
	gpuprov plan --facts f.json --gpu "nvidia titan v" "$profile"
	ends_with 0
	cp out first
	LOCPATH=$PWD/locales LC_ALL=tr_TR.UTF-8 gpuprov plan --facts f.json --gpu "nvidia titan v" "$profile"
	ends_with 0
	same first out
}

@test "no GPU: exit 4 with ways out" {
	rm -r "$root/sys"
	gpuprov plan --root "$root" "$profile"
	ends_with 4
	silent
	complains "error[GP1003]: no NVIDIA GPU on this host"
	complains 'gpus: ["Tesla T4"]'
	complains '--gpu "Tesla T4"'
	complains "--facts FILE"
	complains "Nothing has been changed."
}

@test "the ways out of having no GPU lead to a plan" {
	rm -r "$root/sys"
	facts_of f.json
	gpuprov plan --facts f.json --gpu "Tesla T4" "$profile"
	ends_with 0
	says "2 to add."
	write_profile g.yaml 'gpus: ["Tesla T4"]' 'driver: {modules: none}'
	gpuprov plan --facts f.json g.yaml
	ends_with 0
	says "2 to add."
}

@test "--gpu overrides gpus: of the profile, and may be given twice" {
	write_profile g.yaml 'gpus: ["Tesla K80"]' 'driver: {modules: none, source: distro}'
	facts_of f.json
	gpuprov plan --facts f.json g.yaml
	ends_with 3
	complains "does not support the Tesla K80"
	gpuprov plan --facts f.json --gpu "Tesla T4" --gpu 10de:26b9 g.yaml
	ends_with 0
}

@test "an unknown GPU is refused, with the nearest names" {
	facts_of f.json
	gpuprov plan --facts f.json --gpu "T5" "$profile"
	ends_with 3
	complains "there is no GPU named 'T5' in the catalog"
	complains 'did you mean "NVIDIA T500"'
	complains "10de:xxxx"
}

@test "another distribution is not supported: exit 4" {
	sed -i 's/^ID=.*/ID=fedora/; s/^PRETTY_NAME=.*/PRETTY_NAME="Fedora Linux 41"/' \
		"$root/etc/os-release"
	gpuprov plan --root "$root" "$profile"
	ends_with 4
	complains "error[GP1002]: Fedora Linux 41 is not supported"
}

@test "a refused plan prints a JSON without steps, and says why in it" {
	facts_of f.json
	gpuprov plan --facts f.json --gpu T5 --json "$profile"
	ends_with 3
	python3 - out <<-'EOF'
		import json, sys
		plan = json.load(open(sys.argv[1]))
		assert "steps" not in plan, plan["steps"]
		assert plan["diagnostics"][0]["severity"] == "error", plan["diagnostics"]
	EOF
}

@test "plan needs no rights" {
	satisfy "$root" "$profile"
	copy_program
	as_nobody "$GPUPROV" plan --root "$root" "$profile" >out
	grep -q "Nothing to do" out || { echo "expected nothing to do:"; cat out; return 1; }
}

@test "an unknown catalog file is named" {
	gpuprov plan --root "$root" --catalog missing.cat "$profile"
	ends_with 1
	complains "reading 'missing.cat'"
}

@test "a catalog of one's own is checked before anything relies on it: exit 70" {
	printf '%s\n' 'catalog 1 date=2026-01-01' 'source "a test"' 'gpu 1eb8 arch=Turing' >c.cat
	gpuprov plan --root "$root" --catalog c.cat --gpu "Tesla T4" "$profile"
	ends_with 70
	complains "c.cat, top:3: gpu 1eb8 has no name"
}

@test "many hosts: a line each, the same outcome as one by one" {
	hosts=$BATS_TEST_DIRNAME/../hosts
	gpuprov plan --facts "$hosts/installed-bookworm.json" --facts "$hosts/no-gpu-trixie.json" "$profile"
	ends_with 3
	[ "$(wc -l <<<"$stdout")" = 3 ]
	says "HOST "
	says "no GPU "
	says "GP1003"
	complains "2 hosts: 0 to change, 1 kept, 1 refused."
	gpuprov plan --json --facts "$hosts" "$profile"
	[ "$(jq -s length <<<"$stdout")" = "$(find "$hosts" -maxdepth 1 -name "*.json" | wc -l)" ]
	[ "$(jq -r 'select(.host == "no-gpu-trixie").outcome' <<<"$stdout")" = refused ]
	[ "$(jq -r 'select(.host == "h100x8-noble").gpus' <<<"$stdout")" = "8 x NVIDIA H100 80GB HBM3" ]
	# In the order of the folder, however many work on it.
	[ "$(jq -r .facts <<<"$stdout")" = "$(jq -r .facts <<<"$stdout" | LC_ALL=C sort)" ]
}

@test "a fleet of ten thousand (LONG=1; else one thousand): a thousand hosts a second and more" {
	n=1000
	[ -z "${LONG:-}" ] || n=10000
	/usr/bin/python3 - "$BATS_TEST_DIRNAME/../hosts" fleet $n <<-'END'
		import json, os, pathlib, sys
		hosts = [p.read_text() for p in sorted(pathlib.Path(sys.argv[1]).glob("*.json"))]
		os.mkdir(sys.argv[2])
		for i in range(int(sys.argv[3])):
		    with open(f"{sys.argv[2]}/{i:05}.json", "w") as f:
		        f.write(hosts[i % len(hosts)])
	END
	# Two processors do it in a second a thousand: that is what they may spend, whoever else is here.
	status=0
	/usr/bin/time -f '%U %S %e' -o spent "$GPUPROV" plan --facts fleet "$profile" >out 2>err || status=$?
	stderr=$(cat err)
	ends_with 3
	complains "$n hosts: "
	[ "$(wc -l <out)" -eq $((n + 1)) ]
	echo "# $n hosts: user, system and wall seconds: $(tail -n 1 spent)" >&3
	tail -n 1 spent | awk -v n="$n" '{ exit $1 + $2 >= 2 * n / 1000 }' || { echo "expected less: $(cat spent)"; return 1; }
	# The same as one by one.
	gpuprov plan --facts fleet/00007.json --facts fleet/00008.json "$profile"
	tail -n 2 out >pair
	gpuprov plan --facts fleet "$profile"
	same pair <(sed -n '9,10p' out)
}

@test "one facts file that is none: which, after those before it" {
	mkdir fleet
	facts_of fleet/a.json
	echo '{"schema": 1}' >fleet/b.json
	gpuprov plan --facts fleet "$profile"
	[ "$status" -ne 0 ]
	complains "fleet/b.json"
	[ "$(wc -l <out)" -eq 2 ]
}

@test "the threads of a fleet share nothing that changes" {
	command -v valgrind >/dev/null || skip "there is no valgrind"
	[ "$(nproc)" -gt 1 ] || skip "one processor makes no second thread"
	grep -q asan <<<"$GPUPROV" && skip "valgrind cannot run an ASan build"
	mkdir fleet
	cp "$BATS_TEST_DIRNAME"/../hosts/{a100*,b200*,h100*,l4*}.json fleet/
	valgrind -q --tool=helgrind "$GPUPROV" plan --facts fleet "$profile" >out 2>races || :
	[ "$(wc -l <out)" -gt 5 ]
	# How jansson seeds its hashes is its own affair: with atomics, which helgrind does not know.
	! grep -E '   at .*\([a-z_]+\.c:[0-9]+\)' races || { cat races; return 1; }
}
