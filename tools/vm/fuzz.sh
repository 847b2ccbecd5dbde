# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# `tools/run fuzz-kernel`. Sourced after debug.sh. Gives:
#
#   fuzz_vm FLAVOUR MODULE ARGUMENTS   a run of selftests/kfuzz on a test kernel

# As many threads as CPUs and no clock that counts instructions: the CPUs of the
# VM shall get in each other's way, and nothing here has a time to keep.
fuzz_vm()
{
	local VM_TCG=tcg,thread=multi VM_ICOUNT= VM_SMP=2
	local name="fuzz" status

	debug_vm "$name" "$1" "$2" "" "kfuzz $3"
	status=$?
	[ $status = 0 ] || fuzz_explain "$BUILD/results/$name-$KVER/kfuzz.progress" "$3"
	return $status
}

fuzz_explain()
{
	echo "the seed and what it did: build/logs/fuzz-$KVER.output"
	[ -s "$1" ] || return 0
	echo "how far the actors had come (16 steps more, at most):"
	cat "$1"
	echo "to take only some steps again, every actor's or some actors':"
	echo "    tools/run fuzz-kernel ${KCSAN:+--kcsan }0 SEED --steps A-B [--actors 0,3] [--log]"
}

fuzz_number()
{
	case $1 in
	''|*[!0-9]*) wrong_usage "fuzz-kernel: '$1' is no number" ;;
	esac
}

# [--kcsan] [SECONDS] [SEED] [options of kfuzz]
fuzz_options()
{
	FUZZ_SECONDS=60
	FUZZ_SEED=$((RANDOM << 15 | RANDOM))
	KCSAN=
	ONLY='*'
	[ "${1:-}" != --kcsan ] || { KCSAN=1; shift; }
	case ${1:-} in
	''|--*) ;;
	*)	fuzz_number "$1"; FUZZ_SECONDS=$1; shift ;;
	esac
	case ${1:-} in
	''|--*) ;;
	*)	fuzz_number "$1"; FUZZ_SEED=$1; shift ;;
	esac
	FUZZ_MORE=$*
}

run_fuzz_kernel()
{
	local flavour=debug DEBUG_VM_LIMIT=$((FUZZ_SECONDS * 2 + 600))

	[ -z "$KCSAN" ] || flavour=kcsan
	# shellcheck disable=SC2086
	packages_need $PKG_BUILD $PKG_VM $PKG_CHECK $PKG_DEBUG || exit 1
	debug_kernel $flavour || exit 1
	make_quiet lib tests || die "the build failed"
	debug_module "$BUILD" || die "the build failed"
	echo "fuzzing for $FUZZ_SECONDS s on kernel $KVER, seed $FUZZ_SEED"
	fuzz_vm $flavour "$BUILD/module-$KVER/stt.ko" \
		"--seconds $FUZZ_SECONDS --seed $FUZZ_SEED $FUZZ_MORE"
	exit
}
