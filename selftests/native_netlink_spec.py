#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Is Documentation/netlink/specs/stt.yaml what the code does? It is compared with
include/uapi/linux/stt.h (names, numbers, order, and the types that its comments
tell), with the policies and the operations of the module (what is accepted),
with what the module puts into messages, and with the library's names. Every
difference fails, whichever side moved.

usage: native_netlink_spec.py [ROOT]
"""

import glob
import os
import re
import sys

import yaml

ROOT = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..")
SIZEOF = {"struct in_addr": 4, "struct in6_addr": 16}


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def c_name(name):
    return name.upper().replace("-", "_")


# --- TAP -------------------------------------------------------------------

class Tap:
    def __init__(self):
        self.points = []

    def same(self, text, got, wanted):
        """One point: are these equal? Else what differs is shown."""
        self.points.append((text, None if got == wanted else difference(got, wanted)))

    def finish(self):
        print(f"1..{len(self.points)}")
        for i, (text, trouble) in enumerate(self.points, 1):
            print(f"{'not ' if trouble else ''}ok {i} - {text}")
            for line in trouble or []:
                print(f"#   {line}")
        return any(trouble for _, trouble in self.points)


def more_of(got, wanted):
    """Both sides, or what each has more than the other where they are lists."""
    if isinstance(got, list) and isinstance(wanted, list) and sorted(got) != sorted(wanted):
        got, wanted = ([x for x in got if x not in wanted], [x for x in wanted if x not in got])
    return [f"code {got}", f"spec {wanted}"]


def difference(got, wanted):
    if isinstance(got, dict) and isinstance(wanted, dict):
        lines = [f"{k}: " + ", ".join(more_of(got.get(k, "-"), wanted.get(k, "-")))
                 for k in {**wanted, **got} if got.get(k) != wanted.get(k)]
        return lines or [f"order: code {list(got)}", f"order: spec {list(wanted)}"]
    return more_of(got, wanted)


# --- C ---------------------------------------------------------------------

def strip_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)


class Header:
    """Enums (name -> {member: value}), comments of members, and defines."""

    def __init__(self, text, others=()):
        self.defines = {}
        for t in (text, *others):
            self.defines.update(re.findall(r"^#define[ \t]+(\w+)[ \t]+(\S.*?)[ \t]*$",
                                           strip_comments(t), flags=re.M))
        self.enums = {}
        self.comments = {}
        for name, body in re.findall(r"^enum (\w+) \{(.*?)^\};", text, flags=re.S | re.M):
            self.enums[name] = self.members(strip_comments(body))
            self.comments.update(self.member_comments(body))
        self.values = {m: v for e in self.enums.values() for m, v in e.items()}

    def members(self, body):
        result, value = {}, -1
        for member in filter(None, (m.strip() for m in body.split(","))):
            name, _, number = (p.strip() for p in member.partition("="))
            value = int(number, 0) if number else value + 1
            result[name] = value
        return result

    @staticmethod
    def member_comments(body):
        found = re.findall(r"^\s*(\w+)[^/\n]*?/\*(.*?)\*/", body, flags=re.S | re.M)
        return {name: " ".join(text.split()) for name, text in found}

    def value(self, expression):
        """The number that a constant expression of the kernel's code is."""
        def number(match):
            word = match.group(0)
            known = self.values.get(word, self.defines.get(word))
            return str(self.value(str(known))) if known is not None else word
        text = re.sub(r"sizeof\((struct \w+)\)", lambda m: str(SIZEOF[m.group(1)]), expression)
        text = re.sub(r"\b[A-Z_a-z]\w*\b", number, text)
        text = re.sub(r"(?<=[0-9a-fA-F])[uUlL]+\b", "", text)
        if not re.fullmatch(r"[\s0-9a-fA-FxX()+*<-]+", text):
            raise ValueError(f"not a constant: {expression}")
        return int(eval(text))  # only digits and operators are left


def split_args(text):
    """Split at the commas outside of brackets."""
    parts, depth, begin = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "({[") - (c in ")}]")
        if c == "," and depth == 0:
            parts.append(text[begin:i].strip())
            begin = i + 1
    return [p for p in parts + [text[begin:].strip()] if p]


