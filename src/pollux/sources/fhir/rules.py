"""Rules of FHIR R4 that its JSON schema cannot state: invariants of data types and of the bundles around resources.

Each rule is named by HL7's own key (hl7.org/fhir/R4, section "Constraints" of each type). Only those that need nothing
but the resource itself are asked, and only cheap ones.
"""

import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

_FULL_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT")
_FULL_DATE = re.compile(r"\d{4}-\d\d-\d\d$")
_PERIOD = re.compile(rb'"start"\s*:\s*"([^"]*)"\s*,\s*"end"\s*:\s*"([^"]*)"')
_SIGNS = re.compile(rb'"(?:[eE]xtension|modifierExtension|data|telecom)"')


def broken(resource: Mapping[str, Any], path: str, raw: bytes) -> Iterator[str]:
    """The rules that a valid-by-schema resource breaks, with the path of each. `raw` tells what need not be asked."""
    kind = resource.get("resourceType")
    if kind == "Observation":
        yield from _observation(resource, path)
    elif kind == "Questionnaire":
        yield from _questionnaire(resource, path)
    elif kind == "RiskAssessment":
        for i, prediction in enumerate(resource.get("prediction", ())):
            if prediction.get("probabilityDecimal", 0) > 100:
                yield f"{path}.prediction[{i}].probabilityDecimal must be at most 100 (ras-2)"
    elif kind in ("Condition", "AllergyIntolerance"):
        yield from _verified(resource, path)
    if _SIGNS.search(raw) or not _periods_hold(raw):
        yield from _parts(resource, path)


def _periods_hold(raw: bytes) -> bool:
    """Whether every period that is written start first, end next, in one zone, runs forward; and none otherwise."""
    pairs = _PERIOD.findall(raw)
    if raw.count(b'"end"') > len(pairs):
        return False
    return all(start[:19] <= end[:19] and start[19:] == end[19:] for start, end in pairs)


def _parts(value: Any, path: str) -> Iterator[str]:
    """Every element inside, each asked the rules of the data type that it looks like."""
    if isinstance(value, dict):
        for name, part in value.items():
            if isinstance(part, dict | list) and name not in ("contained", "resource"):
                yield from _parts(part, f"{path}.{name}")
        if "start" in value and "end" in value:
            yield from _period(value, path)
        for i, contact in enumerate(value.get("telecom", ())):
            if isinstance(contact, dict) and "value" in contact and "system" not in contact:
                yield f"{path}.telecom[{i}].system is required where there is a value (cpt-2)"
        if "data" in value and "origin" not in value:
            yield from _attachment(value, path)
        if "extension" in value and "url" in value and any(name.startswith("value") for name in value):
            yield f"{path} must have a value or extensions, not both (ext-1)"
    elif isinstance(value, list):
        extensions = path.endswith((".extension", ".modifierExtension"))
        for i, part in enumerate(value):
            if isinstance(part, dict | list):
                yield from _parts(part, f"{path}[{i}]")
            if extensions and isinstance(part, dict):
                yield from _extension(part, f"{path}[{i}]")


def _extension(extension: Mapping[str, Any], path: str) -> Iterator[str]:
    if "|" in str(extension.get("url", "")):
        yield f"{path}.url must name no version"
    if "extension" not in extension and not any(name.lstrip("_").startswith("value") for name in extension):
        yield f"{path} must have a value or extensions (ext-1)"


def _period(value: Mapping[str, Any], path: str) -> Iterator[str]:
    start, end = value["start"], value["end"]
    if not isinstance(start, str) or not isinstance(end, str):
        return
    same_day = _FULL_DATE.match(start) and _FULL_DATE.match(end)
    same_zone = _FULL_MOMENT.match(start) and _FULL_MOMENT.match(end) and _zone(start) == _zone(end)
    if (same_day or same_zone) and start[:19] > end[:19]:
        yield f"{path} ends before it begins (per-1)"


def _zone(text: str) -> str:
    return re.sub(r"^[^Z+]*T[^Z+-]*", "", text)


def _quantity(holder: Mapping[str, Any], path: str) -> Iterator[str]:
    quantity = holder.get("valueQuantity", {})
    if "code" in quantity and "system" not in quantity:
        yield f"{path}.valueQuantity.system is required where there is a code (qty-3)"


def _attachment(value: Mapping[str, Any], path: str) -> Iterator[str]:
    data = value["data"]
    if isinstance(data, str):
        try:
            binascii.a2b_base64(re.sub(r"\s+", "", data).encode("ascii"), strict_mode=True)
        except (ValueError, UnicodeEncodeError):
            yield f"{path}.data is not base64"
        if path.endswith(("Attachment", ".content", ".photo", ".attachment")) and "contentType" not in value:
            yield f"{path}.contentType is required where there are data (att-1)"


def _observation(resource: Mapping[str, Any], path: str) -> Iterator[str]:
    has_value = any(name.startswith("value") for name in resource)
    if has_value and "dataAbsentReason" in resource:
        yield f"{path}.dataAbsentReason must not be where there is a value (obs-6)"
    yield from _quantity(resource, path)
    codes = {_coding(coding) for coding in resource.get("code", {}).get("coding", ())} - {("", "")}
    for i, component in enumerate(resource.get("component", ())):
        yield from _quantity(component, f"{path}.component[{i}]")
        same = codes & {_coding(coding) for coding in component.get("code", {}).get("coding", ())}
        if has_value and same:
            yield f"{path}.component[{i}] has the code of the observation, which has a value itself (obs-7)"


