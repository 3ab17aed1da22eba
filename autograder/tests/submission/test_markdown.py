import pytest
from nbconvert.filters.markdown_mistune import markdown2html_mistune

from autograder.submission.markdown import MAX_LENGTH, harmless
from autograder.tests.submission.hostile_text import SNIPPETS, active

WRITTEN = "Because $\\frac{1}{2} < 1$, and **autograd** follows the product."


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_no_snippet_is_active_on_a_page(snippet):
    assert active(markdown2html_mistune(harmless(snippet))) == []


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_no_snippet_is_active_between_other_text(snippet):
    text = harmless(f"*Why*: $a$ `x` [b]: [c](d)\n\n- one\n\n  {snippet} $ {snippet}\n\n> {snippet}\n\n{snippet}")
    assert active(markdown2html_mistune(text)) == []


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_making_text_harmless_twice_changes_nothing(snippet):
    assert harmless(harmless(snippet)) == harmless(snippet)


def test_most_snippets_are_active_without_it():
    alarms = 0
    for snippet in SNIPPETS:
        try:
            alarms += bool(active(markdown2html_mistune(snippet)))
        except Exception:  # a page that cannot be made at all
            alarms += 1
    assert alarms > 60


@pytest.mark.parametrize(
    "text",
    [
        WRITTEN,
        "# A heading\n\n- one\n- two\n\n1. *three* and `code[i][j]`\n\n| a | b |\n|---|---|\n| 1 | 2 |",
        "$$\\begin{aligned} \\mathcal{L} &= \\sum_i \\|x_i - \\hat{x}_i\\|_2^2 \\\\ &\\leq \\epsilon \\end{aligned}$$",
        "3 < 4 & 5 > 2, R&D, a <= b, f(x)[0], 50 % — naïve, Größe, 平均, 🙂",
        "https://arxiv.org/abs/2111.06377",
        "```python\nx = {'a': 1}\nif x < 3 and y[0] == 1:\n    pass\n```",
    ],
)
def test_ordinary_text_stays_as_it_is(text):
    assert harmless(text) == text


def test_what_is_disarmed_stays_readable():
    text = harmless("see [He et al.](https://arxiv.org/abs/2111.06377) on a<b, `if y[0]:` and \\href{x}{y}")
    assert text == "see [He et al.] (https://arxiv.org/abs/2111.06377) on a< b, `if y[0] :` and ⧵href{x}{y}"


def test_long_text_is_cut():
    assert len(harmless("a b " * 100_000)) < MAX_LENGTH + 100


@pytest.mark.parametrize("pattern", ["> ", "- ", "1. ", "* > ", "[", "*_", "![](", "`a``b", "$ ", "<a "])
def test_text_nested_without_end_can_be_shown(pattern):
    assert markdown2html_mistune(harmless(pattern * 4_000))
