"""Tiny archives in the form of the real ones, and a server that can cut a line."""

import hashlib
import io
import json
import pickle
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autograder.assignment.library import import_library
from autograder.build import copies
from autograder.build.every_problem import with_every_problem

ASSIGNMENT = with_every_problem("ps3", Path(__file__).resolve().parents[2])
copies.refresh(ASSIGNMENT)
import_library(ASSIGNMENT.release, ASSIGNMENT.library)


def tar_of(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def images(count: int, size: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 3, size, size), dtype=np.uint8)


def cifar_batch(pictures: np.ndarray) -> bytes:
    content = {b"data": pictures.reshape(len(pictures), -1), b"labels": [i % 10 for i in range(len(pictures))]}
    return pickle.dumps(content, protocol=2)


def cifar_archive() -> bytes:
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    return tar_of({f"cifar-10-batches-py/{n}": cifar_batch(images(10, 32, seed=i)) for i, n in enumerate(names)})


def stl_archive() -> bytes:
    """Channels stored column by column, labels from 1; 20 training, 10 test and 1,100 unlabelled images."""
    files = {}
    for seed, (name, count) in enumerate([("train_X", 20), ("test_X", 10), ("unlabeled_X", 1100)]):
        files[f"stl10_binary/{name}.bin"] = images(count, 96, seed).transpose(0, 1, 3, 2).tobytes()
    for name, count in [("train_y", 20), ("test_y", 10)]:
        files[f"stl10_binary/{name}.bin"] = bytes(1 + i % 10 for i in range(count))
    return tar_of(files)


def npm_package(labels: dict[str, list[int]] | None = None) -> bytes:
    """200 training and 20 test images with CIFAR-10's channel means, an image per row of a PNG."""
    labels = labels or {"train": [i % 10 for i in range(200)], "test": [i % 10 for i in range(20)]}
    files = {f"package/{split}_lables.json": json.dumps(values).encode() for split, values in labels.items()}
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    for seed, name in enumerate(names):
        count = len(labels["test"]) if name == "test_batch" else len(labels["train"]) // 5
        noise = np.random.default_rng(seed).normal(0, 20, (count, 32 * 32, 3))
        pixels = (np.array([0.4914, 0.4822, 0.4465]) * 255 + noise).round().clip(0, 255).astype(np.uint8)
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "png")
        files[f"package/{name}.png"] = stream.getvalue()
    return tar_of(files)


class Host:
    """Serves one content; `cut` ends each answer after so many bytes, `ranges` says whether Range is obeyed."""

    def __init__(self):
        self.content, self.cut, self.ranges = b"", None, True
        self.asked: list[str | None] = []
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked = self.headers.get("Range")
                host.asked.append(asked)
                start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and host.ranges else 0
                if start >= len(host.content):
                    self.send_error(416)
                    return
                self.send_response(206 if start else 200)
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(host.content) - 1}/{len(host.content)}")
                self.send_header("Content-Length", str(len(host.content) - start))
                self.end_headers()
                self.wfile.write(host.content[start:][: host.cut])

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/archive"


@pytest.fixture
def host():
    """A server on this machine that stands for the data set's home."""
    made = Host()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.fixture
def table(tmp_path):
    """Writes a checksum file with one entry; returns its path."""

    def write(name: str, content: bytes, counts: dict[str, int], url: str = "http://127.0.0.1:9/archive") -> Path:
        lines = [
            f"[{name}]",
            f'file = "{name}.tgz"',
            f'url = "{url}"',
            f"bytes = {len(content)}",
            f'sha256 = "{hashlib.sha256(content).hexdigest()}"',
            "counts = { " + ", ".join(f"{split} = {count}" for split, count in counts.items()) + " }",
        ]
        path = tmp_path / "checksums.toml"
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


@pytest.fixture
def made():
    """The makers of tiny archives, by name."""
    return {
        "cifar": cifar_archive,
        "stl": stl_archive,
        "npm": npm_package,
        "tar": tar_of,
        "images": images,
        "batch": cifar_batch,
    }
