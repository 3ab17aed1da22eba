"""Code of students that works at grading, or is refused there: tried in the real worker and in the check at home.

Each defines `go(x)`, which of a 2 x 2 tensor of ones gives one of twos.
"""

from torch import Tensor, ones

from kit.student import Student

PACKAGES = ("einops", "tqdm")
_LOADER = "from torch.utils.data import DataLoader, TensorDataset\n"
_LOAD = "def go(x): return 2 * torch.cat([batch for batch, in DataLoader(TensorDataset(x), {})])"
_RUN = "def double(row): return 2 * row\n"
_INSPECT = "import inspect\n"
_SEEN = "def go(x): return 2 * x * ({1!r} in inspect.getsource({0}))"

WORKS = {
    "a loader with workers": _LOADER + _LOAD.format("num_workers=2"),
    "a loader with all of workers": _LOADER
    + _LOAD.format(
        "1, num_workers=2, persistent_workers=True, prefetch_factor=4, timeout=9, multiprocessing_context='spawn'"
    ),
    "workers by position": _LOADER + _LOAD.format("1, False, None, None, 2"),
    "a loader of the student's own class": _LOADER
    + "class Own(DataLoader):\n  def __init__(self, x): super().__init__(TensorDataset(x), num_workers=3)\n"
    + "def go(x): return 2 * torch.cat([batch for batch, in Own(x)])",
    "pinned memory": _LOADER + _LOAD.format("pin_memory=True"),
    "compile as a decorator": "@torch.compile\ndef go(x): return 2 * x",
    "compile with options": "@torch.compile(mode='max-autotune', fullgraph=True)\ndef go(x): return 2 * x",
    "compile as a function": _RUN + "go = torch.compile(double)",
    "compile by another name": "from torch import compile as quick\n@quick\ndef go(x): return 2 * x",
    "a compiled module": "def go(x): return torch.compile(torch.nn.Identity())(x) * 2",
    "a module that compiles itself": "def go(x):\n  net = torch.nn.Identity()\n  net.compile()\n  return 2 * net(x)",
    "script as a decorator": "@torch.jit.script\ndef go(x):\n  return 2 * x",
    "a scripted module": "class Net(torch.nn.Module):\n  def forward(self, x):\n    return 2 * x\n"
    "def go(x): return torch.jit.script(Net())(x)",
    "trace": _RUN + "def go(x): return torch.jit.trace(double, x)(x)",
    "cuda if there is one": "def go(x):\n  return 2 * (x.cuda() if torch.cuda.is_available() else x)",
    "a device": "D = torch.device('cuda' if torch.cuda.is_available() else 'cpu')\ndef go(x): return 2 * x.to(D)",
    "autocast": "def go(x):\n  with torch.amp.autocast('cpu', enabled=False): return x @ x",
    "autocast for cuda": "def go(x):\n  with torch.amp.autocast('cuda', enabled=False): return x @ x",
    "its own source": "import inspect\ndef go(x):\n  return 2 * x * ('return' in inspect.getsource(go))",
    "the source of a class": _INSPECT + "class Net:\n  factor = 2\n" + _SEEN.format("Net", "factor = 2"),
    "the source of a class within": _INSPECT
    + "class Net:\n  class Part:\n    factor = 2\n" + _SEEN.format("Net.Part", "factor = 2"),
    "the source of a class in a function": _INSPECT
    + "def make():\n  class Part:\n    factor = 2\n  return Part\n" + _SEEN.format("make()", "factor = 2"),
    "the source of a data class": _INSPECT + "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Net:\n"
    + "  factor: int = 2\n" + _SEEN.format("Net", "@dataclass(frozen=True)"),
    "the source of a class defined twice": _INSPECT
    + "class Net:\n  factor = 1\nclass Net:\n  factor = 2\n" + _SEEN.format("Net", "factor = 2"),
    "the source of a method": _INSPECT
    + "class Net:\n  def forward(self): return 2\n" + _SEEN.format("Net.forward", "return 2"),
    "the source of a lambda": _INSPECT + "double = lambda x: 2 * x\n" + _SEEN.format("double", "lambda x: 2 * x"),
    "the source of a class of torch": _INSPECT + _SEEN.format("torch.nn.Linear", "class Linear"),
    "the file of a class": _INSPECT
    + "class Net: pass\ndef go(x): return 2 * x * (inspect.getfile(Net) == go.__code__.co_filename)",
    "a pool": "import multiprocessing\n" + _RUN
    + "def go(x):\n  with multiprocessing.Pool(2) as pool: return torch.stack(pool.map(double, list(x)))",
    "a pool by name": "from multiprocessing import Pool\n" + _RUN
    + "def go(x):\n  with Pool() as pool: return torch.stack(pool.starmap(double, [(row,) for row in x]))",
    "torch's pool": "import torch.multiprocessing as mp\n" + _RUN
    + "def go(x):\n  with mp.Pool(2) as pool: return torch.stack(list(pool.imap(double, x)))",
    "a pool of a context": "import multiprocessing\n" + _RUN
    + "def go(x):\n  pool = multiprocessing.get_context('fork').Pool(1)\n  return pool.apply_async(double, (x,)).get()",
    "a process pool executor": "from concurrent.futures import ProcessPoolExecutor\n" + _RUN
    + "def go(x):\n  with ProcessPoolExecutor(2) as pool: return torch.stack(list(pool.map(double, x)))",
    "a submitted task": "import concurrent.futures\n" + _RUN
    + "def go(x): return concurrent.futures.ProcessPoolExecutor().submit(double, x).result()",
    "threads": "from concurrent.futures import ThreadPoolExecutor\n" + _RUN
    + "def go(x):\n  with ThreadPoolExecutor(2) as pool: return torch.stack(list(pool.map(double, x)))",
    "a thread": "import threading\n" + _RUN + "def go(x):\n  found = []\n"
    + "  thread = threading.Thread(target=lambda: found.append(double(x)))\n  thread.start()\n  thread.join()\n"
    + "  return found[0]",
    "a folder": "import os\nos.makedirs('out/deep', exist_ok=True)\ndef go(x): return 2 * x",
    "a stream in memory": "import io\ndef go(x):\n  memory = io.BytesIO()\n  torch.save(x, memory)\n"
    + "  memory.seek(0)\n  return 2 * torch.load(memory)",
    "a figure in memory": "import io\nimport matplotlib.pyplot as plt\ndef go(x):\n"
    + "  plt.figure().savefig(io.BytesIO())\n  plt.close('all')\n  return 2 * x",
    "a file in memory": "import tempfile\ndef go(x):\n  with tempfile.SpooledTemporaryFile(1_000_000) as file:\n"
    + "    return x * file.write(b'22')",
    "a database in memory": "import sqlite3\ndef go(x):\n"
    + "  return x * sqlite3.connect(':memory:').execute('select 2').fetchone()[0]",
    "the null device": "import os\ndef go(x):\n  with open(os.devnull, 'w') as file: print(x, file=file)\n"
    + "  return 2 * x",
    "a number of threads": "torch.set_num_threads(1)\ndef go(x): return 2 * x",
    "a number of threads between calls": "torch.set_num_interop_threads(2)\ndef go(x): return 2 * x",
    "print": "def go(x):\n  print(x, flush=True)\n  return 2 * x",
    "display": "def go(x):\n  display(x)\n  return 2 * x",
    "IPython's display": "from IPython.display import display\ndef go(x):\n  display(x)\n  return 2 * x",
    "the shell": "get_ipython().run_line_magic('matplotlib', 'inline')\ndef go(x): return 2 * x",
    "a main program": "def go(x): return 2 * x\nif __name__ == '__main__': result = go(torch.ones(1))",
    "a figure": "import matplotlib.pyplot as plt\ndef go(x):\n  plt.plot([1])\n  plt.close('all')\n  return 2 * x",
    "einops": "from einops import rearrange\ndef go(x): return 2 * rearrange(x, 'a b -> b a')",
    "a layer of einops": "from einops.layers.torch import Rearrange\ndef go(x): return 2 * Rearrange('a b -> b a')(x)",
    "a bar of tqdm": "from tqdm.auto import tqdm\ndef go(x): return torch.stack([2 * row for row in tqdm(x)])",
    "a bar that is not used": "from tqdm.notebook import trange\ndef go(x): return 2 * x",
}  # fmt: skip

