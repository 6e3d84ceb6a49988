"""Text from outside, so that nothing in it can steer a terminal or hide on a page."""

import re

# Control signs, what turns the direction of writing, and what has no width: Unicode's Cc, Cf, Cs, Zl and Zp, and the
# signs that a font is told to leave out (Default_Ignorable_Code_Point).
_SIGNS = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def visible(text: str, keep: str = "") -> str:
    r"""The text with every control, direction and invisible sign written out as JSON does, but for those to `keep`.

    >>> print(visible("a\u202eb\n\x1b[31m"))
    a\u202eb\u000a\u001b[31m
    >>> print(visible("Müller, Zoë 🙂"))
    Müller, Zoë 🙂
    """
    return _SIGNS.sub(lambda sign: sign[0] if sign[0] in keep else _written(sign[0]), text)


def visible_lines(text: str) -> str:
    """The same of a text of several lines: they stay lines. Of JSON it makes the same JSON."""
    return visible(text, keep="\n")


def _written(sign: str) -> str:
    units = sign.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[k]:02x}{units[k + 1]:02x}" for k in range(0, len(units), 2))
