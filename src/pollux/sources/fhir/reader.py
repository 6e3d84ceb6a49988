"""Read FHIR files of any length: cut out each resource as it stands, check it, turn it into events."""

import hashlib
import io
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import chain
from typing import Any

import msgspec

from pollux.errors import PolluxError, RefusedInput
from pollux.record.entry import CREATED, IDENTIFIED, Document, Entry, own_id
from pollux.record.quality import Category, Finding, Quarantined
from pollux.sources.clock import zone
from pollux.sources.fhir import patient
from pollux.sources.fhir.case import Case
from pollux.sources.fhir.clinical import KINDS, stated
from pollux.sources.fhir.dates import moment
from pollux.sources.fhir.insulin import doses
from pollux.sources.fhir.observation import observed
from pollux.sources.fhir.references import Links, identifier_of, identifiers, name_in_transaction, person_of
from pollux.sources.fhir.rules import bundle, bundle_entry
from pollux.sources.fhir.validate import envelope, known, problems
from pollux.sources.format import Reading
from pollux.sources.lines import Line, line_by_line, lines
from pollux.sources.opening import Opened
from pollux.sources.scan import LARGEST, Scanner, TooLarge, parse

UNDERSTOOD = frozenset(KINDS) | {"Patient", "Observation"}
_GENETICS = ("http://terminology.hl7.org/CodeSystem/v2-0074", "GE")
_LONGEST = 128  # signs of an id; FHIR allows 64
_COMPLETENESS = ("no time", "no value", "no code", "no dose")


class _Resource(msgspec.Struct):
    resourceType: str = ""
    id: str = ""
    code: msgspec.Raw = msgspec.Raw()
    identifier: msgspec.Raw = msgspec.Raw()


class _Request(msgspec.Struct, frozen=True):
    method: str = ""
    ifNoneExist: str = ""


_NONE = _Request()
_CREATING = ("transaction", "batch")


class _Outline(msgspec.Struct):
    fullUrl: str = ""
    resource: _Resource | None = None
    request: _Request = _NONE


class _BundleOutline(msgspec.Struct):
    type: str = ""
    entry: list[_Outline] = []


class _Raw(msgspec.Struct):
    resource: msgspec.Raw = msgspec.Raw()


_WHOLE = msgspec.json.Decoder(_BundleOutline)
_OUTLINE = msgspec.json.Decoder(_Outline)
_ALONE = msgspec.json.Decoder(_Resource)
_CUT = msgspec.json.Decoder(_Raw)


def read(opened: Opened, reading: Reading) -> Iterator[Entry]:
    """Every resource of a file as a document, followed by the events that it holds."""
    if line_by_line(opened, _is_resource):
        yield from _lines(opened, reading)
        return
    links = _links(opened)
    with opened.stream() as stream:
        scanner = Scanner(stream, opened.name)
        while scanner.peek() != -1:
            yield from _value(scanner, reading, links)


def _value(scanner: Scanner, reading: Reading, links: deque[Links]) -> Iterator[Entry]:
    """A bundle, with the first of what was learned of bundles, or one resource."""
    if scanner.peek() != ord("{"):
        raise scanner.refuse("a resource in {} should stand here")
    if scanner.kind() == "Bundle":
        yield from _bundle(scanner, reading, links.popleft() if links else Links())
        return
    line = scanner.line
    raw = scanner.value()
    yield from _resource(raw, parse(raw, reading.name, line), f"line {line}", None, reading, Links())


def _lines(opened: Opened, reading: Reading) -> Iterator[Entry]:
    """A file of one resource a line. A line that cannot be read is quarantined as it stands; the others come in."""
    links = _links_of_lines(opened)
    readable, wrong = False, None
    for line in lines(opened):
        try:
            entries = list(_line(line, reading, links))
        except RefusedInput as error:
            wrong = wrong or error
            place = error.where.removeprefix(reading.name).strip() or f"line {line.number}"
            yield _kept(reading, "broken line", error.what, place, line.content)
            continue
        readable = True
        yield from entries
    if wrong and not readable:
        raise wrong


