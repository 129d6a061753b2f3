#!/usr/bin/env python3
"""Judges an export line by line, by what the formats' own documents say.

check_export.py FORMAT VECTORS EXPORT INPUT [--plant]

EXPORT is what the program wrote, INPUT what it was given (JSON lines). With --plant every line is spoilt in many ways first, and each
spoilt line must be refused: a judge that lets them pass proves nothing.

OCSF is judged by the dictionary, events and objects in VECTORS/audit/ocsf-schema; FHIR by the R4 StructureDefinition in
VECTORS/audit/fhir and the agents of the profiles in VECTORS/audit/ihe-basicaudit; CEF, RFC 5424 and RFC 4180 by the grammars below.
"""
import copy
import csv
import hashlib
import io
import ipaddress
import json
import pathlib
import re
import sys


class Wrong(Exception):
    pass


def demand(condition, what):
    if not condition:
        raise Wrong(what)


def no_duplicates(pairs):
    names = [name for name, _ in pairs]
    demand(len(names) == len(set(names)), f"a member twice: {names}")
    return dict(pairs)


def parse(line):
    try:
        return json.loads(line, object_pairs_hook=no_duplicates)
    except ValueError as broken:
        raise Wrong(f"no JSON: {broken}") from broken


def plain(text):
    """What forms of one line make of a text: control characters and line separators are blanks."""
    return re.sub("[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", text)


# --- OCSF ---------------------------------------------------------------------------------------------------------------------------

# Parts of OCSF 1.9.0-dev that VECTORS does not hold: name -> (attributes and which are required, at least one of). Types come from the
# dictionary as for all others.
MORE_OBJECTS = {
    "network_endpoint": ({"ip": "", "hostname": "", "port": "", "name": "", "uid": ""}, ["ip", "uid", "name", "hostname"]),
    "product": ({"name": "", "vendor_name": "", "version": "", "uid": "", "feature": "", "lang": "", "path": ""}, ["name", "uid"]),
    "managed_entity": ({"name": "", "uid": "", "type": "", "version": "", "data": ""}, ["name", "uid"]),
    "group": ({"name": "", "uid": "", "type": "", "desc": "", "domain": "", "privileges": ""}, ["name", "uid"]),
    "iam_role": ({"name": "", "uid": "", "uid_alt": "", "privileges": ""}, ["name", "uid"]),
    "service": ({"name": "", "uid": "", "version": "", "labels": ""}, ["name", "uid"]),
}
MORE_CLASSES = {6002: ({"app": "required"}, {"1": "Install", "2": "Remove", "3": "Start", "4": "Stop"})}


