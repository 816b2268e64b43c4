#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Packages come over several connections, ahead of libapt, into apt's own folder: from servers of this machine
# that behave well or badly.

load ../lib/real

setup() {
	real_need
	BASE=$(real_base bookworm)
	real_root "$BASE"
	mkdir "$REPO"
	: >"$WORK/manners"
	repo_serve --manners "$WORK/manners"
	ARCHIVES=$ROOT/var/cache/apt/archives
}

teardown() {
	real_drop
}

EXTRA=12

# The driver and what it needs here: $EXTRA packages of 200 kB more.
many() {
	local i
	debian_suite
	driver_packages "$VERSION" |
		sed "s/^Depends: libnvidia-ml1.*/&, $(seq -f 'extra-%g' -s ', ' $EXTRA)/"
	for i in $(seq $EXTRA); do
		printf '\nPackage: extra-%d\nVersion: 1\nComponent: main\nFile: /usr/share/extra/%d %s\n' \
			"$i" "$i" "$(head -c 100000 /dev/urandom | od -An -v -tx1 | tr -d ' \n')"
	done
}

served() {
	repo_use
	sed -i 's/ main$/ main contrib non-free/' "$ROOT/etc/apt/sources.list"
}

# debs PATTERN: how many requests for packages match.
debs() {
	grep -cE -- "$1" "$WORK/manners.debs" || :
}

# All is installed, nothing of ours is left in apt's folder, and apt's modes are as apt makes them.
all_there() {
	[ "$status" -eq 0 ]
	[ "$(installed | grep -c '^extra-')" -eq $EXTRA ]
	[ -z "$(ls "$ARCHIVES/partial")" ]
	[ "$(stat -c '%U %a' "$ARCHIVES/partial")" = "_apt 700" ]
	[ "$(stat -c '%U:%G %a' "$ARCHIVES"/extra-1_*.deb)" = "root:root 644" ]
}

@test "several connections at once to one host, each file once" {
	many | repo_make
	served
	echo "pause 0.1" >"$WORK/manners"
	apply
	all_there
	[ "$(awk '{ if ($3 > most) most = $3 } END { print most }' "$WORK/manners.debs")" -eq 6 ]
	[ "$(wc -l <"$WORK/manners.debs")" -eq $((EXTRA + 4)) ]
	[ "$(awk '{ print $4 }' "$WORK/manners.debs" | sort -u | wc -l)" -le 8 ]
}

