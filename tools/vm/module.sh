# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Inserting and removing the module under test; for the VM and for native runs.

# module_insert FILE PARAMETERS: what the module depends on comes from the
# kernel's own packages; what it only likes to have may be missing.
module_insert()
{
	local deps soft

	deps=$(modinfo -F depends "$1" | tr , ' ')
	# shellcheck disable=SC2086
	[ -z "$deps" ] || modprobe -a $deps || return 1
	for soft in $(modinfo -F softdep "$1" | sed 's/^pre://'); do
		modprobe -q "$soft"
	done
	# shellcheck disable=SC2086
	insmod "$1" $2
}

# Removing must work and leave no slab cache behind. Sockets and namespaces of
# the last program may still be on their way out; nothing announces their end,
# hence the tries.
module_remove()
{
	local name error caches try

	name=$(basename "$1" .ko)
	for try in 1 2 3 4 5 6 7 8 9 10; do
		error=$(rmmod "$name" 2>&1) && break
		sleep 0.3
	done
	if [ -d "/sys/module/$name" ]; then
		echo "FAIL: cannot remove the module after $try tries: $error"
		return 1
	fi
	caches=$(awk -v name="$name" 'index($1, name) == 1 { print $1 }' /proc/slabinfo)
	if [ -n "$caches" ]; then
		echo "FAIL: the module left slab caches behind: ${caches//$'\n'/ }"
		return 1
	fi
}