def _line(line: Line, reading: Reading, links: Links) -> Iterator[Entry]:
    if not line.whole:
        raise RefusedInput(f"the line is longer than {LARGEST >> 20} MB; only its beginning is kept here")
    if b'"Bundle"' not in line.content:
        resource = parse(line.content, reading.name, line.number)
        yield from _resource(line.content, resource, f"line {line.number}", None, reading, links)
        return
    scanner = Scanner(io.BufferedReader(io.BytesIO(line.content)), reading.name, line.number)
    own = Links(medications=links.medications)
    _learn_bundle(_outline_of(line.content), own)
    yield from _value(scanner, reading, deque([own]))
    if scanner.peek() != -1:
        raise scanner.refuse("more stands on the line than one resource")


def _is_resource(content: bytes) -> bool:
    try:
        return content[:1] == b"{" and bool(_ALONE.decode(content).resourceType)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _links_of_lines(opened: Opened) -> Links:
    """What all lines say of medications; of patients each bundle speaks for itself."""
    links = Links()
    for line in lines(opened):
        if line.whole and b'"Bundle"' in line.content:
            _learn_bundle(_outline_of(line.content), Links(medications=links.medications))
        elif line.whole and b'"Medication"' in line.content and _is_resource(line.content):
            _learn(_Outline(resource=_ALONE.decode(line.content)), links, created=False)
    return links


def _outline_of(content: bytes) -> _BundleOutline:
    """What a line says as a bundle; nothing where it is broken, which whoever reads it tells."""
    try:
        return _WHOLE.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _BundleOutline()


def _links(opened: Opened) -> deque[Links]:
    """A first pass over the file that learns what its bundles say about their own resources, in their order."""
    with opened.stream() as stream:
        data = stream.read(LARGEST)
        if len(data) < LARGEST:
            try:
                one = Links()
                _learn_bundle(_WHOLE.decode(data), one)
                return deque([one])
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                pass  # several values, or something wrong that the second pass tells
    found: deque[Links] = deque()
    medications: dict[str, Mapping[str, Any]] = {}
    del data
    with opened.stream() as stream:
        scanner = Scanner(stream, opened.name)
        while scanner.peek() == ord("{") and scanner.kind() == "Bundle":
            kind = ""
            entries: list[_Outline] = []  # of patients and medications alone; the type may stand behind them
            for key in scanner.members():
                if key == "entry" and scanner.peek() == ord("["):
                    entries += [outline for raw in scanner.elements() if (outline := _outlined(raw)) is not None]
                else:
                    value = scanner.value()
                    if key == "type":
                        kind = value.decode("utf-8", "replace").strip('"')
            found.append(Links(medications=medications))
            _learn_bundle(_BundleOutline(kind, entries), found[-1])
    return found


def _learn_bundle(bundle: _BundleOutline, links: Links) -> None:
    links.type = bundle.type
    for entry in bundle.entry:
        _learn(entry, links, bundle.type in _CREATING and entry.request.method == "POST")


def _outlined(raw: bytes) -> _Outline | None:
    try:
        entry = _OUTLINE.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None  # the second pass says what is wrong
    kind = entry.resource.resourceType if entry.resource else ""
    return entry if kind in ("Patient", "Medication") else None


def _learn(entry: _Outline, links: Links, created: bool) -> None:
    resource = entry.resource
    if resource is None:
        return
    if resource.resourceType == "Patient":
        _learn_patient(entry, resource, links, created)
    if resource.resourceType == "Medication" and resource.code:
        code = msgspec.json.decode(resource.code)
        links.medications |= {name: code for name in (entry.fullUrl, f"Medication/{resource.id}") if name}