def closing(text, start):
    depth = 0
    for i in range(start, len(text)):
        depth += (text[i] in "({[") - (text[i] in ")}]")
        if depth == 0:
            return i
    raise ValueError("unbalanced brackets")


class Macros:
    """The function-like macros of a file, to expand a table that uses them."""

    def __init__(self, text):
        joined = text.replace("\\\n", " ")
        self.known = {name: ([p.strip() for p in params.split(",")], body.strip())
                      for name, params, body in
                      re.findall(r"^#define (\w+)\(([^)]*)\)(.*)$", joined, flags=re.M)}

    def expand(self, text):
        pattern = re.compile(r"\b(%s)\(" % "|".join(self.known)) if self.known else None
        while pattern and (m := pattern.search(text)):
            end = closing(text, m.end() - 1)
            params, body = self.known[m.group(1)]
            args = dict(zip(params, split_args(text[m.end():end])))
            for name, arg in args.items():
                body = re.sub(r"(?<![\w.])%s\b" % name, arg, body)
            text = text[:m.start()] + body + text[end + 1:]
        return text


class Module:
    """Policies, operations, and what is put into messages."""

    def __init__(self):
        paths = sorted(glob.glob(os.path.join(ROOT, "kernel", "*.c")))
        self.text = strip_comments("".join(read(os.path.relpath(p, ROOT)) for p in paths))
        self.policies = self.read_policies()
        self.ops = self.read_ops()
        self.bodies = dict(re.findall(r"^\w[^\n;{}]*?\b(\w+)\([^;{}]*\)\n\{(.*?)^\}", self.text,
                                      flags=re.S | re.M))

    def read_policies(self):
        tables = re.findall(r"struct nla_policy (\w+)\[(\w+) \+ 1\] = \{(.*?)\n\};",
                            self.text, flags=re.S)
        result = {}
        for name, size, body in tables:
            entries = dict(e.split("=", 1) for e in split_args(body))
            result[name] = (size, {k.strip(" []\t\n"): " ".join(v.split())
                                   for k, v in entries.items()})
        return result

    def read_ops(self):
        tables = re.findall(r"struct genl_(?:small_)?(?:split_)?ops \w+\[\] = \{(.*?)\n\};",
                            self.text, flags=re.S)
        ops = {}
        for entry in split_args(Macros(self.text).expand(",".join(tables))):
            fields = dict(re.findall(r"\.(\w+)\s*=\s*(\w+)", entry))
            ops[fields["cmd"]] = {k: v for k, v in fields.items() if v != "NULL"}
        return ops

    def reached(self, function, without):
        """The function and all that it names, but not those whose name has one of these."""
        seen, todo = set(), [function]
        while todo:
            name = todo.pop()
            if name in seen or name not in self.bodies or any(w in name for w in without):
                continue
            seen.add(name)
            todo += re.findall(r"\w+", self.bodies[name])
        return "".join(self.bodies[name] for name in seen)

    def looks_at(self, handler, prefix):
        """The attributes of a request that a handler looks at, or what it calls."""
        text = self.reached(handler, ("_put_", "_event_", "_wipe_"))
        text = re.sub(r"\bnla_put\w*\(\s*\w+,\s*STT_A_\w+", "", text)
        return set(re.findall(r"\b%s\w+" % prefix, text))

    def answers(self, function, prefix):
        """The attributes that it puts, or what it calls does, but for events."""
        text = self.reached(function, ("_event_",) if "_event_" not in function else ())
        return {attr for _, attr in re.findall(PUT, text) if attr.startswith(prefix)}

    def puts(self):
        """Attribute -> kind of the call that puts it into a message."""
        found = {}
        for call, attr in re.findall(PUT, self.text):
            found.setdefault(attr, set()).add(PUT_KINDS.get(call, call))
        return {attr: "/".join(sorted(kinds)) for attr, kinds in found.items()}


PUT = r"\b(nla_put\w*|nla_nest_start\w*|\w+_stats_put)\(\s*\w+,\s*(STT_A_\w+)"
PUT_KINDS = {
    "nla_put_u8": "u8", "nla_put_u16": "u16", "nla_put_u32": "u32",
    "nla_put_u64_64bit": "u64", "nla_put_be16": "be16", "nla_put_be32": "ipv4",
    "nla_put_in_addr": "ipv4", "nla_put_in6_addr": "binary", "nla_put_string": "string",
    "nla_put": "binary", "nla_nest_start": "nest", "stt_node_stats_put": "nest",
    "stt_session_stats_put": "nest", "stt_net_stats_put": "nest",
}


