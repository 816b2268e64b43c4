#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# gpuprov verify on small roots: PASS, FAIL and DEFERRED, and exit 5.

load fixture

setup() {
	fixture
	satisfy "$root" "$profile"
}

# finds RESULT ID [TEXT]: the line of a check.
finds() {
	grep -q "^ $1  *$2  .*${3:-}" out || { echo "expected $1 $2 ${3:-}:"; show; return 1; }
}

@test "all is there: PASS, what needs a GPU is DEFERRED, exit 0" {
	gpuprov verify --root "$root" "$profile"
	ends_with 0
	finds PASS driver.libcuda /usr/lib/x86_64-linux-gnu/libcuda.so.535.309.01
	finds PASS driver.nvidia-smi /usr/bin/nvidia-smi
	finds PASS package.libcuda1 535.309.01-1~deb12u1
	finds PASS dpkg.clean
	finds DEFERRED gpu.count "needs a GPU to prove"
	finds PASS driver.one-version "libcuda.so.1 is of 535.309.01"
	finds DEFERRED driver.nvml "no /dev/nvidiactl\|not running"
	says "6 passed, 0 failed, 3 deferred."
}

@test "libcuda is missing although dpkg says it is installed: FAIL, exit 5" {
	rm "$root"/usr/lib/x86_64-linux-gnu/libcuda.so*
	gpuprov verify --root "$root" "$profile"
	ends_with 5
	finds FAIL driver.libcuda "/usr/lib/x86_64-linux-gnu/libcuda.so.1 is not there"
	says "1 failed"
}

@test "libcuda of another version: FAIL" {
	cd "$root/usr/lib/x86_64-linux-gnu"
	mv libcuda.so.535.309.01 libcuda.so.550.163.01
	ln -sf libcuda.so.550.163.01 libcuda.so.1
	cd "$BATS_TEST_TMPDIR"
	gpuprov verify --root "$root" "$profile"
	ends_with 5
	finds FAIL driver.libcuda libcuda.so.550.163.01
}

@test "libcuda is an empty file: FAIL" {
	: >"$root/usr/lib/x86_64-linux-gnu/libcuda.so.535.309.01"
	gpuprov verify --root "$root" "$profile"
	ends_with 5
	finds FAIL driver.libcuda "is not a library"
}

@test "a link out of the root proves nothing" {
	mv "$root/usr/lib/x86_64-linux-gnu/libcuda.so.535.309.01" .
	ln -sf "$PWD/libcuda.so.535.309.01" "$root/usr/lib/x86_64-linux-gnu/libcuda.so.1"
	gpuprov verify --root "$root" "$profile"
	ends_with 5
	finds FAIL driver.libcuda "is not there"
}

@test "nvidia-smi of another version: FAIL" {
	elf "$root/usr/bin/nvidia-smi" "NVIDIA-SMI 550.163.01"
	gpuprov verify --root "$root" "$profile"
	ends_with 5
	finds FAIL driver.nvidia-smi "is not of 535"
}

@test "a package that was removed: FAIL" {
	sed -i '/^Package: libcuda1/,/^$/s/install ok installed/deinstall ok config-files/' \
		"$root/var/lib/dpkg/status"
	gpuprov verify --root "$root" "$profile"
	ends_with 5
	finds FAIL package.libcuda1 "not installed"
}

@test "kernel modules: no source and no module for a kernel are FAIL, loading is DEFERRED" {
	write_profile "$profile" 'driver: {modules: proprietary}'
	kernel "$root" 6.1.0-56-amd64
	gpuprov verify --root "$root" "$profile"
	ends_with 5
	finds FAIL driver.module-source
	finds FAIL driver.module.6.1.0-56-amd64 "has no NVIDIA module"
	finds FAIL kernel.nouveau-blacklist "is not there"
	finds DEFERRED driver.loaded "needs a boot to prove"
}

