#!/usr/bin/env python3
"""Token ids of `hearth tokenize` beside llama.cpp's, and the reference lines of `make test`.

  conformance_tokens.py [MODEL…]     20,000 lines per model, whole files, special tokens parsed;
                                     llama.cpp's vocabulary-only GGUFs with their test vectors
  conformance_tokens.py --write tests/data/tokens [MODEL…]    1,000 lines and ids, committed
  conformance_tokens.py --time [MODEL…]                       MB/s of both on 1 MB of text

The lines are the same on every machine with the same Python: seeded, from the machine's licence
texts, Python's sources, and the code points of Unicode 14 or earlier (llama.cpp and PCRE2 carry
tables of different age).
"""

import argparse
import glob
import json
import os
import random
import subprocess
import sys
import sysconfig
import tempfile
import time
import unicodedata
from pathlib import Path

import hearth_program
import peers
import report
from llama_reference import LlamaModel
from report import Line

SEED = 20260101
LINES = 20_000
COMMITTED = 1_000
VECTOR_LINES = 5_000  # of each vocabulary-only file

# Blocks that most often meet each other in one text; (first, last) code point.
SCRIPTS = [
    (0x20, 0x7E),
    (0xA1, 0xFF),
    (0x100, 0x24F),
    (0x250, 0x2AF),
    (0x300, 0x36F),
    (0x370, 0x3FF),
    (0x400, 0x52F),
    (0x530, 0x58F),
    (0x590, 0x5FF),
    (0x600, 0x6FF),
    (0x700, 0x74F),
    (0x900, 0x97F),
    (0x980, 0x9FF),
    (0xA00, 0xA7F),
    (0xB80, 0xBFF),
    (0xC00, 0xC7F),
    (0xD00, 0xD7F),
    (0xE00, 0xE7F),
    (0xE80, 0xEFF),
    (0xF00, 0xFFF),
    (0x1000, 0x109F),
    (0x10A0, 0x10FF),
    (0x1100, 0x11FF),
    (0x1200, 0x137F),
    (0x13A0, 0x13FF),
    (0x1780, 0x17FF),
    (0x1800, 0x18AF),
    (0x1E00, 0x1FFF),
    (0x2000, 0x206F),
    (0x2070, 0x20CF),
    (0x2100, 0x218F),
    (0x2190, 0x23FF),
    (0x2460, 0x27BF),
    (0x2C00, 0x2DFF),
    (0x3000, 0x30FF),
    (0x3100, 0x318F),
    (0x4E00, 0x9FFF),
    (0xA000, 0xA4CF),
    (0xA640, 0xA6FF),
    (0xAC00, 0xD7A3),
    (0xF900, 0xFAFF),
    (0xFB00, 0xFDFF),
    (0xFE20, 0xFE6F),
    (0xFF00, 0xFFEF),
    (0x10000, 0x100FF),
    (0x10400, 0x104FF),
    (0x12000, 0x123FF),
    (0x1D400, 0x1D7FF),
    (0x1F000, 0x1FAFF),
    (0x20000, 0x2A6DF),
    (0xE0000, 0xE007F),
]
SPACES = " \t\u00a0\u1680\u2000\u2003\u2009\u2028\u202f\u205f\u3000\u0085\x0b\x0c\r"
CONTRACTIONS = ["'s", "'T", "'re", "'VE", "'ll", "'m", "'D", "’s", "'x", "''"]


def assigned(code_point):
    return unicodedata.category(chr(code_point)) not in ("Cn", "Cs")


def text_files():
    licences = sorted(glob.glob("/usr/share/common-licenses/*"))
    library = sysconfig.get_paths()["stdlib"]
    sources = sorted(glob.glob(library + "/*.py") + glob.glob(library + "/json/*.py"))
    return [p for p in licences if os.path.isfile(p)], sources


def read_lines(paths):
    lines = []
    for path in paths:
        with open(path, encoding="utf-8", errors="strict", newline="") as file:
            try:
                lines += file.read().split("\n")
            except UnicodeDecodeError:
                continue
    return [line for line in lines if line]


def random_script_line(rng, pools):
    out = []
    for _ in range(rng.randint(1, 12)):
        pool = rng.choice(pools)
        out.append("".join(rng.choice(pool) for _ in range(rng.randint(1, 8))))
        out.append(rng.choice([" ", " ", "  ", "", "-", ", ", ". ", rng.choice(SPACES)]))
    return "".join(out)


