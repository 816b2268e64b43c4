#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# On a real terminal: golden screens of 80 columns, colours, characters, questions, and the line that is redrawn.

load fixture

setup() {
	fixture
	/usr/bin/python3 -c 'import pyte' 2>/dev/null || skip "there is no python3-pyte"
	unset NO_COLOR COLUMNS
	export TERM=xterm LC_ALL=C.UTF-8
	hosts=$BATS_TEST_DIRNAME/../hosts
	screens=$BATS_TEST_DIRNAME/../screens
}

# on COLUMNSxROWS [--raw FILE] [--type TEXT] COMMAND...: then $status, and the screen in `out`.
on() {
	status=0
	/usr/bin/python3 "$BATS_TEST_DIRNAME/../lib/screen.py" "$@" >out 2>err || status=$?
	stdout=$(cat out)
	stderr=$(cat err)
}

raw() {
	python3 -c 'import json, sys; print("".join(json.loads(l)[1] for l in open(sys.argv[1])), end="")' "$1"
}

# ACCEPT=1 writes the screens anew; read the diff like code.
golden() {
	if [ "${ACCEPT:-}" ]; then
		mkdir -p "$screens"
		cp out "$screens/$1.txt"
	fi
	same "$screens/$1.txt" out
}

# No line is wider: those that the terminal itself broke were full, and went on at its first column. Words
# are broken by nobody but the terminal.
fits() {
	awk -v most="$1" 'length($0) > most { print "wider than " most ": " $0; bad = 1 }
		full && /^[^ ]/ { print "broken by the terminal: " last; print $0; bad = 1 }
		{ full = length($0) == most; last = $0 } END { exit bad }' out
}

# The plan is a fixed one, so that it shows what a plan looks like, whatever the solver decides today.
@test "golden screens at 80 columns" {
	on 80x60 sh -c '"$1" plan <"$2"' sh "$O/unit/t_terminal" "$screens/plan.json"
	ends_with 0
	fits 80
	golden plan
	write_profile p.yaml 'purpose: tun' 'driver: {branch: "53", brunch: "580"}'
	on 80x40 "$GPUPROV" lint p.yaml
	ends_with 65
	fits 80
	golden wrong-profile
	on 80x70 "$GPUPROV" why GP0112
	ends_with 0
	fits 80
	golden why
}

# What takes how long, and where the test runs, is not what a screen is about.
timeless() {
	sed -i -E 's# /[^ ]*/root\?# /tmp/root?#; s/  [0-9]+\.[0-9] s$/  0.0 s/; s/20[0-9]{2}-[0-9]{2}-[0-9]{2} +[0-9:]{8}/2026-11-22 12:00:00/' out
}

@test "golden screens of a first run: init, lint, plan; a mistyped name and key, and once more" {
	cp "$hosts/t4x2-bookworm.json" host.json
	cat >first <<-'EOF'
		gpuprov() { echo "\$ gpuprov $*"; "$GPUPROV" "$@"; }
		gpuprov init --facts host.json mine.yaml
		gpuprov lint mien.yaml
		gpuprov lint mine.yaml
		sed -i 's/reboot:/rebot:/' mine.yaml
		gpuprov lint mine.yaml
		sed -i 's/rebot:/reboot:/' mine.yaml
		gpuprov plan --fact host.json mine.yaml
		gpuprov plan --facts host.json mine.yaml
		gpuprov init --facts host.json mine.yaml
		gpuprov pln mine.yaml
	EOF
	on 80x200 bash first
	ends_with 64
	fits 80
	golden first-run
	cp mine.yaml out
	fits 80
	golden first-profile
}

@test "golden screens of apply, verify, doctor, status, history, rollback" {
	[ "$(id -u)" -eq 0 ] || skip "only root applies"
	export GPUPROV
	write_profile p.yaml 'driver: {modules: none, nouveau: blacklist}'
	satisfy root p.yaml
	rm root/etc/modprobe.d/gpuprov-nouveau.conf
	on 80x60 "$GPUPROV" plan --root root p.yaml
	ends_with 0
	fits 80
	golden plan-of-a-root
	on 80x60 "$GPUPROV" verify --root root p.yaml
	ends_with 5
	fits 80
	golden verify-fails
	on 80x60 --type $'y\n' "$GPUPROV" apply --root root p.yaml
	ends_with 0
	timeless
	fits 80
	golden apply
	on 80x60 --type $'y\n' "$GPUPROV" apply --root root p.yaml
	ends_with 0
	fits 80
	golden apply-again
	on 80x60 "$GPUPROV" verify --root root p.yaml
	ends_with 0
	fits 80
	golden verify
	on 80x60 "$GPUPROV" status --root root
	ends_with 0
	golden status
	on 80x60 "$GPUPROV" history --root root
	ends_with 0
	timeless
	fits 80
	golden history
	on 80x60 --type $'y\n' "$GPUPROV" rollback --root root
	ends_with 0
	timeless
	fits 80
	golden rollback
	on 80x60 "$GPUPROV" doctor --root root
	ends_with 0
	fits 80
	golden doctor
	on 80x90 "$GPUPROV" doctor --facts "$hosts/mismatch-noble.json"
	ends_with 5
	fits 80
	golden doctor-finds
}

