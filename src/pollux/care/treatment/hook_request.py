"""Whether a CDS Hooks request is one, and what it brings along."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pollux.errors import RefusedInput

HOOKS = ("patient-view", "order-select", "order-sign")
_USERS = ("Practitioner", "PractitionerRole", "Patient", "RelatedPerson")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# The codes of a request's or statement's status, FHIR R4.
_STATUS = {
    "MedicationRequest": (
        "active", "on-hold", "cancelled", "completed", "entered-in-error", "stopped", "draft", "unknown",
    ),
    "MedicationStatement": (
        "active", "completed", "entered-in-error", "intended", "stopped", "on-hold", "unknown", "not-taken",
    ),
    "ServiceRequest": ("draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"),
}  # fmt: skip


def check(request: object) -> Mapping[str, Any]:
    """The request, if it is one of the three hooks and whole; else `RefusedInput` with all that is wrong."""
    if not isinstance(request, Mapping):
        raise RefusedInput("the request is no JSON object", where="request", advice="Send one CDS Hooks request.")
    wrong = list(_wrong(request))
    if wrong:
        raise RefusedInput("; ".join(wrong), where="request", advice="Correct it and send it again.")
    return request


def _wrong(request: Mapping[str, Any]) -> Iterator[str]:
    hook = request.get("hook")
    if hook not in HOOKS:
        yield f"hook is none of {', '.join(HOOKS)}"
    if not _UUID.fullmatch(str(request.get("hookInstance", ""))):
        yield "hookInstance is no UUID"
    context = request.get("context")
    if not isinstance(context, Mapping):
        yield "context is missing"
        return
    kind, _, name = str(context.get("userId", "")).partition("/")
    if kind not in _USERS or not _ID.fullmatch(name):
        yield f"context.userId is no reference to one of {', '.join(_USERS)}"
    for field in ("patientId", "encounterId"):
        value = context.get(field)
        if value is None and field == "encounterId":
            continue
        if not isinstance(value, str) or not _ID.fullmatch(value):
            yield f"context.{field} is no id (an id alone, without the resource type)"
    if hook in ("order-select", "order-sign"):
        yield from _wrong_orders(context, hook == "order-select")
    yield from _wrong_prefetch(request.get("prefetch"))


def _wrong_orders(context: Mapping[str, Any], selecting: bool) -> Iterator[str]:
    orders = context.get("draftOrders")
    if not isinstance(orders, Mapping) or orders.get("resourceType") != "Bundle":
        yield "context.draftOrders is no Bundle"
        return
    entries = orders.get("entry")
    if not isinstance(entries, list) or not all(_is_resource((e or {}).get("resource")) for e in entries):
        yield "context.draftOrders has an entry without a resource"
        return
    drafts = [entry["resource"] for entry in entries]
    for at, one in enumerate(drafts):
        yield from _wrong_resource(one, f"context.draftOrders.entry[{at}]")
    if selecting:
        names = {f"{one['resourceType']}/{one.get('id')}" for one in drafts}
        selections = context.get("selections")
        if not isinstance(selections, list) or not selections:
            yield "context.selections is missing"
        else:
            for at, one in enumerate(selections):
                if one not in names:
                    yield f"context.selections[{at}] names no draft order (write ResourceType/id)"


def _wrong_prefetch(prefetch: object) -> Iterator[str]:
    if prefetch is None:
        return
    if not isinstance(prefetch, Mapping):
        yield "prefetch is no object"
        return
    for key, value in prefetch.items():
        if value is None:
            continue  # the client could not get it
        if not _is_resource(value):
            yield f"prefetch.{key} is no FHIR resource"
        else:
            yield from _wrong_resource(value, f"prefetch.{key}")


def _is_resource(value: object) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("resourceType"), str)


def _wrong_resource(one: Mapping[str, Any], where: str) -> Iterator[str]:
    known = _STATUS.get(one["resourceType"])
    if known and one.get("status") not in known:
        yield f"{where}.status is none of {', '.join(known)}"


def resources(sent: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Every resource in a prefetch, with bundles taken apart."""
    found: list[Mapping[str, Any]] = []
    for value in sent.values():
        if not _is_resource(value):
            continue
        if value["resourceType"] == "Bundle":
            found += [e["resource"] for e in value.get("entry") or () if _is_resource((e or {}).get("resource"))]
        else:
            found.append(value)
    return found
