"""The first pass over a FHIR file: what its bundles say about their own resources, before any of them is read."""

from collections import deque
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from pollux.record.entry import CREATED, IDENTIFIED, Within
from pollux.sources.fhir.exported import EXPORT
from pollux.sources.fhir.references import Links, identifier_of, identifiers, name_in_transaction, target
from pollux.sources.fhir.requests import CREATING, criterion_of
from pollux.sources.lines import lines
from pollux.sources.opening import Opened
from pollux.sources.scan import LARGEST, Scanner


class _Resource(msgspec.Struct):
    resourceType: str = ""
    id: str = ""
    code: msgspec.Raw = msgspec.Raw()
    identifier: msgspec.Raw = msgspec.Raw()


class _Request(msgspec.Struct, frozen=True):
    method: str = ""
    url: str = ""
    ifNoneExist: str = ""


_NONE = _Request()


class _Outline(msgspec.Struct):
    fullUrl: str = ""
    resource: _Resource | None = None
    request: _Request = _NONE


class _Tag(msgspec.Struct):
    system: str = ""
    code: str = ""


class _Meta(msgspec.Struct):
    tag: list[_Tag] = []


class _BundleOutline(msgspec.Struct):
    type: str = ""
    timestamp: str = ""
    meta: msgspec.Raw = msgspec.Raw()
    entry: list[_Outline] = []


_WHOLE = msgspec.json.Decoder(_BundleOutline)
_OUTLINE = msgspec.json.Decoder(_Outline)
_ALONE = msgspec.json.Decoder(_Resource)


def is_patient(raw: bytes) -> bool:
    """Whether an entry of a bundle holds a Patient."""
    found = _outlined(raw)
    return found is not None and _is_patient(found)


def is_resource(content: bytes) -> bool:
    """Whether a line is a whole resource."""
    try:
        return content[:1] == b"{" and bool(_ALONE.decode(content).resourceType)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def links_of_lines(opened: Opened) -> Links:
    """What all lines say of medications, and whether a Patient stands late; each bundle speaks for itself."""
    links, others = Links(), False
    for line in lines(opened):
        patient = line.whole and b'"Bundle"' not in line.content and _is_patient_alone(line.content)
        links.late = links.late or (patient and others)
        others = others or not patient
        if line.whole and b'"Bundle"' in line.content:
            learn_bundle(outline_of(line.content), Links(medications=links.medications))
        elif line.whole and b'"Medication"' in line.content and is_resource(line.content):
            _learn(_Outline(resource=_ALONE.decode(line.content)), links, _NONE)
    return links


def _is_patient_alone(content: bytes) -> bool:
    try:
        return b'"Patient"' in content and _ALONE.decode(content).resourceType == "Patient"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def outline_of(content: bytes) -> _BundleOutline:
    """What a line says as a bundle; nothing where it is broken, which whoever reads it tells."""
    try:
        return _WHOLE.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _BundleOutline()


def links_of(opened: Opened) -> deque[Links]:
    """A first pass over the file that learns what its bundles say about their own resources, in their order."""
    with opened.stream() as stream:
        data = stream.read(LARGEST)
        if len(data) < LARGEST:
            try:
                one = Links()
                learn_bundle(_WHOLE.decode(data), one)
                return deque([one])
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                pass  # several values, or something wrong that the second pass tells
    found: deque[Links] = deque()
    medications: dict[str, Mapping[str, Any]] = {}
    del data
    with opened.stream() as stream:
        scanner = Scanner(stream, opened.name)
        while scanner.peek() == ord("{"):
            if scanner.kind() != "Bundle":
                scanner.value()
                continue
            told: dict[str, str] = {"type": "", "timestamp": ""}
            meta = b""
            entries: list[_Outline] = []  # of patients and medications alone; the type may stand behind them
            others, late = False, False
            for key in scanner.members():
                if key == "entry" and scanner.peek() == ord("["):
                    for outline in map(_outlined, scanner.elements()):
                        patient = outline is not None and _is_patient(outline)
                        late, others = late or (patient and others), others or not patient
                        entries += [outline] if outline is not None else []
                else:
                    value = scanner.value()
                    meta = value if key == "meta" else meta
                    if key in told:
                        told[key] = value.decode("utf-8", "replace").strip('"')
            found.append(Links(medications=medications, late=late))
            learn_bundle(_BundleOutline(**told, meta=msgspec.Raw(meta), entry=entries), found[-1], len(found))
    return found


def learn_bundle(bundle: _BundleOutline, links: Links, number: int = 1) -> None:
    """Add to `links` what a bundle, the so-many-th of its file, says."""
    links.within, links.timestamp = Within(number, bundle.type), bundle.timestamp
    links.export = _exported(bytes(bundle.meta)) if bundle.type == "collection" else ""
    others = False
    for entry in bundle.entry:
        _learn(entry, links, entry.request if bundle.type in CREATING else _NONE)
        links.late, others = links.late or (_is_patient(entry) and others), others or not _is_patient(entry)


def _exported(meta: bytes) -> str:
    """The id of the person whose export a bundle is; "" where it is none."""
    try:
        found = msgspec.json.decode(meta or b"{}", type=_Meta)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return next((unquote(tag.code) for tag in found.tag if tag.system == EXPORT), "")


def _outlined(raw: bytes) -> _Outline | None:
    try:
        entry = _OUTLINE.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None  # the second pass says what is wrong
    kind = entry.resource.resourceType if entry.resource else ""
    return entry if kind in ("Patient", "Medication") else None


def _is_patient(entry: _Outline) -> bool:
    return entry.resource is not None and entry.resource.resourceType == "Patient"


def _learn(entry: _Outline, links: Links, request: _Request) -> None:
    resource = entry.resource
    if resource is None:
        return
    if resource.resourceType == "Patient":
        _learn_patient(entry, resource, links, request)
    if resource.resourceType == "Medication" and resource.code:
        code = msgspec.json.decode(resource.code)
        links.medications |= {name: code for name in (entry.fullUrl, f"Medication/{resource.id}") if name}


def _learn_patient(entry: _Outline, resource: _Resource, links: Links, request: _Request) -> None:
    anew, found = request.method == "POST", request.method == "PUT" and "?" in request.url
    if anew or found:
        criterion = identifier_of(request.ifNoneExist) if anew else criterion_of("Patient", request.url)
        person = f"{CREATED}{criterion}" if criterion else ""
        person = person or (name_in_transaction("Patient", entry.fullUrl, "") if anew else "")
    else:
        named = target(request.url.removeprefix("/")) if request.method == "PUT" else None
        person = resource.id or (named[1] if named else "")
        person = person or (entry.fullUrl.rpartition(":")[2] if entry.fullUrl.startswith("urn:") else "")
    if entry.fullUrl and (person or found):
        links.patients[entry.fullUrl] = person
    if (anew or found) and resource.id:
        links.patients[f"Patient/{resource.id}"] = person
    if resource.identifier:
        stated = identifiers({"identifier": msgspec.json.decode(resource.identifier)})
        links.patients |= {f"{IDENTIFIED}{one}": person for one in stated}
