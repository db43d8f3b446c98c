#!/usr/bin/env python3
"""Do embeddings point where those of llama.cpp's own server do?

`hearth serve` and `llama-server --embeddings --pooling mean` are given the same token ids; the
cosine of the two vectors is at least 0.999 for every text, from one token to 400, on a model
where llama.cpp itself comes as near to what it makes of the same weights in F32. (On gemma3 it does
not: two roundings of activations cannot be nearer to each other than each is to the truth.)"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import tempfile
import urllib.request
from pathlib import Path

import numpy as np

import hearth_program
import load
import peers
import report
from decoded import decoded_to_f32, digest
from real_text import PROMPTS
from report import Line

COSINE_MIN = 0.999
MODELS = ("smollm2", "gemma3")
TEXTS = ["a", *PROMPTS, " ".join(PROMPTS)]


def post(url: str, body: dict) -> dict:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as reply:
        return json.loads(reply.read())


@contextlib.contextmanager
def hearth_serving(program: Path, file: Path):
    with tempfile.TemporaryDirectory() as home:
        environment = {"HEARTH_HOME": home}
        subprocess.run([program, "cp", file, "judged"], check=True, capture_output=True,
                       env={**os.environ, **environment})
        with load.serving([program, "serve", "judged", "--port", "0", "--json"],
                          environment) as process:
            yield json.loads(process.stdout.readline())["listening"]


@contextlib.contextmanager
def llama_serving(file: Path):
    port = 18081
    command = [load.llama_server(), "-m", file, "--port", str(port), "--embeddings", "--pooling",
               "mean", "-c", "2048", "-b", "2048", "-ub", "2048", "--no-webui"]
    with load.serving([str(part) for part in command]):
        load.wait_for(f"http://127.0.0.1:{port}/health")
        yield f"http://127.0.0.1:{port}"


def vector(url: str, ids: list[int]) -> np.ndarray:
    reply = post(f"{url}/v1/embeddings", {"model": "judged", "input": ids})
    return np.array(reply["data"][0]["embedding"])


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def vectors(url: str, texts: list[list[int]]) -> list[np.ndarray]:
    return [vector(url, ids) for ids in texts]


def check(name: str, program: Path) -> list[Line]:
    file = hearth_program.model_file(name, hearth_program.Hearth(program))
    with hearth_serving(program, file) as url:
        texts = [post(f"{url}/tokenize", {"content": text, "add_special": True})["tokens"]
                 for text in TEXTS]
        ours = vectors(url, texts)
    with llama_serving(file) as url:
        theirs = vectors(url, texts)
    with llama_serving(decoded_to_f32(file, digest(file))) as url:
        exact = vectors(url, texts)

    def least(some: list[np.ndarray], others: list[np.ndarray]) -> float:
        return min(map(cosine, some, others))

    same, own, their = least(ours, theirs), least(ours, exact), least(theirs, exact)
    return [
        Line("embeddings, cosine to llama.cpp's server", name,
             f"least {same:.6f} of {len(texts)} texts", f"{COSINE_MIN}",
             same >= COSINE_MIN if their >= COSINE_MIN else None),
        Line("embeddings, cosine to the weights in F32", name,
             f"least {own:.6f}; llama.cpp's {their:.6f}"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    hearth_program.add_arguments(parser)
    report.add_arguments(parser)
    arguments = parser.parse_args()
    hearth = hearth_program.of(arguments)
    lines = [] if hearth is None else sum((check(name, hearth.program) for name in MODELS), [])
    report.finish(lines, arguments)


if __name__ == "__main__":
    main()
