#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The ready profiles about containers, carried out in a real root: the toolkit from a signed repository in
# NVIDIA's layout, engine, settings, CDI, and all of it put back.
# shellcheck disable=SC2154 # bats sets output, status and stderr

load ../lib/real

setup_file() {
	real_need
	BASE=$(real_base bookworm)
	export BASE
	"$REAL_LIB/mkrepo.py" make - "$BATS_FILE_TMPDIR/first" --keys "$O/cache/keys" <<<'Suite: x'
}

setup() {
	real_root "$BASE"
	mkdir -p "$REPO"
	repo_serve
	{
		debian_suite
		driver_packages "$VERSION"
		engines
	} | "$REAL_LIB/mkrepo.py" make - "$REPO/debian" --keys "$O/cache/keys"
	URI=$URI/debian repo_use
	cp "$O/cache/keys/good.asc" "$WORK"
	toolkit_make 1.17.8 1.18.0 1.19.1 1.20.0 1.21.0
	# It would boot systemd: the refresh service has an init.
	mkdir -p "$ROOT/usr/lib/systemd" && : >"$ROOT/usr/lib/systemd/systemd"
}

teardown() {
	real_drop
}

# What Debian 12 has of engines, toy-sized: programs that tell their version.
engines() {
	cat <<-'END'

		Package: docker.io
		Version: 20.10.24+dfsg1-1+deb12u1
		Component: main
		File: /usr/sbin/bin/dockerd none
		Postinst: printf '#!/bin/sh\necho Docker version 20.10.24+dfsg1, build 297e128\n' >/usr/sbin/dockerd; chmod 755 /usr/sbin/dockerd

		Package: containerd
		Version: 1.6.20~ds1-1+deb12u1
		Component: main
		File: /usr/bin/containerd #!/bin/sh\necho containerd github.com/containerd/containerd 1.6.20~ds1
	END
}

# toolkit_make VERSION...: the container toolkit's repository, each version locked to itself.
toolkit_make() {
	local v
	{
		printf 'Flat: yes\nOrigin: libnvidia-container/stable/deb\nLabel: NVIDIA CORPORATION\n'
		for v; do
			cat <<-END

				Package: nvidia-container-toolkit
				Version: $v-1
				Depends: nvidia-container-toolkit-base (= $v-1), libnvidia-container-tools (= $v-1)

				Package: nvidia-container-toolkit-base
				Version: $v-1
				Breaks: nvidia-container-runtime (<= 3.5.0-1)
				Replaces: nvidia-container-runtime (<= 3.5.0-1)
				File: /usr/bin/nvidia-container-runtime #!/bin/sh\nexec runc "\$@"
				File: /usr/bin/nvidia-ctk #!/bin/sh\nexit 0
				File: /lib/systemd/system/nvidia-cdi-refresh.service [Service]\nType=oneshot\nExecStart=/usr/bin/nvidia-ctk cdi generate\n[Install]\nWantedBy=multi-user.target
				File: /lib/systemd/system/nvidia-cdi-refresh.path [Path]\nPathChanged=/lib/modules\n[Install]\nWantedBy=multi-user.target
				Postinst: mkdir -p /etc/nvidia-container-runtime
				 f=/etc/nvidia-container-runtime/config.toml
				 [ -e \$f ] || printf '#accept-nvidia-visible-devices-as-volume-mounts = false\n\n[nvidia-container-cli]\n#no-cgroups = false   # for rootless\nldconfig = "@/sbin/ldconfig"\n\n[nvidia-container-runtime]\n  mode = "auto"\n' >\$f

				Package: libnvidia-container-tools
				Version: $v-1
				Depends: libnvidia-container1 (= $v-1)

				Package: libnvidia-container1
				Version: $v-1
			END
		done
		cat <<-'END'

			Package: nvidia-container-runtime
			Version: 3.5.0-1
			File: /usr/bin/nvidia-container-runtime.old none
		END
	} | "$REAL_LIB/mkrepo.py" make - "$REPO/ctk/stable/deb/amd64" --keys "$O/cache/keys"
}