# --- the spec --------------------------------------------------------------

class Spec:
    def __init__(self, header):
        self.yaml = yaml.safe_load(read("Documentation/netlink/specs/stt.yaml"))
        self.consts = {d["name"]: d["value"] for d in self.yaml["definitions"]
                       if d["type"] == "const"}
        self.enums = {d["name"]: d for d in self.yaml["definitions"] if d["type"] == "enum"}
        self.sets = {s["name"]: s for s in self.yaml["attribute-sets"]}
        self.attrs = {self.attr_name(s, a["name"]): a
                      for s in self.sets.values() for a in s["attributes"]}
        self.ops = self.yaml["operations"]["list"]
        self.header = header

    @staticmethod
    def attr_name(attr_set, name):
        return c_name(attr_set["name-prefix"] + name)

    def length(self, attr):
        n = attr["checks"]["exact-len"]
        return self.consts.get(n, n)

    def kind(self, attr):
        """The type of an attribute, as the tables below tell it."""
        if attr.get("display-hint") == "ipv4" and attr["type"] == "u32":
            return "ipv4"
        if attr.get("byte-order") == "big-endian":
            return attr["type"].replace("u", "be")
        return attr["type"]

    def bounds(self, attr):
        checks = attr.get("checks", {})
        if "min" in checks or "max" in checks:
            return (checks.get("min"), checks.get("max"))
        if attr.get("enum"):
            values = [e["value"] for e in self.enums[attr["enum"]]["entries"]]
            return (min(values), max(values))
        return (None, None)

    def named(self, set_name, modes, side):
        """The attributes of a set in any request (reply) of its operations."""
        found = set()
        for op in self.ops:
            if op.get("attribute-set") != set_name:
                continue
            for mode in modes:
                found.update(op.get(mode, {}).get(side, {}).get("attributes", []))
        return found


def comment_kind(comment):
    """The type that a comment of the header begins with."""
    for pattern, kind in ((r"u16, network order", "be16"), (r"(u8|u16|u32|u64)\b", None),
                          (r"string\b", "string"), (r"flag\b", "flag"), (r"nest of enum stt_attr_", "nest"),
                          (r"4 bytes", "ipv4"), (r"\w+ bytes", "binary")):
        m = re.match(pattern, comment)
        if m:
            return kind or m.group(1)
    return "no type"


def policy_kind(text):
    """Type, length or nested table, and bounds of one policy entry."""
    m = re.match(r"\{ \.type = NLA_(\w+) \}$", text)
    if m:
        return m.group(1).lower(), None, (None, None)
    name, args = re.match(r"NLA_POLICY_(\w+)\((.*)\)$", text).groups()
    args = split_args(args)
    kinds = {"EXACT_LEN": lambda: ("binary", args[0], (None, None)),
             "NESTED": lambda: ("nest", args[0], (None, None)),
             "MIN": lambda: (args[0][4:].lower(), None, (args[1], None)),
             "MAX": lambda: (args[0][4:].lower(), None, (None, args[1])),
             "RANGE": lambda: (args[0][4:].lower(), None, (args[1], args[2]))}
    return kinds[name]()


# --- the checks ------------------------------------------------------------

