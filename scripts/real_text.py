"""Real text for judging models, the same bytes everywhere: Debian's licence texts and files of the
pinned sdist.

Never text that was made for a test, so that perplexities mean something; prose, documentation
and code in turn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import peers

LICENCES = Path("/usr/share/common-licenses")  # Debian's base-files


@dataclass(frozen=True)
class Passage:
    """The text of a file from the first line that begins at or after `start` bytes."""

    file: str
    start: int

    def path(self) -> Path:
        licence = LICENCES / self.file
        return licence if licence.is_file() else peers.sdist_folder() / self.file

    def read(self, length: int) -> bytes:
        data = self.path().read_bytes()
        begin = data.index(b"\n", self.start) + 1 if self.start else 0
        # A cut in the middle of a character would not be text.
        return data[begin : begin + length].decode(errors="ignore").encode()

    @property
    def name(self) -> str:
        return f"{Path(self.file).name}+{self.start}"


PASSAGES = [
    Passage("GPL-3", 6000),
    Passage("vendor/llama.cpp/docs/build.md", 1000),
    Passage("vendor/llama.cpp/src/llama-sampler.cpp", 20000),
    Passage("llama_cpp/llama.py", 60000),
    Passage("Artistic", 0),
    Passage("vendor/llama.cpp/tools/server/README.md", 40000),
    Passage("GFDL-1.3", 9000),
    Passage("vendor/llama.cpp/grammars/README.md", 1500),
    Passage("MPL-2.0", 4000),
    Passage("vendor/llama.cpp/CONTRIBUTING.md", 3000),
]

# 20 beginnings to go on from: prose, questions, code, data, other languages.
PROMPTS = [
    "The capital of France is",
    "Once upon a time, in a village at the edge of the forest,",
    "To make bread you need flour, water, salt and",
    'def fibonacci(n):\n    """Returns the n-th Fibonacci number."""\n',
    "#include <vector>\n#include <algorithm>\n\n// Sorts the values and removes duplicates.\n",
    "Question: Why is the sky blue?\nAnswer:",
    "The three laws of thermodynamics are:\n1.",
    "Dear Sir or Madam,\n\nI am writing to",
    "SELECT name, COUNT(*) FROM orders",
    "In 1969, the first human beings landed on",
    "Der schnelle braune Fuchs springt über",
    "Il était une fois un roi qui",
    "La receta tradicional de la tortilla de patatas lleva",
    '{"name": "hearth", "version": "1.0", "dependencies": {',
    "The difference between a process and a thread is that",
    "Water boils at 100 degrees Celsius, which is",
    "| month | rainfall |\n|---|---|\n| January | 80 mm |\n",
    "She opened the letter, read it twice, and then",
    "Prime numbers below fifty: 2, 3, 5, 7,",
    "The following conditions apply to every use of the software:",
]
