"""What the public and the hidden tests of the lesson on units share."""

import torch
from torch.nn import functional as F

from kit import CheckFailed, Lib, assert_same, expect_tensor, expect_tuple

# --- activations ------------------------------------------------------------------------------------------------------


def network(student, name, *args, **kwargs):
    """One of the lesson's small networks, in training mode as it was built."""
    return student.build(Lib(f"ps3.visualizing_units.parts.{name}"), *args, **kwargs)


def numbered(count, height=2, width=3):
    """Images (count, 1, H, W) that hold 0, 1, 2, ... in order."""
    return torch.arange(float(count * height * width)).reshape(count, 1, height, width)


def assert_second(maps, images, what="maps", about=(), size=None):
    """Maps of the second part of `Arithmetic`, twice the pixels plus 3, or what is found by a mistake that another
    test is about: other maps of the same network, or the last `size` images alone. The dtype is left open."""
    images = images.float()
    others = [] if "part" in about else [2 * images, images + 3, -(2 * images + 3)]
    if size and "order" not in about:
        others += [(2 * images + 3)[-size:]]
    maps = expect_tensor(maps, what=what, dtype="floating")
    assert not maps.is_meta, f"{what} have a shape but no numbers"
    if any(maps.shape == other.shape and torch.allclose(maps.float(), other, atol=1e-5) for other in others):
        return
    assert_same(maps, 2 * images + 3, what=what, any_float=True)


def modes(network):
    """Of an `Arithmetic`: whether each part is in training mode."""
    return network.call("modes")


def listeners(network):
    """Of an `Arithmetic`: how many hooks listen to its parts."""
    return network.call("listeners")


def assert_modes(network, before):
    after = modes(network)
    assert before == after, f"training flags were {before} and are now {after}"


def assert_listeners(network, before=0):
    after = listeners(network)
    assert after == before, f"{before} hooks listened to the network's parts before, and {after} do so now"


def assert_first_floor(maps, weights, images, what="maps"):
    """Maps of `TwoFloors`'s first convolution, in whatever floating dtype; or what goes into it, or what comes of it
    in the end: other tests are about those."""
    maps = expect_tensor(maps, what=what, dtype="floating")
    assert not maps.is_meta, f"{what} have a shape but no numbers"
    right = written_out(weights, images)
    if any(maps.shape == other.shape and torch.allclose(maps.double(), other.double(), atol=1e-4)
           for other in (images, right["upper"].mean(dim=(2, 3)))):  # fmt: skip
        return
    assert_same(maps, right["lower.0"].float(), what=what, atol=1e-4, any_float=True)


def two_floors(rng, channels, width):
    """Weights for `TwoFloors`, float32."""

    def draw(*shape):
        return torch.rand(shape, generator=rng)

    return {
        "lower.0.weight": draw(width, channels, 3, 3) - 0.5,
        "lower.0.bias": draw(width) - 0.5,
        "lower.1.weight": draw(width) + 0.5,
        "lower.1.bias": draw(width),
        "lower.1.running_mean": draw(width) - 0.5,
        "lower.1.running_var": draw(width) + 0.5,
        "lower.1.num_batches_tracked": torch.tensor(7),
        "upper.0.weight": draw(3, width, 3, 3) - 0.5,
        "upper.0.bias": draw(3) - 0.5,
    }


def written_out(weights, images):
    """What the parts of a `TwoFloors` put out in eval mode, by name, in float64."""
    w, per_map = {name: value.double() for name, value in weights.items()}, (-1, 1, 1)
    found = {"lower.0": F.conv2d(images.double(), w["lower.0.weight"], w["lower.0.bias"], padding=1)}
    x = found["lower.0"] - w["lower.1.running_mean"].view(per_map)
    x = x / (w["lower.1.running_var"].view(per_map) + 1e-5).sqrt()
    found["lower.1"] = x * w["lower.1.weight"].view(per_map) + w["lower.1.bias"].view(per_map)
    found["lower"] = found["lower.2"] = found["lower.1"]  # Dropout does nothing in eval mode
    found["upper.0"] = F.conv2d(found["lower"], w["upper.0.weight"], w["upper.0.bias"], stride=2, padding=1)
    found["upper"] = found["upper.1"] = found["upper.0"].clamp(min=0)
    return found


# --- receptive_field --------------------------------------------------------------------------------------------------


def seen(layers, places):
    """The places that are seen along one direction, by a slow loop over all of them."""
    places = set(places)
    for width, step, border in layers[::-1]:
        places = {place * step - border + offset for place in places for offset in range(width)}
    return places


def box_of(layers, row, column):
    """(top, left, bottom, right), half-open."""
    rows, columns = seen(layers, [row]), seen(layers, [column])
    return min(rows), min(columns), max(rows) + 1, max(columns) + 1


