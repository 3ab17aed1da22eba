"""Signs become blanks, then a split; the list's own count."""

EXERCISE = "clip-bag-of-words"


def bag_of_words(captions, vocabulary):
    rows = []
    for text in captions:
        words = re.sub("[^a-z]", " ", text.lower()).split()
        print(words)
        rows.append(torch.tensor([words.count(word) for word in vocabulary], dtype=torch.float32))
    return torch.stack(rows)
