r"""Makes a student's text harmless in every page that may show it, and leaves it readable.

The text is shown by more than one Markdown parser (nbconvert's, JupyterLab's) and then by MathJax, which disagree on
where code, mathematics and HTML begin. So nothing here parses: what could begin a tag, a link, an entity or an active
command is broken wherever it stands, in code and mathematics too, by a space or a look-alike:

    <b>            < b>           no tag, comment or autolink begins with "<" and a space
    &#92;  &lt;    & #92;  & lt;  no character can be smuggled past the other rules
    [a](b)         [a] (b)        no link or picture, inline or by reference; the address stays readable
    \href          ⧵href          only the commands of ordinary mathematics keep their backslash
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

MAX_LENGTH = 20_000
MAX_RUN = 40

# Commands that may stand after a backslash: notation, none of which makes links, styles, definitions or extensions.
COMMANDS = frozenset(
    """
    alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi varpi rho varrho
    sigma varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega
    frac dfrac tfrac cfrac binom sqrt sum prod int iint oint lim limsup liminf sup inf max min arg argmax argmin log ln
    exp sin cos tan sinh cosh tanh arcsin arccos arctan det dim ker deg gcd Pr mod bmod pmod
    left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr middle langle rangle lfloor rfloor lceil rceil
    lvert rvert lVert rVert vert Vert mid parallel lbrace rbrace lbrack rbrack backslash
    cdot cdots ldots vdots ddots dots dotsc dotsb times div pm mp ast star circ bullet oplus otimes odot ominus
    leq le geq ge neq ne ll gg lt gt approx sim simeq cong equiv propto prec succ perp
    in notin ni subset supset subseteq supseteq cup cap setminus emptyset varnothing forall exists nexists neg lnot
    land lor wedge vee implies iff to gets mapsto rightarrow leftarrow Rightarrow Leftarrow leftrightarrow
    Leftrightarrow longrightarrow longleftarrow Longrightarrow uparrow downarrow hookrightarrow
    infty partial nabla ell hbar Re Im aleph top bot angle triangle square prime dagger
    hat widehat bar overline underline vec tilde widetilde dot ddot overbrace underbrace overset underset stackrel
    mathbb mathbf mathcal mathfrak mathit mathrm mathsf mathtt boldsymbol bm operatorname text textbf textit textrm
    texttt mbox rm bf it displaystyle textstyle scriptstyle limits nolimits
    begin end quad qquad hline cr phantom substack tag notag nonumber
    """.split()
)

_UNSEEN = {"Cc", "Cf", "Cs", "Co"}
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_ENTITY = re.compile(r"&(?=#|[A-Za-z0-9]+;)")
_LINK = re.compile(r"\](?=[(:])")
_COMMAND = re.compile(r"\\(?=([A-Za-z]+))")
_DIAGRAM = re.compile(r"([`~]{3}[^\S\n]*)(?=mermaid)", re.IGNORECASE)
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
_RUN = re.compile(rf"([^\w\s])\1{{{MAX_RUN},}}")
_MARK = r"[ \t]*(?:>|(?:[-+*]|\d+[.)])(?=\s))"  # of a quotation or a list
_DEEP = re.compile(rf"^((?:{_MARK}){{6}})(?:{_MARK})+", re.MULTILINE)


def harmless(text: str) -> str:
    """The text with nothing active in it. Applying it again changes nothing."""
    text = shortened(visible(text), MAX_LENGTH)
    text = _RUN.sub(lambda match: match.group(1) * MAX_RUN, text)
    text = _DEEP.sub(r"\1", text)
    text = _TAG.sub("< ", text)
    text = _ENTITY.sub("& ", text)
    text = _LINK.sub("] ", text)
    text = _DIAGRAM.sub(r"\1text ", text)
    return _COMMAND.sub(lambda match: "\\" if _is_notation(match.group(1)) else "⧵", text)


def changes(text: str) -> Iterator[str]:
    """What `harmless` does to a text that a reader should know of."""
    if _TAG.search(text) or _LINK.search(text) or _ENTITY.search(text) or _DIAGRAM.search(text):
        yield "links and HTML in the student's text are shown as text"
    if any(not _is_notation(match.group(1)) for match in _COMMAND.finditer(text)):
        yield "TeX commands in the student's text that are no notation are shown as text"
    if _RUN.search(text):
        yield f"runs of more than {MAX_RUN} of one sign in the student's text are shortened"
    if _DEEP.search(text):
        yield "lists and quotations nested more than six deep in the student's text are flattened"


def shortened(text: str, limit: int, cut: int = 0) -> str:
    """The text, or its beginning and how much of it is missing. cut: characters that were cut off before."""
    if len(text) <= limit and not cut:
        return text
    fence = "\n```" if len(_FENCE.findall(text[:limit])) % 2 else ""  # what follows shall not be taken for code
    return f"{text[:limit]}{fence}\n\n{missing(max(0, len(text) - limit) + cut, 'character')}"


def missing(number: int, what: str) -> str:
    """What stands in place of a part that is not shown."""
    return f"[… {number:,} more {what}{'s are' if number > 1 else ' is'} not shown; see the submitted file]"


def visible(text: str) -> str:
    """The text without control characters and without marks that change the direction of writing."""
    if text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join(char for char in text if char in "\n\t" or unicodedata.category(char) not in _UNSEEN)


def _is_notation(command: str) -> bool:
    return len(command) == 1 or command in COMMANDS
