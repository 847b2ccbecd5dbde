#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Where the instructions of a message go, from samples of the stack.

breakdown.py [--json] DIRECTORY...   what `guest.sh profile` left there

A sample belongs to what AF_STT called last on its stack, if it is there; so a
function of the kernel counts with all that it calls in turn, up to where the
stack comes back to AF_STT (the receive path runs on the stack of the sender).
"""

import array
import bisect
import collections
import json
import os
import re
import sys

MODULE = "stt"
# Markers between parts of a stack, the highest numbers there are.
MARKERS = (1 << 64) - 4096
USER_END = 1 << 63
PHASES = ("program", "system call", "send", "softirq", "receive", "other tasks")
KINDS = ("AF_STT", "AEAD", "buffers", "sockets, copying", "UDP, IP, device", "the rest")
# A function that AF_STT calls -> its kind.
CALLEES = (
    ("AEAD", r"chacha|poly1305|crypto_|aead|gcm|aes"),
    ("buffers", r"alloc_skb|sock_alloc_send|kfree_skb|consume_skb|free_datagram|kmem_cache|"
                r"kmalloc|kfree|page|sock_wfree|skb_reason_drop|skb_put|skb_release"),
    ("sockets, copying", r"sock_|skb_recv_datagram|copy|check_object|sk_|wake|lock_sock|cmsg"),
    # Where bottom halves are on again, the packet goes through the other stack.
    ("UDP, IP, device", r"ip6?_|ipv[46]_|udp|dst_|__ip|inet|nf_|cgroup_bpf|"
                        r"local_bh_enable|do_softirq|siphash"),
)
FLAT = 14


class Symbols:
    """/proc/kallsyms: an address -> (name, module)."""

    def __init__(self, path):
        found = {}
        with open(path, encoding="ascii", errors="replace") as lines:
            for line in lines:
                address, kind, name, *module = line.split()
                if kind.lower() in "tw":
                    found[int(address, 16)] = (name, module[0].strip("[]") if module else "")
        self.addresses = sorted(found)
        self.names = [found[a] for a in self.addresses]

    def __getitem__(self, address):
        i = bisect.bisect_right(self.addresses, address) - 1
        return self.names[i] if i >= 0 else ("?", "")


def stacks_of(path, symbols):
    """The samples of a file; each from the innermost function out."""
    words = array.array("Q")
    with open(path, "rb") as f:
        words.frombytes(f.read())
    at = 0
    while at < len(words):
        entries = [w for w in words[at + 1:at + 1 + words[at]] if w < MARKERS]
        at += 1 + words[at]
        if entries and entries[0] < USER_END:
            yield []
        else:
            # A return address may be the first of the next function.
            yield [symbols[a - (1 if i else 0)] for i, a in enumerate(entries)]


def phase_of(names):
    if not names:
        return "program"
    for name in names:
        if re.match(r"(__do_softirq|handle_softirqs|net_rx_action)$", name):
            return "softirq"
        if re.match(r"__(x64_)?sys_send", name):
            return "send"
        if re.match(r"__(x64_)?sys_recv", name):
            return "receive"
    if any(re.match(r"(kthread|ret_from_fork|cpu_startup_entry)", n) for n in names):
        return "other tasks"
    return "system call"


def kind_of_callee(name):
    for kind, pattern in CALLEES:
        if re.search(pattern, name):
            return kind
    return "the rest"


def kind_of(stack):
    """(kind, function of AF_STT, what it called)"""
    for i, (name, module) in enumerate(stack):
        if module == MODULE:
            if not i:
                return "AF_STT", name, None
            return kind_of_callee(stack[i - 1][0]), name, stack[i - 1][0]
    return "the rest", None, None


class Cell:
    """All samples of a cell, as instructions per message."""

    def __init__(self, name, path, total, symbols):
        self.name = name
        self.matrix = collections.Counter()
        self.own = collections.Counter()
        self.called = collections.Counter()
        self.flat = collections.Counter()
        self.total = total
        # The calls that switch the samples on and off are no part of it.
        stacks = [s for s in stacks_of(path, symbols)
                  if not any(n.endswith("sys_ioctl") for n, _ in s)]
        for stack in stacks:
            self.add(stack, total / len(stacks))

    def add(self, stack, each):
        kind, function, callee = kind_of(stack)
        self.matrix[phase_of([n for n, _ in stack]), kind] += each
        self.flat[stack[0][0] if stack else "(program)"] += each
        if callee:
            self.called[f"{function} -> {callee}"] += each
        elif function:
            self.own[function] += each

    def as_dict(self):
        return {"cell": self.name, "total": self.total,
                "parts": [{"phase": p, "kind": k, "instructions": v}
                          for (p, k), v in sorted(self.matrix.items())],
                "own": dict(self.own.most_common()),
                "called": dict(self.called.most_common()),
                "flat": dict(self.flat.most_common(40))}


def print_row(name, numbers):
    print(f"{name:14}" + "".join(f"{v:18,.0f}" for v in numbers) + f"{sum(numbers):9,.0f}")


# Without AF_STT on the stack there is one kind.
def print_matrix(cell):
    kinds = KINDS if any(k != KINDS[-1] for _, k in cell.matrix) else KINDS[-1:]
    print(f"{'':14}" + "".join(f"{k:>18}" for k in kinds) + f"{'all':>9}")
    for phase in PHASES:
        row = [cell.matrix[phase, k] for k in kinds]
        if sum(row) >= 0.5:
            print_row(phase, row)
    print_row("all", [sum(cell.matrix[p, k] for p in PHASES) for k in kinds])
    print()


def print_list(title, counter, least):
    rows = [(n, v) for n, v in counter.most_common() if v >= least]
    if rows:
        print(title)
    for name, value in rows:
        print(f"  {value:8,.0f}  {name}")


def print_cell(cell):
    print(f"\n== {cell.name}: {cell.total:,.0f} instructions per message\n")
    print_matrix(cell)
    least = cell.total / 500
    print_list("code of AF_STT", cell.own, least)
    print_list("functions that AF_STT calls, with all that they call", cell.called, least)
    print_list("functions by themselves",
               collections.Counter(dict(cell.flat.most_common(FLAT))), 0)


def read_profile(directory):
    """Facts, and for each cell what a message costs without samples."""
    facts, cells = {}, []
    with open(os.path.join(directory, "profile"), encoding="utf-8") as lines:
        for line in lines:
            name, first, *rest = line.rstrip("\n").split("\t")
            if name in ("kernel", "flags", "clock"):
                facts[name] = first
            elif first != "-":
                cells.append((name, float(first)))
    return facts, cells


class Profile:
    """A directory, which is a kernel."""

    def __init__(self, directory):
        self.facts, rows = read_profile(directory)
        symbols = Symbols(os.path.join(directory, "kallsyms"))
        self.cells = [Cell(name, os.path.join(directory, name + ".stacks"), total, symbols)
                      for name, total in rows]

    def as_dict(self):
        return {**self.facts, "cells": [c.as_dict() for c in self.cells]}

    def print(self):
        print(f"\nkernel {self.facts['kernel']}, CPU flags {self.facts['flags']}")
        for cell in self.cells:
            print_cell(cell)


def main():
    directories = [a for a in sys.argv[1:] if a != "--json"]
    if not directories:
        sys.exit(__doc__)
    profiles = [Profile(d) for d in directories]
    if "--json" in sys.argv:
        json.dump({"unit": "instructions per message", "kernels":
                   [p.as_dict() for p in profiles]}, sys.stdout, indent=1)
        print()
        return
    for profile in profiles:
        profile.print()


if __name__ == "__main__":
    main()