def walked(layers, place, kernel_of=lambda k: k, step=lambda s, at: at * s, shift=lambda p, s: p, ahead=0):
    """(first, last + 1) along one direction, each layer's part exchanged for another: a mistake."""
    first, last = place, place + ahead
    for width, stride, border in layers[::-1]:
        first = step(stride, first) - shift(border, stride)
        last = step(stride, last) - shift(border, stride) + kernel_of(width) - 1
    return first, last + 1 - ahead


def both(layers, row, column, **exchanged):
    (top, bottom), (left, right) = (walked(layers, place, **exchanged) for place in (row, column))
    return top, left, bottom, right


def boxes(layers, row, column):
    """For each property, the boxes that are found where it alone is missed."""
    top, left, bottom, right = true = box_of(layers, row, column)
    reach = sum(kernel - 1 for kernel, _, _ in layers)  # of the box, where kernels are added and strides forgotten
    return {
        "padding": [
            both(layers, row, column, shift=lambda p, s: 0),
            both(layers, row, column, shift=lambda p, s: -p),
            both(layers, row, column, shift=lambda p, s: p * s),
            both(layers, row, column, shift=lambda p, s: 2 * p),
        ],
        "strides": [
            both(layers, row, column, step=lambda s, at: at),
            both(layers, row, column, step=lambda s, at: at + s),
            both(layers, row, column, step=lambda s, at: at + s - 1),
            (top, left, top + reach + 1, left + reach + 1),
            both(layers, row, column, ahead=1),
        ],
        "order": [box_of(layers[::-1], row, column)],
        "ends": [(top, left, bottom - 1, right - 1), (top, left, bottom + 1, right + 1)],
        "kernels": [both(layers, row, column, kernel_of=lambda k: k + 1)],
        "sides": [
            box_of(layers, column, row),
            box_of(layers, row, row),
            (left, top, right, bottom),
            (top, bottom, left, right),
        ],
        "size": [(top, left, bottom - top, right - left)],
        "outside": [(max(top, 0), max(left, 0), max(bottom, 0), max(right, 0)), (max(top, 0), max(left, 0), *true[2:])],
    }


def four(value, what):
    """Four whole numbers, of whatever kind they are."""
    found = []
    for part in expect_tuple(value, 4, what=what):
        if isinstance(part, torch.Tensor):
            part = expect_tensor(part, what=what, shape=()).item()
        whole = isinstance(part, (int, float)) and not isinstance(part, bool) and part == part // 1
        assert whole, f"{what}: expected four whole numbers, one is {part!r:.60}"
        found.append(int(part))
    return tuple(found)


def assert_box(student, layers, row, column, about, what="the box"):
    """The true box, or one with a mistake that another test is about."""
    given = [tuple(layer) for layer in layers]
    found, true = four(student.receptive_field(given, row, column), what), box_of(layers, row, column)
    excused = (box for name, wrong in boxes(layers, row, column).items() if name not in about for box in wrong)
    if found == true or found in excused:
        return
    raise CheckFailed(f"{what} of unit ({row}, {column}) after {layers}: yours {found}, expected {true}")


# --- strongest --------------------------------------------------------------------------------------------------------


def ranked(maps):
    """[(highest value, image, row, column), ...], highest first, by a slow loop."""
    found = []
    for image, rows in enumerate(maps.tolist()):
        best = max((value, -r, -c) for r, row in enumerate(rows) for c, value in enumerate(row))
        found.append((best[0], image, -best[1], -best[2]))
    return sorted(found, reverse=True)