@test "a module of the right version for the kernel: PASS" {
	write_profile "$profile" 'driver: {modules: proprietary}'
	kernel "$root" 6.1.0-56-amd64
	mkdir -p "$root/lib/modules/6.1.0-56-amd64/updates/dkms" "$root/usr/src/nvidia-current-535.309.01"
	touch "$root/usr/src/nvidia-current-535.309.01/dkms.conf"
	printf '\177ELF...\0version=535.309.01\0license=NVIDIA\0' \
		>"$root/lib/modules/6.1.0-56-amd64/updates/dkms/nvidia-current.ko"
	gpuprov verify --root "$root" "$profile"
	finds PASS driver.module.6.1.0-56-amd64 "is of 535.309.01"
	finds PASS driver.module-source /usr/src/nvidia-current-535.309.01
}

@test "verify --json holds the same verdicts" {
	rm "$root"/usr/lib/x86_64-linux-gnu/libcuda.so*
	gpuprov verify --root "$root" --json "$profile"
	ends_with 5
	python3 - out <<-'EOF'
		import json, sys
		report = json.load(open(sys.argv[1]))
		assert report["schema"] == "gpuprov.verify/1", report["schema"]
		result = {c["id"]: c["result"] for c in report["checks"]}
		assert result["driver.libcuda"] == "FAIL", result
		assert result["dpkg.clean"] == "PASS", result
		assert result["gpu.count"] == "DEFERRED", result
	EOF
}

@test "a dpkg that was interrupted is a failure among the rest" {
	touch "$root/var/lib/dpkg/updates/0001"
	gpuprov verify --root "$root" "$profile"
	ends_with 5
	grep -q "FAIL *dpkg.clean *dpkg was interrupted" out
	grep -q "PASS *driver.libcuda" out
}

@test "verify needs no rights" {
	copy_program
	as_nobody "$GPUPROV" verify --root "$root" "$profile" >out
	grep -q "0 failed" out || { echo "expected no failure:"; cat out; return 1; }
}

@test "verify --format junit: well-formed, one case a verdict, failures and skips counted" {
	rm "$root"/usr/lib/x86_64-linux-gnu/libcuda.so*
	gpuprov verify --root "$root" --format junit "$profile"
	ends_with 5
	python3 - out <<-'EOF'
		import sys
		import xml.etree.ElementTree as xml
		suite = xml.parse(sys.argv[1]).getroot().find("testsuite")
		cases = {c.get("name"): c for c in suite.findall("testcase")}
		assert int(suite.get("tests")) == len(cases), suite.attrib
		assert int(suite.get("failures")) == 1, suite.attrib
		assert "is not there" in cases["driver.libcuda"].find("failure").get("message")
		assert "needs a GPU" in cases["gpu.count"].find("skipped").get("message")
		assert cases["dpkg.clean"].find("failure") is None
	EOF
}

@test "verify --pytorch: an image is not asked, and a relative path is refused" {
	gpuprov verify --root "$root" --pytorch /usr/bin/python3 "$profile"
	finds DEFERRED pytorch "an image is not running"
	gpuprov verify --root "$root" --pytorch python3 "$profile"
	ends_with 64
	complains "absolute path of a Python"
}

@test "verify.run and verify.pytorch of the profile are checks; what is deferred says what it needs" {
	cat >>"$profile" <<-YAML
		verify: {run: true, pytorch: /usr/bin/python3}
	YAML
	gpuprov verify --root "$root" --json "$profile"
	ends_with 0
	python3 - out <<-'EOF'
		import json, sys
		checks = {c["id"]: c for c in json.load(open(sys.argv[1]))["checks"]}
		assert checks["cuda.kernel"]["result"] == "DEFERRED", checks
		assert checks["pytorch"]["result"] == "DEFERRED", checks
		mute = [i for i, c in checks.items() if c["result"] == "DEFERRED" and not c.get("needs")]
		assert not mute, mute
		assert not [i for i, c in checks.items() if not c.get("evidence")], checks
	EOF
	gpuprov verify --root "$root" --run --pytorch /usr/bin/python3 --json "$profile"
	ends_with 0
	[ "$(grep -c '"cuda.kernel"' out)" -eq 1 ] || { show; return 1; }
}
