#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# gpuprov facts --bundle: everything a helper needs, no secret in any member, no link followed.

load fixture

setup() {
	fixture
	command -v zstd >/dev/null || skip "there is no zstd to open bundles with"
}

# plant FILE TEXT: a file of the host.
plant() {
	mkdir -p "$root/$(dirname "$1")"
	printf '%s\n' "$2" >"$root/$1"
}

open_bundle() {
	rm -rf in && mkdir in
	tar --zstd -xf "$1" -C in
}

@test "what is there, and a manifest that is true" {
	plant etc/docker/daemon.json '{"runtimes": {}}'
	plant etc/modprobe.d/nv.conf "options nvidia NVreg_EnableGpuFirmware=0"
	plant var/log/kern.log "kernel: NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus
kernel: usb 1-1: new device of somebody"
	plant var/lib/dkms/nvidia-current/535.309.01/build/make.log "error: implicit declaration"
	gpuprov facts --root "$root" --bundle b.tar.zst
	ends_with 0
	says "Written to b.tar.zst: "
	[ "$(stat -c %a b.tar.zst)" = 600 ] || { ls -l b.tar.zst; return 1; }
	open_bundle b.tar.zst
	python3 - in <<-'EOF'
		import hashlib, json, os, sys
		root = sys.argv[1]
		m = json.load(open(root + "/manifest.json"))
		assert m["schema"] == "gpuprov.bundle/1", m
		names = {f["name"] for f in m["files"]}
		there = {os.path.relpath(os.path.join(d, f), root) for d, _, fs in os.walk(root) for f in fs}
		assert names == there - {"manifest.json"}, names ^ there
		for f in m["files"]:
		    data = open(os.path.join(root, f["name"]), "rb").read()
		    assert len(data) == f["bytes"] and hashlib.sha256(data).hexdigest() == f["sha256"], f
		for wanted in ("facts.json", "findings.json", "files/etc/docker/daemon.json", "files/etc/modprobe.d/nv.conf",
		               "files/var/lib/dkms/nvidia-current/535.309.01/build/make.log", "gpu-lines/var/log/kern.log"):
		    assert wanted in names, (wanted, names)
		assert "usb" not in open(root + "/gpu-lines/var/log/kern.log").read()
	EOF
	gpuprov facts --facts in/facts.json
	ends_with 0
}

@test "planted secrets are in no member" {
	plant etc/apt/apt.conf.d/proxy 'Acquire::http::Proxy "http://me:hunter2@proxy.example:3128/";'
	plant etc/apt/sources.list.d/x.list 'deb https://bot:hunter2@apt.example/debian bookworm main'
	plant etc/apt/sources.list.d/y.sources "Types: deb
URIs: https://hunter2token@apt.example/x
Suites: ./"
	plant etc/apt/auth.conf 'machine apt.example login me password hunter2'
	plant etc/docker/daemon.json '{"http-proxy": "http://u:hunter2@p.example", "auths": {"r.example": {"auth": "hunter2"}}}'
	plant etc/containerd/config.toml '[plugins."io.containerd.grpc.v1.cri".registry.configs."r.example".auth]
  username = "me"
  password = "hunter2"
  identitytoken = "hunter2"'
	plant etc/crio/crio.conf.d/a.conf 'secret_key = "hunter2"'
	plant etc/environment 'https_proxy=http://u:hunter2@p.example
NGC_API_KEY=hunter2'
	plant etc/systemd/system/docker.service.d/p.conf '[Service]
Environment="HTTP_PROXY=http://u:hunter2@p.example" "DB_PASSWORD=hunter2"'
	plant etc/rancher/k3s/registries.yaml 'configs:
  r.example:
    auth:
      username: me
      password: hunter2 hunter2
  s.example:
    auth:
      token: >
        hunter2
        hunter2'
	plant etc/rancher/k3s/config.yaml 'token: hunter2
tls-san: a'
	plant var/log/apt/term.log 'Get:1 https://u:hunter2@apt.example x
curl -H "Authorization: Bearer hunter2" https://a.example/?token=hunter2'
	plant var/log/dpkg.log 'a -----BEGIN RSA PRIVATE KEY-----
hunter2
-----END RSA PRIVATE KEY-----'
	plant etc/default/docker 'DOCKER_OPTS="--registry-password hunter2"'
	plant var/lib/gpuprov/runs/9/journal '{"kind":"start","text":"{\"proxy\":\"http://u:hunter2@p.example\",\"password\":\"hunter2\"}"}'
	gpuprov facts --root "$root" --bundle b.tar.zst
	ends_with 0
	open_bundle b.tar.zst
	[ "$(find in -type f | wc -l)" -gt 14 ] || { find in; return 1; }
	run grep -r hunter2 in
	[ "$status" -eq 1 ] || { echo "$output"; return 1; }
	[ ! -e in/files/etc/apt/auth.conf ]
	grep -q "(redacted)@apt.example" in/files/etc/apt/sources.list.d/x.list
	grep -q 'username = "me"' in/files/etc/containerd/config.toml
	python3 -c 'import json; json.load(open("in/facts.json")); json.load(open("in/files/etc/docker/daemon.json"))'
	[ "$(zstd -dc b.tar.zst | grep -c hunter2)" = 0 ]
}

