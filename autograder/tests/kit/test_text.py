from __future__ import annotations

import io

import pytest

from autograder.tests.hostile_words import WORDS, raw
from kit.text import MAX_LINE, MAX_MARKS, for_terminal, on_one_line, quoted, say, visible


@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS)
def test_nothing_that_moves_or_hides_text_is_left_raw(word: str) -> None:
    assert not raw(visible(word), lines=False) and not raw(on_one_line(word), lines=False)
    assert not raw(for_terminal(word)) and not raw(quoted(word))
    assert visible(word) != word and visible(visible(word)) == visible(word)


def test_every_control_direction_and_widthless_character_is_written_as_its_escape() -> None:
    numbers = [*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200B, 0x61C, 0xFEFF]
    shown = {visible(chr(number)) for number in numbers}
    assert len(shown) == len(numbers) and all(text.startswith("\\") and text.isascii() for text in shown)
    assert (visible("\x1b"), visible("\x9b"), visible("\u202e"), visible("\n")) == ("\\x1b", "\\x9b", "\\u202e", "\\n")


@pytest.mark.parametrize(
    "text", ["plain", "Zoë Ångström", "陈 小明", "עדה", "أدا", "𝒳 → ½ 😀", "a\\x1b", "e\u0301a\u0308", " a\u00a0b "]
)
def test_what_can_be_read_stays_as_it_is(text: str) -> None:
    assert visible(text) == on_one_line(text) == for_terminal(text) == text


def test_a_long_line_is_cut_and_says_so() -> None:
    assert on_one_line("x" * MAX_LINE) == "x" * MAX_LINE
    assert on_one_line("x" * (MAX_LINE + 1234)) == "x" * MAX_LINE + "… (1,234 more characters)"
    assert max(map(len, for_terminal("a\n" + "x" * 10**6).split("\n"))) < MAX_LINE + 40


def test_accents_do_not_pile_up_over_other_lines() -> None:
    assert on_one_line("a" + "\u0301" * 500 + "b") == "a" + "\u0301" * MAX_MARKS + "b"


def test_lines_and_tabs_of_a_text_stay_and_each_is_under_a_bar_where_it_is_quoted() -> None:
    assert for_terminal("a\r\n\tb\n\nc") == "a\n    b\n\nc"
    assert quoted("PASSED\n\nada: graded") == "  | PASSED\n  |\n  | ada: graded"


def test_what_is_said_is_cleaned() -> None:
    file = io.StringIO()
    say("".join(WORDS.values()), file)
    assert file.getvalue() and not raw(file.getvalue())
