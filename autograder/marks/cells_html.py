"""Notebook cells as HTML that holds no script and loads nothing, whatever the cells hold."""

from __future__ import annotations

import mimetypes
import re
from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from html import escape, unescape
from typing import Any
from urllib.parse import unquote

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from nbconvert.filters.markdown_mistune import InvalidNotebook, IPythonRenderer, MarkdownWithMath
from pygments import highlight  # type: ignore[import-untyped]
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
from pygments.lexers import PythonLexer  # type: ignore[import-untyped]

from autograder.marks.formulas import mathml
from autograder.marks.notebook_cells import text_of

IMAGES = ("image/png", "image/jpeg")
_SOURCE = re.compile(r"""\bsrc\s*=\s*(?P<quote>["'])(?P<place>[^"'<>]+)(?P=quote)""")
CODE_STYLE = HtmlFormatter().get_style_defs(".highlight")


class _Plain(IPythonRenderer):
    # nbconvert hands a mermaid block's text through as HTML.
    def block_mermaidjs(self, code: str) -> str:
        return f"<pre><code>{escape(code)}</code></pre>\n"

    def block_math(self, body: str) -> str:
        return mathml(body, block=True)

    def inline_math(self, body: str) -> str:
        return mathml(body)

    def latex_environment(self, name: str, body: str) -> str:
        return mathml(f"\\begin{{{name}}}{body}\\end{{{name}}}", block=True)


@lru_cache(maxsize=4096)
def markdown(text: str, *, of_the_course: bool = False) -> Markup:
    """Markdown as HTML, formulas as MathML. Raw HTML shows as text and script links lead nowhere.

    of_the_course: staff wrote it, so that its raw HTML (folded hints) is HTML.
    """
    return _markdown(text, not of_the_course, {})


def _markdown(text: str, escaped: bool, pictures: dict[str, dict[str, str]]) -> Markup:
    renderer = _Plain(escape=escaped, allow_harmful_protocols=False, exclude_anchor_links=True, attachments=pictures)
    try:
        return Markup(MarkdownWithMath(renderer=renderer).render(text))
    except InvalidNotebook:  # an image that was attached to the cell and is not there
        return Markup(f"<pre>{escape(text)}</pre>")


@pass_context
def for_markers(context: Context, text: str) -> Markup:
    """nbconvert's filter `markdown2html` for formgrader's page of a rebuilt notebook: formulas come as MathML."""
    return _markdown(text, False, _pictures(context["cell"]))


@lru_cache(maxsize=4096)
def code(text: str) -> Markup:
    """Python with its syntax coloured."""
    return Markup(highlight(text, PythonLexer(stripnl=False), HtmlFormatter()))


def cell_html(
    cell: Mapping[str, Any], *, of_the_course: bool = False, pictures: Mapping[str, bytes] | None = None
) -> Markup:
    """A cell's source and its outputs.

    of_the_course: its text is as staff wrote it. pictures: what such a text shows, by place; they stand in the page.
    """
    if of_the_course and pictures and cell["cell_type"] != "code":
        return _with_pictures(markdown(text_of(cell), of_the_course=True), pictures)
    if cell["cell_type"] != "code":
        if attached := _pictures(cell):
            return _markdown(text_of(cell), not of_the_course, attached)
        return markdown(text_of(cell), of_the_course=of_the_course)
    return code(text_of(cell)) + Markup("").join(_output(output) for output in cell.get("outputs", []))


def _pictures(cell: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The pictures attached to a text cell, by name, media type and base64."""
    attached = {
        name: {kind: _base64(bundle[kind]) for kind in IMAGES if kind in bundle}
        for name, bundle in cell.get("attachments", {}).items()
    }
    return {name: bundle for name, bundle in attached.items() if bundle}


def _with_pictures(page: Markup, pictures: Mapping[str, bytes]) -> Markup:
    def embedded(match: re.Match[str]) -> str:
        data = pictures.get(unquote(unescape(match["place"])))
        if data is None:
            return match[0]
        kind = mimetypes.guess_type(match["place"])[0] or "image/png"
        return f"src={match['quote']}data:{kind};base64,{b64encode(data).decode()}{match['quote']}"

    return Markup(_SOURCE.sub(embedded, page))


def _output(output: Mapping[str, Any]) -> Markup:
    if output["output_type"] == "stream":
        return _pre(output["text"])
    if output["output_type"] == "error":
        return _pre(f"{output.get('ename', '')}: {output.get('evalue', '')}")
    data = output.get("data", {})
    for kind in IMAGES:
        if kind in data:
            return Markup(f'<img alt="figure" src="data:{kind};base64,{_base64(data[kind])}">')
    return _pre(data.get("text/plain", ""))


def _pre(text: str | list[str]) -> Markup:
    return Markup(f'<pre class="output">{escape(_joined(text))}</pre>')


def _base64(text: str | list[str]) -> str:
    return re.sub(r"[^A-Za-z0-9+/=]", "", _joined(text))


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)