@test "links, sockets and what is no text stay out, and the manifest says why" {
	echo "outside" >"$BATS_TEST_TMPDIR/outside"
	plant etc/docker/x ''
	ln -s "$BATS_TEST_TMPDIR/outside" "$root/etc/docker/daemon.json"
	mkdir -p "$root/etc/elsewhere" && echo 'a = 1' >"$root/etc/elsewhere/config.toml"
	ln -s elsewhere "$root/etc/containerd"
	mkfifo "$root/etc/environment"
	mkdir -p "$root/etc/cdi" && printf 'a\0b' >"$root/etc/cdi/x.yaml"
	gpuprov facts --root "$root" --bundle b.tar.zst --json
	ends_with 0
	python3 - out <<-'EOF'
		import json, sys
		m = json.load(open(sys.argv[1]))
		out = {x["from"]: x["why"] for x in m["left_out"]}
		assert out["/etc/docker/daemon.json"] == "it is a link", out
		assert out["/etc/containerd/config.toml"] == "it is beneath a link", out
		assert out["/etc/environment"] == "it is no file", out
		assert out["/etc/cdi/x.yaml"] == "it is no text", out
	EOF
	open_bundle b.tar.zst
	run grep -rl outside in
	[ "$status" -eq 1 ] || { echo "$output"; return 1; }
}

@test "capped: of a long file the end, and never more than 16 MiB; the same files come in the same order" {
	mkdir -p "$root/var/log/apt"
	seq -f 'line %08.0f of a long log' 1 60000 >"$root/var/log/apt/term.log"
	for i in $(seq 50); do
		mkdir -p "$root/etc/modprobe.d"
		head -c 500000 /dev/zero | tr '\0' 'x' >"$root/etc/modprobe.d/$i.conf"
	done
	gpuprov facts --root "$root" --bundle b.tar.zst --json
	ends_with 0
	python3 - out <<-'EOF'
		import json, sys
		m = json.load(open(sys.argv[1]))
		log = [f for f in m["files"] if f["from"] == "/var/log/apt/term.log"]
		assert m["bytes"] <= 16 << 20, m["bytes"]
		assert any(x["why"] == "the bundle is full" for x in m["left_out"]), m["left_out"]
		assert not log or (log[0]["cut"] and log[0]["bytes"] <= 512 << 10), log
	EOF
	gpuprov facts --root "$root" --bundle c.tar.zst
	tar --zstd -tvf b.tar.zst >b.list && tar --zstd -tvf c.tar.zst >c.list
	diff <(grep -v 'facts.json\|manifest.json' b.list) <(grep -v 'facts.json\|manifest.json' c.list)
	open_bundle b.tar.zst && mv in in.b && open_bundle c.tar.zst
	diff -r in.b/files in/files
}

@test "a file that is there is not overwritten; another name, other facts and a .run are refused" {
	echo mine >b.tar.zst
	gpuprov facts --root "$root" --bundle b.tar.zst
	[ "$status" -ne 0 ] && [ "$(cat b.tar.zst)" = mine ] || { show; return 1; }
	gpuprov facts --root "$root" --bundle b.zip
	ends_with 64
	gpuprov facts --root "$root" --bundle c.tar.zst --facts x.json
	ends_with 64
	[ ! -e c.tar.zst ]
}

@test "nobody may make one too: what only root may read is named" {
	plant etc/docker/daemon.json '{}'
	chmod 600 "$root/etc/docker/daemon.json"
	copy_program
	mkdir -m 777 free
	as_nobody "$GPUPROV" facts --root "$root" --bundle free/b.tar.zst >out 2>err || { cat out err; return 1; }
	grep -q "left out: /etc/docker/daemon.json: only root may read it" out || { cat out err; return 1; }
}
