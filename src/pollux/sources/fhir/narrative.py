"""Is the text of a resource plain XHTML, without anything that acts when it is shown?

Elements and attributes allowed: FHIR R4, narrative (hl7.org/fhir/R4/narrative.html): chapters 7-11 and 15 of the HTML
4.0 standard without forms, and `a`, `img`, internal style attributes; no scripts, no event attributes, no external
references other than through `a` and `img`.
"""

import re
from collections.abc import Iterator, Mapping
from html.entities import name2codepoint
from typing import Any
from xml.parsers import expat

_ELEMENTS = frozenset(
    """a abbr acronym address b bdo big blockquote br caption center cite code col colgroup dd del dfn div dl dt em font
    h1 h2 h3 h4 h5 h6 hr i img ins kbd li map area ol p pre q s samp small span strike strong sub sup table tbody td
    tfoot th thead tr tt u ul var""".split()  # noqa: SIM905
)
_ATTRIBUTES = frozenset(
    """abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char charoff charset
    cite class clear color cols colspan compact coords dir face frame headers height href hreflang hspace id lang
    longdesc name noshade nowrap rel rev rowspan rules scope shape size span src start style summary tabindex title type
    valign value vspace width xml:lang xml:space xmlns""".split()  # noqa: SIM905
)
_ACTING = ("javascript:", "vbscript:", "data:text")


def unsafe(resource: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """What is wrong with the narratives of a resource and of the resources and sections in it."""
    path = path or str(resource.get("resourceType", ""))
    text = resource.get("text")
    if isinstance(text, dict) and isinstance(text.get("div"), str):
        wrong = _wrong(text["div"])
        if wrong:
            yield f"{path}.text.div {wrong}"
    for name in ("contained", "section"):
        inner = resource.get(name)
        for i, part in enumerate(inner if isinstance(inner, list) else ()):
            if isinstance(part, dict):
                yield from unsafe(part, f"{path}.{name}[{i}]")


def _wrong(div: str) -> str:
    """The first thing wrong with an XHTML fragment; empty when it is safe.

    >>> _wrong('<div xmlns="http://www.w3.org/1999/xhtml"><script>go()</script></div>')
    'must not have the element script'
    """
    found: list[str] = []
    inside = [False]  # whether anything but white space or an image is there to be read

    def start(name: str, attributes: dict[str, str]) -> None:
        if name == "img":
            inside[0] = True
        if name not in _ELEMENTS:
            found.append(f"must not have the element {name[:30]}")
        for attribute, value in attributes.items():
            if attribute not in _ATTRIBUTES:
                found.append(f"must not have the attribute {attribute[:30]}")
            elif value.strip().lower().startswith(_ACTING):
                found.append(f"must not have a script in the attribute {attribute}")

    def text(data: str) -> None:
        inside[0] = inside[0] or bool(data.strip())

    def declared(*_: object) -> None:
        found.append("must not declare a document type or entities")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = declared
    parser.EntityDeclHandler = declared
    parser.ProcessingInstructionHandler = lambda *_: found.append("must not have processing instructions")
    fragment = div.strip()
    if not fragment.startswith("<div"):
        return "must begin with <div>"
    try:
        parser.Parse(_without_names(fragment), True)
    except expat.ExpatError as error:
        return f"is not well-formed XHTML (line {error.lineno})"
    if not found and not inside[0]:
        return "must have some text"
    return found[0] if found else ""


def _without_names(fragment: str) -> str:
    """HTML's named characters that XML does not know, put in by their numbers."""
    if "&" not in fragment:
        return fragment

    def numbered(found: re.Match[str]) -> str:
        name = found.group(1)
        point = name2codepoint.get(name)
        return found.group(0) if point is None or name in ("amp", "lt", "gt", "quot", "apos") else f"&#{point};"

    return re.sub(r"&([A-Za-z][A-Za-z0-9]*);", numbered, fragment)
