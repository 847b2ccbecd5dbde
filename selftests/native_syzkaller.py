#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Are the syzkaller descriptions in step with the ABI? Every constant, command
and attribute of include/uapi/linux/stt.h must be in selftests/syzkaller/*.txt,
with the type that the header tells, and with its value in the .const file. The
values come from the C compiler. What the module's policies accept is described
as something to send, all other attributes as coming out only. At the end the
check is made on spoilt copies: each must fail.

usage: native_syzkaller.py [ROOT]
"""

import functools
import glob
import os
import re
import subprocess
import sys
import tempfile

ROOT = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..")
HEADER = "include/uapi/linux/stt.h"
FILES = "selftests/syzkaller/"
# What no description has a use for.
NOT_DESCRIBED = re.compile(r"PF_STT|STT_GENL_MCGRP_EVENTS|STT_CMD_MAX|STT_CMD_UNSPEC|"
                           r"STT_A_(INFO|NODE|SESSION|KEY|SOCKET|STATS)_(MAX|UNSPEC)")
# Sizes of types that syzkaller's own descriptions define.
SIZES = {"sock_port": 2, "sock": 4, "sock_udp": 4, "ifindex": 4, "ipv4_addr": 4,
         "ipv6_addr": 16}


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def read_all(pattern):
    paths = sorted(glob.glob(os.path.join(ROOT, pattern)))
    return {os.path.relpath(p, ROOT): read(os.path.relpath(p, ROOT)) for p in paths}


# --- C ---------------------------------------------------------------------

def strip_comments(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


def header_names(text):
    """Constants and members of enums, without what is of no interest."""
    code = strip_comments(text)
    names = re.findall(r"^#define[ \t]+(\w+)[ \t]+\S", code, flags=re.M)
    for body in re.findall(r"^enum \w+ \{(.*?)^\};", code, flags=re.S | re.M):
        names += re.findall(r"^\s*(\w+)", body, flags=re.M)
    return [n for n in names if not n.startswith("__") and not NOT_DESCRIBED.fullmatch(n)]


def header_sizes(text):
    """Attribute -> bytes, from the comment behind it; None: any length or a nest."""
    kinds = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "4 bytes": 4, "16 bytes": 16,
             "32 bytes": 32, "STT_KEY_LEN bytes": 32}
    found = re.findall(r"^\s*(STT_A_\w+),[ \t]*/\* (u\d+|\w+ bytes)?", text, flags=re.M)
    return {name: kinds.get(kind) for name, kind in found}


@functools.lru_cache(maxsize=None)
def compile_values(names, includes):
    """Name -> value, by the C compiler; strings stay strings."""
    lines = [f"#include <{i}>" for i in includes]
    lines += ["#include <stdio.h>", "#define SHOW(x) printf(_Generic((x), char *: \"%s=%s\\n\","
              " default: \"%s=%llu\\n\"), #x, (x) + 0ULL)", "int main(void)", "{"]
    lines += [f"\tSHOW({n});" for n in names] + ["\treturn 0;", "}"]
    with tempfile.TemporaryDirectory() as work:
        program = os.path.join(work, "values")
        subprocess.run([os.environ.get("CC", "cc"), "-std=c11", "-D_GNU_SOURCE", "-w", "-x", "c",
                        "-Iinclude", "-Iinclude/uapi", "-o", program, "-"], cwd=ROOT,
                       input="\n".join(lines), encoding="utf-8", check=True)
        out = subprocess.run([program], stdout=subprocess.PIPE, encoding="utf-8", check=True)
    return dict(line.split("=", 1) for line in out.stdout.splitlines())


def policy_attributes(text):
    """The attributes that the module's policies accept."""
    tables = re.findall(r"struct nla_policy \w+\[\w+ \+ 1\] = \{(.*?)\n\};",
                        strip_comments(text), flags=re.S)
    return {a for body in tables for a in re.findall(r"\[(STT_A_\w+)\]", body)}


# --- syzlang ---------------------------------------------------------------

class Description:
    """One .txt file, or several joined."""

    def __init__(self, text):
        self.text = re.sub(r"^#.*$", "", text, flags=re.M)
        self.strings = re.findall(r'string\["(\w+)"\]', self.text)
        self.flags = {name: re.split(r",\s*", values) for name, values in
                      re.findall(r"^(\w+) = (.*)$", self.text, flags=re.M)}
        self.resources = dict(re.findall(r"^resource (\w+)\[(\w+)\]", self.text, flags=re.M))
        self.calls = re.findall(r"^(\w+)\$(\w+)\((.*)\)", self.text, flags=re.M)
        self.attributes = re.findall(r"\bnl(?:attr|nest)\[(STT_A_\w+), (.*)\]$", self.text,
                                     flags=re.M)

    def constants(self):
        """The words that need a value: no names of fields, variants and strings."""
        text = re.sub(r'"[^"]*"|^include .*$|\$\w+', "", self.text, flags=re.M)
        text = re.sub(r"^\t\w+\t+", "\t", text, flags=re.M)
        return set(re.findall(r"\b(?:[A-Z][A-Z0-9]*)_[A-Z0-9_]+\b", text))

    def reply_only(self):
        return {a for name, values in self.flags.items() if name.endswith("_reply_only")
                for a in values}

    def size(self, kind):
        """Bytes of a type; None where they vary or are another attribute's."""
        m = re.fullmatch(r"(?:flags|const)\[\w+, (\w+)\]|array\[int8, (\w+)\]|(\w+)(?:\[.*\])?",
                         kind)
        if not m:
            return None
        if m.group(2):
            return {"STT_KEY_LEN": 32, "STT_PEER_ID_LEN": 32}.get(m.group(2))
        name = m.group(1) or m.group(3)
        name = self.resources.get(name, name)
        m = re.fullmatch(r"int(8|16|32|64)(be)?", name)
        return int(m.group(1)) // 8 if m else SIZES.get(name)


