#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Does the netlink spec say what the uapi header says?

The header is written by hand, the kernel's policies are generated from the
spec: here the two are held together, value for value. TAP on stdout; needs no
root, no module and no argument. Exit status 0: all passed, 4: skipped.
"""

import os
import re
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
HEADER = os.path.join(TOP, "uapi", "linux", "inet_tuple.h")
SPEC = os.path.join(TOP, "Documentation", "netlink", "specs", "inet_tuple.yaml")

# What a header comment calls a type -> what the spec may call it
TYPES = {
    "u8": {"u8"}, "u16": {"u16"}, "u32": {"u32"}, "u64": {"u64"},
    "string": {"string"}, "binary": {"binary"}, "nest": {"nest"},
    "flag": {"flag"},
}


def c_name(*parts):
    """The C identifier of names as the spec writes them"""
    return "".join(parts).upper().replace("-", "_")


def parse_header(path):
    """(enums, defines): {tag: {identifier: (value, comment)}}, {name: text}"""
    with open(path, encoding="utf-8") as f:
        text = f.read()

    enums = {}
    for tag, body in re.findall(r"^enum (\w+) \{(.*?)^\};", text, re.M | re.S):
        values, following = {}, 0
        entry = re.compile(r"^\t(\w+)(?: = ([^,\n/]+?))?,?[ \t]*"
                           r"(?:/\*(.*?)\*/)?[ \t]*$", re.M | re.S)
        # The first line may carry a comment on the enum as a whole
        for name, value, comment in entry.findall(body.split("\n", 1)[1]):
            if value and not re.fullmatch(r"\d+", value):
                continue        # the __X_MAX - 1 idiom
            following = int(value) if value else following
            values[name] = (following, comment.strip())
            following += 1
        enums[tag] = values
    defines = dict(re.findall(r"^#define[ \t]+(\w+)[ \t]+(\S+)", text, re.M))
    return enums, defines


def spec_enum(definition):
    """{identifier: value} of an enum of the spec"""
    prefix = definition.get("name-prefix", f"inet-tuple-{definition['name']}-")
    out, value = {}, definition.get("value-start", 0)
    for entry in definition["entries"]:
        if isinstance(entry, str):
            entry = {"name": entry}
        value = entry.get("value", value)
        out[c_name(prefix, entry["name"])] = value
        value += 1
    return out


def spec_list(entries, prefix):
    """{identifier: value} of attributes or operations, which start at 1"""
    out, value = {}, 1
    for entry in entries:
        value = entry.get("value", value)
        out[c_name(prefix, entry["name"])] = value
        value += 1
    return out


def values_of(enum):
    """{identifier: value} without the maxima"""
    return {k: v for k, (v, _) in enum.items()
            if not k.startswith("__") and not k.endswith("_MAX")}


def difference(header, spec):
    """What one has and the other has not, as text; "" if they are equal"""
    out = []
    for name in sorted(set(header) | set(spec)):
        ours, theirs = header.get(name), spec.get(name)
        if ours != theirs:
            out.append(f"{name}: header {ours}, spec {theirs}")
    return "; ".join(out)


def check_types(attr_set, enum):
    """Attributes whose type is not what the header's comment says"""
    out = []
    for attr in attr_set["attributes"]:
        name = c_name(attr_set["name-prefix"], attr["name"])
        _, comment = enum.get(name, (None, ""))
        word = re.match(r"\w+", comment)
        if attr["type"] == "pad":
            continue
        if not word or attr["type"] not in TYPES.get(word.group(), set()):
            out.append(f"{name}: header '{comment}', spec {attr['type']}")
        if attr.get("multi-attr", False) != ("repeated" in comment):
            out.append(f"{name}: repeated or not?")
        if "enum" in attr and f"inet_tuple_{attr['enum']}".replace("-", "_") \
                not in comment:
            out.append(f"{name}: spec has enum {attr['enum']}")
    return "; ".join(out)


