"""What a clinical text says is not so: that there are no allergies, that a thing was ruled out or is a relative's.

Texts are heard in English, and the commonest ways of German, French and Spanish. They are Pollux's own list
(unverified): what is heard is told and never lets anything be taken for harmless; what is not heard counts as stated.
"""

import re

# What events are flagged with whose text speaks against them.
NEGATED, OF_ANOTHER, PERHAPS_STOPPED = "negated", "of another", "may be stopped"

# SNOMED CT codes by which FHIR says that there are none (C-CDA on FHIR, ConceptMap "No known allergies";
# hl7.org/fhir/us/ccda; the last is from FHIR DSTU 2): of all kinds and of drugs; those of food or of the environment
# say nothing of drugs.
NO_ALLERGY = {
    "716186003": "any",
    "160244002": "any",
    "409137002": "drug",
    "429625007": "food",
    "428607008": "environment",
}


def _any(*some: str) -> re.Pattern[str]:
    return re.compile("|".join(some), re.IGNORECASE)


_NONE = _any(
    r"(?:(?:no|nil|none|not any|denies(?: any)?|without|negative for)\s+"
    r"(?:(?:known|documented|reported|active)\s+)*"
    r"(?:(?P<what>drug|medication|medicine|medicament|food|environmental|latex)\s+)?"
    r"(?:allerg(?:y|ies)|adverse reactions?)(?:\s+(?:known|documented|reported|recorded|stated|on file))?"
    r"|n\.?k\.?(?P<short>d?)\.?a\.?|nkma|(?:none|nil)(?:\s+known)?"
    r"|keine\s+(?:bekannten\s+)?(?P<deutsch>medikamenten)?-?allergien?(?:\s+bekannt)?"
    r"|(?:aucune|pas d['’])\s*allergies?(?:\s+connues?)?|sin\s+alergias(?:\s+conocidas)?)"
    r"(?:\s+to\s+(?:any\s+)?(?:drugs?|medications?|medicines?))?(?:\s*\((?:situation|disorder|finding)\))?[.! ]*"
)
_ALLERGY_NOT = _any(
    r"\b(?:no|not|non|never|denie[ds]|without|negative for|kein\w*|nicht|aucune?|pas d['’])\b"
    r"(?:[ -]\w+){0,3}?[ -]?allerg",
    r"\ballerg\w*\b[^.;]{0,40}\b(?:ruled out|excluded|disproved|refuted|denied|de-?labell?ed|ausgeschlossen)\b",
    r"\b(?:patient|pt)\s+denies\b",
    r"\btolerate[sd]\b",
)
_OF_ANOTHER = _any(
    r"\b(?:family|maternal|paternal)\s+(?:history|hx)\b",
    r"\bfamily\s+member",
    r"\bfhx?\b(?!\s*\d)",
    r"\b(?:mother|father|sister|brother|aunt|uncle|son|daughter|spouse|wife|husband|grandmother|grandfather)\b",
    r"\bfamilienanamnese\b|\bant[ée]c[ée]dents familiaux\b|\bantecedentes familiares\b",
)
_NOT_SO = _any(
    r"^\s*(?:no|not(?! for)|never|denies|without|negative for|ruled out|kein\w*|pas de|aucune?|sin)\b",
    r"\b(?:ruled out|excluded|not present|absent|refuted|ausgeschlossen)\s*\.?$",
    r"\b(?:patient|pt)\s+(?:denies|refuse[sd])\b",
)
_PERHAPS_STOPPED = _any(
    r"\bdiscontinu\w+|\b(?:stopped|ceased|quit)\b|\bno longer\b|\bdeclin\w+|\brefus\w+|\bnot\s+taken\b",
    r"\b(?:isn['’]?t|is not|not|doesn['’]?t|does not)\s+(?:currently\s+)?tak(?:e|ing)\b(?!\s+(?:with|if|more|on|at))",
    r"^\s*(?:on\s+)?h(?:o|e)ld\b",
    r"\babgesetzt\b|\bnimmt\b.{0,20}\bnicht\b|\bpausiert\b",
    r"\bne prend (?:pas|plus)\b|\barr[êe]t[ée]e?\b|\bno (?:la |lo )?toma\b|\bsuspendid[oa]\b",
)


def none_known(text: str, code: str = "") -> str:
    """Of what a statement says that there are no allergies: "any", "drug", "food" …; "" where it says no such thing.

    >>> none_known("No known drug allergies."), none_known("", "716186003"), none_known("no known allergy to codeine")
    ('drug', 'any', '')
    """
    if code in NO_ALLERGY:
        return NO_ALLERGY[code]
    found = _NONE.fullmatch(text.strip())
    if not found:
        return ""
    what = (found["what"] or "").casefold()
    drug = what in ("drug", "medication", "medicine", "medicament") or found["short"] or found["deutsch"]
    return "drug" if drug else what or "any"


def says_no_allergy(text: str) -> bool:
    """Whether a text that stands among allergies says that something is none.

    >>> says_no_allergy("Not allergic to penicillin"), says_no_allergy("Penicillin: no anaphylaxis, a rash")
    (True, False)
    """
    return _ALLERGY_NOT.search(text) is not None


def says_not_so(text: str) -> str:
    """How a text that stands among conditions says that the person has it not: "negated", "of another" or "".

    >>> says_not_so("Family history of diabetes"), says_not_so("No diabetes"), says_not_so("Nodular goitre")
    ('of another', 'negated', '')
    """
    if _OF_ANOTHER.search(text):
        return OF_ANOTHER
    return NEGATED if _NOT_SO.search(text) else ""


def says_perhaps_stopped(text: str) -> bool:
    """Whether a text about a medication speaks of stopping or refusing it, so that nobody knows from it alone.

    >>> says_perhaps_stopped("discontinued 2020"), says_perhaps_stopped("do not take with milk")
    (True, False)
    """
    return _PERHAPS_STOPPED.search(text) is not None
