# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Test kernels, built from Debian's linux-source-6.12 and the fragments in
# tools/vm/kconfig. They are kept outside the tree, in
# ${XDG_CACHE_HOME:-~/.cache}/stt-kernels/SOURCE_VERSION/: the sources in src,
# one build tree for each flavour and configuration. Sourced; gives:
#
#   debug_kernel FLAVOUR   debug or kcsan: builds it if it is not there. Sets KVER,
#                          KDIR (for modules) and VM_KERNEL (for vm_run)

DEBUG_SOURCE=/usr/src/linux-source-6.12.tar.xz
PKG_DEBUG="linux-source-6.12 make gcc libc6-dev xz-utils flex bison bc libelf-dev libssl-dev"

debug_fragments()
{
	local name names="common x86"

	case $1 in
	debug)	names+=" debug fault gcov" ;;
	kcsan)	names+=" kcsan fault" ;;
	esac
	for name in $names; do
		cat "$REPO/tools/vm/kconfig/$name.config" || return 1
	done
}

# The directory of this version's kernels.
debug_cache()
{
	local version

	version=$(dpkg-query -W -f '${Version}' linux-source-6.12 2>/dev/null)
	[ -n "$version" ] || version=$(sha256sum "$DEBUG_SOURCE" | cut -c 1-12)
	echo "${XDG_CACHE_HOME:-$HOME/.cache}/stt-kernels/${version//[^A-Za-z0-9.+-]/_}"
}

# Unpacked beside its place, then renamed: what is there is complete.
debug_unpack()
{
	local cache=$1

	[ ! -d "$cache/src" ] || return 0
	[ -e "$DEBUG_SOURCE" ] || { echo "no $DEBUG_SOURCE" >&2; return 1; }
	rm -rf "$cache/src.new"
	mkdir -p "$cache/src.new" || return 1
	echo "unpacking $DEBUG_SOURCE ..."
	tar -xf "$DEBUG_SOURCE" -C "$cache/src.new" --strip-components=1 &&
	mv "$cache/src.new" "$cache/src"
}

# debug_config_took FRAGMENTS CONFIG: names every line that did not take.
debug_config_took()
{
	local line name lost=0

	while read -r line; do
		case $line in
		CONFIG_*=n)		name=${line%=n} ;;
		"# CONFIG_"*" is not set") name=${line#\# } name=${name% is not set} ;;
		CONFIG_*)
			grep -qxF "$line" "$2" && continue
			echo "the configuration lost this line: $line"
			lost=1
			continue ;;
		*)	continue ;;
		esac
		grep -q "^$name=" "$2" || continue
		echo "the configuration has $name, which was to be off"
		lost=1
	done < "$1"
	return $lost
}

debug_configure()
{
	local src=$1 tree=$2

	make -C "$src" O="$tree" KCONFIG_ALLCONFIG="$tree/fragments" allnoconfig \
		> "$tree/config.log" 2>&1 || { tail -n 5 "$tree/config.log"; return 1; }
	debug_config_took "$tree/fragments" "$tree/.config"
}

# Says every 100 files how far it is; the whole output goes to the tree's log.
debug_make()
{
	local src=$1 tree=$2

	(set -o pipefail
	nice -n 15 make -C "$src" O="$tree" -j"$(nproc)" vmlinux modules 2>&1 |
		tee "$tree/build.log" |
		awk -v start="$(date +%s)" '
			/^  (CC|AS|LD|AR|HOSTCC|GEN|UPD) / && ++n % 100 == 0 {
				"date +%s" | getline now; close("date +%s")
				printf "  %5d files, %d s\n", n, now - start; fflush() }') || {
		grep -B 2 -A 5 -E 'error:|Error |\*\*\*' "$tree/build.log" | tail -n 20
		echo "the kernel does not build; its log: $tree/build.log"
		return 1
	}
}

# A tree is good once it has "complete"; a build that was stopped goes on where
# it was. Trees that nobody used for a month are removed.
debug_build()
{
	local flavour=$1 cache=$2 tree=$3 start=$SECONDS

	debug_unpack "$cache" || return 1
	mkdir -p "$tree" || return 1
	debug_fragments "$flavour" > "$tree/fragments" || return 1
	echo "building the $flavour kernel, about 10 minutes on 2 cores; log: $tree/build.log"
	debug_configure "$cache/src" "$tree" && debug_make "$cache/src" "$tree" || return 1
	echo "the $flavour kernel is built, $((SECONDS - start)) s"
	touch "$tree/complete"
	find "$cache" -mindepth 2 -maxdepth 2 -name complete -mtime +30 -printf '%h\0' |
		xargs -0r rm -rf
}

# One build at a time: the sources are shared.
debug_locked()
{
	local flavour=$1 cache=$2 tree=$3 lock status=0

	mkdir -p "$cache" || return 1
	exec {lock}> "$cache/lock"
	flock -n "$lock" || { echo "waiting for another build in $cache ..."; flock "$lock"; }
	[ -e "$tree/complete" ] || debug_build "$flavour" "$cache" "$tree" || status=1
	exec {lock}>&-
	return $status
}

debug_kernel()
{
	local flavour=$1 cache key tree

	cache=$(debug_cache)
	key=$({ debug_fragments "$flavour"; gcc --version | head -n 1; } | sha256sum | cut -c 1-10)
	tree=$cache/$flavour-$key
	[ -e "$tree/complete" ] || debug_locked "$flavour" "$cache" "$tree" || return 1
	touch "$tree/complete"
	KDIR=$tree
	VM_KERNEL=$tree/vmlinux
	KVER=$(cat "$tree/include/config/kernel.release")
}
