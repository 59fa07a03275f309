"""Fill templates: every value is escaped, and there is no script at all."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from kg.graph import Meta
from kg.rows import shorten_iri
from kg.web.text import embed_json, find_link, neutralise
from kg.web.trial_page import say, say_days


@cache
def _open_templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("kg.web"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        finalize=neutralise,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    templates.filters.update(link=find_link, short=shorten_iri, say=say, days=say_days, json=embed_json)
    return templates


def render(template: str, meta: Meta | None, **values: Any) -> bytes:
    """A page.

    :param template: Name of its file.
    :param meta: What it rests on, for its foot; None where it rests on nothing.
    """
    return _open_templates().get_template(template).render(meta=meta, **values).encode()