class Ocsf:
    def __init__(self, vectors):
        root = pathlib.Path(vectors) / "audit" / "ocsf-schema"
        read = lambda path: json.loads(path.read_text())  # noqa: E731
        dictionary = read(root / "dictionary.json")
        self.version = read(root / "version.json")["version"]
        self.known = dictionary["attributes"]
        self.types = dictionary["types"]["attributes"]
        self.categories = {v["uid"] for v in read(root / "categories.json")["attributes"].values()}
        base = read(root / "events" / "base_event.json")
        iam = read(root / "events" / "iam" / "iam.json")
        self.classes = {}
        for path in (root / "events" / "iam").glob("*.json"):
            event = read(path)
            if "uid" in event:
                self.classes[3000 + event["uid"]] = self.describe([base, iam, event])
        for uid, (attributes, activities) in MORE_CLASSES.items():
            event = {"attributes": {k: {"requirement": v} for k, v in attributes.items()}}
            event["attributes"]["activity_id"] = {"enum": {k: {"caption": v} for k, v in activities.items()}}
            self.classes[uid] = self.describe([base, event])
        self.objects = {}
        for path in (root / "objects").glob("*.json"):
            self.objects[path.stem] = self.describe([read(path)])
        for name, (attributes, one_of) in MORE_OBJECTS.items():
            self.objects[name] = ({k: {"requirement": v} for k, v in attributes.items()}, one_of)

    @staticmethod
    def describe(layers):
        attributes, one_of = {}, []
        for layer in layers:
            for name, said in layer["attributes"].items():
                if name == "$include":
                    continue  # profiles: ours names none
                was = attributes.setdefault(name, {})
                enum = {**was.get("enum", {}), **said.get("enum", {})}
                was.update(said)
                if enum:
                    was["enum"] = enum
            one_of = layer.get("constraints", {}).get("at_least_one", one_of)
        return attributes, one_of

    def scalar(self, value, kind, where):
        said = self.types[kind]
        base = said.get("type", kind)
        if base in ("integer_t", "long_t"):
            demand(isinstance(value, int) and not isinstance(value, bool), f"{where} is no integer")
            bits = 31 if base == "integer_t" else 63
            demand(-(2**bits) <= value < 2**bits, f"{where} is out of range")
        elif base == "string_t":
            demand(isinstance(value, str), f"{where} is no string")
            demand(len(value) <= said.get("max_len", 65535), f"{where} is too long")
            demand("regex" not in said or re.match(said["regex"], value), f"{where} is no {kind}: {value!r}")
        elif base == "boolean_t":
            demand(isinstance(value, bool), f"{where} is no boolean")
        elif base == "float_t":
            demand(isinstance(value, (int, float)) and not isinstance(value, bool), f"{where} is no number")

    def members(self, value, described, where):
        demand(isinstance(value, dict), f"{where} is no object")
        attributes, one_of = described
        for name in value:
            demand(name in attributes, f"{where}.{name} is not in the schema")
        for name, said in attributes.items():
            demand(said.get("requirement") != "required" or name in value, f"{where}.{name} is required")
        demand(not one_of or any(name in value for name in one_of), f"{where} has none of {one_of}")
        for name, member in value.items():
            self.member(value, name, member, attributes[name], f"{where}.{name}")

    def member(self, owner, name, value, said, where):
        known = self.known[name]
        if known.get("is_array"):
            demand(isinstance(value, list), f"{where} is no array")
            values = value
        else:
            values = [value]
        kind = known["type"]
        for one in values:
            if kind in self.types:
                self.scalar(one, kind, where)
            elif kind == "object":
                demand(isinstance(one, dict), f"{where} is no object")
            else:
                demand(kind in self.objects, f"{where}: no description of {kind}")
                self.members(one, self.objects[kind], where)
        enum = {**known.get("enum", {}), **said.get("enum", {})}
        if enum and kind == "integer_t":
            demand(str(value) in enum, f"{where} is {value}, not one of {sorted(enum)}")
            sibling = known.get("sibling")
            if value == 99:
                demand(sibling in owner, f"{where} is Other, which wants {sibling}")
            elif sibling in owner:
                demand(owner[sibling] == enum[str(value)]["caption"], f"{where}: {sibling} is not {enum[str(value)]['caption']}")

    def judge(self, line, given):
        event = parse(line)
        demand(isinstance(event, dict), "no object")
        described = self.classes.get(event.get("class_uid"))
        demand(described is not None, f"no class {event.get('class_uid')}")
        # class_uid and category_uid have their values from the schema's place in its folders, not from an enum.
        attributes = {k: {x: y for x, y in v.items() if x != "enum" or k not in ("class_uid", "category_uid")} for k, v in described[0].items()}
        self.members(event, (attributes, described[1]), "event")
        demand(event["category_uid"] == event["class_uid"] // 1000 and event["category_uid"] in self.categories, "another category")
        demand(event["type_uid"] == event["class_uid"] * 100 + event["activity_id"], "type_uid is not class_uid * 100 + activity_id")
        demand(event["activity_id"] != 0, "the activity is known")
        demand(event["metadata"]["version"] == self.version, "another schema version")
        demand(event["metadata"]["event_code"] == given["code"] and event["metadata"]["uid"] == given["id"], "another event")
        demand(event["time"] == given["time_ms"], "another time")
        demand((event["status_id"] == 1) == (given["outcome"] == "success"), "another outcome")
        demand(event.get("status_code", "") == given["reason"], "another reason")
        demand(event["unmapped"].get("details", {}) == given["details"], "other details")
        if not given["opened"]:
            demand("src_endpoint" not in event and "personal" not in event["unmapped"] and "user_agent" not in event["unmapped"],
                   "personal fields that nobody asked for")

    def plants(self, event):
        def spoil(path, value):
            out = copy.deepcopy(event)
            at = out
            for step in path[:-1]:
                at = at[step]
            if value is None:
                del at[path[-1]]
            else:
                at[path[-1]] = value
            return out

        for name in ("activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"):
            yield f"without {name}", spoil([name], None)
        yield "an unknown attribute", spoil(["shoe_size"], 44)
        yield "an attribute of another class", spoil(["vulnerabilities"], [])
        yield "type_uid", spoil(["type_uid"], event["type_uid"] + 1)
        yield "class_uid", spoil(["class_uid"], 3001 if event["class_uid"] != 3001 else 3002)
        yield "category_uid", spoil(["category_uid"], 1)
        yield "activity_id", spoil(["activity_id"], 77)
        yield "severity_id", spoil(["severity_id"], 9)
        yield "status_id", spoil(["status_id"], 3)
        yield "status", spoil(["status"], "Fine")
        yield "time as text", spoil(["time"], "2026")
        yield "message as number", spoil(["message"], 1)
        yield "metadata.version", spoil(["metadata", "version"], "1.0.0")
        yield "metadata without version", spoil(["metadata", "version"], None)
        yield "metadata without product", spoil(["metadata", "product"], None)
        yield "product without name", spoil(["metadata", "product"], {"vendor_name": "Zephyr"})
        yield "metadata with more", spoil(["metadata", "colour"], "red")
        for name in ("user", "group", "iam_role", "entity", "app"):
            if name in event and not (name == "user" and event["class_uid"] == 3006) and not (name == "iam_role" and event["class_uid"] == 3005):
                yield f"without {name}", spoil([name], None)
                yield f"empty {name}", spoil([name], {})
                yield f"{name} as text", spoil([name], "x")
        if "src_endpoint" in event:
            yield "no address", spoil(["src_endpoint", "ip"], "not an address")
        if event["activity_id"] == 99:
            yield "Other without a name", spoil(["activity_name"], None)
        if "service" in event:
            yield "neither service nor dst_endpoint", spoil(["service"], None)


# --- FHIR ---------------------------------------------------------------------------------------------------------------------------

# R4 datatypes: the patterns of primitives, and the members of the complex ones that AuditEvent uses.
PRIMITIVES = {
    "code": r"[^\s]+(\s[^\s]+)*",
    "uri": r"\S+",
    "id": r"[A-Za-z0-9\-\.]{1,64}",
    "string": r"[ \r\n\t\S]+",
    "instant": r"([0-9]([0-9]([0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)-(0[1-9]|1[0-2])-(0[1-9]|[1-2][0-9]|3[0-1])T([01][0-9]|2[0-3]):"
    r"[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?(Z|(\+|-)((0[0-9]|1[0-3]):[0-5][0-9]|14:00))",
    "base64Binary": r"(\s*([0-9a-zA-Z\+\/=]){4}\s*)+",
    "boolean": None,
}
COMPLEX = {
    "Coding": {"system": "uri", "version": "string", "code": "code", "display": "string", "userSelected": "boolean"},
    "CodeableConcept": {"coding": ["Coding"], "text": "string"},
    "Reference": {"reference": "string", "type": "uri", "identifier": "Identifier", "display": "string"},
    "Identifier": {"use": "code", "type": "CodeableConcept", "system": "uri", "value": "string"},
}
# The codes of the required bindings and of DICOM PS3.16 CID 403, which are not in VECTORS.
REQUIRED = {
    "audit-event-action": set("CRUDE"),
    "audit-event-outcome": {"0", "4", "8", "12"},
    "network-type": {"1", "2", "3", "4", "5"},
}
CID_403 = {str(n) for n in range(110120, 110143)}
DICOM = "http://dicom.nema.org/resources/ontology/DCM"


class Fhir:
    def __init__(self, vectors):
        folder = pathlib.Path(vectors) / "audit" / "fhir"
        definition = json.loads((folder / "hl7.fhir.r4.examples_4.0.1_StructureDefinition-AuditEvent.json").read_text())
        self.elements = {e["path"]: e for e in definition["snapshot"]["element"]}
        types = json.loads((folder / "hl7.fhir.r4.examples_4.0.1_ValueSet-audit-event-type.json").read_text())
        self.event_types = {(i["system"], c["code"]) for i in types["compose"]["include"] for c in i.get("concept", [])}
        self.slices = self.read_profile(pathlib.Path(vectors) / "audit" / "ihe-basicaudit" / "AuthZ.fsh", "AuthZconsent")

    @staticmethod
    def read_profile(path, profile):
        """The rules of a profile about agents: {slice: {"type": (system, code), "card": {path: (min, max)}, "fixed": …, "source": bool}}."""
        text = path.read_text().split(f"Profile:        {profile}", 1)[1]
        text = re.split(r"^(?:Profile|Instance|Invariant|Extension|CodeSystem|ValueSet):", text, flags=re.M)[0]
        slices = {}
        for line in text.splitlines():
            found = re.match(r"\* agent\[(\w+)\](?:\.([\w.]+))? (.*?)(?: MS)?(?:\s+//.*)?\s*$", line)
            if not found:
                continue
            name, path, rule = found.groups()
            into = slices.setdefault(name, {"card": {}, "fixed": {}, "source": False})
            if "val-audit-source" in rule:
                into["source"] = True
            elif rule.startswith("= ") and path == "type":
                into["type"] = tuple(rule[2:].split()[0].split("#"))
            elif rule.startswith("= "):
                into["fixed"][path] = rule[2:].strip() == "true"
            elif re.match(r"\d*\.\.", rule):
                low, high = re.match(r"(\d*)\.\.([\d*]*)", rule).groups()
                into["card"][path] = (int(low or 0), None if high in ("", "*") else int(high))
        demand({"client", "user", "authorizer"} <= set(slices) and all("type" in s for s in slices.values()), "the profile was not understood")
        return slices

    def primitive(self, value, kind, where):
        if kind == "boolean":
            demand(isinstance(value, bool), f"{where} is no boolean")
            return
        demand(isinstance(value, str), f"{where} is no {kind}")
        demand(re.fullmatch(PRIMITIVES[kind], value), f"{where} is no {kind}: {value!r}")
        demand(not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f]", value) and value.strip(), f"{where} is blank or has control characters")

    def value(self, value, kind, where):
        if kind in PRIMITIVES:
            self.primitive(value, kind, where)
        elif kind in COMPLEX:
            demand(isinstance(value, dict) and value, f"{where} is no {kind}")
            for name, member in value.items():
                wanted = COMPLEX[kind].get(name)
                demand(wanted, f"{where}.{name} is not in {kind}")
                if isinstance(wanted, list):
                    demand(isinstance(member, list) and member, f"{where}.{name} is no array")
                    for one in member:
                        self.value(one, wanted[0], f"{where}.{name}")
                else:
                    self.value(member, wanted, f"{where}.{name}")
        else:
            raise Wrong(f"{where}: {kind} is not expected here")

    def element(self, value, path):
        demand(isinstance(value, dict) and value, f"{path} is no object")
        children = {p[len(path) + 1:]: e for p, e in self.elements.items() if p.startswith(path + ".") and "." not in p[len(path) + 1:]}
        for name in value:
            demand(name in children or any(c.endswith("[x]") and name.startswith(c[:-3]) for c in children), f"{path}.{name} is not in the resource")
        for name, said in children.items():
            kinds = [t["code"] for t in said.get("type", [])]
            if name.endswith("[x]"):
                present = [(n, k) for k in kinds for n in [name[:-3] + k[0].upper() + k[1:]] if n in value]
                demand(len(present) >= said["min"] and len(present) <= 1, f"{path}.{name}: one of {kinds}")
                for member, kind in present:
                    self.value(value[member], kind, f"{path}.{member}")
                continue
            if name not in value:
                demand(said["min"] == 0, f"{path}.{name} is required")
                continue
            member = value[name]
            demand(isinstance(member, list) == (said["max"] != "1"), f"{path}.{name}: array or not")
            items = member if isinstance(member, list) else [member]
            demand(items, f"{path}.{name} is empty")
            for one in items:
                kind = "id" if kinds[0].endswith("System.String") else kinds[0]
                if kind == "BackboneElement":
                    self.element(one, f"{path}.{name}")
                else:
                    self.value(one, kind, f"{path}.{name}")
                binding = said.get("binding", {})
                if binding.get("strength") == "required":
                    wanted = REQUIRED[binding["valueSet"].split("/")[-1].split("|")[0]]
                    demand(one in wanted, f"{path}.{name} is {one!r}, not one of {sorted(wanted)}")

    def agent_rules(self, event):
        """A slice's rules hold for every agent of its type; each event has a user and an authorizer, and a client when an address is known."""
        seen = set()
        for agent in event["agent"]:
            codes = {(c.get("system"), c.get("code")) for c in agent.get("type", {}).get("coding", [])}
            for name, rules in self.slices.items():
                if rules["type"] not in codes:
                    continue
                seen.add(name)
                for path, (low, high) in rules["card"].items():
                    count = len(agent[path]) if isinstance(agent.get(path), list) else int(path in agent)
                    demand(count >= low and (high is None or count <= high), f"agent[{name}].{path}: {count}, wanted {low}..{high}")
                for path, fixed in rules["fixed"].items():
                    demand(agent.get(path) == fixed, f"agent[{name}].{path} is not {fixed}")
                demand(not rules["source"] or agent.get("who") == event["source"]["observer"], "val-audit-source")
        demand({"user", "authorizer"} <= seen, f"agents {seen}")
        return seen

    def judge(self, line, given):
        event = parse(line)
        demand(isinstance(event, dict) and event.pop("resourceType", None) == "AuditEvent", "no AuditEvent")
        self.element(event, "AuditEvent")
        demand((event["type"]["system"], event["type"]["code"]) in self.event_types, f"no event type {event['type']}")
        for one in event.get("subtype", []):
            demand(one["system"] == DICOM and one["code"] in CID_403, f"no subtype {one}")
        for one in event.get("entity", []):
            demand(not ("name" in one and "query" in one), "sev-1")
        demand("outcome" in event and "action" in event, "outcome and action")  # the profiles want them
        seen = self.agent_rules(event)
        known = given["opened"] and given["address_family"] != "none"
        demand(("client" in seen) == known, "the client is named when its address is known, and only then")
        demand(event["id"] == given["id"], "another event")
        demand((event["outcome"] == "0") == (given["outcome"] == "success"), "another outcome")
        details = {(d["type"], d["valueString"]) for d in event["entity"][0]["detail"]}
        for name, value in given["details"].items():
            if name.strip() and plain(value).strip():
                demand((plain(name), plain(value)) in details, f"the detail {name!r} is missing")

    def plants(self, event):
        def spoil(change):
            out = copy.deepcopy(event)
            change(out)
            return out

        def drop(name):
            return spoil(lambda e: e.pop(name))

        for name in ("resourceType", "type", "recorded", "agent", "source", "outcome", "action"):
            yield f"without {name}", drop(name)
        yield "unknown element", spoil(lambda e: e.update(colour="red"))
        yield "agent as object", spoil(lambda e: e.update(agent=e["agent"][0]))
        yield "no agents", spoil(lambda e: e.update(agent=[]))
        yield "type as array", spoil(lambda e: e.update(type=[e["type"]]))
        yield "type of no value set", spoil(lambda e: e["type"].update(code="110999"))
        yield "action", spoil(lambda e: e.update(action="X"))
        yield "outcome", spoil(lambda e: e.update(outcome="1"))
        yield "recorded", spoil(lambda e: e.update(recorded="2026-11-24 10:00:00"))
        yield "recorded without zone", spoil(lambda e: e.update(recorded=e["recorded"].rstrip("Z")))
        yield "id", spoil(lambda e: e.update(id="a b"))
        yield "empty outcomeDesc", spoil(lambda e: e.update(outcomeDesc=""))
        yield "requestor missing", spoil(lambda e: e["agent"][0].pop("requestor"))
        yield "requestor as text", spoil(lambda e: e["agent"][0].update(requestor="true"))
        yield "user did not ask", spoil(lambda e: e["agent"][0].update(requestor=False))
        yield "user without who", spoil(lambda e: e["agent"][0].pop("who"))
        yield "user with a network", spoil(lambda e: e["agent"][0].update(network={"address": "192.0.2.1", "type": "2"}))
        yield "user with media", spoil(lambda e: e["agent"][0].update(media={"code": "x"}))
        yield "no user", spoil(lambda e: e.update(agent=e["agent"][1:]))
        yield "no authorizer", spoil(lambda e: e.update(agent=e["agent"][:-1]))
        yield "another authorizer", spoil(lambda e: e["agent"][-1].update(who={"identifier": {"value": "elsewhere"}}))
        yield "no observer", spoil(lambda e: e["source"].pop("observer"))
        yield "observer as text", spoil(lambda e: e["source"].update(observer="here"))
        yield "detail without a value", spoil(lambda e: e["entity"][0]["detail"][0].pop("valueString"))
        yield "detail with two values", spoil(lambda e: e["entity"][0]["detail"][0].update(valueBase64Binary="AAAA"))
        yield "detail as number", spoil(lambda e: e["entity"][0]["detail"][0].update(valueString=1))
        yield "entity with name and query", spoil(lambda e: e["entity"][0].update(name="n", query="AAAA"))
        yield "unknown member of a coding", spoil(lambda e: e["type"].update(colour="red"))
        if len(event["agent"]) == 3:
            yield "client without network", spoil(lambda e: e["agent"][1].pop("network"))
            yield "client with a name", spoil(lambda e: e["agent"][1].update(name="x"))
            yield "network type", spoil(lambda e: e["agent"][1]["network"].update(type="9"))


# --- CEF ----------------------------------------------------------------------------------------------------------------------------

CEF_KEYS = {"rt", "externalId", "cat", "dvchost", "outcome", "reason", "suid", "sourceServiceName", "duid", "src", "c6a2", "c6a2Label",
            "requestClientApplication", "cs1", "cs1Label", "cs2", "cs2Label", "cs3", "cs3Label", "cn1", "cn1Label"}
CEF_CUSTOM = re.compile(r"ZephyrSecurity(Detail|Personal)[A-Za-z0-9]*")


class Cef:
    HEADER = re.compile(r"CEF:0\|((?:[^|\\\r\n]|\\[|\\])*)\|((?:[^|\\\r\n]|\\[|\\])*)\|((?:[^|\\\r\n]|\\[|\\])*)\|((?:[^|\\\r\n]|\\[|\\])*)\|"
                        r"((?:[^|\\\r\n]|\\[|\\])*)\|(10|[0-9])\|")
    VALUE = r"(?:[^=\\\r\n]|\\[=\\nr])*"
    PAIR = re.compile(rf"([A-Za-z0-9]+)=({VALUE}?)(?=(?: [A-Za-z0-9]+=)|$)")

    def __init__(self, _vectors):
        pass

    def judge(self, line, given):
        demand(not re.search("[\r\n\x00-\x1f\x7f]", line), "a control character")
        head = self.HEADER.match(line)
        demand(head, "no CEF header")
        demand(head.group(4) == given["code"] and head.group(5) == given["name"], "another event class")
        rest, at, found = line[head.end():], 0, {}
        while at < len(rest):
            pair = self.PAIR.match(rest, at)
            demand(pair, f"no extension at {rest[at:at + 40]!r}")
            key, value = pair.groups()
            demand(key in CEF_KEYS or CEF_CUSTOM.fullmatch(key), f"the key {key}")
            demand(key not in found, f"the key {key} twice")
            found[key] = re.sub(r"\\([=\\])", r"\1", value)
            at = pair.end()
            demand(at == len(rest) or rest[at] == " ", "no blank between extensions")
            at += 1
        demand(not rest.endswith(" ") or list(found.values())[-1].endswith(" "), "a blank at the end")
        for key in ("cs1", "cs2", "cs3", "cn1", "c6a2"):
            demand((key in found) == (key + "Label" in found), f"{key} without its label")
        demand(found.get("rt") == str(given["time_ms"]), "rt")
        demand(found.get("externalId") == given["id"], "externalId")
        demand(found.get("outcome") == given["outcome"], "outcome")
        demand(found.get("reason", "") == plain(given["reason"]), "reason")
        if "src" in found:
            ipaddress.IPv4Address(found["src"])
        if "c6a2" in found:
            ipaddress.IPv6Address(found["c6a2"])
        values = sorted(v for k, v in found.items() if k.startswith("ZephyrSecurityDetail"))
        demand(values == sorted(plain(v) for v in given["details"].values() if v), f"details {values}")
        demand(given["opened"] or not any(k.startswith("ZephyrSecurityPersonal") or k in ("src", "c6a2", "requestClientApplication") for k in found),
               "personal fields that nobody asked for")

    def plants(self, line):
        yield "no version", line.replace("CEF:0|", "CEF:|", 1)
        yield "a pipe too many", line.replace("CEF:0|Zephyr", "CEF:0|Zep|hyr", 1)
        yield "severity 11", re.sub(r"\|(10|[0-9])\|rt=", "|11|rt=", line, count=1)
        yield "severity as a word", re.sub(r"\|(10|[0-9])\|rt=", "|Sehr hoch|rt=", line, count=1)
        yield "another code", re.sub(r"\|Z[A-Z]+[0-9]{2}[IWE]\|", "|ZZZZZ99I|", line, count=1)
        yield "a key twice", line + " rt=1"
        yield "a key of nobody", line + " shoeSize=44"
        yield "a bare equals sign", line + " reasonable text=with=equals"
        yield "a broken escape", line.replace("rt=", "rt=\\x", 1)
        yield "a line break", line + "\n"
        yield "no time", re.sub(r"rt=[0-9]+ ", "", line, count=1)
        yield "a custom string without its label", line.replace("cs1Label", "cs4Label") if "cs1Label" in line else line + " cs1=x"


# --- RFC 5424 -----------------------------------------------------------------------------------------------------------------------

class Syslog:
    # 6: SYSLOG-MSG, with the lengths it gives.
    HEADER = re.compile(r"<(0|[1-9][0-9]{0,2})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) ")
    NAME = r"[!#-<>-\\^-~]{1,32}"  # PRINTUSASCII without '=', ']' and '"'
    ELEMENT = re.compile(rf'\[({NAME})((?: {NAME}="(?:[^"\\\]]|\\["\\\]])*")*)\]')
    PARAM = re.compile(rf' ({NAME})="((?:[^"\\\]]|\\["\\\]])*)"')

    def __init__(self, _vectors):
        pass

    def judge(self, line, given):
        head = self.HEADER.match(line)
        demand(head, "no header")
        priority = int(head.group(1))
        demand(priority <= 191 and priority // 8 == 13, "facility 13 is log audit")
        demand(head.group(6) == given["code"], "MSGID")
        at, found, order = head.end(), {}, []
        while at < len(line) and line[at] == "[":
            element = self.ELEMENT.match(line, at)
            demand(element, "no SD-ELEMENT")
            name = element.group(1)
            demand(name not in order, "7: an SD-ID must not occur twice")
            demand(re.fullmatch(r"[a-z]+@[0-9]+", name), "7.2.2: a name without IANA's leave has an enterprise number")
            params = self.PARAM.findall(element.group(2))
            found[name.split("@")[0]] = {k: re.sub(r'\\(["\\\]])', r"\1", v) for k, v in params}
            demand(len(params) == len({k for k, _ in params}), "a parameter twice")
            order.append(name)
            at = element.end()
        demand(order, "no structured data")
        demand(line.startswith(" \ufeff", at), "6.4: a message in UTF-8 begins with the byte order mark")
        demand(not re.search("[\x00-\x1f\x7f]", line), "a control character")
        audit = found.get("audit", {})
        demand(audit.get("id") == given["id"] and audit.get("outcome") == given["outcome"], "another event")
        demand(audit.get("reason", "") == plain(given["reason"]), "reason")
        demand(sorted(found.get("details", {}).values()) == sorted(plain(v) for v in given["details"].values() if v), "details")
        demand(given["opened"] or "personal" not in found, "personal fields that nobody asked for")

    def plants(self, line):
        yield "no version", re.sub(r">1 ", "> ", line, count=1)
        yield "another facility", re.sub(r"^<[0-9]+>", "<14>", line)
        yield "a priority with a leading zero", line.replace("<", "<0", 1)
        yield "a priority above 191", re.sub(r"^<[0-9]+>", "<200>", line)
        yield "a host with a blank", re.sub(r"Z ([!-~]+) zephyr", r"Z a b zephyr", line, count=1)
        yield "no byte order mark", line.replace("\ufeff", "", 1)
        yield "a bare bracket", line.replace('outcome="', 'outcome="]', 1)
        yield "a bare quote", line.replace('outcome="', 'outcome=""', 1)
        yield "a bare backslash", line.replace('outcome="', 'outcome="\\q', 1)
        yield "no enterprise number", line.replace("[audit@32473", "[audit", 1)
        yield "an SD-ID twice", line.replace("[audit@32473", "[audit@32473][audit@32473", 1)
        yield "a parameter twice", line.replace("[audit@32473", '[audit@32473 id="x"', 1)
        yield "a time without a zone", re.sub(r"(T[0-9:.]+)Z", r"\1", line, count=1)


# --- our own lines, and CSV ---------------------------------------------------------------------------------------------------------

class Jsonl:
    def __init__(self, _vectors):
        pass

    def judge(self, line, given):
        event = parse(line)
        if given["record"] is None:
            demand("record" not in event and "leaf" not in event and event["event"]["id"] == given["id"], "an event outside the log")
            return
        found = re.match(r'\{"index":(\d+),"leaf":"([0-9a-f]{64})",(?:"node":"[^"]*",)?"record":', line)
        demand(found, "index, leaf, record")
        stored = json.dumps(event["record"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        demand(line[found.end():].startswith(stored), "the record is not as it is stored")
        demand(hashlib.sha256(b"\0" + stored.encode()).hexdigest() == found.group(2), "another leaf hash")
        demand(stored == given["record"] and int(found.group(1)) == given["index"], "another record")
        demand(given["opened"] or "opened" not in event, "personal fields that nobody asked for")

    def plants(self, line):
        if '"record"' not in line:
            return
        yield "another hash", re.sub(r'"leaf":"(.)', lambda m: '"leaf":"' + ("0" if m.group(1) != "0" else "1"), line, count=1)
        yield "another record", line.replace('"record":{"', '"record":{"a":1,"', 1)
        yield "a blank in the record", line.replace('"record":{', '"record":{ ', 1)
        yield "another index", re.sub(r'"index":(\d+)', r'"index":1\1', line, count=1)


def judge_csv(text, given):
    demand(text.endswith("\r\n"), "RFC 4180: lines end in CRLF")
    rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    demand(len(rows) == len(given), f"{len(rows)} rows for {len(given)} events")
    for row, event in zip(rows, given):
        demand(None not in row and None not in row.values(), "a row of another length")
        for value in row.values():
            demand(not value or value[0] not in "=+-@\t\r", f"a cell that a spreadsheet runs: {value!r}")
        read = {k: v[1:] if v.startswith("'") else v for k, v in row.items()}
        opened = event["opened"]
        wanted = {"id": event["id"], "code": event["code"], "name": event["name"], "outcome": event["outcome"], "reason": event["reason"],
                  "request_id": event["request_id"], "session": event["session"], "address": event["address"] if opened else "",
                  "user_agent": event["user_agent"] if opened else "", "log_index": "" if event["record"] is None else str(event["index"])}
        for name, value in wanted.items():
            demand(read[name] == value.replace("\0", " "), f"{name} is {read[name]!r}, not {value!r}")
        details = parse(read["details"]) if read["details"] else {}
        demand(details == {plain(k): plain(v) for k, v in event["details"].items()}, f"details {details}")


def main():
    form, vectors, export, source = sys.argv[1:5]
    plant = sys.argv[5:] == ["--plant"]
    given = [json.loads(line) for line in open(source, encoding="utf-8")]
    with open(export, encoding="utf-8", newline="") as file:
        text = file.read()
    if form == "csv":
        if plant:
            for what, spoilt in (("LF", text.replace("\r\n", "\n")), ("a row less", text[: text[:-2].rindex("\r\n") + 2]),
                                 ("a formula", text.replace('"\'=', '"=', 1)), ("an open quote", text[:-3] + "\r\n"),
                                 ("another value", text.replace("ZAUTH01I", "ZAUTH02W", 1))):
                demand(spoilt != text, f"{what} could not be planted")
                try:
                    judge_csv(spoilt, given)
                except (Wrong, csv.Error):
                    continue
                raise Wrong(f"a planted mistake passed: {what}")
        judge_csv(text, given)
        print(f"csv: {len(given)} rows")
        return
    judge = {"ocsf": Ocsf, "fhir-balp": Fhir, "cef": Cef, "syslog5424": Syslog, "jsonl": Jsonl}[form](vectors)
    lines = text.split("\n")
    demand(lines.pop() == "", "the last line has no end")
    demand(len(lines) == len(given), f"{len(lines)} lines for {len(given)} events")
    planted = 0
    for line, event in zip(lines, given):
        try:
            judge.judge(line, event)
        except Wrong as wrong:
            raise Wrong(f"{event['code']}: {wrong}\n{line}") from wrong
        if not plant:
            continue
        whole = json.loads(line) if form in ("ocsf", "fhir-balp") else line
        for what, spoilt in judge.plants(whole):
            spoilt = json.dumps(spoilt) if not isinstance(spoilt, str) else spoilt
            demand(spoilt != line, f"{event['code']}: {what} could not be planted")
            planted += 1
            try:
                judge.judge(spoilt, event)
            except (Wrong, KeyError, IndexError):
                continue
            raise Wrong(f"{event['code']}: a planted mistake passed: {what}\n{spoilt}")
    demand(not plant or planted >= len(lines), "nothing was planted")
    print(f"{form}: {len(lines)} lines, {planted} planted mistakes found")


if __name__ == "__main__":
    try:
        main()
    except Wrong as wrong:
        sys.exit(str(wrong))
