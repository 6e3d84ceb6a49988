"""What people write beside a dose: which insulin it was, or that it never went into the body.

Most notes speak of something else ("trail mix", "high after site change"), and then say nothing of the dose. The words
and their order are Pollux's own choice.
"""

import re

from pollux.errors import RefusedInput
from pollux.vocabulary import insulins_in

LONG = "insulin_long_acting"
BOLUS = "insulin_bolus"

_FILLING = re.compile(
    r"(?<!amazon )\bprime\b(?! (rib|beef|steak|time|video|drink|energy|hydration)\b)|\bprim(ed|ing)\b"
    r"|\bfill(ed|ing)?( the)? (cannula|tub(e|ing)|reservoir|cartridge)\b|\b(cannula|tubing) fill"
    r"|\bair ?shot\b|\bsafety (shot|test)\b|\bentlüft|\bkanüle (ge)?füll"
)
# A note of nothing but a change of the pump's parts: "high after site change" speaks of a dose.
_CHANGING = re.compile(r"(new |pump )?(site|set|cannula|cartridge|reservoir|pod|infusion set) changed?( bolus)?")
# Long-acting insulin without the name of a product; "basal" alone is also what a pump gives. The words in other
# languages are unverified.
_LONG_KIND = re.compile(
    r"\b(long[- ]?acting|(basal|basis|background|slow)[- ]?insulin|langzeit\w*|verzögerungsinsulin"
    r"|insuline (lente|basale)|insulina (lenta|basal(e)?)|langwerkende?)\b( insulin)?"
)
_BASAL = re.compile(r"\bbasal\b")
# What may stand in a note beside a product without saying anything else of the dose.
_BESIDE = re.compile(
    r"\b\d+([.,:]\d+)*\b|\b\d*(units?|u|iu|ie|ui|e)\b|\bu-?[123]00\b|\b\d+([.:]\d+)?(am|pm|h)\b"
    r"|\b(insulin|basis|bolus|dose|injection|injected|shot|pen|solostar|kwikpen|flexpen|flextouch|innolet|rapid|fast"
    r"|took|taken|gave|given|today|split|half|first|second|morning|noon|evening|night|nightly|bedtime|daily|am|pm|at|of"
    r"|in|the|my|with|for|morgens|mittags|abends|nachts|spät|matin|soir|uhr)\b|[^\w]+"
)
_MIXED = re.compile(r"insulin|insuman|novolog|novorapid|humalog|humulin|novolin|lispro|aspart|pen\b|actraphane")


def speaks_of_filling(notes: str) -> bool:
    """Whether a note says that the insulin filled a cannula or a tube.

    >>> speaks_of_filling("prime 0.5U"), speaks_of_filling("new pod change"), speaks_of_filling("high after pod change")
    (True, True, False)
    """
    text = notes.casefold()
    return bool(_FILLING.search(text) or _CHANGING.fullmatch(_BESIDE.sub(" ", text).strip()))


def noted(notes: str) -> str:
    """What a note says of the kind of insulin; empty where it says nothing of it.

    Raises `RefusedInput` for a note that names a long-acting or another product and says more: "forgot Lantus" is not a
    dose of it. "Basal" with more, such as "basal too low", is talk of a pump and says nothing.
    """
    text = notes.casefold()
    products = insulins_in(_food_apart(text))
    rest = _LONG_KIND.sub(" ", text)
    long = rest != text
    for word in sorted((word for found in products for word in found.words), key=len, reverse=True):
        rest = rest.replace(word, " ")
    quantities = {found.quantity for found in products} | ({LONG} if long else set())
    alone = not _BESIDE.sub("", _BASAL.sub(" ", rest))
    if quantities <= {BOLUS}:
        if not products and alone and _BASAL.search(text):
            return LONG
        return BOLUS if products else ""
    if len(quantities) > 1 or "" in quantities or not alone:
        raise RefusedInput(
            "its note names an insulin that is no bolus, and more: which insulin this was cannot be told"
        )
    return LONG


def _food_apart(notes: str) -> str:
    """A note without what is a premixed insulin's name in a list of products, and food or a share in a note.

    >>> _food_apart("trail mix, bolus 50/50"), _food_apart("humalog mix 25/75")
    ('trail , bolus ', 'humalog mix 25/75')
    """
    return notes if _MIXED.search(notes) else re.sub(r"\bmix\b|\b\d\d/\d\d\b", "", notes)
