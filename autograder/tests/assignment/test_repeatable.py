"""Tests may not use what is another at their next run; under whatever name they reach it."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.assignment.repeatable import chances
from autograder.build import build
from autograder.errors import CourseError
from autograder.tests import tiny
from autograder.verify.verify import plan_from_sources

ONCE = "def test_it(student, rng):\n    "


def found(tmp_path: Path, code: str) -> list[str]:
    path = tmp_path / "test_public.py"
    path.write_text(code)
    return [f"{chance.line}: {chance.text}" for chance in chances(path)]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import time\nstart = time.time()", "2: time.time reads or waits for the clock"),
        ("import time as t\nx = t.perf_counter()", "2: time.perf_counter"),
        ("from time import monotonic as now\nx = now()", "2: time.monotonic"),
        ("from time import sleep\nsleep(1)", "2: time.sleep"),
        ("import time\nx = sorted([1], key=time.time)", "2: time.time"),
        ("import datetime\nx = datetime.datetime.now()", "2: datetime.datetime.now is another date"),
        ("from datetime import datetime as D\nx = D.utcnow()", "2: datetime.datetime.utcnow"),
        ("from datetime import date\nx = date.today()", "2: datetime.date.today"),
        ("import random\nx = random.randint(1, 6)", "2: random.randint draws from Python's own generator"),
        ("from random import choice\nx = choice('ab')", "2: random.choice"),
        ("import random\nx = random.Random()", "2: random.Random without a seed"),
        ("import random\nx = random.Random(None)", "2: random.Random without a seed"),
        ("import random\nx = random.SystemRandom()", "2: random.SystemRandom"),
        ("from random import *", "1: from random import *: import by name"),
        ("import numpy as np\nx = np.random.rand(3)", "2: numpy.random.rand draws from numpy's own generator"),
        ("from numpy.random import randn as draw\nx = draw(3)", "2: numpy.random.randn"),
        ("import numpy.random as r\nx = r.default_rng()", "2: numpy.random.default_rng without a seed"),
        ("from numpy import random\nx = random.RandomState()", "2: numpy.random.RandomState without a seed"),
        ("import numpy as np\nx = np.random.default_rng(seed=None)", "2: numpy.random.default_rng without a seed"),
        ("import torch\nx = torch.rand(2, 3)", "2: torch.rand draws from torch's own generator"),
        ("from torch import randn as r\nx = r(3)", "2: torch.randn"),
        ("import torch\ndraw = torch.randint\nx = draw(0, 9, (3,))", "3: torch.randint"),
        ("import torch\nx = getattr(torch, 'randperm')(5)", "2: torch.randperm"),
        ("import importlib\nx = importlib.import_module('torch').rand(3)", "2: torch.rand"),
        ("import torch\nx = torch.rand(3, generator=None)", "2: torch.rand"),
        ("import torch\nx = torch.bernoulli(torch.ones(3) / 2)", "2: torch.bernoulli"),
        ("import torch\nx = torch.multinomial(torch.ones(3), 1)", "2: torch.multinomial"),
        ("import torch\nx = torch.empty(3).uniform_()", "2: .uniform_ draws"),
        ("import torch.nn.functional as F\nx = F.dropout(y)", "2: torch.nn.functional.dropout"),
        ("from torch import nn\nx = nn.Linear(2, 3)", "2: torch.nn.Linear draws its weights"),
        ("from torch import nn\nnn.init.normal_(weight)", "2: torch.nn.init.normal_"),
        ("import torch\nx = torch.Generator()", "2: torch.Generator() has no seed"),
        ("import torch\ntorch.seed()", "2: torch.seed"),
        ("from torch.utils.data import DataLoader\nx = DataLoader(y, shuffle=True)", "2: torch.utils.data.DataLoader"),
        ("import uuid\nx = uuid.uuid4()", "2: uuid.uuid4"),
        ("import secrets\nx = secrets.token_hex()", "2: secrets.token_hex"),
        ("import os\nx = os.urandom(3)", "2: os.urandom"),
        ("from os import getpid\nx = getpid()", "2: os.getpid"),
        ("x = id(y)", "1: id(…) is another number"),
        ("x = hash('text')", "1: hash(…) is another number"),
        ("x = list(map(hash, words))", "1: hash(…) is another number"),
        ("for word in {'a', 'b'}:\n    pass", "1: the order of a set"),
        ("x = list(set(words))", "1: the order of a set"),
        ("x = [word for word in set(words)]", "1: the order of a set"),
        ("x = ' '.join({word for word in words})", "1: the order of a set"),
    ],
)
@pytest.mark.parametrize("inside", [False, True])
def test_what_is_another_at_the_next_run_is_found_with_its_line(
    tmp_path: Path, code: str, said: str, inside: bool
) -> None:
    if inside:  # of a function, with what it imports
        code = ONCE + code.replace("\n", "\n    ")
        said = f"{int(said.partition(':')[0]) + 1}:{said.partition(':')[2]}"
    (line,) = dict.fromkeys(found(tmp_path, code))
    assert line.startswith(said)


@pytest.mark.parametrize(
    "code",
    [
        "import random\nx = random.Random(3).choice('ab')",
        "import random\nrandom.seed(3)\nx = random.random()",
        "import numpy as np\nx = np.random.default_rng(3).normal(size=3)",
        "import numpy as np\nnp.random.seed(1)\nx = np.random.rand(3)",
        "import torch\nx = torch.rand(3, generator=rng)",
        "import torch\nx = torch.empty(3).normal_(generator=rng)",
        "import torch\nx = torch.rand(3, generator=torch.Generator().manual_seed(3))",
        "import torch\ng = torch.Generator()\ng.manual_seed(3)\nx = torch.rand(3, generator=g)",
        "import torch\ntorch.manual_seed(3)\nx, y = torch.rand(3), torch.nn.Linear(2, 3)",
        "import torch.nn.functional as F\nx = F.dropout(y, training=False)",
        "from datetime import datetime\nx = datetime(2024, 2, 29)",
        "from torch.utils.data import DataLoader\nx = DataLoader(y, batch_size=3)",
        "x = rng.random(), student.id(3), student.time()",
        "def hash(text):\n    return 3\nx = hash('text')",
        "for word in sorted({'a', 'b'}):\n    pass",
        "for number in {1, 2}:\n    pass",
        "x = len(set(words)), set(words) == {'a'}, 'a' in set(words)",
    ],
)
@pytest.mark.parametrize("inside", [False, True])
def test_what_is_the_same_at_every_run_is_left_alone(tmp_path: Path, code: str, inside: bool) -> None:
    assert found(tmp_path, ONCE + code.replace("\n", "\n    ") if inside else code) == []


def test_a_seed_counts_in_its_own_test_and_from_its_line_on(tmp_path: Path) -> None:
    one = "def test_one():\n    x = torch.rand(1)\n    torch.manual_seed(3)\n    y = torch.rand(1)\n"
    two = "def test_two():\n    x = torch.rand(1)\n"
    found_lines = [line.partition(":")[0] for line in found(tmp_path, f"import torch\n{one}{two}")]
    assert found_lines == ["3", "7"]


@pytest.mark.parametrize("file", ["test_public.py", "test_hidden.py", "test_helpers.py"])
def test_build_and_verify_refuse_such_a_test_and_say_where_and_what_to_write(tmp_path: Path, file: str) -> None:
    folder = tiny.write(tmp_path)
    path = folder / tiny.PROBLEM / file
    path.write_text(path.read_text() + "\n\nDRAWN = torch.rand(3)\n")
    for prove in (lambda: build.build(tiny.NAME, tmp_path), lambda: plan_from_sources(load(tmp_path), seed=3)):
        with pytest.raises(CourseError) as refused:
            prove()
        line = len(path.read_text().splitlines())
        assert str(refused.value).startswith(f"assignments/tinyset/scaling/{file}:{line}: torch.rand draws from ")
        assert "pass generator=rng" in str(refused.value)
    assert not (tmp_path / "release").exists()


def load(root: Path) -> Assignment:
    return load_assignment(tiny.NAME, root)