# profile NAME [LINE]...: the ready profile, with what a scratch root cannot do without.
profile() {
	cat >"$WORK/p.yaml" <<-END
		version: 1
		kind: docker
		extends: $TOP/profiles/$1.yaml
		driver: {branch: "535", modules: none}
		apt:
		  container-toolkit-mirror: $URI/ctk
		  keyring: good.asc
		  key-fingerprint: $(gpg --show-keys --with-colons "$O/cache/keys/good.gpg" 2>/dev/null |
			awk -F: '$1 == "fpr" { print $10; exit }')
	END
	[ $# -lt 2 ] || printf '%s\n' "${@:2}" >>"$WORK/p.yaml"
}

back() {
	run --separate-stderr "$GPUPROV" rollback --yes --root "$ROOT"
	show
	[ "$status" -eq 0 ]
}

keep_etc() {
	tree_of "$ROOT/etc" | grep -v 'ld.so.cache' >"$WORK/etc"
	installed >"$WORK/packages"
}

# All of /etc and the packages are as they were; aside from times of folders, what ldconfig makes, and what
# the toolkit's own script made and its package leaves.
same_etc() {
	diff "$WORK/packages" <(installed)
	diff <(tree_kept <"$WORK/etc") <(tree_of "$ROOT/etc" | grep -v 'ld.so.cache' | tree_kept)
}
tree_kept() { sed -E '/nvidia-container-runtime/d; s/ [0-9]{10}\.[0-9]+ / /'; }

toolkit_is() {
	local name
	for name in nvidia-container-toolkit nvidia-container-toolkit-base libnvidia-container-tools libnvidia-container1; do
		grep -qx "$name $1" <(installed) || { echo "no $name $1"; installed | grep container; return 1; }
	done
}

enabled() {
	[ -L "$ROOT/etc/systemd/system/multi-user.target.wants/nvidia-cdi-refresh.service" ] &&
		[ -L "$ROOT/etc/systemd/system/multi-user.target.wants/nvidia-cdi-refresh.path" ]
}

# "packages before engine": the order of what was done.
before() {
	journal 1 | awk -v a="done $1" -v b="start $2" '$0 == a { x = NR } $0 == b { y = NR } END { exit !(x && y && x < y) }'
}

# verdict ID: PASS, FAIL or DEFERRED, as verify says.
verdict() {
	/usr/bin/python3 -c '
import json, sys
for v in json.load(sys.stdin)["checks"]:
    if v["id"] == sys.argv[1]:
        print(v["result"])' "$1" <<<"$verified"
}

@test "profile docker: four packages at one safe version, then the engine; undone to the byte" {
	profile docker
	keep_etc
	gp plan "$WORK/p.yaml" --json
	[ "$status" -eq 0 ]
	planned >"$WORK/planned"
	# A newer toolkit is on offer that nobody has looked at yet, and one that is known as bad.
	[ "$(grep -c 'container.* 1.20.0-1$' "$WORK/planned")" -eq 4 ]
	apply "$WORK/p.yaml"
	[ "$status" -eq 0 ]
	toolkit_is 1.20.0-1
	before packages:nvidia engine:docker
	/usr/bin/python3 - "$ROOT/etc/docker/daemon.json" <<-'END'
		import json, sys
		assert json.load(open(sys.argv[1]))["runtimes"]["nvidia"]["path"] == "/usr/bin/nvidia-container-runtime"
	END
	enabled
	grep -q create-dev-char-symlinks "$ROOT/etc/udev/rules.d/71-nvidia-dev-char.rules"
	verified=$("$GPUPROV" verify --json --root "$ROOT" "$WORK/p.yaml" || :)
	[ "$(verdict containers.toolkit)" = PASS ]
	[ "$(verdict containers.docker)" = DEFERRED ]
	[ "$(verdict containers.gpu)" = DEFERRED ]
	[ "$(verdict containers.cdi-refresh)" = PASS ]
	apply "$WORK/p.yaml"
	[ "$status" -eq 0 ]
	[[ $output == *"Nothing to do"* ]]
	# Somebody takes the runtime out: verify sees it.
	cp "$ROOT/etc/docker/daemon.json" "$WORK/daemon.json"
	echo '{}' >"$ROOT/etc/docker/daemon.json"
	verified=$("$GPUPROV" verify --json --root "$ROOT" "$WORK/p.yaml" || :)
	[ "$(verdict containers.docker)" = FAIL ]
	cat "$WORK/daemon.json" >"$ROOT/etc/docker/daemon.json"
	back
	same_etc
}

@test "profile docker: the user's own daemon.json comes back to the byte" {
	profile docker-default-runtime
	mkdir -p "$ROOT/etc/docker"
	printf '{\r\n\t"log-opts": {"max-size": "10m"},\r\n\t"debug":  false}' >"$ROOT/etc/docker/daemon.json"
	cp "$ROOT/etc/docker/daemon.json" "$WORK/before.json"
	keep_etc
	apply "$WORK/p.yaml"
	[ "$status" -eq 0 ]
	grep -q '"default-runtime": "nvidia"' "$ROOT/etc/docker/daemon.json"
	back
	cmp "$ROOT/etc/docker/daemon.json" "$WORK/before.json"
	same_etc
}

@test "profile containerd: installed and configured by its version, undone" {
	profile containerd
	keep_etc
	apply "$WORK/p.yaml"
	[ "$status" -eq 0 ]
	toolkit_is 1.20.0-1
	before packages:nvidia engine:containerd
	# 1.6: in the file itself, runc beside it, and no CDI.
	grep -q 'runtimes.nvidia' "$ROOT/etc/containerd/config.toml"
	grep -q 'runtimes.runc' "$ROOT/etc/containerd/config.toml"
	run ! grep -q enable_cdi "$ROOT/etc/containerd/config.toml"
	back
	same_etc
}

@test "profile k8s-crio: a file of our own, undone" {
	profile k8s-crio
	sed -i 's/^kind: docker/kind: k8s/' "$WORK/p.yaml"
	printf '#!/bin/sh\necho crio version 1.34.0\n' >"$ROOT/usr/bin/crio"
	chmod 755 "$ROOT/usr/bin/crio"
	keep_etc
	apply "$WORK/p.yaml"
	[ "$status" -eq 0 ]
	grep -q 'crio.runtime.runtimes.nvidia' "$ROOT/etc/crio/crio.conf.d/99-gpuprov-nvidia.conf"
	[ "$(find "$ROOT/etc/crio" -type f | wc -l)" -eq 1 ]
	back
	same_etc
}

@test "profile podman: nvidia-ctk and CDI alone, undone; Debian 12's own is refused" {
	profile podman
	apply "$WORK/p.yaml"
	[ "$status" -eq 3 ]
	says GP1154
	printf 'Package: podman\nStatus: install ok installed\nArchitecture: amd64\nMaintainer: x\nDescription: x\nVersion: 5.4.2+ds1-2\n\n' \
		>>"$ROOT/var/lib/dpkg/status"
	: >"$ROOT/var/lib/dpkg/info/podman.list"
	keep_etc
	apply "$WORK/p.yaml"
	[ "$status" -eq 0 ]
	installed | grep -qx 'nvidia-container-toolkit-base 1.20.0-1'
	run ! grep -q libnvidia-container1 <(installed)
	enabled
	verified=$("$GPUPROV" verify --json --root "$ROOT" "$WORK/p.yaml" || :)
	[ "$(verdict containers.cdi)" = DEFERRED ]
	# A specification of another driver, made by hand, is found.
	mkdir -p "$ROOT/etc/cdi"
	printf 'kind: nvidia.com/gpu\ncontainerEdits:\n  mounts:\n  - hostPath: /usr/lib/x86_64-linux-gnu/libcuda.so.470.1\n' \
		>"$ROOT/etc/cdi/nvidia.yaml"
	verified=$("$GPUPROV" verify --json --root "$ROOT" "$WORK/p.yaml" || :)
	[ "$(verdict containers.cdi)" = FAIL ]
	gp plan "$WORK/p.yaml"
	says "etc/cdi/nvidia.yaml was made by hand"
	rm -r "$ROOT/etc/cdi"
	back
	same_etc
}

@test "a host with only nvidia-container-runtime gets the whole toolkit, and is told why" {
	profile docker
	cp "$O/cache/keys/good.gpg" "$ROOT/usr/share/keyrings/t.gpg"
	echo "deb [signed-by=/usr/share/keyrings/t.gpg] $URI/ctk/stable/deb/amd64 /" >"$ROOT/etc/apt/sources.list.d/t.list"
	chroot "$ROOT" apt-get -qq update
	chroot "$ROOT" apt-get -qq install -y nvidia-container-runtime >/dev/null
	rm "$ROOT/etc/apt/sources.list.d/t.list"
	apply "$WORK/p.yaml"
	[ "$status" -eq 0 ]
	says "nvidia-container-runtime 3.5.0-1 is installed alone; the whole toolkit comes"
	toolkit_is 1.20.0-1
	run ! grep -q '^nvidia-container-runtime ' <(installed)
}

@test "settings of the toolkit: keys after their table, comments stay; undone to the byte" {
	profile docker 'container-toolkit: {mode: cdi, no-cgroups: true, unprivileged-envvar: false, volume-mounts: true, cdi: false}'
	keep_etc
	apply "$WORK/p.yaml"
	[ "$status" -eq 0 ]
	diff - "$ROOT/etc/nvidia-container-runtime/config.toml" <<-'END'
		accept-nvidia-visible-devices-envvar-when-unprivileged = false  # gpuprov
		accept-nvidia-visible-devices-as-volume-mounts = true  # gpuprov
		#accept-nvidia-visible-devices-as-volume-mounts = false

		[nvidia-container-cli]
		no-cgroups = true  # gpuprov
		#no-cgroups = false   # for rootless
		ldconfig = "@/sbin/ldconfig"

		[nvidia-container-runtime]
		  mode = "cdi"
	END
	[ "$(readlink "$ROOT/etc/systemd/system/nvidia-cdi-refresh.service")" = /dev/null ]
	cp "$ROOT/etc/nvidia-container-runtime/config.toml" "$WORK/ours"
	# The user goes on editing: his lines stay when ours go.
	echo '# his' >>"$ROOT/etc/nvidia-container-runtime/config.toml"
	back
	[ ! -e "$ROOT/etc/systemd/system/nvidia-cdi-refresh.service" ]
	diff - "$ROOT/etc/nvidia-container-runtime/config.toml" <<-'END'
		#accept-nvidia-visible-devices-as-volume-mounts = false

		[nvidia-container-cli]
		#no-cgroups = false   # for rootless
		ldconfig = "@/sbin/ldconfig"

		[nvidia-container-runtime]
		  mode = "auto"
		# his
	END
}

@test "a toolkit known as bad is not installed, whatever is on offer" {
	profile docker 'container-toolkit: {version: "1.18.0"}'
	keep_etc
	apply "$WORK/p.yaml"
	[ "$status" -eq 3 ]
	says GP1152
	same_etc
}