@test "the user of apt's sandbox downloads, not root" {
	many | repo_make
	served
	echo "pause 0.3" >"$WORK/manners"
	"$GPUPROV" apply --yes --root "$ROOT" --cache "$CACHE" "$DEMO" >"$WORK/out" 2>&1 3>&- &
	pid=$!
	until_there "$WORK/manners.debs"
	sleep 0.1
	owners=$(stat -c %U "$ARCHIVES"/partial/* | sort -u)
	users=$(for p in $(descendants $pid); do ps -o user= -p "$p"; done | sort -u)
	wait $pid
	[ "$owners" = _apt ]
	[[ $users == *_apt* ]]
}

@test "a download that is cut off goes on where it was" {
	many | repo_make
	served
	echo 'Acquire::Retries "2";' >"$ROOT/etc/apt/apt.conf.d/90tests"
	echo "cut 50000" >"$WORK/manners"
	apply
	all_there
	[ "$(debs 'extra-.* bytes=50000-')" -eq $EXTRA ]
}

@test "what apt left in its folder of partial downloads is gone on from; wrong bytes there are not kept" {
	many | repo_make
	served
	apply # makes the folders
	chroot "$ROOT" apt-get -y purge nvidia-smi libnvidia-ml1 libcuda1 'extra-*' >/dev/null
	rm -f "$ARCHIVES"/*.deb "$WORK/manners.debs" "$ROOT"/var/lib/gpuprov/debs/*
	head -c 70000 "$REPO"/pool/main/extra-1_1_*.deb >"$ARCHIVES/partial/$(basename "$REPO"/pool/main/extra-1_1_*.deb)"
	head -c 60000 /dev/urandom >"$ARCHIVES/partial/$(basename "$REPO"/pool/main/extra-2_1_*.deb)"
	cp "$REPO"/pool/main/extra-3_1_*.deb "$ARCHIVES/partial/"
	chown _apt "$ARCHIVES"/partial/*
	apply
	all_there
	[ "$(debs 'extra-1_.* bytes=70000-')" -eq 1 ]
	[ "$(debs 'extra-2_.* bytes=60000-')" -eq 1 ]
	[ "$(debs 'extra-2_.* - ')" -eq 1 ]
	[ "$(debs 'extra-3_')" -eq 0 ]
}

@test "a server that dies half way: its name is said, and the same apply goes on with what is there" {
	many | repo_make
	served
	echo "dead 10" >"$WORK/manners"
	apply
	[ "$status" -eq 69 ]
	says "$URI/pool"
	[ "$(installed | grep -c '^extra-')" -eq 0 ]
	whole=$(find "$ARCHIVES" -maxdepth 1 -name '*.deb' | wc -l)
	[ "$whole" -ge 1 ] && [ "$whole" -le 10 ] # several are asked for at once
	rm "$WORK/manners.debs"
	: >"$WORK/manners"
	apply
	all_there
	[ "$(wc -l <"$WORK/manners.debs")" -eq $((EXTRA + 4 - whole)) ]
}

@test "redirections are followed; where apt may not follow them, neither do we" {
	many | repo_make
	served
	echo redirect >"$WORK/manners"
	apply
	all_there
	[ "$(debs '[?]again')" -eq $((EXTRA + 4)) ]
	chroot "$ROOT" apt-get -y purge nvidia-smi libnvidia-ml1 libcuda1 'extra-*' >/dev/null
	rm -f "$ARCHIVES"/*.deb "$WORK/manners.debs" "$ROOT"/var/lib/gpuprov/debs/*
	echo 'Acquire::http::AllowRedirect "false";' >"$ROOT/etc/apt/apt.conf.d/92tests"
	apply
	[ "$status" -eq 69 ]
	[ "$(debs '[?]again')" -eq 0 ]
}

@test "a password from auth.conf, which shows nowhere" {
	many | repo_make
	served
	echo "login me:HU%SH 1" >"$WORK/manners"
	sed -i 's/HU%SH 1/HU%SH@1/' "$WORK/manners"
	mkdir -p "$ROOT/etc/apt/auth.conf.d"
	(
		umask 077
		echo "machine http://127.0.0.1:${URI##*:} login me password HU%SH@1" >"$ROOT/etc/apt/auth.conf.d/local.conf"
	)
	apply
	[[ $output$stderr != *HU* ]]
	all_there
	[ "$(wc -l <"$WORK/manners.debs")" -eq $((EXTRA + 4)) ]
	run ! grep -rqF 'HU%SH' "$ROOT/var/lib/gpuprov" "$ROOT/var/log" "$CACHE"
	# Wrong: refused in libapt's words, without the password.
	chroot "$ROOT" apt-get -y purge nvidia-smi libnvidia-ml1 libcuda1 'extra-*' >/dev/null
	rm -f "$ARCHIVES"/*.deb "$ROOT"/var/lib/gpuprov/debs/*
	sed -i s/SH/PS/ "$ROOT/etc/apt/auth.conf.d/local.conf"
	apply
	[ "$status" -eq 69 ]
	says 401
	[[ $output$stderr != *HUPS* ]]
}

@test "apt's proxy for this host, and none for another" {
	many | repo_make
	served
	sed -i "s|http://127.0.0.1:[0-9]*|http://repo.invalid|" "$ROOT/etc/apt/sources.list"
	cat >"$ROOT/etc/apt/apt.conf.d/91proxy" <<-END
		Acquire::http::Proxy "http://127.0.0.1:1";
		Acquire::http::Proxy::repo.invalid "$URI";
	END
	apply
	all_there
	[ "$(debs '^http://repo.invalid/pool')" -eq $((EXTRA + 4)) ]
}

@test "what is limited on purpose stays so: one connection, by libapt" {
	many | repo_make
	served
	echo 'Acquire::http::Dl-Limit "4000";' >"$ROOT/etc/apt/apt.conf.d/92tests"
	apply
	all_there
	[ "$(awk '{ print $4 }' "$WORK/manners.debs" | sort -u | wc -l)" -eq 1 ]
}
