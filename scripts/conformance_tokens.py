#!/usr/bin/env python3
"""Token ids of `hearth tokenize` beside llama.cpp's, and the reference lines of `make test`.

  conformance_tokens.py MODEL.gguf...                  20,000 lines per model, a table
  conformance_tokens.py --vectors DIR                  llama.cpp's ggml-vocab-*.gguf.inp/.out
  conformance_tokens.py --write tests/data/tokens MODEL.gguf...   1,000 lines and ids, committed
  conformance_tokens.py --time MODEL.gguf...           MB/s of both on 1 MB of English and of code

llama.cpp's ids come from the wheel `xllamacpp` (its C interface, through ctypes), loaded
vocabulary-only; --vectors needs `gguf` too. The lines are the same on every machine with the same
Python: seeded, from the machine's licence texts, Python's sources, and the code points of Unicode
14 or earlier (llama.cpp and PCRE2 carry tables of different age).
"""

import argparse
import ctypes
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

SEED = 20260101
LINES = 20_000
COMMITTED = 1_000

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


class LlamaModelParams(ctypes.Structure):
    """llama_model_params, as llama.h of the wheel's llama.cpp has it."""

    _fields_ = [
        ("devices", ctypes.c_void_p),
        ("tensor_buft_overrides", ctypes.c_void_p),
        ("n_gpu_layers", ctypes.c_int32),
        ("split_mode", ctypes.c_int32),
        ("load_mode", ctypes.c_int32),
        ("lazy_mode", ctypes.c_int32),
        ("main_gpu", ctypes.c_int32),
        ("tensor_split", ctypes.c_void_p),
        ("progress_callback", ctypes.c_void_p),
        ("progress_callback_user_data", ctypes.c_void_p),
        ("kv_overrides", ctypes.c_void_p),
        ("vocab_only", ctypes.c_bool),
        ("check_tensors", ctypes.c_bool),
        ("use_extra_bufts", ctypes.c_bool),
        ("no_host", ctypes.c_bool),
        ("no_alloc", ctypes.c_bool),
        ("load_mtp", ctypes.c_bool),
    ]


class Llama:
    """llama.cpp's tokenizer of one GGUF."""

    _library = None

    def __init__(self, path):
        if Llama._library is None:
            import xllamacpp

            folder = os.path.dirname(xllamacpp.__file__)
            Llama._library = ctypes.CDLL(glob.glob(folder + "/xllamacpp*.so")[0])
            log_type = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
            Llama._quiet = log_type(lambda *_: None)
            Llama._library.llama_log_set(Llama._quiet, None)
        library = Llama._library
        library.llama_model_default_params.restype = LlamaModelParams
        library.llama_model_load_from_file.argtypes = [ctypes.c_char_p, LlamaModelParams]
        library.llama_model_load_from_file.restype = ctypes.c_void_p
        library.llama_model_get_vocab.argtypes = [ctypes.c_void_p]
        library.llama_model_get_vocab.restype = ctypes.c_void_p
        library.llama_tokenize.argtypes = [
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_int32,
            ctypes.c_bool,
            ctypes.c_bool,
        ]
        params = library.llama_model_default_params()
        params.vocab_only = True
        self.model = library.llama_model_load_from_file(path.encode(), params)
        if not self.model:
            raise SystemExit(f"llama.cpp cannot load {path}")
        self.vocab = library.llama_model_get_vocab(self.model)

    def encode(self, text, add_special=True, parse_special=False):
        data = text if isinstance(text, bytes) else text.encode()
        room = len(data) * 2 + 16
        ids = (ctypes.c_int32 * room)()
        count = Llama._library.llama_tokenize(
            self.vocab, data, len(data), ids, room, add_special, parse_special
        )
        if count < 0:
            raise SystemExit("llama_tokenize failed")
        return list(ids[:count])


def hearth_lines(program, model, lines, *flags):
    data = "".join(line + "\n" for line in lines).encode()
    done = subprocess.run(
        [program, "tokenize", model, "--lines", "--json", *flags],
        input=data,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"hearth tokenize {model}: {done.stderr.decode()}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def hearth_text(program, model, text, *flags):
    done = subprocess.run(
        [program, "tokenize", model, "--json", *flags],
        input=text.encode(),
        capture_output=True,
        check=True,
    )
    return json.loads(done.stdout)["token_ids"]


def report(name, cases):
    """cases: (text, ours, theirs). Prints one row of the table and the first differences."""
    wrong = [(text, ours, theirs) for text, ours, theirs in cases if ours != theirs]
    print(f"{name:36} {len(cases):7} {len(cases) - len(wrong):10}", flush=True)
    for text, ours, theirs in wrong[:5]:
        at = next(
            (i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs))
        )
        print(
            f"  {text[:100]!r}\n    id {at}: hearth {ours[at:at + 6]},"
            f" llama.cpp {theirs[at:at + 6]}"
        )
    return len(wrong)


