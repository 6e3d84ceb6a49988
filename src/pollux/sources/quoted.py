"""What a finding may quote of a file: a short name, never free text, which may speak of a person."""

import re

from pollux.vocabulary import unit_named

__all__ = ["quoted", "unit_named"]

_NAME = re.compile(r"[A-Za-z0-9_ -]{1,40}", re.ASCII)


def quoted(text: str) -> str:
    """The text in quotation marks with a space before it when it looks like a name; else nothing.

    >>> quoted("insulin_bolus")
    " 'insulin_bolus'"
    >>> quoted("called Dr. Miller, 030/1234")
    ''
    """
    return f" '{text}'" if _NAME.fullmatch(text) else ""