def _learn_patient(entry: _Outline, resource: _Resource, links: Links, created: bool) -> None:
    if created:
        criterion = identifier_of(entry.request.ifNoneExist)
        person = name_in_transaction("Patient", entry.fullUrl, criterion)
        person = f"{CREATED}{criterion}" if criterion else person
    else:
        person = resource.id or (entry.fullUrl.rpartition(":")[2] if entry.fullUrl.startswith("urn:") else "")
    if entry.fullUrl and person:
        links.patients[entry.fullUrl] = person
    if created and resource.id:
        links.patients[f"Patient/{resource.id}"] = person
    if resource.identifier:
        stated = identifiers({"identifier": msgspec.json.decode(resource.identifier)})
        links.patients |= {f"{IDENTIFIED}{one}": person for one in stated}


def _bundle(scanner: Scanner, reading: Reading, links: Links) -> Iterator[Entry]:
    start = f"line {scanner.line}"
    header: dict[str, Any] = {}
    seen: set[tuple[str, str]] = set()
    entries = 0
    kind = links.type
    for key in scanner.members():
        if key != "entry" or scanner.peek() != ord("["):
            line = scanner.line
            header[key] = parse(scanner.value(), reading.name, line)
            continue
        for raw in scanner.elements():
            line = scanner.line - raw.count(b"\n")
            place = f"line {line} Bundle.entry[{entries}]"
            entries += 1
            try:
                entry = parse(raw, reading.name, line)
            except TooLarge as error:
                yield _kept(reading, "invalid resource", error.what, place, raw)
                continue
            if not isinstance(entry, dict):
                yield _note(reading, "invalid bundle", f"Bundle.entry[{entries - 1}] must be an object", place)
                continue
            for text in bundle_entry(kind, entry, _object(entry.get("resource")), entries - 1):
                yield _note(reading, "invalid bundle", text, place)
            yield from _entry(entry, raw, place, kind in _CREATING, seen, reading, links)
    for text in envelope("Bundle", header) or bundle(header, entries):
        yield _note(reading, "invalid bundle", text, start)


def _object(value: object) -> Mapping[str, Any] | None:
    return value if isinstance(value, dict) else None


def _entry(
    entry: dict[str, Any],
    raw: bytes,
    place: str,
    creating: bool,
    seen: set[tuple[str, str]],
    reading: Reading,
    links: Links,
) -> Iterator[Entry]:
    resource = entry.pop("resource", None)
    full_url = entry.get("fullUrl", "")
    request = _object(entry.get("request")) or {}
    method = request.get("method")
    wrong = [text.replace("Bundle", place.split(" ")[-1], 1) for text in envelope("Bundle_Entry", entry)]
    for text in wrong:
        yield _note(reading, "invalid bundle", text, place)
    if not isinstance(resource, dict):
        if resource is not None or method in ("DELETE", "PATCH"):
            yield _note(
                reading, "not carried out", f"an entry without a resource ({method}) changes nothing here", place
            )
        return
    full_url = full_url if isinstance(full_url, str) else ""
    meta = resource.get("meta")
    version = str(meta.get("versionId", "")) if isinstance(meta, dict) else ""
    if not isinstance(resource.get("resourceType"), str):
        yield _kept(reading, "invalid resource", "it has no resourceType", place, bytes(_CUT.decode(raw).resource))
        return
    if full_url:
        if (full_url, version) in seen:
            yield _note(reading, "invalid bundle", "its fullUrl stands twice in the bundle", place)
        seen.add((full_url, version))
    id, unless = full_url.rpartition(":")[2] if full_url.startswith("urn:") else "", ""
    id = resource["id"] if isinstance(resource.get("id"), str) else id
    if creating and method == "POST":
        asked = request.get("ifNoneExist")
        unless = identifier_of(asked, resource["resourceType"]) if isinstance(asked, str) else ""
        if asked and not unless:
            text = "ifNoneExist is understood as identifier=system|value alone; it was taken for a plain create"
            yield _note(reading, "not carried out", text, place)
        id = name_in_transaction(resource["resourceType"], full_url, unless)
        yield from _resource(bytes(_CUT.decode(raw).resource), resource, place, (id, unless, True), reading, links)
        return
    yield from _resource(bytes(_CUT.decode(raw).resource), resource, place, (id, "", False), reading, links)