def check_header(tap, spec, header):
    got = {n: header.value(header.defines.get("STT_" + c_name(n), "-1")) for n in spec.consts}
    tap.same("constants are those of the header", got, spec.consts)
    for name, d in spec.enums.items():
        wanted = {c_name(d["name-prefix"] + e["name"]): e["value"] for e in d["entries"]}
        tap.same(f"enum {d['enum-name']}: names, values, order",
                 ordered(header.enums.get(c_name(d["enum-name"]).lower(), {})), ordered(wanted))
    for name, s in spec.sets.items():
        wanted = ["UNSPEC"] + [a["name"] for a in s["attributes"]]
        wanted = {c_name(s["name-prefix"] + n): i for i, n in enumerate(wanted)}
        got = header.enums.get(c_name(s["enum-name"]).lower(), {})
        tap.same(f"attributes of {name}: names, values, order", without_max(got), ordered(wanted))
    names = ["unspec"] + [op["name"] for op in spec.ops]
    wanted = {c_name("stt-cmd-" + n): i for i, n in enumerate(names)}
    tap.same("commands: names, values, order", without_max(header.enums["stt_cmd"]),
             ordered(wanted))
    tap.same("no enum of the header is missing in the spec", sorted(header.enums), sorted(
        [c_name(x["enum-name"]).lower() for x in [*spec.enums.values(), *spec.sets.values()]]
        + ["stt_cmd"]))
    tap.same("family and group",
             [header.defines["STT_GENL_NAME"], header.defines["STT_GENL_MCGRP_EVENTS"]],
             [f'"{spec.yaml["name"]}"'] + [f'"{g["name"]}"'
                                           for g in spec.yaml["mcast-groups"]["list"]])


def ordered(members):
    """Dicts compare without order; this makes the order count."""
    return {name: (i, value) for i, (name, value) in enumerate(members.items())}


def without_max(members):
    return ordered({k: v for k, v in members.items() if not k.startswith("__")})


def check_comments(tap, spec, header):
    got, wanted = {}, {}
    for set_name, s in spec.sets.items():
        for a in s["attributes"]:
            name = spec.attr_name(s, a["name"])
            wanted[name] = spec.kind(a)
            got[name] = comment_kind(header.comments.get(name, ""))
            if a["type"] == "pad":
                got[name] = "pad"
            elif set_name == "stats" and "Counters, all u64." in read("include/uapi/linux/stt.h"):
                got[name] = "u64"
            elif a["type"] == "binary":
                got[name] += " " + str(header.value(header.comments[name].split()[0]))
                wanted[name] += " " + str(spec.length(a))
    tap.same("types are those that the header's comments tell", got, wanted)


def check_policies(tap, spec, header, module):
    for set_name, s in spec.sets.items():
        requests = spec.named(set_name, ("do", "dump"), "request")
        if set_name == "key":
            requests = {a["name"] for a in s["attributes"]} - {"pad", "counter"}
        size, entries = module.policies.get(f"stt_{set_name}_policy", ("none", {}))
        if set_name == "stats":
            tap.same("stats come in no request", size, "none")
            continue
        tap.same(f"policy of {set_name}: length of the table", size,
                 f"STT_A_{c_name(set_name)}_MAX")
        tap.same(f"policy of {set_name}: accepts the attributes of the requests",
                 sorted(entries), sorted(spec.attr_name(s, n) for n in requests))
        check_entries(tap, spec, header, set_name, entries)


def check_entries(tap, spec, header, set_name, entries):
    got, wanted = {}, {}
    for name, text in entries.items():
        attr = spec.attrs.get(name)
        kind, detail, bounds = policy_kind(text)
        got[name] = describe(header, kind, detail, bounds)
        wanted[name] = wanted_entry(spec, attr, bounds) if attr else "nothing"
    tap.same(f"policy of {set_name}: types, lengths, bounds", got, wanted)


def describe(header, kind, detail, bounds):
    if kind == "binary":
        detail = header.value(detail)
    return (kind, detail, tuple(b if b is None else header.value(b) for b in bounds))


def wanted_entry(spec, attr, kernel_bounds):
    """Bounds that come from an enum alone need not be in the policy."""
    kind = spec.kind(attr)
    bounds = spec.bounds(attr)
    if kernel_bounds == (None, None) and not attr.get("checks"):
        bounds = (None, None)
    if kind == "ipv4":
        return ("binary", 4, bounds)
    if kind == "binary":
        return ("binary", spec.length(attr), (None, None))
    if kind == "nest":
        return ("nested", None, bounds)     # in the handler, with the policy of its set
    return (kind.replace("be", "u"), None, bounds)


def check_ops(tap, spec, module):
    got, wanted = {}, {}
    for op in spec.ops:
        if "notify" in op:
            continue
        cmd = c_name("stt-cmd-" + op["name"])
        s = op["attribute-set"]
        wanted[cmd] = ("do" in op, "dump" in op, f"stt_{s}_policy", f"STT_A_{c_name(s)}_MAX")
    for cmd, f in module.ops.items():
        got[cmd] = ("doit" in f, "dumpit" in f, f.get("policy"), f.get("maxattr"))
    tap.same("operations: do, dump and policy", got, wanted)
    wanted = {c_name("stt-cmd-" + op["name"]) for op in spec.ops if "notify" in op}
    got = {cmd for cmd in re.findall(r"STT_CMD_\w+_NTF\b", module.text)}
    tap.same("events: the module sends all of them and no other", sorted(got), sorted(wanted))


