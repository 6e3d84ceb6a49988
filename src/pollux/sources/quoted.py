"""What a finding may quote of a file: a short name, never free text, which may speak of a person."""

import re

from pollux.errors import UnknownName
from pollux.vocabulary import unit

_NAME = re.compile(r"[A-Za-z0-9_ -]{1,40}", re.ASCII)


def quoted(text: str) -> str:
    """The text in quotation marks with a space before it when it looks like a name; else nothing.

    >>> quoted("insulin_bolus")
    " 'insulin_bolus'"
    >>> quoted("called Dr. Miller, 030/1234")
    ''
    """
    return f" '{text}'" if _NAME.fullmatch(text) else ""


def unit_named(text: str) -> str:
    """A unit as a finding may name it.

    >>> unit_named("mg/dl"), unit_named("furlong"), unit_named("")
    ('mg/dL', "an unknown unit 'furlong'", 'no unit')
    """
    try:
        return unit(text).code
    except UnknownName:
        return f"an unknown unit{quoted(text)}" if text else "no unit"
