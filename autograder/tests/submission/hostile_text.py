"""Snippets of text that try to become active in a page, and a reader that finds what is active in one."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from autograder.submission.markdown import COMMANDS

ALERT = "javascript:alert(1)"
DATA = "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg=="

SNIPPETS = (
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src=x\nonerror\n=\nalert(1)\n>",
    "<img/src=x/onerror=alert(1)//",
    "<svg/onload=alert(1)>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    '<iframe src="https://evil.example"></iframe>',
    '<iframe srcdoc="<script>alert(1)</script>">',
    "<object data=javascript:alert(1)></object><embed src=x>",
    "<form action=javascript:alert(1)><button>100 points</button></form>",
    "<style>body{display:none}</style>",
    '<link rel=stylesheet href="https://evil.example/x.css">',
    '<meta http-equiv=refresh content="0;url=https://evil.example">',
    "<base href=https://evil.example>",
    "<details open ontoggle=alert(1)>",
    "<!--><script>alert(1)</script-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version='1.0'?><x onclick=alert(1)>",
    "</div></body><script>alert(1)</script>",
    f"<{ALERT}>",
    f"<{DATA}>",
    f"[a]({ALERT})",
    "[a](JaVaScRiPt&colon;alert&lpar;1&rpar;)",
    "[a](java\tscript:alert(1))",
    "[a](&#106;avascript:alert(1))",
    f"[a](<{ALERT}>)",
    f"[a]({DATA})",
    "[a](vbscript:msgbox)",
    f"[a]\n({ALERT})",
    f"[a][b]\n\n[b]: {ALERT}",
    f"[b]\n\n> [b]: <{ALERT}> 'title'",
    f"- [b]: {ALERT}\n\n[b][]",
    f"![a]({DATA})",
    "![a](https://evil.example/tracker.png)",
    "![a][p]\n\n[p]: https://evil.example/tracker.png",
    '![a](x"onerror="alert(1))',
    '[a](https://x.example "onmouseover=alert(1) x=")',
    f"[![a](https://evil.example/t.png)]({ALERT})",
    "![a](attachment:../../secret.png)",
    "![a](/etc/passwd)",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "`<script>alert(1)</script>` and ``<img src=x onerror=alert(1)>``",
    "```html\n<script>alert(1)</script>\n```",
    '```"onmouseover="alert(1)\nx\n```',
    '```x"><script>alert(1)</script>\ny\n```',
    f'```mermaid\ngraph TD\nclick A href "{ALERT}"\n```',
    "~~~ mermaid\n<img src=x onerror=alert(1)>\n~~~",
    "````\u00a0Mermaid\ngraph TD\n````",
    "    <script>alert(1)</script>",
    rf"$\href{{{ALERT}}}{{x}}$",
    rf"$$\require{{html}}\href{{{ALERT}}}{{x}}$$",
    rf"\\(\\href{{{ALERT}}}{{x}}\\)",
    rf"&#92;(&#92;href{{{ALERT}}}{{x}}&#92;)",
    rf"&dollar;&bsol;href{{{ALERT}}}{{x}}&dollar;",
    rf"\begin{{equation}}\href{{{ALERT}}}{{x}}\end{{equation}}",
    rf"$\def\x{{\href{{{ALERT}}}}}\x{{y}}$ and $\let\y\href \y{{{ALERT}}}{{z}}$",
    rf"$\newcommand{{\z}}[2]{{\href{{#1}}{{#2}}}}\z{{{ALERT}}}{{x}}$",
    r"$\unicode{x3c}\unicode[;onload=alert(1)]{x41}$",
    r"$\style{position:fixed;top:0;left:0;width:100%;height:100%}{x}$",
    r"$\class{alert}{x}\cssId{mathjax}{y}\data{onclick=alert(1)}{z}$",
    rf'$\mmlToken{{mi}}[href="{ALERT}"]{{x}}$',
    r"$\bbox[background:url(https://evil.example)]{x}$",
    r"$\includegraphics{https://evil.example/x.png}\url{https://evil.example}$",
    "$<img src=x onerror=alert(1)>$ and $$</script><script>alert(1)</script>$$",
    "$`<script>alert(1)</script>`$",
    "# <img src=x onerror=alert(1)>",
    '# x" onmouseover="alert(1)',
    "| a |\n|---|\n| <script>alert(1)</script> |",
    f"| a |\n|:--|\n| [b]({ALERT}) |",
    "- [ ] <script>alert(1)</script>",
    "term\n: <script>alert(1)</script>",
    "> > > <script>alert(1)</script>",
    "x<\x00script>alert(1)</script>",
    "<\u200bscript>alert(1)</script> <\u00adscript>alert(1)</script>",
    "\u202e<script>alert(1)</script>\u2066",
    "＜script＞alert(1)＜/script＞ <ſcript>alert(1)</ſcript>",
    "{{ config }} {% raw %}<script>alert(1)</script>{% endraw %}",
    "https://x.example/<script>alert(1)</script>",
    'https://x.example/"onmouseover="alert(1)',
    "<a\x0chref=javascript:alert(1)>x</a>",
    "[^1]\n\n[^1]: <script>alert(1)</script>",
    "[a]\\(javascript:alert(1)) [a](\\javascript:alert(1))",
    "\\<script>alert(1)</script> \\[a](javascript:alert(1))",
)

ALLOWED = set(
    """p br hr em strong del code pre span div ul ol li blockquote h1 h2 h3 h4 h5 h6 table thead tbody tr th td dl dt dd
    a input""".split()
)
ATTRIBUTES = {"class", "id", "href", "align", "type", "disabled", "checked", "start", "title"}
SCHEMES = ("http://", "https://", "#")


class Active(HTMLParser):
    """Collects in `found` what is active in a page, and in `text` what MathJax would read."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.text = ""
        self._verbatim = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: re.sub(r"[\s\x00-\x20]", "", value or "").lower() for name, value in attrs}
        self._verbatim += tag in ("pre", "code")
        if tag not in ALLOWED:
            self.found.append(f"<{tag}>")
        for name, value in values.items():
            if name not in ATTRIBUTES and not (tag in ("th", "td") and name == "style"):
                self.found.append(f"<{tag} {name}>")
            if name == "href" and not value.startswith(SCHEMES):
                self.found.append(f"<{tag} href={value[:40]}>")
        if "mermaid" in values.get("class", ""):
            self.found.append("mermaid")

    def handle_endtag(self, tag: str) -> None:
        self._verbatim -= tag in ("pre", "code")

    def handle_comment(self, data: str) -> None:
        self.found.append("comment")

    def handle_decl(self, decl: str) -> None:
        self.found.append("declaration")

    def handle_pi(self, data: str) -> None:
        self.found.append("processing instruction")

    def handle_data(self, data: str) -> None:
        if not self._verbatim:
            self.text += data

    @property
    def commands(self) -> list[str]:
        """Commands of TeX in the text, other than ordinary notation."""
        found = re.findall(r"\\([A-Za-z]+)", self.text)
        return [command for command in found if len(command) > 1 and command not in COMMANDS]


def active(page: str) -> list[str]:
    """What is active in a piece of HTML."""
    reader = Active()
    reader.feed(page)
    reader.close()
    return reader.found + reader.commands
