# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Boots a throwaway VM. Sourced; wants REPO and BUILD (absolute paths), gives:
#
#   vm_kernel SERIES     the newest installed kernel of a series (6.1, 6.12)
#   vm_accel             kvm if this machine really can, else tcg
#   vm_run NAME KVER LIMIT MODULE COMMAND
#                        runs COMMAND in a VM with MODULE inserted (may be
#                        empty), LIMIT seconds at most (0: interactive, no
#                        limit). Returns the command's status; 124 time limit,
#                        125 the VM died, 126 it did not boot (tried twice).
#                        What it wrote to $RESULTS is in $BUILD/results/NAME-KVER
#                        afterwards, its kernel log in
#                        $BUILD/logs/NAME-KVER.console, its output beside that.
#                        In the environment: VM_MODULE_ARGS (module parameters),
#                        VM_APPEND (for the kernel's command line), VM_SMP, VM_MEM,
#                        VM_BOOT_LIMIT (s), VM_ACCEL (kvm, tcg), VM_TCG, VM_ICOUNT, VM_CPU,
#                        VM_KERNEL (an image with all built in, in place of KVER's)
#   vm_cleanup           ends a running VM, removes temporary files

VM_MEM=${VM_MEM:-2048}
VM_BOOT_LIMIT=${VM_BOOT_LIMIT:-60}
# Software emulation: one host thread for all vCPUs, and a guest clock that
# counts instructions (1 ns each) and follows real time only when idle. Then a
# busy host makes the VM slower, but nothing in it sees the difference: no
# vCPU spins for another that does not run, no test misses its time.
VM_TCG=${VM_TCG-tcg,thread=single}
VM_ICOUNT=${VM_ICOUNT-shift=0,sleep=on}
# QEMU 7.2 can leave garbage in EFLAGS when an interrupt comes behind CMPXCHG16B,
# VM and single-step bits included, and the guest dies of it. The kernel's allocator
# is full of them, and does without where the CPU has none.
VM_CPU=${VM_CPU:-max,-cx16}
vm_pid=
vm_tmp=
vm_stty=
vm_name=

vm_kernel()
{
	local list=(/boot/vmlinuz-"$1".*)

	[ -e "${list[0]}" ] || return 1
	printf '%s\n' "${list[@]#/boot/vmlinuz-}" | sort -V | tail -n 1
}

# Brings logs and results of the last run to the build directory.
vm_keep()
{
	local log=$BUILD/logs/$vm_name dir=$BUILD/results/$vm_name f

	[ -n "$vm_tmp" ] && [ -d "$vm_tmp/results" ] || return 0
	mkdir -p "$BUILD/logs"
	rm -rf "$dir"
	mkdir -p "$dir"
	for f in console output; do
		[ ! -e "$vm_tmp/$f" ] || mv "$vm_tmp/$f" "$log.$f"
	done
	[ ! -e "$vm_tmp/results/dmesg" ] || mv "$vm_tmp/results/dmesg" "$log.dmesg"
	rm -f "$vm_tmp"/results/{env,status,status.new}
	cp -r "$vm_tmp/results/." "$dir"
	rm -rf "$vm_tmp/results"
}

vm_cleanup()
{
	vm_kill
	vm_keep
	[ -z "$vm_tmp" ] || rm -rf "$vm_tmp"
	vm_tmp=
	[ -z "$vm_stty" ] || stty "$vm_stty" 2>/dev/null
	vm_stty=
}

# The modules that reach the root, in insertion order, unpacked.
vm_initrd_modules()
{
	local kver=$1 dir=$2 name path

	[ -z "${VM_KERNEL:-}" ] || { : > "$dir/list"; return; }
	for name in virtio_pci 9pnet_virtio 9p overlay; do
		modprobe -S "$kver" --show-depends "$name"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' |
	while read -r path; do
		name=$(basename "$path")
		case $path in
		*.xz)	name=${name%.xz}; xz -dc "$path" > "$dir/$name" ;;
		*.zst)	name=${name%.zst}; zstd -qdc "$path" > "$dir/$name" ;;
		*)	cp "$path" "$dir/$name" ;;
		esac
		echo "$name"
	done > "$dir/list"
	[ -s "$dir/list" ]
}