def winners_by_mistake(maps, k):
    """For each property, the rows (image, row, column) that are found where it alone is missed."""
    height, width = maps.shape[1:]
    by_value = [row[1:] for row in ranked(maps)]
    place = {image: (row, column) for image, row, column in by_value}

    def of(images):
        return [(image, *place[image]) for image in images]

    def by(scores):
        return of(sorted(range(len(maps)), key=scores.tolist().__getitem__, reverse=True)[:k])

    cells = [(value, n, r, c) for n, rows in enumerate(maps.tolist()) for r, row in enumerate(rows)
             for c, value in enumerate(row)]  # fmt: skip
    flat = [(image, row * width + column) for image, row, column in by_value[:k]]
    return {
        "maximum": [by(score(maps.flatten(1), dim=1)) for score in (torch.mean, torch.norm)],
        "highest": [by_value[::-1][:k], by(-maps.flatten(1).amax(dim=1)), by(maps.abs().flatten(1).amax(dim=1))],
        "order": [by_value[:k][::-1], sorted(by_value[:k]), by_value],
        "once": [[row[1:] for row in sorted(cells, reverse=True)[:k]]],
        "places": [
            [(image, column, row) for image, row, column in by_value[:k]],
            [(image, at // height, at % height) for image, at in flat],
            [(image, at % height, at // height) for image, at in flat],
        ],
        "whose": [[(image, *place[n]) for n, (image, _, _) in enumerate(by_value[:k])]],
    }


def assert_winners(parts, maps, k, about, what="strongest"):
    """Images, rows and columns are right, or have a mistake that another test is about; whole numbers of any dtype."""
    parts = [expect_tensor(part, what=what) for part in expect_tuple(parts, 3, what=what)]
    assert not any(part.is_meta for part in parts), f"{what}: the results have shapes but no numbers"
    sizes = [tuple(part.shape) for part in parts]
    assert all(len(size) == 1 for size in sizes) and len(set(sizes)) == 1, f"{what}: results of shapes {sizes}"
    found, right = list(zip(*(part.tolist() for part in parts), strict=True)), [row[1:] for row in ranked(maps)[:k]]
    excused = [rows for name, wrong in winners_by_mistake(maps, k).items() if name not in about for rows in wrong]
    if found == right or found in excused:
        return
    assert len(found) == k, f"{what}: expected {k} images, got {len(found)}"
    n = next(n for n in range(k) if found[n] != right[n])
    yours, wanted = (f"image {row[0]:g}, row {row[1]:g}, column {row[2]:g}" for row in (found[n], right[n]))
    raise CheckFailed(f"{what}, place {n}: yours {yours}; expected {wanted}")


# --- class_share ------------------------------------------------------------------------------------------------------


def most_frequent(labels):
    """(share, label)."""
    label = max(sorted(set(labels)), key=labels.count)
    return labels.count(label) / len(labels), label


def shares_by_mistake(scores, labels, k):
    """For each property, the pairs (share, label) that are found where it alone is missed."""
    order = sorted(range(len(scores)), key=scores.tolist().__getitem__)
    every = labels.tolist()
    top = [every[n] for n in order[::-1][:k]]
    share, label = most_frequent(top)
    of_set = most_frequent(every)[1]
    by_size = sorted(range(len(scores)), key=scores.abs().tolist().__getitem__, reverse=True)[:k]
    return {
        "kinds": [(100 * share, label), (k * share, label)],
        "highest": [
            most_frequent(part) for part in ([every[n] for n in order[:k]], every[:k], [every[n] for n in by_size])
        ],  # fmt: skip
        "the k": [
            most_frequent(every),
            (top.count(of_set) / k, of_set),
            (top.count(top[0]) / k, top[0]),
            (share * k / len(every), label),
            (share * k / every.count(label), label),
        ],
        "labels": [(share, sorted(set(top)).index(label)), (share, sorted(set(every)).index(label))],
        "sides": [(label, share)],
    }


def pair(value, what="class_share"):
    """Share and label as plain numbers, of whatever kind they are; other tests are about that."""
    return tuple(_plain(part, what) for part in expect_tuple(value, 2, what=what))


def _plain(part, what):
    if isinstance(part, torch.Tensor):
        tensor = expect_tensor(part, what=what)
        assert tensor.numel() == 1 and not tensor.is_meta, f"{what}: a tensor of shape {tuple(tensor.shape)}"
        part = tensor.item()
    assert isinstance(part, (int, float)), f"{what}: expected a number, got a {type(part).__name__}"
    return float(part)


def assert_share(value, scores, labels, k, about, what="class_share"):
    """Share and label are right, or have a mistake that another test is about."""
    order = sorted(range(len(scores)), key=scores.tolist().__getitem__, reverse=True)[:k]
    found, right = pair(value, what), most_frequent([labels.tolist()[n] for n in order])
    excused = [
        two for name, wrong in shares_by_mistake(scores, labels, k).items() if name not in about for two in wrong
    ]
    if any(abs(found[0] - two[0]) < 1e-5 and abs(found[1] - two[1]) < 1e-5 for two in (right, *excused)):
        return
    yours, wanted = (f"share {two[0]:.4g}, label {two[1]:g}" for two in (found, right))
    raise CheckFailed(f"{what}: yours {yours}; expected {wanted}")


def told_apart(rng, dtype=torch.float32):
    """Ranks (25,), labels and k = 6: the six highest are mostly of class 3, the lowest of 2, the whole set of 0."""
    labels = torch.tensor([2] * 5 + [0] * 14 + [3, 3, 0, 3, 3, 0])
    order = torch.randperm(25, generator=rng)
    return torch.arange(25, dtype=dtype)[order], labels[order], 6


def drawn_set(rng, count, classes, k, dtype=torch.float32):
    """Scores and labels (count,) without ties; no class holds all of the k highest, unless k is 1."""
    while True:
        scores = torch.linspace(-2, 2, count, dtype=dtype)[torch.randperm(count, generator=rng)]
        labels = torch.tensor(classes)[torch.randint(0, len(classes), (count,), generator=rng)]
        counts = sorted(labels[scores.argsort(descending=True)[:k]].unique(return_counts=True)[1].tolist())
        if k == 1 or (len(counts) > 1 and counts[-1] > counts[-2]):
            return scores, labels
