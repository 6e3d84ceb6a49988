"""Is this resource a valid one? HL7's own R4 JSON schema, and a few rules that a schema cannot state.

`fhir.schema.json.gz` is HL7's schema for FHIR 4.0.1 without its descriptions (see NOTICE). Each resource is checked
against the definition of its own type, so that an error names the element and not 146 alternatives; resources inside
resources are checked one by one.
"""

import gzip
import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema_rs
import orjson

from pollux.sources.fhir.narrative import unsafe
from pollux.sources.fhir.rules import broken

Resource = Mapping[str, Any]
MOST = 5  # problems told of one resource

_ID = ("^[A-Za-z0-9\\-\\.]{1,64}$", "^[A-Za-z0-9\\-\\.]{1,255}$")
_OFFSET = "(Z|(\\+|-)((0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_EMPTY = re.compile(rb"[\[{]\s*[\]}]")
_LATE_DAY = re.compile(rb'"(\d{4})-(\d\d)-(29|30|31)(?=["T])')
_REFERENCE = re.compile(r'"#/definitions/([A-Za-z0-9_]+)"')
_CONTAINED_REFERENCE = re.compile(rb'"#([^"]*)"')
_REFERRED = re.compile(rb'"reference"\s*:\s*"#([^"]*)"')


@cache
def _definitions() -> dict[str, Any]:
    """HL7's definitions, completed where the schema is known to say less, or more, than the specification.

    The schema leaves out which primitive elements are required (`fhir.required.json`, from HL7's own
    StructureDefinitions, says it) and that a complex type is an object; it forbids extensions on lists of canonical
    URLs, and the null that stands in a list of primitives for one that has only extensions. Beyond the specification
    longer ids and times without an offset are let in.
    """
    packed = files("pollux.sources.fhir").joinpath("fhir.schema.json.gz").read_bytes()
    found: dict[str, Any] = orjson.loads(gzip.decompress(packed))["definitions"]
    # Two names that the schema refers to or may refer to without defining them, and the list of all resources, whose
    # members are checked against their own definitions instead.
    found |= {"Resource": {}, "integer64": {}, "ResourceList": {"type": "object", "required": ["resourceType"]}}
    found = _widened(found)
    for definition in found.values():
        if "properties" in definition:
            definition["type"] = "object"
        _allow_extensions(definition, found)
    for name, required in _required().items():
        found[name]["allOf"] = [_one_of(found[name]["properties"], element) for element in required]
    return found


def _widened(part: Any) -> Any:
    """The same, ids of up to 255 signs and times without an offset allowed: systems send both.

    A time without an offset is told where it is read (`dates`).
    """
    if isinstance(part, dict):
        return {name: _pattern(inner) if name == "pattern" else _widened(inner) for name, inner in part.items()}
    return [_widened(inner) for inner in part] if isinstance(part, list) else part


def _pattern(pattern: Any) -> Any:
    if not isinstance(pattern, str):
        return _widened(pattern)
    return _ID[1] if pattern == _ID[0] else pattern.replace(_OFFSET, f"{_OFFSET}?")


def _one_of(properties: Mapping[str, Any], element: str) -> dict[str, Any]:
    """A required element: itself, or extensions on it; of `value[x]` any of its types."""
    stem = element.removesuffix("[x]")
    names = [element] if stem == element else [n for n in properties if re.fullmatch(f"_?{stem}[A-Z].*", n)]
    return {"anyOf": [{"required": [name]} for name in dict.fromkeys([*names, *(f"_{n}" for n in names)])]}


def _allow_extensions(definition: dict[str, Any], all: Mapping[str, Any]) -> None:
    properties = definition.get("properties", {})
    for name in list(properties):
        items = properties[name].get("items")
        if not isinstance(items, dict):
            continue
        kind = items.get("$ref", "").rpartition("/")[2]
        primitive = kind[:1].islower() and kind != "xhtml" and "properties" not in all.get(kind, {})
        if primitive or name.startswith("_") or "enum" in items:
            properties[name] = {"type": "array", "items": {"anyOf": [items, {"type": "null"}]}}
            if not name.startswith("_"):
                element = {"anyOf": [{"$ref": "#/definitions/Element"}, {"type": "null"}]}
                properties[f"_{name}"] = {"type": "array", "items": element}


def known(kind: str) -> bool:
    """Whether R4 has a resource of this type."""
    return "resourceType" in _definitions().get(kind, {}).get("properties", {})


@cache
def _validator(kind: str) -> Any:
    """The compiled check of one type, with the definitions that it needs and no others."""
    needed: dict[str, Any] = {}
    ahead = [kind]
    while ahead:
        name = ahead.pop()
        if name not in needed:
            needed[name] = _definitions()[name]
            ahead += _REFERENCE.findall(orjson.dumps(needed[name]).decode())
    return jsonschema_rs.Draft6Validator({"$ref": f"#/definitions/{kind}", "definitions": needed})


def problems(resource: Resource, raw: bytes) -> list[str]:
    """What is wrong with a resource, in short sentences that begin with the path; empty when it is valid.

    >>> problems({"resourceType": "Patient", "gender": "x"}, b'{"resourceType": "Patient", "gender": "x"}')
    ['Patient.gender must be one of male, female, other, unknown']
    """
    kind = str(resource["resourceType"])
    found = list(_schema(resource, kind)) or list(broken(resource, kind, raw))
    if b'""' in raw or _EMPTY.search(raw):
        found += _empty(resource, str(resource["resourceType"]))
    for year, month, day in _LATE_DAY.findall(raw):
        try:
            date(int(year), int(month), int(day))
        except ValueError:
            found.append(f"{resource['resourceType']} states a day that no calendar has")
    if b'"div"' in raw:
        found += unsafe(resource)
    if "contained" in resource and not found:
        found += _contained(resource, raw)
    return found[:MOST]