vm_initrd()
{
	local kver=$1 out=$BUILD/vm/initrd-$1 tmp

	if [ ! -e "$out" ] || [ "$REPO/tools/vm/init" -nt "$out" ] ||
	   [ "${VM_KERNEL:-/boot/vmlinuz-$kver}" -nt "$out" ]; then
		mkdir -p "$BUILD/vm"
		tmp=$(mktemp -d) || return 1
		mkdir -p "$tmp"/{bin,dev,proc,modules}
		cp "$(command -v busybox)" "$tmp/bin/busybox"
		cp "$REPO/tools/vm/init" "$tmp/init"
		vm_initrd_modules "$kver" "$tmp/modules" &&
		(cd "$tmp" && find . | busybox cpio -o -H newc 2>/dev/null |
			gzip -1) > "$out.$$" && mv "$out.$$" "$out"
		rm -rf "$tmp"
	fi
	[ -e "$out" ]
}

# A device node proves nothing: some hosts have one that cannot run a stock
# kernel. So boot once, with a short limit, and remember the answer.
vm_accel()
{
	local kver=$1 key file=$BUILD/vm/accel answer=tcg

	[ -z "${VM_ACCEL:-}" ] || { echo "$VM_ACCEL"; return; }
	key="$(uname -r) $(qemu-system-x86_64 --version | head -n 1)"
	if [ -e "$file" ] && [ "$(head -n 1 "$file")" = "$key" ]; then
		tail -n 1 "$file"
		return
	fi
	if [ -r /dev/kvm ] && [ -w /dev/kvm ]; then
		echo "trying KVM (one short boot) ..." >&2
		vm_probe "$kver" && answer=kvm
	fi
	echo "KVM: $([ $answer = kvm ] && echo works || echo 'does not work here, using software emulation')" >&2
	mkdir -p "$BUILD/vm"
	printf '%s\n' "$key" $answer > "$file"
	echo $answer
}

vm_probe()
{
	local dir status=1

	dir=$(mktemp -d) || return 1
	: > "$dir/env"
	if vm_initrd "$1"; then
		vm_arguments kvm "$1" "$dir" "$dir/console" "$dir/out" "stt.probe"
		timeout -k 1 10 qemu-system-x86_64 "${vm_args[@]}" \
			< /dev/null > /dev/null 2>&1 9> /dev/null
		[ "$(cat "$dir/status" 2>/dev/null)" = 0 ] && status=0
	fi
	rm -rf "$dir"
	return $status
}

# Sets vm_args: accelerator, kernel, results directory, console file, copy of
# the output, further words for the kernel's command line.
vm_arguments()
{
	local accel=$1 kver=$2 results=$3 console=$4 out=$5 extra=$6
	local cpu=host clock=() smp=${VM_SMP:-2}

	if [ "$accel" = tcg ]; then
		cpu=$VM_CPU accel=$VM_TCG
		if [ -n "$VM_ICOUNT" ]; then
			clock=(-icount "$VM_ICOUNT")
			# 6.1 hangs there when it starts its second CPU.
			case $kver in 6.1.*) smp=${VM_SMP:-1} ;; esac
		fi
	fi
	vm_args=(
		-M pc -accel "$accel" -cpu "$cpu" -smp "$smp" -m "$VM_MEM"
		-nodefaults -no-user-config -nic none -display none -no-reboot
		-kernel "${VM_KERNEL:-/boot/vmlinuz-$kver}" -initrd "$BUILD/vm/initrd-$kver"
		-append "console=ttyS0 quiet panic=-1 net.ifnames=0 slab_nomerge log_buf_len=4M $extra"
		"${clock[@]}" -device isa-debug-exit,iobase=0xf4,iosize=0x04
		-chardev "file,id=console,path=$console"
		-chardev "stdio,id=io,signal=off,logfile=$out"
		-serial chardev:console -serial chardev:io
		-chardev file,id=events,path=/dev/fd/9 -serial chardev:events
		-fsdev "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap"
		-device virtio-9p-pci,fsdev=root,mount_tag=root
		-fsdev "local,id=results,path=$results,security_model=none"
		-device virtio-9p-pci,fsdev=results,mount_tag=results
	)
}

