#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What `tools/run bench --cost` measured: tables, JSON, the check against the record.

report.py table [--json] CELLS...   CELLS: what guest.sh left; a file each boot
report.py check RECORD CELLS        TAP: no cell is dearer than in the record
report.py record RECORD CELLS...    writes the table of RECORD anew
"""

import json
import statistics
import sys

SIZES = (64, 512, 1380)
INNER = 8
SUITES = ("chacha", "gcm")
MODES = ("single", "batch")
WG_MODES = ("single", "segment", "batch")
GOAL_FLOOR = 1.10
GOAL_WG = 0.65
REPEATS_AGREE = 0.01
WORSE = 1.03
BEGIN, END = "<!-- cost: begin -->", "<!-- cost: end -->"


class Boot:
    """The figures of one boot, by name."""

    def __init__(self, path):
        self.facts, self.figures, self.missing = {}, {}, {}
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                name, first, *rest = line.rstrip("\n").split("\t")
                if first == "-":
                    self.missing[name] = rest[0]
                elif name in ("kernel", "flags", "clock", "gcm_driver"):
                    self.facts[name] = first
                else:
                    # WireGuard's bursts differ, all others are equal but for
                    # what the kernel does by itself now and then.
                    use = rest[0] if name.startswith("wg-") else first
                    self.figures[name] = float(use)


class Kernel:
    """All boots of one kernel."""

    def __init__(self, boots):
        self.boots = boots
        self.facts = boots[0].facts
        self.series = ".".join(self.facts["kernel"].split(".")[:2])
        self.missing = {n: r for b in boots for n, r in b.missing.items()}

    def figure(self, name):
        values = [b.figures[name] for b in self.boots if name in b.figures]
        return statistics.mean(values) if values else None

    def names(self):
        return [n for n in self.boots[0].figures if n not in self.missing]

    def differ(self, name):
        """How far the repeats are apart, as a part of their mean."""
        values = [b.figures[name] for b in self.boots]
        return (max(values) - min(values)) / statistics.mean(values)


class Cell:
    """A cell of the table: AF_STT, the floor under it, WireGuard at its best."""

    def __init__(self, kernel, suite, mode, size):
        self.name = f"{suite}-{mode}-{size}"
        self.uses = [self.name, f"udp-{mode}-{size}", f"aead-{suite}-{size}",
                     f"aead-{suite}-{size + INNER}"]
        self.stt, self.udp, self.aead, self.sealed = map(kernel.figure, self.uses)
        self.reason = kernel.missing.get(self.name)
        wg = [(kernel.figure(f"wg-{m}-{size}"), m) for m in WG_MODES]
        wg = [w for w in wg if w[0] is not None]
        self.wg, self.wg_mode = min(wg) if wg else (None, None)
        self.floor = self.udp + self.aead if self.udp and self.aead else None
        self.to_floor = ratio(self.stt, self.floor)
        self.to_wg = ratio(self.stt, self.wg)

    def asked(self):
        return self.stt is not None or self.reason is not None

    def as_dict(self):
        return {
            "cell": self.name, "stt": self.stt, "reason": self.reason, "udp": self.udp,
            "aead": self.aead, "aead_of_frame": self.sealed, "floor": self.floor, "ratio_floor": self.to_floor,
            "meets_floor": meets(self.to_floor, GOAL_FLOOR), "wireguard": self.wg,
            "wireguard_mode": self.wg_mode, "ratio_wireguard": self.to_wg,
            "meets_wireguard": meets(self.to_wg, GOAL_WG),
            "floor_to_wireguard": ratio(self.floor, self.wg),
        }


def ratio(a, b):
    return a / b if a is not None and b else None


def meets(value, goal):
    return None if value is None else value <= goal


def number(value, form="{:,.0f}"):
    return "" if value is None else form.format(value)


def mark(value, goal):
    return {None: "", True: "pass", False: "MISS"}[meets(value, goal)]


def kernels_of(paths):
    boots = {}
    for path in paths:
        boot = Boot(path)
        boots.setdefault(boot.facts["kernel"], []).append(boot)
    return [Kernel(b) for b in boots.values()]


def cells_of(kernel):
    cells = [Cell(kernel, s, m, z) for s in SUITES for m in MODES for z in SIZES]
    return [c for c in cells if c.asked()]


def disagreement(kernel):
    """The repeats furthest apart, and their name, of what the cells are made of."""
    if len(kernel.boots) < 2:
        return None
    used = {n for c in cells_of(kernel) for n in c.uses}
    return max((kernel.differ(n), n) for n in kernel.names() if n in used)


def print_kernel(kernel):
    facts = kernel.facts
    print(f"\nkernel {facts['kernel']}, CPU flags {facts['flags']}, clock {facts['clock']}, "
          f"AES-GCM by {facts.get('gcm_driver', '-')}")
    print("instructions per message, sender plus receiver\n")
    print(f"{'cell':<20}{'stt':>8}{'udp':>8}{'2 aead':>8}{'(+8 B)':>8}{'floor':>8}{'ratio':>7}"
          f"{'<=1.10':>8}{'best WG':>9}{'mode':>9}{'ratio':>7}{'<=0.65':>8}")
    for c in cells_of(kernel):
        if c.stt is None:
            print(f"{c.name:<20}  not there: {c.reason}")
            continue
        print(f"{c.name:<20}{number(c.stt):>8}{number(c.udp):>8}{number(c.aead):>8}"
              f"{number(c.sealed):>8}{number(c.floor):>8}{number(c.to_floor, '{:.3f}'):>7}"
              f"{mark(c.to_floor, GOAL_FLOOR):>8}{number(c.wg):>9}{c.wg_mode or '':>9}"
              f"{number(c.to_wg, '{:.3f}'):>7}{mark(c.to_wg, GOAL_WG):>8}"
              f"{'  (floor alone: %.2f)' % ratio(c.floor, c.wg) if too_high(c) else ''}")
    print("\nWireGuard:", ", ".join(f"{n[3:]} {kernel.figure(n):,.0f}" for n in kernel.names()
                                    if n.startswith("wg-")))


def too_high(cell):
    """Not even the floor is below the goal against WireGuard."""
    value = ratio(cell.floor, cell.wg)
    return value is not None and value > GOAL_WG


def print_repeats(kernel):
    apart = disagreement(kernel)
    if not apart:
        return True
    print(f"repeats ({len(kernel.boots)} boots) differ by {apart[0] * 100:.2f} % at most"
          f" ({apart[1]})")
    return apart[0] <= REPEATS_AGREE


def as_json(kernels):
    out = []
    for k in kernels:
        apart = disagreement(k)
        out.append({
            **k.facts, "boots": len(k.boots),
            "repeats_differ": apart and {"cell": apart[1], "part": apart[0]},
            "cells": [c.as_dict() for c in cells_of(k)],
            "measured": {n: k.figure(n) for n in k.names()},
        })
    return {"unit": "instructions per message, sender plus receiver",
            "goals": {"floor": GOAL_FLOOR, "wireguard": GOAL_WG}, "kernels": out}


def do_table(args):
    kernels = kernels_of([a for a in args if a != "--json"])
    agree = all(a is None or a[0] <= REPEATS_AGREE for a in map(disagreement, kernels))
    if "--json" in args:
        json.dump(as_json(kernels), sys.stdout, indent=1)
        print()
    else:
        for k in kernels:
            print_kernel(k)
            print_repeats(k)
    if not agree:
        print("the repeats do not agree within 1 %", file=sys.stderr)
    return 0 if agree else 1


# --- the record ---------------------------------------------------------------

def record_rows(kernels):
    yield ("| kernel | cell | AF_STT | floor | of the floor | | WireGuard | of WireGuard | |")
    yield ("| --- | --- | --: | --: | --: | --- | --: | --: | --- |")
    for k in kernels:
        for c in cells_of(k):
            if c.stt is None:
                continue
            yield (f"| {k.series} | {c.name} | {number(c.stt)} | {number(c.floor)} | "
                   f"{number(c.to_floor, '{:.3f}')} | {mark(c.to_floor, GOAL_FLOOR)} | "
                   f"{number(c.wg)} | {number(c.to_wg, '{:.3f}')} | "
                   f"{mark(c.to_wg, GOAL_WG)} |")


def split_record(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    before, rest = text.split(BEGIN)
    table, after = rest.split(END)
    return before, table, after


def recorded(path):
    """(series, cell) -> ratio to the floor."""
    found = {}
    for line in split_record(path)[1].splitlines():
        columns = [c.strip() for c in line.strip("| ").split("|")]
        if len(columns) >= 5 and columns[0][:1].isdigit():
            found[columns[0], columns[1]] = float(columns[4])
    return found


def do_record(args):
    before, _, after = split_record(args[0])
    rows = "\n".join(record_rows(kernels_of(args[1:])))
    with open(args[0], "w", encoding="utf-8") as f:
        f.write(f"{before}{BEGIN}\n{rows}\n{END}{after}")
    return 0


def judge(cell, was):
    """A TAP line without its number."""
    if cell is None or cell.stt is None:
        why = cell.reason if cell else "not measured"
        return f"not ok {{}} - cost {{}}: recorded, but not there: {why}"
    if was is None:
        return f"ok {{}} - cost {{}} # SKIP {cell.to_floor:.3f} of the floor, not recorded"
    good = "ok" if cell.to_floor <= was * WORSE else "not ok"
    return f"{good} {{}} - cost {{}}: {cell.to_floor:.3f} of the floor, recorded {was:.3f}"


def do_check(args):
    kernel = kernels_of(args[1:])[0]
    now = {c.name: c for c in cells_of(kernel)}
    was = {cell: r for (series, cell), r in recorded(args[0]).items()
           if series == kernel.series}
    names = sorted(set(was) | {n for n, c in now.items() if c.stt is not None})
    print(f"1..{len(names)}")
    failed = 0
    for i, name in enumerate(names, 1):
        line = judge(now.get(name), was.get(name)).format(i, name)
        failed |= line.startswith("not")
        print(line)
    return failed


def main():
    command = {"table": do_table, "check": do_check, "record": do_record}.get(
        sys.argv[1] if len(sys.argv) > 1 else "")
    if not command or len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(command(sys.argv[2:]))


if __name__ == "__main__":
    main()
