# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# `tools/run bench --scale`: what many sessions on one node take. Sourced after
# check.sh. The VM has one CPU, whose clock counts instructions (1 ns each) and
# does not wait when there is nothing to do.

SCALE_STEPS=${SCALE_STEPS:-1 1000 100000 1000000}
SCALE_LIMIT=${SCALE_LIMIT:-3600}

# The lines "N NAME VALUE" of the program as a table, or as JSON.
scale_table()
{
	awk '
	$1 ~ /^[0-9]+$/ && NF == 3 {
		if (!($2 in known)) { known[$2] = 1; names[++n_names] = $2 }
		if (!($1 in step)) { step[$1] = 1; steps[++n_steps] = $1 }
		value[$1, $2] = $3
	}
	END {
		printf "%-20s", "sessions"
		for (s = 1; s <= n_steps; s++) printf " %12s", steps[s]
		printf "\n"
		for (n = 1; n <= n_names; n++) {
			printf "%-20s", names[n]
			for (s = 1; s <= n_steps; s++) {
				v = value[steps[s], names[n]]
				printf " %12s", v == "" ? "-" : v
			}
			printf "\n"
		}
	}' "$1"
}

scale_json()
{
	awk -v kernel="$1" '
	$1 ~ /^[0-9]+$/ && NF == 3 {
		printf "%s{\"kernel\":\"%s\",\"sessions\":%s,\"name\":\"%s\",\"value\":%s}",
		       some ? ",\n" : "[", kernel, $1, $2, $3
		some = 1
	}
	END { print some ? "]" : "[]" }' "$2"
}

# scale_kernel KVER: measures; the lines are in the results directory.
scale_kernel()
{
	local VM_ACCEL=tcg VM_TCG=tcg,thread=single VM_ICOUNT=shift=0,sleep=off VM_SMP=1
	local VM_MEM=${VM_MEM_SCALE:-4096}

	# shellcheck disable=SC2016
	vm_checked scale "$1" "$SCALE_LIMIT" "$BUILD/module-$1/stt.ko" \
		'. selftests/lib/netns.sh && ns_topology a b &&
		 export NS_A NS_B NS_A4 NS_A6 NS_B4 NS_B6 &&
		 scale '"$SCALE_STEPS"' | tee $RESULTS/lines; status=${PIPESTATUS[0]}
		 ns_cleanup; exit $status'
}

run_scale()
{
	local series kver status=0

	for series in $KERNELS; do
		# shellcheck disable=SC2046,SC2086
		packages_need $PKG_BUILD $PKG_VM $(packages_kernel "$series") >&2 || exit 1
		kver=$(vm_kernel "$series") || die "no kernel $series in /boot"
		make_quiet KVER="$kver" module lib test-programs >&2 || die "the build failed"
		scale_kernel "$kver" >&2 || status=1
		if [ -n "${JSON:-}" ]; then
			scale_json "$kver" "$BUILD/results/scale-$kver/lines"
		else
			echo "kernel $kver; ns are instructions"
			scale_table "$BUILD/results/scale-$kver/lines"
		fi
	done
	exit $status
}