vm_kill()
{
	[ -n "$vm_pid" ] || return 0
	kill -KILL "$vm_pid" 2>/dev/null
	wait "$vm_pid" 2>/dev/null
	vm_pid=
}

# One boot. Returns as vm_run. The VM's third serial port is a pipe to here: a
# line from it says that userspace runs, its end that the VM is gone.
vm_once()
{
	local limit=$1 results=$vm_tmp/results input events line ended

	exec {input}<&0
	[ "$limit" = 0 ] || exec {input}< /dev/null
	exec {vm_stdout}>&1
	exec {events}< <(exec qemu-system-x86_64 "${vm_args[@]}" <&"$input" 9>&1 >&"$vm_stdout")
	vm_pid=$!
	exec {input}<&- {vm_stdout}>&-
	if ! read -r -t "$VM_BOOT_LIMIT" line <&"$events"; then
		vm_kill
		exec {events}<&-
		return 126
	fi
	if [ "$limit" = 0 ]; then
		read -r line <&"$events"
	else
		read -r -t "$limit" line <&"$events"
	fi
	ended=$?
	vm_kill
	exec {events}<&-
	[ $ended -le 128 ] || return 124
	[ -e "$results/status" ] || return 125
	return "$(cat "$results/status")"
}

# shellcheck disable=SC2154
vm_write_env()
{
	local size

	size=$(stty size 2>/dev/null) && [ "$size" != "0 0" ] || size="24 80"
	printf '%s=%q\n' REPO "$REPO" BUILD "$BUILD" KVER "$1" MODULE "$2" MODULE_ARGS "${VM_MODULE_ARGS:-}" \
		COMMAND "$3" INTERACTIVE "$4" TERM "${TERM:-dumb}" \
		ROWS "${size% *}" COLS "${size#* }" > "$vm_tmp/results/env"
}

# What is to be known of one run, in a fresh directory.
vm_prepare()
{
	local accel=$1 kver=$2 limit=$3 interactive=

	[ "$limit" != 0 ] || interactive=1
	[ -z "$vm_tmp" ] || rm -rf "$vm_tmp"
	vm_tmp=$(mktemp -d) || return 1
	mkdir "$vm_tmp/results"
	vm_write_env "$kver" "$4" "$5" "$interactive"
	vm_arguments "$accel" "$kver" "$vm_tmp/results" "$vm_tmp/console" \
		"$vm_tmp/output" "${VM_APPEND-cryptomgr.notests}"
}

vm_explain()
{
	case $1 in
	124)	echo "the VM was stopped: time limit of $2 s" >&2 ;;
	125)	echo "the VM died; its kernel log: $BUILD/logs/$vm_name.console" >&2 ;;
	esac
}

vm_run()
{
	local kver=$2 limit=$3 accel try status

	vm_name=$1-$kver
	vm_initrd "$kver" || { echo "cannot make the initramfs for $kver" >&2; return 126; }
	accel=$(vm_accel "$kver")
	for try in 1 2; do
		vm_prepare "$accel" "$kver" "$limit" "$4" "$5" || return 126
		[ "$limit" = 0 ] && vm_stty=$(stty -g 2>/dev/null)
		vm_once "$limit"
		status=$?
		[ -z "$vm_stty" ] || { stty "$vm_stty"; vm_stty=; }
		[ $status = 126 ] || break
		echo "the VM did not boot within $VM_BOOT_LIMIT s (attempt $try of 2)" >&2
		[ "$accel" = kvm ] && accel=tcg
	done
	vm_keep
	vm_explain $status "$limit"
	return $status
}