def _coding(coding: Mapping[str, Any]) -> tuple[str, str]:
    return str(coding.get("system", "")), str(coding.get("code", ""))


def _verified(resource: Mapping[str, Any], path: str) -> Iterator[str]:
    """con-3, con-5, ait-1, ait-2: clinical status is stated unless entered in error, and then it is not."""
    verification = {c.get("code") for c in resource.get("verificationStatus", {}).get("coding", ())}
    if "entered-in-error" in verification and "clinicalStatus" in resource:
        yield f"{path}.clinicalStatus must not be where the entry was an error (con-5, ait-2)"
    clinical = {c.get("code") for c in resource.get("clinicalStatus", {}).get("coding", ())}
    abated = any(name.startswith("abatement") for name in resource)
    if abated and clinical and not clinical & {"inactive", "resolved", "remission"}:
        yield f"{path}.clinicalStatus must be inactive, resolved or remission where it has abated (con-4)"


def _questionnaire(resource: Mapping[str, Any], path: str) -> Iterator[str]:
    ids: set[str] = set()

    def items(holder: Mapping[str, Any], path: str) -> Iterator[str]:
        for i, item in enumerate(holder.get("item", ())):
            here = f"{path}.item[{i}]"
            if item.get("linkId") in ids:
                yield f"{here}.linkId stands twice (que-2)"
            ids.add(item.get("linkId"))
            if len(item.get("enableWhen", ())) > 1 and "enableBehavior" not in item:
                yield f"{here}.enableBehavior is required where there are several conditions (que-12)"
            yield from items(item, here)

    yield from items(resource, path)


def bundle_entry(kind: str, entry: Mapping[str, Any], resource: Mapping[str, Any] | None, index: int) -> Iterator[str]:
    """What is wrong with an entry as a part of a Bundle of this type (bdl-2 to bdl-12)."""
    path = f"Bundle.entry[{index}]"
    if "search" in entry and kind and kind != "searchset":
        yield f"{path}.search must not be in a {kind} (bdl-2)"
    asked = kind in ("batch", "transaction", "history")
    if kind and asked != ("request" in entry):
        yield f"{path}.request must {'' if asked else 'not '}be in a {kind} (bdl-3)"
    answered = kind in ("batch-response", "transaction-response", "history")
    if kind and not answered and "response" in entry:
        yield f"{path}.response must not be in a {kind} (bdl-4)"
    if resource is None and not {"request", "response"} & entry.keys():
        yield f"{path} has neither resource, request nor response (bdl-5)"
    full_url = entry.get("fullUrl")
    if isinstance(full_url, str):
        yield from _full_url(full_url, resource, f"{path}.fullUrl")
    if resource is not None:
        found = resource.get("resourceType")
        if index == 0 and kind == "document" and found != "Composition":
            yield f"{path}.resource must be a Composition in a document (bdl-11)"
        if index == 0 and kind == "message" and found != "MessageHeader":
            yield f"{path}.resource must be a MessageHeader in a message (bdl-12)"
        mode = entry["search"].get("mode") if isinstance(entry.get("search"), dict) else None
        if mode and (mode == "outcome") != (found == "OperationOutcome"):
            yield f"{path}.search.mode must be outcome for an OperationOutcome and for nothing else"
        if kind == "searchset" and "id" not in resource and found != "OperationOutcome":
            yield f"{path}.resource.id is required in the answer to a search"


def _full_url(full_url: str, resource: Mapping[str, Any] | None, path: str) -> Iterator[str]:
    if not re.match(r"[A-Za-z][A-Za-z0-9+.\-]*:", full_url):
        yield f"{path} must be absolute"
    elif "/_history/" in full_url:
        yield f"{path} must name no version (bdl-8)"
    elif resource is not None and full_url.startswith("http") and isinstance(resource.get("id"), str):
        tail = full_url.rsplit("/", 2)[-2:]
        if tail[0] == resource.get("resourceType") and tail[1] != resource["id"]:
            yield f"{path} does not end in the id of its resource"


def not_all(header: Mapping[str, Any], matches: int) -> Iterator[str]:
    """What an answer to a search says of what it does not hold: further pages, or more matches than there are here."""
    stated = header.get("link", ())
    links = [one.get("relation") for one in (stated if isinstance(stated, list) else ()) if isinstance(one, dict)]
    total = header.get("total")
    counted = total if isinstance(total, int) and not isinstance(total, bool) else None
    if "next" in links:
        of = f" of {counted:,}" if counted is not None else ""
        missing = f"{counted - matches:,} are" if counted is not None and counted > matches else "the rest is"
        yield f"this is one page of an answer: it holds {matches:,}{of}; {missing} not here (link next)"
    elif counted is not None and counted > matches and "previous" not in links and "prev" not in links:
        yield f"the answer counts {counted:,} and holds {matches:,}: {counted - matches:,} are not here"


def bundle(header: Mapping[str, Any], entries: int) -> Iterator[str]:
    """What is wrong with a Bundle as a whole (bdl-1, bdl-9, bdl-10)."""
    kind = header.get("type")
    if "total" in header and kind not in ("searchset", "history"):
        yield "Bundle.total must only be in a searchset or a history (bdl-1)"
    if kind == "document":
        identifier = header.get("identifier")
        if not isinstance(identifier, dict) or not {"system", "value"} <= identifier.keys():
            yield "Bundle.identifier with system and value is required in a document (bdl-9)"
        if "timestamp" not in header:
            yield "Bundle.timestamp is required in a document (bdl-10)"
    if kind in ("document", "message") and not entries:
        yield f"Bundle.entry is required in a {kind}"