def parse_consts(text):
    """Name -> {arch: value}."""
    text = re.sub(r"^#.*$", "", text, flags=re.M)
    arches = re.search(r"^arches = (.*)$", text, flags=re.M).group(1).split(", ")
    result = {}
    for name, values in re.findall(r"^(?!arches)(\w+) = (.*)$", text, flags=re.M):
        given = dict(v.split(":") for v in values.split(", ")) if ":" in values else {}
        result[name] = {arch: given.get(arch, values) for arch in arches}
    return result


# --- the checks ------------------------------------------------------------

class Sources:
    def __init__(self):
        self.header = read(HEADER)
        self.files = read_all(FILES + "*")
        self.kernel = "".join(read_all("kernel/*.c").values())


def difference(got, wanted):
    """What one has and the other has not, as lines; none when they are equal."""
    return [f"description {k}: {got.get(k, 'missing')}, wanted {wanted.get(k, 'nothing')}"
            for k in sorted({*got, *wanted}) if got.get(k) != wanted.get(k)]


def surplus(wanted, got, text):
    return [f"{text}: {name}" for name in sorted(set(wanted) - set(got))]


def check_values(src):
    """The .const files: what each .txt needs, with the compiler's values."""
    trouble = []
    includes = ("sys/socket.h", "linux/stt.h", "stt/wire.h")
    for path, text in src.files.items():
        if not path.endswith(".txt"):
            continue
        consts = parse_consts(src.files.get(path + ".const", "arches = amd64"))
        d = Description(text)
        used = d.constants() | {f"__NR_{call}" for call, _, _ in d.calls
                                if not call.startswith("syz_")}
        trouble += surplus(used, consts, f"{path}.const lacks")
        trouble += surplus(consts, used, f"{path}.const has for nothing")
        plain = tuple(n for n in sorted(consts) if not n.startswith("__NR_"))
        numbers = tuple(sorted(set(consts) - set(plain)))
        wanted = {**{f"{n} on {arch}": v for n, v in compile_values(plain, includes).items()
                     for arch in ("amd64", "arm64")}, **call_numbers(numbers)}
        got = {f"{n} on {arch}": v for n in consts for arch, v in consts[n].items()}
        trouble += difference(got, wanted)
    return trouble


def call_numbers(names):
    """Both kinds of system call numbers, whatever this machine has."""
    headers = {"amd64": "asm/unistd_64.h", "arm64": "asm-generic/unistd.h"}
    return {f"{n} on {arch}": v for arch, header in headers.items()
            for n, v in compile_values(names, (header,)).items()}


def check_names(src):
    names = header_names(src.header)
    d = Description("".join(t for p, t in src.files.items() if p.endswith(".txt")))
    words = d.constants()
    known = compile_values(("STT_GENL_NAME",), ("linux/stt.h",))
    trouble = surplus(set(names) - {"STT_GENL_NAME"}, words, "not described")
    if known["STT_GENL_NAME"] not in d.strings:
        trouble.append(f"no look-up of the family {known['STT_GENL_NAME']}")
    return trouble


def check_commands(src):
    commands = {n for n in header_names(src.header) if n.startswith("STT_CMD_")}
    d = Description("".join(t for p, t in src.files.items() if p.endswith(".txt")))
    sent = {n for call, n, args in d.calls if call == "sendmsg" and f"msghdr_stt[{n}, " in args}
    refused = {n for n in d.flags.get("stt_no_requests", [])}
    events = {n for n in commands if n.endswith("_NTF")}
    return (surplus(commands - events, sent, "no call sends") +
            surplus(sent, commands - events, "no such request") +
            surplus(events, refused, "not among the events") +
            surplus(refused, events, "no such event"))


def check_attributes(src):
    attrs = {n for n in header_names(src.header) if n.startswith("STT_A_")}
    d = Description("".join(t for p, t in src.files.items() if p.endswith(".txt")))
    accepted = policy_attributes(src.kernel)
    sent = {name for name, kind in d.attributes if "stt_stats_policy" not in kind}
    return (surplus(accepted, sent, "accepted, but not sent") +
            surplus(sent, accepted, "sent, but not accepted") +
            surplus(attrs - accepted, d.reply_only(), "not accepted, but not as reply only") +
            surplus(d.reply_only(), attrs - accepted, "not a reply only"))


