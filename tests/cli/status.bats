#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# gpuprov status: the driver as it is and will be, and what has moved since it was applied.

load fixture

setup() {
	fixture
	satisfy "$root" "$profile"
	write_profile "$profile" 'driver: {modules: none, nouveau: blacklist}'
	conf=$root/etc/modprobe.d/gpuprov-nouveau.conf
}

applied() {
	gpuprov apply --yes --root "$root" "$profile"
	ends_with 0
	gpuprov status --root "$root"
	ends_with 0
}

@test "as it was applied: the driver, the next boot, and nothing has moved" {
	kernel "$root" 6.1.0-56-amd64
	applied
	says "Driver: 535.309.01 installed, 535.309.01 applied, no module is loaded."
	says "Next boot: kernel 6.1.0-56-amd64, no NVIDIA module."
	run grep "Moved" out
	[ "$status" -eq 1 ]
	[ "$(wc -l <out)" -le 24 ] && [ "$(wc -L <out)" -le 80 ] || { show; return 1; }
}

@test "a file that was edited, and one that is gone" {
	applied
	echo "blacklist nothing" >"$conf"
	gpuprov status --root "$root"
	says "Moved since it was applied:"
	says "/etc/modprobe.d/gpuprov-nouveau.conf: changed, not as the plan says"
	rm "$conf"
	gpuprov status --root "$root" --json
	python3 - out <<-'EOF'
		import json, sys
		r = json.load(open(sys.argv[1]))
		[m] = r["drift"]
		assert (m["what"], m["is"]) == ("/etc/modprobe.d/gpuprov-nouveau.conf", "gone"), m
		assert r["driver"]["installed"] == "535.309.01", r["driver"]
	EOF
	gpuprov apply --yes --root "$root" "$profile"
	gpuprov status --root "$root"
	run grep "Moved" out
	[ "$status" -eq 1 ] || { echo "$output"; return 1; }
}

@test "libraries of another version than was applied; nothing has moved before the first run" {
	gpuprov status --root "$root"
	says "No run was made here yet."
	says "Driver: 535.309.01 installed"
	applied
	cd "$root/usr/lib/x86_64-linux-gnu"
	mv libcuda.so.535.309.01 libcuda.so.550.163.01
	ln -sf libcuda.so.550.163.01 libcuda.so.1
	cd "$BATS_TEST_TMPDIR"
	gpuprov status --root "$root"
	says "Driver: 550.163.01 installed, 535.309.01 applied"
}

@test "verify of a whole host takes less than 300 ms of CPU, without a network" {
	applied
	best=$(unshare -n python3 - "$GPUPROV" verify --root "$root" "$profile" <<-'EOF'
		import resource, subprocess, sys
		def used():
		    r = resource.getrusage(resource.RUSAGE_CHILDREN)
		    return r.ru_utime + r.ru_stime
		took = []
		for _ in range(3):
		    before = used()
		    subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
		    took.append(used() - before)
		print(int(min(took) * 1000))
	EOF
	)
	echo "# verify took $best ms of CPU" >&3
	[ "$best" -lt 300 ] || { show; return 1; }
}
