#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A repository that looks like NVIDIA's, with its key: found, added, trusted for its fingerprint only.

load ../lib/real

setup_file() {
	real_need
	BASE=$(real_base bookworm)
	export BASE
	"$REAL_LIB/mkrepo.py" make - "$BATS_FILE_TMPDIR/first" --keys "$O/cache/keys" <<<'Suite: x'
}

setup() {
	real_root "$BASE"
	mkdir -p "$REPO/cuda/debian12"
	repo_serve
	{ debian_suite; printf '\nPackage: nvidia-support\nVersion: 1\nComponent: contrib\n'; } |
		"$REAL_LIB/mkrepo.py" make - "$REPO/debian" --keys "$O/cache/keys"
	URI=$URI/debian repo_use
	GOOD=$(print_of good) OTHER=$(print_of other)
	cp "$O/cache/keys/good.asc" "$O/cache/keys/other.gpg" "$WORK"
	LIST=$ROOT/etc/apt/sources.list.d/gpuprov-nvidia-cuda.sources
	KEYRING=$ROOT/usr/share/keyrings/gpuprov-nvidia-cuda.gpg
	cuda_make 580.178.04
}

teardown() {
	real_drop
}

# print_of KEY: its fingerprint, as gpg sees it.
print_of() {
	gpg --show-keys --with-colons "$O/cache/keys/$1.gpg" 2>/dev/null | awk -F: '$1 == "fpr" { print $10; exit }'
}

