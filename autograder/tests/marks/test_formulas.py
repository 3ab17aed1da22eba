"""Formulas as MathML: drawn where they can be read, as written where not, and never anything that acts."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from autograder.marks.cells_html import markdown
from autograder.marks.formulas import ATTRIBUTES, ELEMENTS, MAX_LENGTH, mathml

ROOT = Path(__file__).parents[3]
HOSTILE = [
    r"\href{javascript:alert(1)}{x}",
    r"\text{<script>alert(1)</script>}",
    r"\mbox{<img src=x onerror=alert(1)>}",
    r"\style{background:url(//x)}{x}",
    r"\class{a\" onclick=\"alert(1)}{x}",
    r"\color{red\" onclick=\"alert(1)}x",
    r"\unicode{x3c}script\unicode{x3e}alert(1)",
    r"\text{&lt;script&gt;alert(1)&lt;/script&gt;}",
    r"\text{&#60;script&#62;}",
    r"\operatorname{<b>}",
    r"</math><script>alert(1)</script>",
    r"\cssId{x}{y}",
]
BROKEN = ["{" * 900, r"\frac{" * 300, "x_" * 900, r"\left(" * 300, r"\begin{matrix}" + "a&" * 900, r"\sqrt", "x^y^z"]


class Tags(HTMLParser):
    """The names of a page's tags and attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def formulas_of_the_course() -> list[str]:
    texts = [
        "".join(cell["source"])
        for path in sorted((ROOT / "release" / "ps3").glob("*.ipynb"))
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "markdown"
    ]
    return re.findall(r"\$\$.+?\$\$|(?<!\$)\$[^$\n]+\$(?!\$)", "\n".join(texts), re.DOTALL)


def test_every_formula_of_the_course_is_drawn() -> None:
    formulas = formulas_of_the_course()
    assert len(formulas) > 30
    for formula in formulas:
        assert mathml(formula.strip("$")).startswith("<math "), formula


@pytest.mark.parametrize("formula", [*HOSTILE, *BROKEN, "x" * (MAX_LENGTH + 1), "&" * 1500])
def test_what_a_formula_says_never_acts(formula: str) -> None:
    drawn = mathml(formula)
    if drawn.startswith("<code>"):
        assert "<" not in drawn.removeprefix("<code>").removesuffix("</code>")
        return
    for element in ElementTree.fromstring(drawn).iter():
        assert element.tag in ELEMENTS
        assert set(element.attrib) <= ATTRIBUTES


@pytest.mark.parametrize("formula", HOSTILE)
@pytest.mark.parametrize("form", ["${}$", "$$\n{}\n$$", r"\begin{{equation}}{}\end{{equation}}"])
def test_a_hostile_formula_in_a_text_stays_harmless(formula: str, form: str) -> None:
    seen = Tags(markdown(form.format(formula)))
    assert seen.tags <= ELEMENTS | {"p", "code"}
    assert seen.attributes <= ATTRIBUTES


def test_a_formula_that_cannot_be_read_stays_as_written() -> None:
    assert mathml("x^y^z", block=True) == "<code>$$x^y^z$$</code>"
