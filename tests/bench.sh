#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# bench.sh: how long planning takes, side by side with what else can say the same of the same root: apt-get,
# python-apt. All with warm caches, interleaved, the set of packages compared first. Needs root and a mirror.
# Writes $O/bench.txt. RUNS=N for more runs (default 9).
set -eu

bats_require_minimum_version() { :; } # what bats has and real.bash asks for
cd "$(dirname "$0")/.."
# shellcheck source=tests/lib/real.bash
. tests/lib/real.bash
unset APT_CONFIG

if [ "$(id -u)" -ne 0 ]; then
	echo "bench: it makes roots and installs into one; run it as root" >&2
	exit 77
fi
RUNS=${RUNS:-9}

# ---- the root that is planned for: all components on, lists fetched, a GPU ----

BATS_TEST_FILENAME=bench BATS_TEST_NUMBER=plan
real_root "$(real_base bookworm)"
trap real_drop EXIT
PROFILE=$WORK/desktop.yaml
cat >"$PROFILE" <<-END
	version: 1
	kind: bare-metal
	purpose: desktop
	driver:
	  branch: "535"
END
sed -i 's/ main$/ main contrib non-free non-free-firmware/' "$ROOT"/etc/apt/sources.list.d/*.list \
	"$ROOT/etc/apt/sources.list" 2>/dev/null || :
# apt-get and python-apt from outside, on the same root, as gpuprov does it: this machine's own apt.conf.d
# is not read, binary caches are kept, no recommended packages.
cat >"$WORK/apt.conf" <<-END
	Dir "$ROOT/";
	Dir::State::status "$ROOT/var/lib/dpkg/status";
	Dir::Etc "$ROOT/etc/apt/";
	APT::Install-Recommends "false";
	APT::Architecture "$(dpkg --print-architecture)";
END
apt_get() { APT_CONFIG=$WORK/apt.conf apt-get "$@"; }
apt_get -qq -o Acquire::Languages=none update >&2

plan() { "$GPUPROV" plan --root "$ROOT" --cache "$CACHE" "$PROFILE" "$@"; }
output=$(plan --json)
planned >"$WORK/set"
wants=$(/usr/bin/python3 -c '
import json, sys
print(*(a["value"].split()[0] for step in json.load(sys.stdin)["steps"]
        for a in step["args"] if a["key"] == "want"))' <<<"$output")
cat >"$WORK/python-apt.py" <<-END
	import sys, apt
	cache = apt.Cache()
	for name in sys.argv[1:]:
	    cache[name].mark_install()
	for p in sorted(cache.get_changes()):
	    print(p.shortname, p.candidate.version)
END

# ---- do they say the same? ----

same() {
	diff "$WORK/set" - >"$WORK/difference" || {
		echo "bench: gpuprov and $1 come to different sets:" >&2
		cat "$WORK/difference" >&2
		exit 1
	}
}
# shellcheck disable=SC2086 # a list of packages
apt_get -s install $wants | sed -n 's/^Inst \([^ ]*\) .*(\([^ ]*\) .*/\1 \2/p' | sort | same apt-get
python=
# shellcheck disable=SC2086
if /usr/bin/python3 -c 'import apt' 2>/dev/null; then
	APT_CONFIG=$WORK/apt.conf /usr/bin/python3 "$WORK/python-apt.py" $wants | sort | same python-apt
	python=yes
fi

# Ansible's own module for apt, on the same root; asked for by the names and versions of the set.
ansible=
if command -v ansible-playbook >/dev/null; then
	ansible=yes
	cat >"$WORK/play.yaml" <<-END
		- hosts: localhost
		  connection: local
		  gather_facts: false
		  vars: {ansible_python_interpreter: /usr/bin/python3}
		  tasks:
		    - ansible.builtin.apt:
		        name: [${wants// /, }]
		        install_recommends: false
	END
	APT_CONFIG=$WORK/apt.conf ansible-playbook --check -v "$WORK/play.yaml" >"$WORK/said" 2>&1
	grep -q 'changed=1' "$WORK/said"
fi

# ---- a root where everything is there ----

PLAN_ROOT=$ROOT PLAN_CACHE=$CACHE PLAN_WORK=$WORK
drop_both() {
	real_drop
	WORK=$PLAN_WORK real_drop
}
trap drop_both EXIT
BATS_TEST_NUMBER=apply
real_root "$(real_base bookworm)"
mkdir "$REPO"
repo_serve
{ debian_suite; driver_packages "$VERSION"; } | repo_make
repo_use
"$GPUPROV" apply --yes --root "$ROOT" --cache "$CACHE" "$DEMO" >"$WORK/out" 2>&1

# ---- measuring ----

# One line a command: name, a blank, the command. What it prints goes nowhere.
{
	echo "plan $GPUPROV plan --root $PLAN_ROOT --cache $PLAN_CACHE $PROFILE --timing"
	on="env APT_CONFIG=$PLAN_WORK/apt.conf"
	echo "apt-get-s $on apt-get -s install $wants"
	echo "apt-get-uris $on apt-get -y --print-uris install $wants"
	[ -z "$python" ] || echo "python-apt $on /usr/bin/python3 $PLAN_WORK/python-apt.py $wants"
	echo "apply-again $GPUPROV apply --yes --root $ROOT --cache $CACHE $DEMO"
	echo "plan-again $GPUPROV plan --root $ROOT --cache $CACHE $DEMO"
	echo "facts $GPUPROV facts --json --no-apt --root $PLAN_ROOT"
	echo "facts-with-apt $GPUPROV facts --json --root $PLAN_ROOT --cache $PLAN_CACHE"
	echo "facts-of-this-host $GPUPROV facts --json --no-apt"
	[ -z "$ansible" ] || echo "ansible-check $on ansible-playbook --check $PLAN_WORK/play.yaml"
} >"$WORK/commands"
/usr/bin/python3 tests/lib/measure.py "$WORK/commands" "$RUNS" "$(wc -l <"$PLAN_WORK/set")" >"$O/bench.txt"
cat "$O/bench.txt"
"$O/bench-planner" profiles/desktop.yaml tests/hosts/*.json | tee -a "$O/bench.txt"
tests/bench-runfile.sh
/usr/bin/python3 tests/lib/measure_edit.py "$GPUPROV" 31 | tee -a "$O/bench.txt"