def random_space_line(rng):
    out = []
    for _ in range(rng.randint(1, 10)):
        out.append(
            "".join(
                rng.choice(SPACES if rng.random() < 0.3 else " ") for _ in range(rng.randint(1, 20))
            )
        )
        out.append(
            rng.choice(["x", "7", "123", "(", "é", "漢", "\u0301", "🙂", "=", ""] + CONTRACTIONS)
        )
    return "".join(out)


def random_ascii_line(rng):
    return "".join(chr(rng.randint(0x20, 0x7E)) for _ in range(rng.randint(1, 80)))


def random_any_line(rng, everything):
    return "".join(chr(rng.choice(everything)) for _ in range(rng.randint(1, 24)))


def random_emoji_line(rng):
    def emoji():
        base = chr(
            rng.choice([0x1F468, 0x1F469, 0x1F44D, 0x1F3F3, 0x1F600, 0x2764, 0x1F1E9, 0x1F680])
        )
        tail = rng.choice(
            ["", "\ufe0f", "\U0001f3fd", "\u200d\U0001f469", "\u200d\U0001f308", "\U0001f1ea"]
        )
        return base + tail

    words = ["ok", "I", "don't", "we're", "été", "naïve", "x2", "10:30", "№5", "½", "Ⅻ", "١٢٣"]
    return " ".join(
        rng.choice(words) if rng.random() < 0.5 else emoji() * rng.randint(1, 3)
        for _ in range(rng.randint(1, 15))
    )


def make_lines(count):
    """`count` distinct lines without a line feed, all valid UTF-8."""
    rng = random.Random(SEED)
    pools = [
        [chr(c) for c in range(a, b + 1) if assigned(c) and chr(c) not in "\n"] for a, b in SCRIPTS
    ]
    pools = [pool for pool in pools if pool]
    everything = [
        c
        for c in range(1, 0x110000)
        if c != 10 and assigned(c) and unicodedata.category(chr(c)) != "Co"
    ]
    licences, sources = text_files()
    prose, code = read_lines(licences), read_lines(sources)
    kinds = [
        (0.20, lambda: rng.choice(prose)),
        (0.25, lambda: rng.choice(code)),
        (0.22, lambda: random_script_line(rng, pools)),
        (0.10, lambda: random_space_line(rng)),
        (0.08, lambda: random_ascii_line(rng)),
        (0.08, lambda: random_any_line(rng, everything)),
        (0.07, lambda: random_emoji_line(rng)),
    ]
    lines, seen = [], set()
    while len(lines) < count:
        pick, line = rng.random(), ""
        for share, make in kinds:
            pick -= share
            if pick < 0:
                line = make()
                break
        if line and line not in seen and "\n" not in line:
            seen.add(line)
            lines.append(line)
    return lines


def hearth_output(hearth, model, text, *flags):
    """What `hearth tokenize` prints for the text as its standard input."""
    command = [str(hearth.program), "tokenize", str(model), "--json", *flags]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.decode()}")
    return done.stdout


def hearth_lines(hearth, model, lines, *flags):
    text = "".join(line + "\n" for line in lines)
    output = hearth_output(hearth, model, text, "--lines", *flags)
    return [json.loads(line) for line in output.splitlines()]


def hearth_text(hearth, model, text, *flags):
    return json.loads(hearth_output(hearth, model, text, *flags))["token_ids"]


def judge(subject, texts, ours, theirs):
    """One line of the table; the first differences go to stderr."""
    cases = list(zip(texts, ours, theirs, strict=True))
    wrong = [case for case in cases if case[1] != case[2]]
    for text, own, other in wrong[:5]:
        pairs = enumerate(zip(own, other, strict=False))
        at = next((i for i, (a, b) in pairs if a != b), min(len(own), len(other)))
        print(
            f"{subject}: {text[:100]!r}, from id {at}: hearth {own[at:at + 6]}, "
            f"llama.cpp {other[at:at + 6]}",
            file=sys.stderr,
        )
    same = f"{len(cases) - len(wrong):,} of {len(cases):,}"
    return Line("token ids identical", subject, same, "all", not wrong and bool(cases))


def compare_model(hearth, name, lines):
    path = hearth_program.model_file(name, hearth)
    licences, sources = text_files()
    documents = [Path(p).read_text(encoding="utf-8") for p in licences[:4] + sources[:8]]
    marked = [
        f"<s>{line}</s><|im_start|>user {line[::-1]}<|im_end|><eos><bos><|endoftext|>"
        for line in lines[:1000]
    ]
    with LlamaModel(path, vocabulary_only=True) as llama:
        return [
            judge(
                f"{name}, lines",
                lines,
                hearth_lines(hearth, path, lines, "--no-special"),
                [llama.tokenize(line.encode()) for line in lines],
            ),
            judge(
                f"{name}, whole files",
                documents,
                [hearth_text(hearth, path, text, "--no-special") for text in documents],
                [llama.tokenize(text.encode()) for text in documents],
            ),
            judge(
                f"{name}, special tokens parsed",
                marked,
                hearth_lines(hearth, path, marked),
                [llama.tokenize(line.encode(), parse_special=True) for line in marked],
            ),
        ]


