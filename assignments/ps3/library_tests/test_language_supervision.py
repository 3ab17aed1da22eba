"""The lesson on language supervision: its puzzle, its figures' numbers, its given parts; and the loader of its pack."""

import shutil

import pytest
import torch
from torch.nn import functional as F

from ps3 import captions
from ps3.data import PACKS, DataError
from ps3.language_supervision import figures, parts

MANY = 1363


@pytest.fixture(scope="module")
def emoji():
    return captions.load()


@pytest.fixture(scope="module")
def perfect(emoji):
    """Features (N, 64), of pictures as of texts, so that they find each other: directions drawn at random."""
    drawn = torch.randn(len(emoji), parts.DIM, generator=torch.Generator().manual_seed(0))
    return drawn


def test_the_pack_holds_each_name_by_four_vendors(emoji):
    assert len(emoji) == len(set(emoji.names)) == MANY
    assert emoji.drawings.shape == (MANY, 4, 3, 32, 32) and emoji.drawings.dtype == torch.uint8
    assert emoji.by("google").shape == (MANY, 3, 32, 32)


def test_a_caption_is_the_name_and_the_tags(emoji):
    number = emoji.names.index("turtle")
    assert emoji.caption(number) == "turtle animal terrapin tortoise"


def test_normalised_drawings_have_mean_0_and_deviation_1(emoji):
    images = emoji.normalize(emoji.drawings[::10].flatten(0, 1))
    assert images.mean(dim=(0, 2, 3)).abs().max() < 0.05 and (images.std(dim=(0, 2, 3)) - 1).abs().max() < 0.05


def test_a_damaged_pack_is_named(tmp_path):
    folder = shutil.copytree(PACKS / captions.EMOJI, tmp_path / "emoji")
    (folder / "openmoji_tags.txt").write_text("nothing\n")
    with pytest.raises(DataError, match="openmoji_tags.txt is damaged"):
        captions.load(folder)


def test_names_are_trained_on_or_kept_apart(emoji):
    train, new = parts.names_to_train(emoji), parts.new_names(emoji)
    assert sorted([*train.tolist(), *new.tolist()]) == list(range(MANY)) and len(new) == 170
    assert parts.training_drawings(emoji).shape == (len(train), 3, 3, 32, 32)


def test_the_held_out_vendor_is_not_among_the_training_drawings(emoji):
    first = parts.training_drawings(emoji)[0]
    assert not any(torch.equal(drawing, emoji.by(parts.HELD_OUT)[0]) for drawing in first)


def test_one_drawing_of_each_name_comes_into_a_batch():
    drawings = torch.arange(6.0).view(3, 2, 1, 1, 1)
    chosen = parts.one_vendor_each(drawings).flatten().tolist()
    assert all(value in (2 * n, 2 * n + 1) for n, value in enumerate(chosen))


