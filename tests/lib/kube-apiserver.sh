#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# kube-apiserver.sh DIR: build kube-apiserver from bookworm's source package into DIR/kube-apiserver, with
# nothing but Debian's packages. Takes about nine CPU minutes and 1.3 GB of memory; done once, then kept.
# Needs network to the host's own Debian mirror. Ends with 0 when the server is there.
set -eu

dir=$(mkdir -p "$1" && cd "$1" && pwd)
[ ! -x "$dir/kube-apiserver" ] || exit 0
work=$(mktemp -d "$dir/building.XXXXXX")
trap 'chmod -R u+w "$work"; rm -r "$work"' EXIT

# The host's own mirror of bookworm, with its source packages, in lists of our own.
# shellcheck disable=SC2016 # apt fills these in
apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(SIGNED_BY)' 'Created-By: Packages' |
	awk '$2 == "bookworm" && !seen[$1]++ {
		print "deb-src" ($3 ~ /^\// ? " [signed-by=" $3 "]" : ""), $1, $2, "main" }' >"$work/sources.list"
[ -s "$work/sources.list" ] || { echo "kube-apiserver.sh: this host has no mirror of bookworm" >&2; exit 1; }
mkdir -p "$work/lists/partial" "$work/debs" "$work/src"
src() {
	apt-get -qq -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o "Dir::State::Lists=$work/lists" -o APT::Sandbox::User=root "$@"
}
src update
(cd "$work/src" && src source --download-only kubernetes)
(cd "$work/debs" && apt-get -qq -o APT::Sandbox::User=root download golang-1.19-go golang-1.19-src)
for deb in "$work"/debs/*.deb; do dpkg -x "$deb" "$work/go"; done

k8s=$work/gopath/src/k8s.io/kubernetes
mkdir -p "$k8s"
tar -xf "$work"/src/kubernetes_*.orig.tar.* -C "$k8s" --strip-components=1

GOROOT=$work/go/usr/lib/go-1.19
export GOROOT GOPATH="$work/gopath" GO111MODULE=off CGO_ENABLED=0 GOCACHE="$work/cache" GOFLAGS=-p=2
go=$GOROOT/bin/go

# The tarball lacks one generated file.
cd "$k8s"
"$go" build -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
packages=$(grep -rl '+k8s:openapi-gen' --include='*.go' pkg staging/src | xargs -n1 dirname | sort -u |
	sed -e 's,^staging/src/,k8s.io/kubernetes/vendor/,' -e 's,^pkg/,k8s.io/kubernetes/pkg/,' | paste -sd,)
"$work/openapi-gen" -O zz_generated.openapi -p k8s.io/kubernetes/pkg/generated/openapi -i "$packages" \
	-h /dev/null --output-base "$GOPATH/src" >/dev/null
"$go" build -trimpath -ldflags '-s -w -X k8s.io/component-base/version.gitVersion=v1.20.2 -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=20' \
	-o "$work/kube-apiserver" ./cmd/kube-apiserver
mv "$work/kube-apiserver" "$dir/kube-apiserver"