def check_types(src):
    sizes = header_sizes(src.header)
    d = Description("".join(t for p, t in src.files.items() if p.endswith(".txt")))
    return [f"{name}: {kind} has {d.size(kind)} bytes, the header says {sizes.get(name)}"
            for name, kind in d.attributes if d.size(kind) != sizes.get(name)]


def check_address(src):
    """struct sockaddr_stt, field by field."""
    width = {"__kernel_sa_family_t": 2, "__u8": 1, "__u32": 4, "__u64": 8}
    body = re.search(r"struct sockaddr_stt \{(.*?)\}", strip_comments(src.header), re.S).group(1)
    wanted = [(name.lstrip("_"), width[kind]) for kind, name in re.findall(r"(\w+)\s+(\w+);", body)]
    d = Description("".join(t for p, t in src.files.items() if p.endswith(".txt")))
    body = re.search(r"^type sockaddr_stt_t\[FAMILY\] \{(.*?)^\}", d.text, re.S | re.M).group(1)
    got = [(name, d.size(kind)) for name, kind in re.findall(r"^\t(\w+)\t+(.*)$", body, re.M)]
    return [] if got == wanted else [f"description {got}", f"header {wanted}"]


CHECKS = {
    "every constant has the compiler's value, none too many": check_values,
    "every constant of the header is described": check_names,
    "every command is sent, every event refused": check_commands,
    "sent is what the policies accept, the rest only comes out": check_attributes,
    "the types are those that the header tells": check_types,
    "the address is that of the header": check_address,
}

# --- spoilt copies ---------------------------------------------------------

NETLINK = FILES + "socket_netlink_generic_stt.txt"
SOCKET = FILES + "socket_stt.txt"
# What is spoilt, the file, what to find there and what to put in its place.
SPOILT = (
    ("a wrong value", NETLINK + ".const", r"^(STT_CMD_KEY_NEW) = 9$", r"\1 = 10"),
    ("a wrong call number", SOCKET + ".const", r"arm64:200$", "arm64:201"),
    ("a lost value", SOCKET + ".const", r"^STT_MTU = .*\n", ""),
    ("a value too many", SOCKET + ".const", r"^(STT_MTU = .*)$", r"\1\nSTT_KEY_LEN = 32"),
    ("a lost command", NETLINK, r"^sendmsg\$STT_CMD_KEY_DEL.*\n", ""),
    ("a lost event", NETLINK, r"STT_CMD_NODE_DEL_NTF, ", ""),
    ("a lost attribute", NETLINK, r"^\tSTT_A_NODE_CLOSE_REASON\t.*\n", ""),
    ("a lost counter", NETLINK, r"STT_A_STATS_DROP_ENDED, ", ""),
    ("a wrong width", NETLINK, r"\[stt_states, int32\]", "[stt_states, int8]"),
    ("a wrong order of fields", SOCKET, r"^(\tsstt_type.*\n)(\tsstt_flags.*\n)", r"\2\1"),
    ("a wrong name of the family", NETLINK, r'string\["stt"\]', 'string["sst"]'),
    ("a lost message type", SOCKET, r"STT_MSG_HANDSHAKE, ", ""),
    ("a new attribute in the header", HEADER, r"^(\tSTT_A_NODE_CLOSE_REASON,.*\n)",
     r"\1\tSTT_A_NODE_NEW_ONE,\t/* u32 */\n"),
    ("a new constant in the header", HEADER, r"^(#define STT_KEY_LEN\t.*)$",
     r"\1\n#define STT_NEW_ONE 2"),
    ("a changed type in the header", HEADER, r"(STT_A_SESSION_TX_EPOCH,\s+/\*) u8", r"\1 u16"),
    ("a policy that accepts more", "kernel", r"(\[STT_A_NODE_ID\]\s+=)",
     r"[STT_A_NODE_UID] = { .type = NLA_U32 },\n\t\1"),
)


def spoil(src, path, pattern, replacement):
    """A copy of the sources with one change. The compiler still sees the real header."""
    copy = Sources.__new__(Sources)
    copy.header, copy.files, copy.kernel = src.header, dict(src.files), src.kernel
    old = {HEADER: src.header, "kernel": src.kernel}.get(path) or src.files[path]
    new, count = re.subn(pattern, replacement, old, flags=re.M)
    if not count:
        raise ValueError(f"{path}: nothing is {pattern}")
    if path == HEADER:
        copy.header = new
    elif path == "kernel":
        copy.kernel = new
    else:
        copy.files[path] = new
    return copy


def is_found(src):
    return any(check(src) for check in CHECKS.values())


def point(number, text, trouble):
    print(f"{'not ' if trouble else ''}ok {number} - {text}")
    for line in trouble:
        print(f"#   {line}")
    return not trouble


def main():
    src = Sources()
    good = True
    print(f"1..{len(CHECKS) + len(SPOILT)}")
    for i, (text, check) in enumerate(CHECKS.items(), 1):
        good &= point(i, text, check(src))
    for i, (text, *how) in enumerate(SPOILT, len(CHECKS) + 1):
        found = is_found(spoil(src, *how))
        good &= point(i, f"{text} is found", [] if found else [f"nobody saw it: {how}"])
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