def check_operations(spec):
    """Operations that refer to what is not there"""
    sets = {s["name"]: {a["name"] for a in s["attributes"]}
            for s in spec["attribute-sets"]}
    names = {op["name"] for op in spec["operations"]["list"]}
    groups = {g["name"] for g in spec["mcast-groups"]["list"]}
    out = []
    for op in spec["operations"]["list"]:
        if "notify" in op and op["notify"] not in names:
            out.append(f"{op['name']}: notify {op['notify']}")
        if "mcgrp" in op and op["mcgrp"] not in groups:
            out.append(f"{op['name']}: mcgrp {op['mcgrp']}")
        if op["name"].endswith("-ntf") and "mcgrp" not in op:
            out.append(f"{op['name']}: no mcgrp")
        used = set(op.get("event", {}).get("attributes", []))
        for mode in ("do", "dump"):
            for way in ("request", "reply"):
                used |= set(op.get(mode, {}).get(way, {}).get("attributes", []))
        out += [f"{op['name']}: {a}"
                for a in sorted(used - sets.get(op.get("attribute-set"), set()))]
    return "; ".join(out)


def check_defines(spec, defines):
    """Names and numbers that the header #defines"""
    want = {
        c_name(spec["c-family-name"]): f'"{spec["name"]}"',
        c_name(spec["c-version-name"]): str(spec.get("version", 1)),
    }
    for group in spec["mcast-groups"]["list"]:
        want[c_name("inet-tuple-genl-mcgrp-", group["name"])] = \
            f'"{group["name"]}"'
    for d in spec["definitions"]:
        if d["type"] == "const":
            want[c_name("inet-tuple-", d["name"])] = str(d["value"])
    return difference({k: defines.get(k) for k in want}, want)


def check_lengths(spec):
    """A name's length in the spec and INET_TUPLE_NAMSIZ"""
    namsiz = [d["value"] for d in spec["definitions"] if d["name"] == "namsiz"][0]
    sets = {s["name"]: {a["name"]: a for a in s["attributes"]}
            for s in spec["attribute-sets"]}
    out = [f"{s}-{a}" for s, a in (("pool", "name"), ("lease", "pool"),
                                   ("rule", "pool"), ("addr", "pool"))
           if sets[s][a]["checks"]["max-len"] != namsiz - 1]
    scope = [d for d in spec["definitions"] if d["name"] == "scope"][0]
    names = [e["name"] for e in scope["entries"]]
    if sets["pool"]["scope"]["checks"]["max"] != names.index("id-key") - 1:
        out.append("pool-scope")
    return "; ".join(out)


def checks(spec, enums, defines):
    """[(title, what is wrong or "")]"""
    out = [("names, version and constants", check_defines(spec, defines)),
           ("lengths and limits", check_lengths(spec)),
           ("operations refer to what is there", check_operations(spec))]
    seen = set()
    for d in spec["definitions"]:
        if d["type"] != "enum":
            continue
        tag = "inet_tuple_" + d["name"].replace("-", "_")
        seen.add(tag)
        out.append((f"enum {tag}",
                    difference(values_of(enums.get(tag, {})), spec_enum(d))))
    for s in spec["attribute-sets"]:
        tag = "inet_tuple_a_" + s["name"]
        seen.add(tag)
        out.append((f"enum {tag}",
                    difference(values_of(enums.get(tag, {})),
                               spec_list(s["attributes"], s["name-prefix"]))))
        out.append((f"types of {tag}", check_types(s, enums.get(tag, {}))))
    ops = spec["operations"]
    seen.add("inet_tuple_cmd")
    out.append(("enum inet_tuple_cmd",
                difference(values_of(enums.get("inet_tuple_cmd", {})),
                           spec_list(ops["list"], ops["name-prefix"]))))
    out.append(("no enum of the header is missing in the spec",
                ", ".join(sorted(set(enums) - seen))))
    return out


def main():
    print("TAP version 13")
    try:
        import yaml
    except ImportError:
        print("1..0 # SKIP no python3-yaml")
        return 4
    with open(SPEC, encoding="utf-8") as f:
        spec = yaml.safe_load(f)

    results = checks(spec, *parse_header(HEADER))
    print(f"1..{len(results)}")
    failed = 0
    for number, (title, wrong) in enumerate(results, 1):
        print(f"{'not ok' if wrong else 'ok'} {number} spec_check: {title}")
        if wrong:
            print(f"# {wrong}")
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