def check_each(tap, spec, module):
    """What each command takes and answers, do and dump apart."""
    fields = {"do": "doit", "dump": "dumpit"}
    sides = {"request": module.looks_at, "reply": module.answers}
    got, wanted = {side: {} for side in sides}, {side: {} for side in sides}
    for op, mode in ((op, mode) for op in spec.ops for mode in fields if mode in op):
        prefix = c_name(spec.sets[op["attribute-set"]]["name-prefix"])
        handler = module.ops.get(c_name("stt-cmd-" + op["name"]), {}).get(fields[mode])
        for side, of_handler in sides.items():
            names = op[mode].get(side, {}).get("attributes", [])
            key = f"{op['name']} {mode}"
            wanted[side][key] = sorted(prefix + c_name(n) for n in names)
            got[side][key] = sorted(of_handler(handler, prefix) - {prefix + "MAX"})
    tap.same("requests: the attributes that each handler looks at", got["request"],
             wanted["request"])
    tap.same("replies: the attributes that each handler puts", got["reply"], wanted["reply"])


def check_events(tap, spec, module):
    """An event says nothing that asking would not."""
    more = {}
    for name in ("node", "session"):
        prefix = c_name(spec.sets[name]["name-prefix"])
        reply = {prefix + c_name(n) for n in spec.named(name, ("do",), "reply")}
        puts = module.answers(f"stt_event_{name}", prefix)
        more[name] = sorted(puts - reply) if puts else "nothing is put"
    tap.same("events: attributes of the get", more, {"node": [], "session": []})


def check_replies(tap, spec, module):
    puts = module.puts()
    for set_name, s in spec.sets.items():
        names = spec.named(set_name, ("do", "dump"), "reply")
        if set_name == "key":
            names = {a["name"] for a in s["attributes"]} - {"pad", "secret", "waiting"}
        wanted = {spec.attr_name(s, n): spec.kind(spec.attrs[spec.attr_name(s, n)])
                  for n in names}
        got = {a: k for a, k in puts.items() if a.startswith(c_name(s["name-prefix"]))}
        if set_name == "stats":     # put by a loop over all of them
            continue
        tap.same(f"replies with {set_name}: attributes and types", got, wanted)


def check_attributes_exist(tap, spec):
    unknown = [f"{op['name']}: {n}" for op in spec.ops for mode in ("do", "dump")
               for side in ("request", "reply")
               for n in op.get(mode, {}).get(side, {}).get("attributes", [])
               if spec.attr_name(spec.sets[op["attribute-set"]], n) not in spec.attrs]
    tap.same("operations name only attributes that there are", unknown, [])


def check_names(tap, spec):
    got = dict(re.findall(r"\[(STT_\w+)\]\s*=\s*\"(\w+)\"", read("lib/names.c")))
    wanted = {}
    for name in ("suite", "session-state", "close-reason", "rekey-reason"):
        d = spec.enums[name]
        wanted.update({c_name(d["name-prefix"] + e["name"]): e["name"].replace("-", "_")
                       for e in d["entries"] if e["name"] != "user-min"})
    s = spec.sets["stats"]
    wanted.update({spec.attr_name(s, a["name"]): a["name"].replace("-", "_")
                   for a in s["attributes"] if a["type"] != "pad"})
    tap.same("the library's names are those of the spec", got, wanted)


def main():
    tap = Tap()
    header = Header(read("include/uapi/linux/stt.h"), [read("include/stt/wire.h")])
    spec = Spec(header)
    module = Module()
    check_attributes_exist(tap, spec)
    check_header(tap, spec, header)
    check_comments(tap, spec, header)
    check_policies(tap, spec, header, module)
    check_ops(tap, spec, module)
    check_each(tap, spec, module)
    check_events(tap, spec, module)
    check_replies(tap, spec, module)
    check_names(tap, spec)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
