"""What an entry of a transaction or batch asks for: under which name its resource is kept, and on which condition."""

from collections.abc import Mapping
from typing import Any

import msgspec

from pollux.record.entry import Within
from pollux.sources.fhir.references import identifier_of, name_in_transaction, target

CREATING = ("transaction", "batch")
BAD, NOT_ALLOWED, INVALID = "400 Bad Request", "405 Method Not Allowed", "422 Unprocessable Entity"
Object = Mapping[str, Any]


class Named(msgspec.Struct, frozen=True):
    """How a resource is to be named here: see the fields of `Document`. Without an id its content names it.

    `version` and `updated` are what a history says of it, where it does not say so itself.
    """

    id: str = ""
    unless: str = ""
    seeks: str = ""
    new: bool = False
    within: Within | None = None
    version: str = ""
    updated: str = ""


class Asked(msgspec.Struct, frozen=True):
    """What was asked: a name, or the status and reason of a refusal; and what was not looked at."""

    named: Named = Named()
    status: str = ""
    why: str = ""
    overlooked: str = ""


def asked(entry: Object, resource: Object, within: Within) -> Asked:
    """What an entry of a bundle asks for its resource. In a bundle that asks nothing the resource's own id names it."""
    full_url, id = _text(entry, "fullUrl"), _text(resource, "id")
    own = Named(id or (full_url.rpartition(":")[2] if full_url.startswith("urn:") else ""), within=within)
    request = entry.get("request")
    if within.kind == "history":
        version, updated = stated_in_history(entry)
        return Asked(msgspec.structs.replace(own, version=version, updated=updated))
    if within.kind not in CREATING or not isinstance(request, dict):
        return Asked(own)
    kind, method, url = str(resource["resourceType"]), request.get("method"), _text(request, "url")
    if method == "POST":
        return _create(kind, full_url, _text(request, "ifNoneExist"), within)
    if method == "PUT":
        return _update(kind, id, url, request, own)
    if method is None:
        return Asked(own)
    return Asked(status=NOT_ALLOWED, why=f"{str(method)[:20]} is not carried out")


def _create(kind: str, full_url: str, condition: str, within: Within) -> Asked:
    unless = identifier_of(condition, kind)
    text = "ifNoneExist is understood as identifier=system|value alone; it was taken for a plain create"
    named = Named(name_in_transaction(kind, full_url, unless), unless, new=True, within=within)
    return Asked(named, overlooked=text if condition and not unless else "")


def _update(kind: str, id: str, url: str, request: Object, own: Named) -> Asked:
    if "?" in url:
        criterion = criterion_of(kind, url)
        if not criterion:
            text = f"a conditional update is understood as {kind}?identifier=system|value alone"
            return Asked(status=BAD, why=text)
        return Asked(
            Named(name_in_transaction(kind, "", criterion), seeks=criterion, within=own.within),
            overlooked=_overlooked(request),
        )
    named = target(url.removeprefix("/"))
    if named and (named[0] != kind or (id and named[1] != id)):
        return Asked(status=BAD, why="it is to be put under another name than its own (request.url)")
    own = msgspec.structs.replace(own, id=named[1]) if named else own
    return Asked(own, overlooked=_overlooked(request))


def criterion_of(kind: str, url: str) -> str:
    """The identifier by which `request.url` asks for resources of a kind; "" where it asks otherwise.

    >>> criterion_of("Patient", "Patient?identifier=http://clinic.example|42")
    'http://clinic.example|42'
    """
    place, _, query = url.partition("?")
    return identifier_of(query, kind) if place.rpartition("/")[2] == kind else ""


def _overlooked(request: Object) -> str:
    conditions = [name for name in ("ifMatch", "ifNoneMatch", "ifModifiedSince") if name in request]
    return f"{conditions[0]} is not looked at; it was taken for a plain update" if conditions else ""


def stated_in_history(entry: Object) -> tuple[str, str]:
    """Version and time that a history states beside the resource (`response.etag`, `response.lastModified`)."""
    response = entry.get("response")
    if not isinstance(response, dict):
        return "", ""
    return _text(response, "etag").removeprefix("W/").strip('"'), _text(response, "lastModified")


def deleted(entry: Object, within: Within) -> tuple[str, str, str] | Asked:
    """Kind and id of what an entry deletes, and when it was said to be; or why nothing is deleted."""
    request, text = entry.get("request"), "DELETE needs the name of a resource (request.url)"
    url = _text(request, "url").removeprefix("/") if isinstance(request, dict) else ""
    if "?" in url:
        return Asked(status=BAD, why="a conditional delete is not carried out; name the resource")
    at = stated_in_history(entry)[1] if within.kind == "history" else ""
    named = target(url)
    if named is None and within.kind == "history":
        named = target(_text(entry, "fullUrl"))
    elif named and within.kind != "history" and "/_history/" in url:
        return Asked(status=BAD, why="one version alone is not deleted; name the resource")
    if named is None:
        return Asked(status=BAD, why=text)
    if named[0] == "Patient":
        text = f"a patient is not deleted by a file; `pollux erase {named[1]}` erases everything about a person"
        return Asked(status=NOT_ALLOWED, why=text)
    return *named, at


def without_resource(method: object) -> tuple[str, str]:
    """Status and reason of the refusal of an entry that brings no resource."""
    if method in ("PATCH", "GET", "HEAD"):
        return NOT_ALLOWED, f"{method} is not carried out"
    return BAD, "it brings no resource"


def _text(of: Object, name: str) -> str:
    value = of.get(name)
    return value if isinstance(value, str) else ""