def compare_lines(args):
    lines, failures = make_lines(LINES), 0
    for model in args.models:
        llama = Llama(model)
        name = os.path.basename(model)
        theirs = [llama.encode(line) for line in lines]
        ours = hearth_lines(args.hearth, model, lines, "--no-special")
        if len(ours) != len(lines):
            raise SystemExit(f"{name}: {len(lines)} lines in, {len(ours)} arrays out")
        failures += report(name, list(zip(lines, ours, theirs)))
        licences, sources = text_files()
        documents = [open(p, encoding="utf-8").read() for p in licences[:4] + sources[:8]]
        cases = [
            (d, hearth_text(args.hearth, model, d, "--no-special"), llama.encode(d))
            for d in documents
        ]
        failures += report(name + ", whole files", cases)
        marked = [
            f"<s>{line}</s><|im_start|>user\n{line[::-1]}<|im_end|><eos><bos><|endoftext|>"
            for line in lines[:1000]
        ]
        marked = [line.replace("\n", " ") for line in marked]
        theirs = [llama.encode(line, parse_special=True) for line in marked]
        ours = hearth_lines(args.hearth, model, marked)
        failures += report(name + ", special tokens parsed", list(zip(marked, ours, theirs)))
    return failures


def compare_vectors(args):
    failures = 0
    for path in sorted(glob.glob(os.path.join(args.vectors, "*.gguf.inp"))):
        model = path[:-4]
        kind = gguf_string(model, "tokenizer.ggml.model")
        if kind not in ("gpt2", "llama"):
            print(
                f"{os.path.basename(model):36} {'-':>7} {'-':>10}  tokenizer {kind}: not ours yet"
            )
            continue
        with open(path, encoding="utf-8", newline="") as file:
            texts = file.read().split("\n__ggml_vocab_test__\n")
        with open(model + ".out", encoding="utf-8") as file:
            theirs = [[int(n) for n in line.split()] for line in file.read().split("\n")]
        theirs = theirs[: len(texts)]
        cases = [
            (t, hearth_text(args.hearth, model, t, "--no-bos", "--no-special"), ids)
            for t, ids in zip(texts, theirs)
        ]
        failures += report(os.path.basename(model), cases)
        llama = Llama(model)
        lines = make_lines(LINES)[:5000]
        theirs = [llama.encode(line) for line in lines]
        failures += report(
            os.path.basename(model) + ", lines",
            list(zip(lines, hearth_lines(args.hearth, model, lines, "--no-special"), theirs)),
        )
    return failures


def gguf_string(path, key):
    from gguf import GGUFReader

    field = GGUFReader(path).fields.get(key)
    return field.contents() if field else None


def write_reference(args):
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
    with open(os.path.join(args.write, "lines.txt"), "w", encoding="utf-8", newline="") as file:
        file.writelines(line + "\n" for line in lines)
    for model in args.models:
        llama = Llama(model)
        name = os.path.basename(model).removesuffix(".gguf")
        with open(os.path.join(args.write, name + ".ids"), "w", encoding="ascii") as file:
            for line in lines:
                file.write(" ".join(base36(i) for i in llama.encode(line)) + "\n")


def timed(work, rounds=5):
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def compare_speed(args):
    licences, sources = text_files()
    texts = {
        "English": "".join(open(p, encoding="utf-8").read() for p in licences),
        "code": "".join(open(p, encoding="utf-8").read() for p in sources),
    }
    print(f"{'model, 1 MB of':36} {'hearth MB/s':>12} {'llama.cpp MB/s':>15} {'ratio':>6}")
    for model in args.models:
        llama = Llama(model)
        with tempfile.NamedTemporaryFile() as empty:
            idle = timed(
                lambda: subprocess.run(
                    [args.hearth, "tokenize", model],
                    stdin=empty,
                    stdout=subprocess.DEVNULL,
                    check=True,
                )
            )
        for name, text in texts.items():
            text = (text * (1_000_000 // len(text) + 1))[:1_000_000]
            with tempfile.NamedTemporaryFile() as file:
                file.write(text.encode())
                file.flush()
                ours = (
                    timed(
                        lambda: subprocess.run(
                            [args.hearth, "tokenize", model],
                            stdin=open(file.name, "rb"),
                            stdout=subprocess.DEVNULL,
                            check=True,
                        )
                    )
                    - idle
                )
            theirs = timed(lambda: llama.encode(text), 3)
            size = len(text.encode()) / 1e6
            print(
                f"{os.path.basename(model) + ', ' + name:36} {size / ours:12.1f}"
                f" {size / theirs:15.1f} {theirs / ours:6.1f}"
            )
    return 0


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hearth", default="build/hearth")
    parser.add_argument(
        "--vectors", help="folder with llama.cpp's ggml-vocab-*.gguf, .inp and .out"
    )
    parser.add_argument("--write", help="folder for the committed reference")
    parser.add_argument("--time", action="store_true")
    parser.add_argument("models", nargs="*")
    args = parser.parse_args()
    if args.write:
        return write_reference(args)
    if args.time:
        return compare_speed(args)
    print(f"{'':36} {'texts':>7} {'identical':>10}")
    failures = compare_vectors(args) if args.vectors else 0
    failures += compare_lines(args) if args.models else 0
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
