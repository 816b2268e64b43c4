#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# gpuprov status --format prometheus: what is in it, and what Prometheus' own promtool says about it.

load fixture

setup_file() {
	# Unpacked and not installed: a server would start.
	"$BATS_TEST_DIRNAME/../lib/engine-debs.sh" bookworm "$O/cache/prometheus" prometheus >&2 3>&- || return 1
	export PROMTOOL=$O/cache/prometheus/root/usr/bin/promtool
}

setup() {
	[ "$(id -u)" -eq 0 ] || skip "the state is root's"
	fixture
	install_driver "$root"
	write_profile "$profile" 'driver: {modules: none, nouveau: blacklist}'
}

# metrics: into the file out, which Prometheus finds nothing wrong with.
metrics() {
	gpuprov status --root "$root" --format prometheus
	ends_with 0
	# It prints complaints and ends with 3 when it has any.
	"$PROMTOOL" check metrics <out >complaints 2>&1 || { cat complaints out; return 1; }
	[ ! -s complaints ] || { cat complaints; return 1; }
}

# has LINE: exactly once.
has() {
	[ "$(grep -cFx -- "$1" out)" -eq 1 ] || { echo "expected: $1"; show; return 1; }
}

@test "before the first run" {
	metrics
	has "gpuprov_build_info{version=\"$("$GPUPROV" --version | cut -d' ' -f2)\",catalog=\"$(sed -n 's/.*catalog 1 date=//p' "$BATS_TEST_DIRNAME"/../../catalog/*.cat | head -n 1)\"} 1"
	has 'gpuprov_driver_info{version="535.309.01",loaded="",flavour=""} 1'
	has 'gpuprov_gpus 2'
	has 'gpuprov_runs 0'
	has 'gpuprov_run_active 0'
	has 'gpuprov_reboot_required 0'
	[ "$(grep -c -e last_run -e drift out)" -eq 0 ]
}

@test "after a run; while one goes on; after one that failed" {
	"$GPUPROV" apply --root "$root" --yes "$profile" >/dev/null 2>&1
	metrics
	has 'gpuprov_runs 1'
	has 'gpuprov_last_run_state{state="done"} 1'
	has 'gpuprov_last_run_state{state="failed"} 0'
	began=$(sed -n 's/^gpuprov_last_run_begin_timestamp_seconds //p' out)
	[ $(($(date +%s) - began)) -lt 600 ]
	[ "$(sed -n 's/^gpuprov_last_run_end_timestamp_seconds //p' out)" -ge "$began" ]
	exec 7>>"$root/var/lib/gpuprov/lock"
	flock 7
	metrics
	exec 7>&-
	has 'gpuprov_run_active 1'
	has 'gpuprov_last_run_state{state="done"} 0'
	rm "$root/etc/modprobe.d/gpuprov-nouveau.conf"
	rmdir "$root/etc/modprobe.d"
	ln -s /somewhere/else "$root/etc/modprobe.d"
	"$GPUPROV" apply --root "$root" --yes "$profile" >/dev/null 2>&1 || :
	metrics
	has 'gpuprov_last_run_state{state="failed"} 1'
}

@test "drift, as the timer's service reports it; and a report that is none" {
	mkdir -p "$root/run/gpuprov"
	report=$root/run/gpuprov/drift.json
	"$GPUPROV" plan --root "$root" --report "$report" "$profile" >/dev/null 2>&1
	metrics
	has 'gpuprov_drift_report_usable 1'
	has 'gpuprov_drift_steps 2'
	has 'gpuprov_drift_errors 0'
	has "gpuprov_drift_check_timestamp_seconds $(stat -c %Y "$report")"
	"$GPUPROV" plan --root "$root" --gpu T5 --report "$report" "$profile" >/dev/null 2>&1 || :
	metrics
	has 'gpuprov_drift_errors 1'
	"$GPUPROV" apply --root "$root" --yes "$profile" >/dev/null 2>&1
	"$GPUPROV" plan --root "$root" --report "$report" "$profile" >/dev/null 2>&1
	metrics
	has 'gpuprov_drift_steps 0'
	echo '{"schema": ' >"$report"
	metrics
	has 'gpuprov_drift_report_usable 0'
	[ "$(grep -c drift_steps out)" -eq 0 ]
}

@test "a complaint would be seen" {
	printf '%s\n' '# HELP gpuprov_runs_total Runs.' '# TYPE gpuprov_runs_total gauge' 'gpuprov_runs_total 1' >wrong
	run "$PROMTOOL" check metrics <wrong
	[ "$status" -ne 0 ]
}
