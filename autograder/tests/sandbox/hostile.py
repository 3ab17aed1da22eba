"""What a hostile submission may try in its worker, and what must come of it: the rows of the threat table, as code.

Each attempt is a cell that a student could hand in; it defines `attempt()`, which a test then calls, unless it strikes
while it is loaded. The names CANARY, TESTS, REPOSITORY and SECRET are there: what a student would guess at.
Threats: 1 tampering, 2 looking, 3 leaving, 4 exhausting, 5 talking.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kit.student import StudentCrashed, StudentTimeout
from kit.wire import WireError


@dataclass(frozen=True)
class Raises:
    """The call ends in this exception, and its text contains `text`. A name: of the student's own exception."""

    error: type[Exception] | str
    text: str = ""


@dataclass(frozen=True)
class Attempt:
    """A cell and its outcome: a value that `attempt()` must return, or how it must end."""

    threat: int
    name: str
    source: str
    outcome: Any

    def __str__(self) -> str:
        return f"{self.threat}-{self.name}".replace(" ", "-")


DENIED = Raises("PermissionError")
READ_ONLY = Raises("OSError", "Read-only file system")
NOT_THERE = Raises("FileNotFoundError")

# Calls by number, tried from native code: all must fail with EPERM (1).
_RAW_CALLS = """
import ctypes, platform
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
# x86_64, aarch64; one number where they agree
CALLS = {
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "keyctl": (250, 219),
    "add_key": (248, 217), "request_key": (249, 218), "seccomp": (317, 277), "personality": (135, 92),
    "open_by_handle_at": (304, 265), "shmget": (29, 194), "semget": (64, 190), "msgget": (68, 186),
    "mq_open": (240, 180), "memfd_create": (319, 279), "socket": (41, 198), "socketpair": (53, 199),
    "execve": (59, 221), "execveat": (322, 281), "rt_sigqueueinfo": (129, 138), "tkill": (200, 130),
    "prctl dumpable": (157, 167), "init_module": (175, 105), "kexec_load": (246, 104), "reboot": (169, 142),
    "sched_setaffinity": (203, 122), "setpriority": (141, 140), "inotify_init1": (294, 26), "pipe2": (293, 59),
    "truncate": (76, 45), "ftruncate": (77, 46), "fchmod": (91, 52), "mkdirat": (258, 34), "unlinkat": (263, 35),
    "setuid": (105, 146), "capset": (126, 91), "syslog": (103, 116), "flock": (73, 32),
    "io_uring_setup": 425, "pidfd_send_signal": 424, "pidfd_open": 434, "pidfd_getfd": 438, "clone3": 435,
    "process_madvise": 440, "mount_setattr": 442, "landlock_create_ruleset": 444, "memfd_secret": 447,
    "openat2": 437, "fsopen": 430, "move_mount": 429, "process_mrelease": 448,
}
def attempt():
    column = ("x86_64", "aarch64").index(platform.machine())
    allowed = []
    for name, number in CALLS.items():
        number = number if isinstance(number, int) else number[column]
        ctypes.set_errno(0)
        arguments = (4, 1, 0, 0, 0) if name.startswith("prctl") else (0, 0, 0, 0, 0)
        result = libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments))
        refused = 38 if name == "clone3" else 1
        if result != -1 or ctypes.get_errno() != refused:
            allowed.append(name)
    return allowed
"""

# A student's code that finds the worker's socket and writes on it by itself.
_WRITES = """
import json, os, struct
def frame(header, body=b"", length=None):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    data = struct.pack(">I", len(header)) + header + body
    return struct.pack(">Q", len(data) if length is None else length) + data
def reply(value):
    fields = [["status", "ok"], ["value", value], ["flags", {"k": "list", "v": []}], ["unchanged", True],
              ["modes", {"k": "list", "v": []}]]
    return {"k": "dict", "v": fields}
def tensor(dtype, shape):
    return {"k": "tensor", "d": dtype, "s": shape}
def say(data):
    os.write(3, data)
    os.read(3, 1)  # never another word
"""


