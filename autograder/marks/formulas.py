"""Formulas as MathML, which browsers draw by themselves: pages with mathematics work offline and hold no script.

The library hands through whatever a text says (links, styles, raw tags), so its tree is written anew, of known elements
and attributes alone.
"""

from __future__ import annotations

from html import escape, unescape
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert_to_element
from markupsafe import Markup

MAX_LENGTH = 2_000
MAX_ELEMENTS = 5_000
ELEMENTS = frozenset(
    "math menclose mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow mspace msqrt mstyle msub "
    "msubsup msup mtable mtd mtext mtr munder munderover none".split()
)
ATTRIBUTES = frozenset(
    "accent accentunder columnalign columnspacing depth display displaystyle fence form height largeop linebreak "
    "linethickness lspace mathsize mathvariant maxsize minsize movablelimits notation rowspacing rspace scriptlevel "
    "separator stretchy symmetric voffset width".split()
)


def mathml(formula: str, *, block: bool = False) -> Markup:
    """A formula in LaTeX as MathML; as written where it cannot be read."""
    if len(formula) <= MAX_LENGTH:
        try:
            drawn = convert_to_element(formula, display="block" if block else "inline")
            if sum(1 for _ in drawn.iter()) <= MAX_ELEMENTS:
                return Markup(_written(drawn))
        except Exception:  # the library has some thirty kinds, and meets others in malformed text
            pass
    sign = "$$" if block else "$"
    return Markup(f"<code>{escape(sign + formula + sign)}</code>")


def _written(element: Element) -> str:
    name = element.tag if element.tag in ELEMENTS else "mrow"
    attributes = "".join(
        f' {key}="{escape(unescape(value))}"' for key, value in element.attrib.items() if key in ATTRIBUTES
    )
    inner = escape(unescape(element.text or "")) + "".join(map(_written, element))
    return f"<{name}{attributes}>{inner}</{name}>{escape(unescape(element.tail or ''))}"
