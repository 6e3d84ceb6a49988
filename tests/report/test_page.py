"""What every page has in common."""

import re
from pathlib import Path

from markupsafe import Markup

import pollux.report
from pollux.report.page import POLICY, pages

FOLDER = Path(pollux.report.__file__).parent / "pages"


def rendered(template: str, **values: object) -> str:
    return str(pages().from_string(template).render(values))


def test_a_page_has_a_policy_under_which_nothing_runs_or_is_fetched() -> None:
    assert "default-src 'none'" in POLICY
    assert not re.search(r"script|https?:|data:|\*", POLICY)
    for page in FOLDER.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        head = text[text.index("<head>") : text.index("<style>")]
        assert head.index('<meta http-equiv="Content-Security-Policy" content="{{ policy }}">') < head.index("<title>")
        assert not re.search(r"<script|<img|<iframe|<form|<link|<object|\son[a-z]+=|url\(", text)
    assert rendered("{{ policy }}") == POLICY.replace("'", "&#39;")


def test_what_a_page_says_is_escaped_and_every_sign_of_it_is_seen() -> None:
    assert rendered("{{ one }}", one="<b>\u202e\x1b") == "&lt;b&gt;\\u202e\\u001b"
    assert rendered("{{ some|join(', ') }}", some=["a\u200b", "b"]) == "a\\u200b, b"
    assert rendered("{{ one }}", one=Markup("<svg></svg>")) == "<svg></svg>"
    assert rendered("{{ one }}", one=3) == "3"
    assert rendered("{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}{{ m(one) }}", one="\u2066&") == "<i>\\u2066&amp;</i>"