# cuda_make VERSION... [-- OPTION-OF-MKREPO...]: NVIDIA's repository for Debian 12, toy-sized.
cuda_make() {
	local v
	{
		printf 'Flat: yes\nOrigin: NVIDIA\nLabel: NVIDIA CUDA\n'
		while [ $# -gt 0 ] && [ "$1" != -- ]; do
			v=$1
			shift
			nvidia_debian "$v"
		done
	} >"$WORK/cuda.repo"
	[ $# -eq 0 ] || shift
	"$REAL_LIB/mkrepo.py" make "$WORK/cuda.repo" "$REPO/cuda/debian12/x86_64" --keys "$O/cache/keys" "$@"
	cp "$O/cache/keys/good.asc" "$REPO/cuda/debian12/x86_64/3bf863cc.pub"
}

# profile [LINE-OF-apt]...: the driver from NVIDIA's mirror, user space only.
profile() {
	cat >"$WORK/p.yaml" <<-END
		version: 1
		kind: bare-metal
		gpus: ["T4"]
		driver: {source: nvidia, branch: "${BRANCH:-580}", modules: none}
		apt:
		  nvidia-mirror: $URI/cuda
	END
	printf '  %s\n' "$@" >>"$WORK/p.yaml"
}

own_key() {
	profile "keyring: good.asc" "key-fingerprint: $GOOD" "$@"
}

# The last run is put back.
back() {
	run --separate-stderr "$GPUPROV" rollback --yes --root "$ROOT"
	show
	[ "$status" -eq 0 ]
}

driver_is() {
	[ "$(chroot "$ROOT" dpkg-query -W -f '${db:Status-Abbrev}${Version}' nvidia-smi)" = "ii $1" ]
}

@test "the repository and its key are added, the plan has its exact packages, apply installs them" {
	own_key
	gp plan "$WORK/p.yaml" --json
	[ "$status" -eq 0 ]
	planned >"$WORK/planned"
	grep -qx 'nvidia-smi 580.178.04-1' "$WORK/planned"
	[ ! -e "$LIST" ] && [ ! -e "$KEYRING" ]
	apply "$WORK/p.yaml"
	[ "$status" -eq 0 ]
	driver_is 580.178.04-1
	cmp "$KEYRING" "$O/cache/keys/good.gpg"
	grep -qx "URIs: $URI/cuda/debian12/x86_64/" "$LIST"
	grep -qx "Signed-By: /usr/share/keyrings/gpuprov-nvidia-cuda.gpg" "$LIST"
	# The host's own apt is content with it.
	chroot "$ROOT" apt-get -qq update
	chroot "$ROOT" apt-cache policy nvidia-smi | grep -q 'Candidate: 580.178.04-1'
	run -0 "$GPUPROV" verify --root "$ROOT" "$WORK/p.yaml"
	apply "$WORK/p.yaml"
	[ "$status" -eq 0 ]
	[[ $output == *"Nothing to do"* ]]
}

@test "rollback takes repository, key and packages away again" {
	installed >"$WORK/before"
	tree_of "$ROOT/etc" >"$WORK/etc"
	own_key
	apply "$WORK/p.yaml"
	[ "$status" -eq 0 ]
	back
	diff "$WORK/before" <(installed)
	[ ! -e "$LIST" ] && [ ! -e "$KEYRING" ]
	diff <(grep -v 'preferences.d \|sources.list.d \|^ ' "$WORK/etc" | cut -d ' ' -f 1-4) \
		<(tree_of "$ROOT/etc" | grep -v 'preferences.d \|sources.list.d \|^ ' | cut -d ' ' -f 1-4)
}

@test "a key file with another key is refused, with both fingerprints" {
	profile "keyring: other.gpg" "key-fingerprint: $GOOD"
	gp plan "$WORK/p.yaml"
	[ "$status" -eq 69 ]
	says GP2011
	says "$GOOD"
	says "$OTHER"
}

@test "a mirror with a key that the catalog does not know is refused, with both fingerprints" {
	profile
	apply "$WORK/p.yaml"
	[ "$status" -eq 69 ]
	says GP2011
	says "has key $GOOD"
	says EB693B3035CD5710E231E123A4B469963BF863CC
	[ ! -e "$ROOT/usr/share/keyrings/cuda-archive-keyring.gpg" ]
}

@test "the key comes from the server when it is the catalog's, and plans go on without network" {
	local catalog=$WORK/catalog
	{
		cat "$TOP/catalog/about.cat"
		find "$TOP/catalog" -name '*.cat' ! -name about.cat -exec cat {} +
	} | sed "s/EB693B3035CD5710E231E123A4B469963BF863CC/$GOOD/" >"$catalog"
	profile
	gp plan "$WORK/p.yaml" --catalog "$catalog"
	[ "$status" -eq 0 ]
	grep -q 3bf863cc.pub "$WORK/requests"
	kill "$(cat "$WORK/server")"
	gp plan "$WORK/p.yaml" --catalog "$catalog" --offline
	[ "$status" -eq 0 ]
	[[ $output == *"580.178.04-1"* ]]
	# What lies in the cache is compared like what comes from the server.
	cp "$O/cache/keys/other.gpg" "$CACHE/keys/$GOOD"
	gp plan "$WORK/p.yaml" --catalog "$catalog" --offline
	[ "$status" -eq 69 ]
	says GP2011
}

@test "what is no key is refused" {
	echo "<html>this mirror has moved</html>" >"$WORK/good.asc"
	own_key
	gp plan "$WORK/p.yaml"
	[ "$status" -eq 69 ]
	says GP2011
	says "no keyring of OpenPGP public keys"
}

@test "an entry of the same repository in another file and style is kept" {
	cp "$O/cache/keys/good.asc" "$ROOT/usr/share/keyrings/mine.asc"
	echo "deb [arch=amd64 signed-by=/usr/share/keyrings/mine.asc] ${URI}//cuda/debian12/x86_64 /" \
		>"$ROOT/etc/apt/sources.list.d/mine.list"
	own_key
	apply "$WORK/p.yaml"
	[ "$status" -eq 0 ]
	driver_is 580.178.04-1
	[ ! -e "$LIST" ] && [ ! -e "$KEYRING" ]
}

@test "an entry that trusts everything, or the wrong key: refused; replaced when the profile says so" {
	local mine=$ROOT/etc/apt/sources.list.d/mine.list entry
	cp "$O/cache/keys/other.gpg" "$ROOT/usr/share/keyrings/mine.gpg"
	for entry in 'trusted=yes' 'signed-by=/usr/share/keyrings/mine.gpg'; do
		echo "deb [$entry] $URI/cuda/debian12/x86_64/ /" >"$mine"
		own_key
		gp plan "$WORK/p.yaml"
		[ "$status" -eq 3 ]
		says GP1142
		says "apt.existing-sources: replace"
	done
	says "$OTHER"
	says "$GOOD"
	own_key "existing-sources: replace"
	apply "$WORK/p.yaml"
	[ "$status" -eq 0 ]
	driver_is 580.178.04-1
	[ ! -e "$LIST" ]
	grep -q "^deb \[signed-by=/usr/share/keyrings/gpuprov-nvidia-cuda.gpg\] $URI/cuda/debian12/x86_64/ /" "$mine"
	back
	grep -q '^deb \[signed-by=/usr/share/keyrings/mine.gpg\]' "$mine"
}

@test "a repository on disk in the image, as air-gapped hosts have it" {
	mkdir -p "$ROOT/srv"
	cp -r "$REPO/cuda" "$ROOT/srv/cuda"
	URI=file:///srv
	own_key
	apply "$WORK/p.yaml"
	[ "$status" -eq 0 ]
	driver_is 580.178.04-1
}

# changed EXPRESSION: the repository's description, edited.
changed() {
	sed -i "$1" "$WORK/cuda.repo"
	"$REAL_LIB/mkrepo.py" make "$WORK/cuda.repo" "$REPO/cuda/debian12/x86_64" --keys "$O/cache/keys"
}

@test "a set that would remove what the profile does not name is refused, and done when it is named" {
	{ debian_suite; printf '\nPackage: toy-app\nVersion: 1\n'; } |
		"$REAL_LIB/mkrepo.py" make - "$REPO/debian" --keys "$O/cache/keys"
	chroot "$ROOT" apt-get -qq update
	chroot "$ROOT" apt-get -qq -y install toy-app
	changed 's/^Depends: libnvidia-ml1.*/&\nConflicts: toy-app/'
	own_key
	installed >"$WORK/before"
	apply "$WORK/p.yaml"
	[ "$status" -eq 3 ]
	says GP2012
	says "would remove toy-app 1"
	says "apt.remove: [toy-app]"
	diff "$WORK/before" <(installed)
	own_key "remove: [toy-app]"
	apply "$WORK/p.yaml"
	[ "$status" -eq 0 ]
	driver_is 580.178.04-1
	run ! grep -q toy-app <(installed)
}

@test "an empty package that stands for another branch is refused" {
	changed '/^Package: nvidia-smi/,/^Elf/s/^Elf.*/Description: transitional package for nvidia-smi/'
	own_key
	gp plan "$WORK/p.yaml"
	[ "$status" -eq 3 ]
	says GP2013
	says "nvidia-smi 580.178.04-1"
}

@test "parts of two releases of one branch are refused" {
	cuda_make 580.178.04 580.200.01
	# The newer release lacks its libcuda1, and nvidia-smi does not mind.
	changed 's/^Depends: libnvidia-ml1.*/Priority: optional/; /^Package: libcuda1/{n; s/580.200.01/580.150.01/}'
	own_key
	gp plan "$WORK/p.yaml"
	[ "$status" -eq 3 ]
	says GP2014
	says "libcuda1 580.178.04-1"
	says "nvidia-smi 580.200.01-1"
}