# Code, the error, and what it says in both places.
REFUSED = {
    "a process": ("from multiprocessing import Process\ndef go(x): Process(target=print).start()",
                  "PermissionError", "Operation not permitted"),
    "torch's process": ("import torch.multiprocessing as mp\ndef go(x): mp.Process(target=print).start()",
                        "PermissionError", "Operation not permitted"),
    "a fork": ("import os\ndef go(x): os.fork()", "PermissionError", "Operation not permitted"),
    "a program": ("import subprocess\ndef go(x): subprocess.run(['nvidia-smi'])",
                  "PermissionError", "Operation not permitted"),
    "its output": ("import subprocess\ndef go(x): subprocess.check_output('ls')",
                   "PermissionError", "Operation not permitted"),
    "the network": ("from urllib.request import urlopen\ndef go(x): urlopen('http://example.org')",
                    "URLError", "Temporary failure in name resolution"),
    "a question": ("def go(x): return input('?')", "EOFError", "EOF when reading a line"),
    "a file beside it": ("def go(x): return open('notes.txt').read()",
                         "FileNotFoundError", "No such file or directory"),
    "a path beside it": ("from pathlib import Path\ndef go(x): return Path('notes.txt').read_text()",
                         "FileNotFoundError", "No such file or directory"),
    "weights beside it": ("def go(x): return torch.load('notes.txt')",
                          "FileNotFoundError", "No such file or directory"),
    "a file to write": ("def go(x): open('out.txt', 'w')", "OSError", "Read-only file system"),
    "a figure to write": ("import matplotlib.pyplot as plt\ndef go(x): plt.figure().savefig('a.png')",
                          "OSError", "Read-only file system"),
    "weights to write": ("def go(x): torch.save(x, 'a.pt')", "RuntimeError", "Read-only file system"),
    "bytes to write": ("from pathlib import Path\ndef go(x): Path('a.txt').write_bytes(b'2')",
                       "OSError", "Read-only file system"),
    "a file to add to": ("def go(x): open('/notes.txt', 'a')", "OSError", "Read-only file system"),
    "an array to write": ("import numpy as np\ndef go(x): np.save('a.npy', x.numpy())",
                          "OSError", "Read-only file system"),
    "arrays to write": ("import numpy as np\ndef go(x): np.savez('a.npz', x=x.numpy())",
                        "OSError", "Read-only file system"),
    "a descriptor to write": ("import os\ndef go(x): os.open('a.txt', os.O_WRONLY | os.O_CREAT)",
                              "OSError", "Read-only file system"),
    "a file to remove": ("import os\ndef go(x): os.remove('notes.txt')", "PermissionError", "Operation not permitted"),
    "a file to rename": ("from pathlib import Path\ndef go(x): Path('notes.txt').rename('other.txt')",
                         "PermissionError", "Operation not permitted"),
    "a temporary file": ("import tempfile\ndef go(x): tempfile.TemporaryFile()",
                         "FileNotFoundError", "No usable temporary directory"),
    "a temporary file with a name": ("from tempfile import NamedTemporaryFile\ndef go(x): NamedTemporaryFile()",
                                     "FileNotFoundError", "No usable temporary directory"),
    "a temporary folder": ("import tempfile\ndef go(x):\n  with tempfile.TemporaryDirectory(): pass",
                           "FileNotFoundError", "No usable temporary directory"),
    "the temporary folder": ("import tempfile\nFOLDER = tempfile.gettempdir()\ndef go(x): return x",
                             "FileNotFoundError", "No usable temporary directory"),
    "a large file in memory": ("import tempfile\ndef go(x):\n  with tempfile.SpooledTemporaryFile(1) as file:\n"
                               "    file.write(b'22')", "FileNotFoundError", "No usable temporary directory"),
    "a database": ("import sqlite3\ndef go(x): sqlite3.connect('a.db')",
                   "OperationalError", "unable to open database file"),
    "an event loop": ("import asyncio\nasync def two(x): return 2 * x\ndef go(x): return asyncio.run(two(x))",
                      "PermissionError", "Operation not permitted"),
    "a command": ("import os\ndef go(x): os.system('true')", "PermissionError", "Operation not permitted"),
    "a socket": ("import socket\ndef go(x): socket.socket()", "PermissionError", "Operation not permitted"),
    "a pair of sockets": ("import socket\ndef go(x): socket.socketpair()",
                          "PermissionError", "Operation not permitted"),
    "a server": ("import socket\ndef go(x): socket.create_server(('127.0.0.1', 0))",
                 "PermissionError", "Operation not permitted"),
    "its file's name": ("def go(x): return __file__", "NameError", "name '__file__' is not defined"),
}  # fmt: skip


def result(student: Student, code: str) -> Tensor:
    """Load the code as a cell, and what its `go` gives. Raises StudentError."""
    (error,) = student.load_cells([("demo", f"import torch\n{code}")], packages=PACKAGES)
    if error is not None:
        raise error
    found: Tensor = student.go(ones(2, 2))
    return found