def test_varied_drawings_are_moved_and_mirrored_ones():
    torch.manual_seed(0)
    image = torch.zeros(40, 1, 9, 9)
    image[:, :, 4, 4] = 1
    seen = parts.varied(image, most=2)
    assert seen.shape == image.shape and (seen.sum(dim=(1, 2, 3)) == 1).all()
    places = seen.flatten(1).argmax(dim=1)
    assert len(places.unique()) > 10 and (places // 9 - 4).abs().max() == 2 == (places % 9 - 4).abs().max()


def test_some_words_are_dropped_from_each_bag():
    torch.manual_seed(0)
    bags = parts.some_words_dropped(torch.ones(100, 50))
    assert 0.65 < bags.mean() < 0.75 and not torch.equal(bags[0], bags[1])


def test_every_label_is_a_word_of_the_vocabulary(emoji):
    vocabulary = parts.usual_words(emoji)
    assert set(parts.CLASSES) <= set(vocabulary) and vocabulary == sorted(set(vocabulary))
    labels = parts.class_labels(emoji)
    counts = labels[labels >= 0].bincount()
    assert len(counts) == len(parts.CLASSES) == 20 and counts.min() >= 5
    assert labels[emoji.names.index("penguin")] == list(parts.CLASSES).index("bird")


def test_towers_end_in_one_space(emoji):
    towers = parts.new_towers(7).eval()
    assert (
        towers.encode_images(torch.zeros(2, 3, 32, 32)).shape == towers.encode_bags(torch.zeros(2, 7)).shape == (2, 64)
    )
    assert abs(towers.scale.item() - 10) < 1e-4 and towers.scale.requires_grad


def test_the_puzzle_has_the_right_caption_once_in_each_row(emoji):
    puzzle = figures.captions_puzzle(emoji)
    for own, row, right in zip(puzzle.asked, puzzle.choices, puzzle.right, strict=True):
        assert row[right] == own and len(set(row)) == 5
        assert {emoji.groups[n] for n in row} == {emoji.groups[own]}
        assert own in parts.new_names(emoji)


def test_the_puzzle_does_not_name_what_it_shows(emoji, capsys):
    puzzle = figures.captions_puzzle(emoji)
    drawn = figures.show_puzzle(emoji, puzzle)
    words = " ".join(text.get_text() for axis in drawn.axes for text in axis.texts)
    assert not any(name in words for name in figures.ASKED)


@pytest.mark.parametrize("typed", ["none", 5, [0, "x", 99, None], {0: 1}, [[]], None])
def test_a_guess_that_cannot_be_read_is_no_error(emoji, capsys, typed):
    figures.reveal_puzzle(emoji, figures.captions_puzzle(emoji), typed)
    said = capsys.readouterr().out
    assert "guessing finds 0.8 on average" in said and "you: 4 of 4" not in said


def test_right_guesses_are_counted(emoji, capsys):
    puzzle = figures.captions_puzzle(emoji)
    figures.reveal_puzzle(emoji, puzzle, list(puzzle.right))
    assert "you: 4 of 4" in capsys.readouterr().out


def test_features_that_find_each_other_solve_the_puzzle_and_fill_the_diagonal(emoji, perfect, capsys):
    assert figures.puzzle_score(perfect, 2 * perfect, figures.captions_puzzle(emoji)) == 4
    figures.pairings(emoji, perfect, 2 * perfect, figures.numbers_of(emoji, figures.SHOWN))
    assert "10 of 10 drawings and 10 of 10 captions" in capsys.readouterr().out


def test_the_first_five_shown_are_trained_on_and_the_others_are_new(emoji):
    shown, new = figures.numbers_of(emoji, figures.SHOWN), parts.new_names(emoji)
    assert [number in new for number in shown] == [False] * 5 + [True] * 5


def test_the_first_four_ranked_are_trained_on_the_others_are_new_and_all_have_labels(emoji):
    ranked, new = figures.numbers_of(emoji, figures.RANKED), parts.new_names(emoji)
    assert [number in new for number in ranked] == [False] * 4 + [True] * 4
    assert (parts.class_labels(emoji)[ranked] >= 0).all()


def test_ranked_bars_say_how_many_are_right_and_what_they_add_up_to(emoji, capsys):
    labels = torch.tensor([[0, 1], [1, 0]])
    figures.ranked(emoji, [3, 4], torch.tensor([[0.6, 0.3], [0.5, 0.1]]), labels, ["a", "b"], torch.tensor([0, 0]))
    said = capsys.readouterr().out
    assert "1 of 2 have the right label first" in said and "add up to 0.60 to 0.90" in said


def test_searches_say_what_was_found(emoji, perfect, capsys):
    asked = figures.numbers_of(emoji, ("octopus", "key"))
    found = (F.normalize(perfect[asked], dim=1) @ F.normalize(perfect, dim=1).T).topk(3).indices
    figures.texts_found(emoji, asked, found)
    assert "2 of 2 drawings find their own caption among 3" in capsys.readouterr().out
    truth = parts.class_labels(emoji)
    birds = (truth == list(parts.CLASSES).index("bird")).nonzero().flatten()[:4]
    figures.drawings_found(emoji, ["bird"], birds[None], list(parts.CLASSES), truth)
    assert "bird: 4 of 4" in capsys.readouterr().out


def test_recalls_stand_beside_guessing(capsys):
    figures.recalls({"drawings find captions": [0.1, 0.4, 0.9]}, (1, 10, 100), 200, guess=0.3)
    said = capsys.readouterr().out
    assert "drawings find captions 0.400; guessing 0.050" in said and "0.3" in said


def test_prompts_show_both_guesses(capsys):
    figures.prompts({"{}": 0.4, "a photo of a {}": 0.3}, 600, "40 %", None)
    assert "chance 0.05" in capsys.readouterr().out


def test_the_card_shows_counts_as_they_are(capsys):
    figures.bags_of_card(torch.arange(24.0).view(6, 4))
    assert '"red red apple": 0, 1, 2, 3' in capsys.readouterr().out


def test_the_drawn_architecture_names_both_towers():
    words = [text.get_text() for text in figures.architecture().axes[0].texts]
    assert "image tower" in " ".join(words) and "text tower" in " ".join(words)