@test "on a narrow terminal every line fits" {
	cp "$hosts/t4x2-bookworm.json" f.json
	write_profile p.yaml
	on 60x90 "$GPUPROV" plan --facts f.json p.yaml
	ends_with 0
	fits 60
}

@test "colours: on a terminal, unless NO_COLOR, TERM or --color say otherwise" {
	printf 'version: 1\n' >p.yaml
	on 80x24 --raw log "$GPUPROV" lint p.yaml
	raw log | grep -q $'\e\\[1;31m'
	for quiet in NO_COLOR=1 TERM=dumb; do
		on 80x24 --raw log env $quiet "$GPUPROV" lint p.yaml
		if raw log | grep $'\e'; then return 1; fi
	done
	on 80x24 --raw log env NO_COLOR=1 "$GPUPROV" lint --color always p.yaml
	raw log | grep -q $'\e\\[1;31m'
	on 80x24 --raw log env NO_COLOR= "$GPUPROV" lint --color=never p.yaml
	if raw log | grep $'\e'; then return 1; fi
	# Not into a pipe, whatever the command.
	for args in "lint p.yaml" "plan p.yaml" "why GP0101" "facts --root $root" --help "help profile"; do
		# shellcheck disable=SC2086 # words
		"$GPUPROV" $args >piped 2>&1 || true
		if grep $'\e' piped; then return 1; fi
	done
}

@test "a terminal without UTF-8 gets question marks as wide as what they stand for" {
	printf 'version: 1\nkind: bare-metal\ngpus: ["漢字", {a: b}]\n' >p.yaml
	on 80x24 env LC_ALL=C "$GPUPROV" lint p.yaml
	ends_with 65
	grep -qxF '    3 | gpus: ["????", {a: b}]' out || { cat out; return 1; }
	grep -qxF '      |                ^' out || { cat out; return 1; }
	on 80x24 "$GPUPROV" lint p.yaml
	grep -qF '漢' out || { cat out; return 1; }
}

@test "apply asks on a terminal, and takes no for an answer" {
	[ "$(id -u)" -eq 0 ] || skip "only root gets as far as being asked"
	write_profile "$profile" 'driver: {modules: none, nouveau: blacklist}'
	satisfy "$root" "$profile"
	rm "$root/etc/modprobe.d/gpuprov-nouveau.conf"
	on 80x40 --type $'n\n' "$GPUPROV" apply --root "$root" "$profile"
	ends_with 1
	says "[y/N] n"
	says "nothing has been changed"
	[ ! -e "$root/etc/modprobe.d/gpuprov-nouveau.conf" ]
	on 80x40 --type $'y\n' "$GPUPROV" apply --root "$root" "$profile"
	ends_with 0
	[ -e "$root/etc/modprobe.d/gpuprov-nouveau.conf" ]
}

@test "progress: one line, redrawn at most ten times a second, nothing left of it" {
	on 80x24 --raw log "$O/unit/t_terminal" play
	ends_with 0
	[ "$(wc -l <out)" -eq 1 ] || { echo "expected one line:"; cat out; return 1; }
	grep -qE '^   \+ packages   NVIDIA driver 535 漢 ?字 ?  done  2\.[0-9] s$' out || { cat out; return 1; }
	draws=$(raw log | grep -o $'\r\e\\[K[^\r]*4/6' | wc -l)
	[ "$draws" -ge 5 ] && [ "$draws" -le 21 ] || { echo "expected about 20 redraws in 2 s, saw $draws"; return 1; }
	# Never wider than the terminal, which would leave lines behind.
	on 40x24 "$O/unit/t_terminal" play
	[ "$(wc -l <out)" -le 2 ] || { echo "expected the end line only:"; cat out; return 1; }
}

@test "progress in a log: a line at the beginning and one at the end, no escapes" {
	"$O/unit/t_terminal" play 2>log
	[ "$(wc -l <log)" -eq 2 ] || { cat log; return 1; }
	if grep -P '\e|\r' log; then return 1; fi
	on 80x24 --raw log env TERM=dumb "$O/unit/t_terminal" play
	if raw log | grep $'\e'; then return 1; fi
}
