"""What every page has in common: nothing runs in it, nothing is fetched, and no sign in it hides."""

from typing import Any

from pollux.visible import visible_lines

# Styles stand in the page itself, also as attributes of the charts; a page has no scripts, frames, forms or pictures.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def pages() -> Any:
    """Where the templates are: what they say is escaped, and control, direction and invisible signs are written out."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    rooms = Environment(
        loader=PackageLoader("pollux.report", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
    )
    rooms.globals["policy"] = POLICY
    return rooms


def _shown(value: Any) -> Any:
    """A value as text with every sign visible; a chart or a macro, which is made of such texts, is passed on."""
    return value if hasattr(value, "__html__") else visible_lines(str(value))
