# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Installs the Debian packages that a command of tools/run needs and that are
# missing, and says which.

PKG_BUILD="gcc libc6-dev make pkg-config libmnl-dev libsodium-dev libnl-genl-3-dev"
PKG_VM="qemu-system-x86 busybox-static kmod xz-utils iproute2 tcpdump procps"
PKG_CHECK="g++ clang libclang-rt-14-dev sparse libcmocka-dev linux-source-6.12 perl python3 python3-yaml"

# $1: series of kernel, "" for none
packages_kernel()
{
	case $1 in
	6.1)	echo "linux-image-amd64 linux-headers-amd64" ;;
	6.12)	echo "linux-image-6.12-amd64 linux-headers-6.12-amd64" ;;
	esac
}

# The packages given that are not installed.
packages_missing()
{
	local p

	for p in "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || echo "$p"
	done
}

packages_need()
{
	local missing sudo=

	command -v dpkg-query > /dev/null || {
		echo "This is no Debian system. Needed are what these Debian packages hold: $*" >&2
		return 0
	}
	missing=$(packages_missing "$@" | tr '\n' ' ')
	[ -n "$missing" ] || return 0
	echo "Missing packages, installing them: $missing"
	if [ "$(id -u)" != 0 ]; then
		sudo=sudo
		command -v sudo > /dev/null || {
			echo "Not root and no sudo. As root: apt install $missing" >&2
			return 1
		}
	fi
	# shellcheck disable=SC2086
	$sudo apt-get update -q &&
	$sudo env DEBIAN_FRONTEND=noninteractive \
		apt-get install -q -y --no-install-recommends $missing || {
		echo "apt cannot install them. Needed: $missing" >&2
		return 1
	}
}