def compare_vectors(hearth, lines):
    """llama.cpp's vocabulary-only files: texts in .inp, their ids in .out, and lines of ours."""
    found = []
    for inputs in sorted((peers.llama_cpp_folder() / "models").glob("ggml-vocab-*.gguf.inp")):
        path = inputs.with_suffix("")
        # As bytes: reading text would make \r\n of the vectors to \n.
        texts = inputs.read_bytes().decode().split("\n__ggml_vocab_test__\n")
        ids = Path(f"{path}.out").read_text().split("\n")[: len(texts)]
        flags = ("--no-bos", "--no-special")
        with LlamaModel(path, vocabulary_only=True) as llama:
            kind = llama.metadata("tokenizer.ggml.model")
            if kind not in ("gpt2", "llama"):
                found.append(Line("token ids", path.name, f"tokenizer {kind}: not ours yet"))
                continue
            found += [
                judge(
                    f"{path.name}, vectors",
                    texts,
                    [hearth_text(hearth, path, text, *flags) for text in texts],
                    [[int(word) for word in line.split()] for line in ids],
                ),
                judge(
                    f"{path.name}, lines",
                    lines,
                    hearth_lines(hearth, path, lines, "--no-special"),
                    [llama.tokenize(line.encode()) for line in lines],
                ),
            ]
    return found


def write_reference(folder, hearth, models):
    """lines.txt: one line each. <model>.ids: the ids of a line in base 36, spaces between."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"

    def base36(number):
        sign, number, out = "-" if number < 0 else "", abs(number), ""
        while True:
            number, digit = divmod(number, 36)
            out = digits[digit] + out
            if number == 0:
                return sign + out

    lines = [line for line in make_lines(LINES) if len(line.encode()) <= 120][:COMMITTED]
    with open(folder / "lines.txt", "w", encoding="utf-8", newline="") as file:
        file.writelines(line + "\n" for line in lines)
    for name in models:
        path = hearth_program.model_file(name, hearth)
        with (
            LlamaModel(path, vocabulary_only=True) as llama,
            open(folder / f"{name}.ids", "w", encoding="ascii") as file,
        ):
            for line in lines:
                ids = llama.tokenize(line.encode())
                file.write(" ".join(base36(token) for token in ids) + "\n")


def timed(work, rounds=5):
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def compare_speed(hearth, models):
    """Hearth's time less that of an empty text: what starting and loading take."""
    licences, sources = text_files()
    texts = {
        "English": "".join(open(p, encoding="utf-8").read() for p in licences),
        "code": "".join(open(p, encoding="utf-8").read() for p in sources),
    }
    print(f"{'model, 1 MB of':36} {'hearth MB/s':>12} {'llama.cpp MB/s':>15} {'ratio':>6}")
    for name in models:
        path = hearth_program.model_file(name, hearth)
        idle = timed(lambda: hearth_output(hearth, path, ""))
        with LlamaModel(path, vocabulary_only=True) as llama:
            for kind, text in texts.items():
                text = (text * (1_000_000 // len(text) + 1))[:1_000_000]
                ours = timed(lambda: hearth_output(hearth, path, text)) - idle
                theirs = timed(lambda: llama.tokenize(text.encode()), 3)
                size = len(text.encode()) / 1e6
                print(
                    f"{name + ', ' + kind:36} {size / ours:12.1f} {size / theirs:15.1f}"
                    f" {theirs / ours:6.1f}"
                )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    hearth_program.add_arguments(parser)
    report.add_arguments(parser)
    parser.add_argument("--write", type=Path, help="folder for the committed reference")
    parser.add_argument("--time", action="store_true")
    parser.add_argument("models", nargs="*", default=list(hearth_program.MODELS))
    arguments = parser.parse_args()
    hearth = hearth_program.of(arguments)
    if arguments.write:
        return write_reference(arguments.write, hearth, arguments.models)
    if arguments.time:
        return compare_speed(hearth, arguments.models)
    lines, found = make_lines(LINES), []
    for name in arguments.models:
        found += compare_model(hearth, name, lines)
    found += compare_vectors(hearth, lines[:VECTOR_LINES])
    report.finish(found, arguments)


if __name__ == "__main__":
    main()