def _says(expression: str) -> str:
    return f"{_WRITES}\ndef attempt():\n    say({expression})\n"


ATTEMPTS = (
    # 1 tampering: nothing that is changed here is changed where the answer is judged
    Attempt(
        1,
        "raises a BaseException",
        "class Nothing(BaseException): pass\ndef attempt(): raise Nothing('x')",
        Raises("", "Nothing in cell hostile"),
    ),
    Attempt(
        1, "swallows every exception", "def attempt():\n  try: raise SystemExit\n  except BaseException: return 1", 1
    ),
    Attempt(
        1,
        "an exception whose text fails",
        "class Bad(ValueError):\n  def __str__(self): raise SystemExit\ndef attempt(): raise Bad()",
        Raises("ValueError", "Bad"),
    ),
    Attempt(1, "traces every line", "import sys\nsys.settrace(lambda *a: None)\ndef attempt(): return 2", 2),
    Attempt(
        1, "fakes modules", "import sys\nsys.modules['torch'] = sys.modules['json'] = None\ndef attempt(): return 3", 3
    ),
    Attempt(
        1,
        "replaces the service's answers",
        "import kit.far_side\nkit.far_side.Service.answer = lambda self, frame: b'full marks'\ndef attempt(): return 1",
        Raises(WireError),
    ),
    Attempt(
        1,
        "replaces the encoder",
        "import kit.far_side\nkit.far_side.encode = lambda message: 'full marks'\ndef attempt(): return 1",
        Raises(StudentCrashed, "exited with code 71"),
    ),
    # 2 looking
    Attempt(2, "reads a file outside", "def attempt(): return open(CANARY).read()", NOT_THERE),
    Attempt(2, "reads the tests", "def attempt(): return open(TESTS).read()", NOT_THERE),
    Attempt(2, "lists the repository", "import os\ndef attempt(): return os.listdir(REPOSITORY)", NOT_THERE),
    Attempt(2, "asks whether a file exists", "import os\ndef attempt(): return os.path.exists(TESTS)", False),
    Attempt(2, "lists the root", "import os\ndef attempt(): return os.listdir('/')", DENIED),
    Attempt(2, "lists the box", "import os\ndef attempt(): return os.listdir('/box')", DENIED),
    Attempt(2, "reads the account file", "def attempt(): return open('/etc/passwd').read()", NOT_THERE),
    Attempt(
        2,
        "reads its environment",
        "import os\ndef attempt(): return [n for n in os.environ if SECRET in n or SECRET in os.environ[n]]",
        [],
    ),
    Attempt(2, "reads the zygote's command line", "def attempt(): return open('/proc/1/cmdline').read()", NOT_THERE),
    Attempt(2, "reads the zygote's environment", "def attempt(): return open('/proc/1/environ').read()", NOT_THERE),
    Attempt(2, "reads its own memory map", "def attempt(): return open('/proc/self/maps').read()", NOT_THERE),
    Attempt(2, "reads open descriptors", "import os\ndef attempt(): return os.listdir('/proc/self/fd')", NOT_THERE),
    Attempt(
        2,
        "finds more than its socket open",
        "import errno, os\ndef attempt():\n  def is_open(n):\n    try: os.fstat(n)\n"
        "    except OSError as e: return e.errno != errno.EBADF\n"
        "    return True\n  return [n for n in range(1024) if is_open(n)]",
        [0, 1, 2, 3],
    ),
    Attempt(
        2,
        "walks the frames above",
        "import sys\ndef attempt():\n  frame, found = sys._getframe(), []\n  while frame:\n"
        "    found += [k for k, v in frame.f_locals.items() if REPOSITORY in repr(v)[:100000] and k != 'found']\n"
        "    frame = frame.f_back\n  return [k for k in found if k not in ('frame', 'source', 'request', 'self')]",
        [],
    ),
    Attempt(
        2,
        "searches every object for a path",
        "import gc\nneedle = CANARY[1:]\ndef attempt():\n"
        "  return sum(isinstance(v, str) and v.endswith(needle) and v != needle for o in gc.get_objects()\n"
        "    if type(o) is dict for v in list(o.values()) if o is not globals() and 'source' not in o)",
        0,
    ),
    Attempt(
        2,
        "imports the engine",
        "def attempt():\n  import autograder.grading\n  return autograder.grading()",
        Raises("ModuleNotFoundError"),
    ),
    Attempt(
        2,
        "imports the tests",
        "def attempt():\n  import test_hidden\n  return test_hidden()",
        Raises("ModuleNotFoundError"),
    ),
    Attempt(2, "reads a device", "def attempt(): return open('/dev/tty').read()", DENIED),
    # 3 leaving
    Attempt(3, "exits at load", "import os\nos._exit(0)", Raises(StudentCrashed, "exited with code 0")),
    Attempt(3, "exits at call", "import os\ndef attempt(): os._exit(3)", Raises(StudentCrashed, "exited with code 3")),
    Attempt(3, "raises SystemExit at load", "raise SystemExit(0)", Raises("", "SystemExit")),
    Attempt(3, "calls sys.exit", "import sys\ndef attempt(): sys.exit(0)", Raises("", "SystemExit")),
    Attempt(
        3,
        "interrupts itself",
        "import _thread\ndef attempt():\n  _thread.interrupt_main()\n  for _ in range(10**6): pass",
        Raises("", "KeyboardInterrupt"),
    ),
    # The first process of a namespace meets no signal that it sends itself; abort then ends it by a forbidden command.
    Attempt(3, "kills itself", "import os\ndef attempt(): os.kill(os.getpid(), 9)", None),
    Attempt(3, "aborts", "import os\ndef attempt(): os.abort()", Raises(StudentCrashed, "signal 11")),
    Attempt(
        3,
        "reads address 0",
        "import ctypes\ndef attempt(): return ctypes.string_at(0)",
        Raises(StudentCrashed, "signal 11"),
    ),
    Attempt(3, "kills its parent", "import os\ndef attempt(): os.kill(os.getppid(), 9)", DENIED),
    Attempt(3, "kills its group", "import os\ndef attempt(): os.killpg(0, 9)", DENIED),
    Attempt(3, "kills everything", "import os\ndef attempt(): os.kill(-1, 9)", DENIED),
    Attempt(
        3,
        "signals another's thread",
        "import os, ctypes\ndef attempt():\n  l = ctypes.CDLL(None, use_errno=True)\n"
        "  return [l.tgkill(os.getppid(), os.getppid(), 9), ctypes.get_errno()]",
        [-1, 1],
    ),
    Attempt(
        3,
        "makes a descriptor signal another",
        "from fcntl import F_SETOWN, fcntl\nimport os\ndef attempt(): fcntl(0, F_SETOWN, os.getppid())",
        DENIED,
    ),
    Attempt(
        3, "outlives its parent", "import ctypes\ndef attempt(): return ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)", -1
    ),
    Attempt(
        3,
        "closes every descriptor",
        "import os\ndef attempt(): os.closerange(0, 100)",
        Raises(StudentCrashed, "exited with code 71"),
    ),
    Attempt(
        3,
        "closes its socket and stays",
        "import os, time\ndef attempt():\n  os.close(3)\n  time.sleep(100)",
        Raises(StudentCrashed, "closed its connection"),
    ),
    Attempt(
        3,
        "ignores signals and stays",
        "import signal\nfor n in (signal.SIGTERM, signal.SIGALRM, signal.SIGINT, signal.SIGXCPU):\n"
        "  signal.signal(n, signal.SIG_IGN)\ndef attempt():\n  while True: pass",
        Raises(StudentTimeout),
    ),
    Attempt(
        3,
        "registers an exit that never ends",
        "import atexit, time\natexit.register(time.sleep, 100)\ndef attempt(): return 4",
        4,
    ),
    Attempt(
        3,
        "starts a thread that exits",
        "import threading, os, time\ndef attempt():\n"
        "  threading.Thread(target=os._exit, args=(5,)).start()\n  time.sleep(100)",
        Raises(StudentCrashed, "exited with code 5"),
    ),
    Attempt(
        3,
        "leaves a thread behind",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(100,)).start()\ndef attempt(): return 5",
        5,
    ),
    Attempt(3, "forks", "import os\ndef attempt(): return os.fork()", DENIED),
    # 4 exhausting
    Attempt(4, "loops at load", "while True: pass", Raises(StudentTimeout)),
    Attempt(4, "loops at call", "def attempt():\n  while True: pass", Raises(StudentTimeout)),
    Attempt(4, "sleeps", "import time\ndef attempt(): time.sleep(1000)", Raises(StudentTimeout)),
    Attempt(4, "loops in native code", "def attempt(): return pow(3, 10**8)", Raises(StudentTimeout)),
    Attempt(
        4,
        "loops while it is described",
        "class Slow(Exception):\n  def __str__(self):\n    while True: pass\ndef attempt(): raise Slow()",
        Raises(StudentTimeout),
    ),
    Attempt(4, "bombs with processes", "import os\nwhile True: os.fork()", DENIED),
    Attempt(
        4,
        "bombs with threads",
        "import threading, time\ndef attempt():\n  try:\n"
        "    while True: threading.Thread(target=time.sleep, args=(100,)).start()\n"
        "  except RuntimeError: time.sleep(100)",
        Raises(StudentCrashed, "more than 64 threads"),
    ),
    Attempt(4, "takes memory at once", "def attempt(): return len(bytearray(8 << 30))", Raises("MemoryError")),
    Attempt(
        4,
        "takes memory in a tensor",
        "import torch\ndef attempt(): return torch.ones(1 << 33).sum()",
        Raises("RuntimeError", "memory"),
    ),
    Attempt(
        4,
        "takes memory bit by bit",
        "import torch\nkept = []\ndef attempt():\n  while True: kept.append(bytes(1 << 26))",
        Raises("MemoryError"),
    ),
    Attempt(
        4,
        "takes shared memory",
        "import mmap\nkept = []\ndef attempt():\n  while True: kept.append(mmap.mmap(-1, 1 << 30))",
        Raises("OSError"),
    ),
    Attempt(
        4,
        "returns a huge virtual tensor",
        "import torch\ndef attempt(): return torch.zeros(1).expand(1 << 40)",
        Raises("TypeError", "too large"),
    ),
    Attempt(
        4, "returns a long list", "def attempt(): return list(range(10**7))", Raises("TypeError", "more than 1,048,576")
    ),
    Attempt(
        4,
        "returns a list that contains itself",
        "def attempt():\n  a = []\n  a.append(a)\n  return a",
        Raises("RecursionError"),
    ),
    Attempt(4, "recurses", "def attempt(): return attempt()", Raises("RecursionError")),
    Attempt(
        4,
        "recurses in native code",
        "import sys\nsys.setrecursionlimit(10**9)\nclass A:\n  def __repr__(self): return repr(self)\n"
        "def attempt(): return repr(A())",
        Raises(StudentCrashed, "signal 11"),
    ),
    Attempt(
        4,
        "floods its output",
        "import os, sys\ndef attempt():\n  for _ in range(200): print('x' * 10**5)\n  sys.stderr.write('y' * 10**7)\n"
        "  return os.write(1, b'z' * 10**6)",
        10**6,
    ),
    Attempt(
        4,
        "opens many files",
        "kept = []\ndef attempt():\n  while True: kept.append(open('/dev/null'))",
        Raises("OSError", "Too many open files"),
    ),
    Attempt(4, "writes a file", "def attempt(): open('/tmp/x', 'w')", READ_ONLY),
    Attempt(
        4,
        "writes beside its library",
        "import shippedlib\ndef attempt(): open(shippedlib.__path__[0] + '/x', 'w')",
        READ_ONLY,
    ),
    Attempt(4, "writes to shared memory", "def attempt(): open('/dev/shm/x', 'w')", READ_ONLY),
    Attempt(
        4,
        "raises its limits",
        "import resource\ndef attempt(): resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
        Raises("ValueError"),
    ),
    # 5 talking
    Attempt(5, "opens an internet socket", "import socket\ndef attempt(): socket.socket()", DENIED),
    Attempt(5, "opens a local socket", "import socket\ndef attempt(): socket.socket(socket.AF_UNIX)", DENIED),
    Attempt(
        5,
        "opens a kernel socket",
        "import socket\ndef attempt(): socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        DENIED,
    ),
    Attempt(
        5, "looks a name up", "import socket\ndef attempt(): socket.getaddrinfo('example.org', 80)", Raises("OSError")
    ),
    Attempt(5, "runs a program", "import subprocess\ndef attempt(): subprocess.run(['/bin/true'])", DENIED),
    Attempt(5, "runs a shell", "import posix\ndef attempt(): return posix.system('true') >> 8", 127),
    Attempt(5, "becomes a program", "import os, sys\ndef attempt(): os.execv('/proc/self/exe', ['python'])", DENIED),
    Attempt(5, "spawns a program", "import os\ndef attempt(): os.posix_spawn('/bin/true', ['true'], {})", DENIED),
    Attempt(5, "writes the zygote's memory", "def attempt(): open('/proc/1/mem', 'wb')", NOT_THERE),
    Attempt(5, "reaches for the kernel", _RAW_CALLS, []),
    Attempt(
        5,
        "calls by the 32-bit-pointer numbers",
        "import ctypes, platform\ndef attempt():\n  if platform.machine() != 'x86_64': ctypes.string_at(0)\n"
        "  ctypes.CDLL(None).syscall(ctypes.c_long(0x40000000 + 57))",
        Raises(StudentCrashed, "signal "),
    ),
    Attempt(5, "says garbage", _says("b'full marks' * 100"), Raises(WireError)),
    Attempt(5, "announces an endless frame", _says("frame({}, length=1 << 63)"), Raises(WireError, "at most")),
    Attempt(5, "announces more than it says", _says("frame({}, length=1 << 20)"), Raises(StudentTimeout)),
    Attempt(5, "says an empty frame", _says("struct.pack('>Q', 0)"), Raises(WireError)),
    Attempt(5, "announces a huge header", _says("struct.pack('>QI', 4, 1 << 31)"), Raises(WireError)),
    Attempt(5, "says a header of no sense", _says("frame(b'[' * 100000)"), Raises(WireError)),
    Attempt(5, "says a number that JSON lacks", _says("frame(b'NaN')"), Raises(WireError)),
    Attempt(
        5, "says a reply without its parts", _says("frame({'k': 'dict', 'v': [['status', 'ok']]})"), Raises(WireError)
    ),
    Attempt(5, "forges a dtype", _says("frame(reply(tensor('object', [1])), bytes(8))"), Raises(WireError)),
    Attempt(5, "forges an empty shape", _says("frame(reply(tensor('float32', [1 << 62, 0])))"), Raises(WireError)),
    Attempt(
        5,
        "forges a shape beyond its bytes",
        _says("frame(reply(tensor('float32', [1 << 30])), bytes(8))"),
        Raises(WireError),
    ),
    Attempt(5, "forges bytes too many", _says("frame(reply(1), b'more')"), Raises(WireError)),
    Attempt(5, "forges a reference", _says("frame(reply({'k': 'lib', 'v': 'os.system'}))"), Raises(WireError)),
    Attempt(
        5,
        "forges an error that the wire would raise",
        _says(
            "frame({'k': 'dict', 'v': [['status', 'error'], ['modes', {'k': 'list', 'v': []}], "
            "['error', {'k': 'dict', 'v': [['type', 'WireError']]}]]})"
        ),
        Raises("", "an exception"),
    ),
)