def _resource(
    raw: bytes, resource: object, place: str, named: tuple[str, str, bool] | None, reading: Reading, links: Links
) -> Iterator[Entry]:
    """Document and events of a resource; `named` is its id here, unless what it is created, and if it is (POST)."""
    if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
        raise RefusedInput("a resource has no resourceType", where=f"{reading.name} {place}", advice="Export it again.")
    document = _document(raw, resource, place, named or (resource.get("id"), "", False), reading)
    person, astray = person_of(resource, links)
    if document.kind == "Patient":
        person = f"{CREATED}{document.unless}" if document.unless else document.id
    yield Entry(person, document)
    if not known(document.kind):
        return
    wrong = problems(resource, raw)
    if wrong:
        yield _note(reading, "invalid resource", "; ".join(wrong), place, person, document.name)
        return
    if not document.understood:
        return
    if not person:
        text = astray or "it does not say whom it is about"
        if document.kind != "Device" or astray:
            yield _note(reading, "nobody's", text, place, "", document.name)
        return
    if document.kind == "Patient":
        yield Entry(person, patient.person(resource, document.id, reading.timezone or "UTC"))
    case = Case(resource, document.name, place, reading.name, reading.learned, zone(reading.timezone or "UTC"), links)
    for found in _events(case, document.kind):
        if isinstance(found, tuple):
            rule, text = found
            yield _note(reading, rule, text, place, person, document.name)
        else:
            yield Entry(person, found)


def _events(case: Case, kind: str) -> Iterator[Any]:
    if kind == "Patient":
        return patient.death(case)
    if kind == "Observation":
        return observed(case)
    if kind == "MedicationAdministration":
        return chain(stated(case, KINDS[kind]), doses(case))
    return stated(case, KINDS[kind])


def _document(
    raw: bytes, resource: Mapping[str, Any], place: str, named: tuple[object, str, bool], reading: Reading
) -> Document:
    """The document of a resource. Without a name it is named by its content, under too long a one by its digest."""
    kind, (id, unless, new) = resource["resourceType"], named
    if not isinstance(id, str) or not id:
        id = "content-" + hashlib.sha256(raw).hexdigest()[:32]
    id = id if len(id) <= _LONGEST else own_id(id)
    meta = resource.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    return Document(
        kind=kind[:64],
        id=id,
        version=str(meta.get("versionId", ""))[:64],
        content=raw,
        place=f"{reading.name} {place}",
        updated=_updated(meta.get("lastUpdated"), reading),
        understood=kind in UNDERSTOOD and not _genetic(resource),
        identifiers=identifiers(resource),
        unless=unless,
        new=new,
    )


def _genetic(resource: Mapping[str, Any]) -> bool:
    """Whether an Observation is of the category "Genetics": what genes mean is not worked out here, so it is kept."""
    categories = resource.get("category")
    codings = [
        coding
        for category in (categories if isinstance(categories, list) else [])
        if isinstance(category, dict) and isinstance(category.get("coding"), list)
        for coding in category["coding"]
    ]
    return any(isinstance(one, dict) and (one.get("system"), one.get("code")) == _GENETICS for one in codings)


def _updated(text: object, reading: Reading) -> datetime | None:
    try:
        return moment(text, zone(reading.timezone or "UTC"))[0] if isinstance(text, str) else None
    except (ValueError, PolluxError, OverflowError):
        return None


def _note(reading: Reading, rule: str, text: str, place: str, person: str = "", document: str = "") -> Entry:
    category: Category = "completeness" if rule in _COMPLETENESS else "conformance"
    finding = Finding(rule, category, "quarantine", text, "", None, f"{reading.name} {place}", document)
    return Entry(person, Quarantined(finding, None, document))


def _kept(reading: Reading, rule: str, text: str, place: str, raw: bytes) -> Entry:
    """What cannot even be a document, as it stood; it is nobody's."""
    finding = Finding(rule, "conformance", "quarantine", text, "", None, f"{reading.name} {place}")
    return Entry("", Quarantined(finding, None, raw.decode("utf-8", "backslashreplace")))