def envelope(name: str, value: Mapping[str, Any]) -> list[str]:
    """What is wrong with a part of a Bundle (`Bundle`, `Bundle_Entry`), whose resources are looked at elsewhere."""
    if _validator(name).is_valid(value):
        return []
    return [_sentence(error, name.split("_")[0]) for error in _validator(name).iter_errors(value)][:MOST]


def _schema(resource: Resource, path: str) -> Iterator[str]:
    kind = resource.get("resourceType")
    if not isinstance(kind, str) or not known(kind):
        yield f"{path}.resourceType is no resource of FHIR R4"
        return
    validator = _validator(kind)
    if not validator.is_valid(resource):
        for error in validator.iter_errors(resource):
            yield _sentence(error, path)
        return
    for place, inner in _inside(resource):
        yield from _schema(inner, f"{path}.{place}")


def _inside(resource: Resource) -> Iterator[tuple[str, Resource]]:
    """The resources inside a valid resource, with their places."""
    for i, inner in enumerate(resource.get("contained", ())):
        yield f"contained[{i}]", inner
    kind = resource["resourceType"]
    if kind == "Bundle":
        for i, entry in enumerate(resource.get("entry", ())):
            if "resource" in entry:
                yield f"entry[{i}].resource", entry["resource"]
    elif kind == "Parameters":
        yield from _parameters(resource, "")


def _parameters(holder: Resource, path: str) -> Iterator[tuple[str, Resource]]:
    for name in ("parameter", "part"):
        for i, parameter in enumerate(holder.get(name, ())):
            here = f"{path}{name}[{i}]"
            if "resource" in parameter:
                yield f"{here}.resource", parameter["resource"]
            yield from _parameters(parameter, f"{here}.")


def _sentence(error: Any, path: str) -> str:
    """An error of the schema as a sentence: path, what is wrong, what is allowed; never the value itself."""
    for step in error.instance_path:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    kind = error.kind
    match type(kind).__name__.split("_")[-1]:
        case "AdditionalProperties":
            return f"{path} has no element {', '.join(str(name)[:60] for name in kind.unexpected[:3])}"
        case "Required":
            return f"{path}.{kind.property} is required"
        case "Enum":
            allowed = [str(option) for option in kind.options]
            return f"{path} must be one of {', '.join(allowed[:12])}{' and more' if len(allowed) > 12 else ''}"
        case "Type":
            return f"{path} must be of type {', '.join(kind.types)}"
        case "Constant":
            return f"{path} must be {kind.expected_value}"
        case "AnyOf":
            return _any_of(error, path)
        case "Pattern":
            named = error.schema_path[1] if len(error.schema_path) > 1 else "value"
            return f"{path} is no valid {named}"
    return f"{path} breaks the schema's rule {error.schema_path[-1] if error.schema_path else ''}".rstrip()


def _any_of(error: Any, path: str) -> str:
    """The sentence for a rule with alternatives: a required element that is missing, or a wrong value in a list."""
    place = list(error.schema_path)
    if "allOf" in place:
        name = place[place.index("allOf") - 1]
        required = _required().get(name, [])
        number = place[place.index("allOf") + 1]
        if isinstance(number, int) and number < len(required):
            return f"{path}.{required[number]} is required"
    return f"{path} is not written as FHIR asks for"


@cache
def _required() -> dict[str, list[str]]:
    found: dict[str, list[str]] = orjson.loads(files("pollux.sources.fhir").joinpath("fhir.required.json").read_bytes())
    return found


def _empty(value: Any, path: str) -> Iterator[str]:
    if value in ([], {}, ""):
        yield f"{path} is empty; leave it out"
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from _empty(part, f"{path}.{name}")
    elif isinstance(value, list):
        for i, part in enumerate(value):
            yield from _empty(part, f"{path}[{i}]")


def _contained(resource: Resource, raw: bytes) -> Iterator[str]:
    """Contained resources need an id and are there to be referred to."""
    path = f"{resource['resourceType']}.contained"
    if not isinstance(resource["contained"], list):
        return
    named = {found.decode("utf-8", "replace") for found in _CONTAINED_REFERENCE.findall(raw)}
    ids = set()
    for i, inner in enumerate(resource["contained"]):
        if not isinstance(inner, dict):
            continue
        if not isinstance(inner.get("id"), str):
            yield f"{path}[{i}].id is required"
        elif inner["id"] in ids:
            yield f"{path}[{i}].id stands twice"
        elif inner["id"] not in named and "" not in named:
            yield f"{path}[{i}] is not referred to by the resource around it"
        if "contained" in inner:
            yield f"{path}[{i}].contained must not be; a contained resource contains none"
        ids.add(str(inner.get("id")))
    referred = {found.decode("utf-8", "replace") for found in _REFERRED.findall(raw)}
    for name in sorted(named & referred - ids - {""}):
        yield f"{resource['resourceType']} refers to #{name[:64]}, which it does not contain"
