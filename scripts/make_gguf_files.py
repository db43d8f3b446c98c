#!/usr/bin/env python3
"""Writes small GGUF files with PyPI gguf (pip install gguf numpy), and what its reader sees.

    scripts/make_gguf_files.py            writes tests/data/gguf/ and the seeds fuzz/corpus/gguf/

all_types.gguf: a key of every type, a tensor of every element type.
all_types.json: PyPI gguf's reading of it. v2.gguf: the same as version 2.
vocabulary.gguf: no tensors. set-0000N-of-00003.gguf: a sharded model.
"""

import hashlib
import json
import pathlib
import shutil

import gguf
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
TYPES = ["F32", "F16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K",
         "Q6_K", "IQ4_NL", "IQ4_XS", "BF16"]
KINDS = gguf.GGUFValueType
SCALARS = [("u8", KINDS.UINT8, 255), ("i8", KINDS.INT8, -128), ("u16", KINDS.UINT16, 65535),
           ("i16", KINDS.INT16, -32768), ("u32", KINDS.UINT32, 2**32 - 1),
           ("i32", KINDS.INT32, -2**31),
           ("f32", KINDS.FLOAT32, 0.15625), ("bool", KINDS.BOOL, True),
           ("u64", KINDS.UINT64, 2**64 - 1), ("i64", KINDS.INT64, -2**63),
           ("f64", KINDS.FLOAT64, 0.1), ("string", KINDS.STRING, "Grüße, 日本 🦙")]


def finish(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_all_types(path: pathlib.Path) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_custom_alignment(64)
    for name, kind, value in SCALARS:
        writer.add_key_value(f"scalar.{name}", value, kind)
        second = "" if name == "string" else (False if name == "bool" else 1)
        writer.add_key_value(f"array.{name}", [value, second], KINDS.ARRAY, sub_type=kind)
    rng = np.random.default_rng(7)
    for name in TYPES:
        kind = gguf.GGMLQuantizationType[name]
        elements, size = gguf.GGML_QUANT_SIZES[kind]
        row = size if elements > 1 else size * 3
        data = rng.integers(0, 128, (2, row), dtype=np.uint8)
        if name == "F32":
            writer.add_tensor("tensor.F32", data.view(np.float32))
        elif name == "F16":
            writer.add_tensor("tensor.F16", data.view(np.float16))
        else:
            writer.add_tensor(f"tensor.{name}", data, raw_dtype=kind)
    finish(writer)


def describe(path: pathlib.Path) -> dict:
    reader = gguf.GGUFReader(path)
    keys = {name: {"type": field.types[0].name, "value": field.contents()}
            for name, field in reader.fields.items() if not name.startswith("GGUF.")}
    tensors = [{"name": t.name, "type": t.tensor_type.name, "shape": [int(n) for n in t.shape],
                "offset": int(t.data_offset),
                "sha256": hashlib.sha256(t.data.tobytes()).hexdigest()}
               for t in reader.tensors]
    return {"keys": keys, "tensors": tensors}


def write_vocabulary(path: pathlib.Path) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_token_list([f"token{i}" for i in range(20)])
    writer.add_token_scores([-float(i) for i in range(20)])
    writer.add_token_types([1] * 20)
    finish(writer)


def write_shards(path: pathlib.Path) -> None:
    writer = gguf.GGUFWriter(path, "llama", split_max_tensors=2)
    for i in range(5):
        writer.add_tensor(f"t{i}", np.full((2, 4), i, dtype=np.float32))
    finish(writer)


def main() -> None:
    folder = ROOT / "tests/data/gguf"
    corpus = ROOT / "fuzz/corpus/gguf"
    for each in (folder, corpus):
        each.mkdir(parents=True, exist_ok=True)
    write_all_types(folder / "all_types.gguf")
    description = json.dumps(describe(folder / "all_types.gguf"), indent=1)
    (folder / "all_types.json").write_text(description)
    data = bytearray((folder / "all_types.gguf").read_bytes())
    data[4:8] = (2).to_bytes(4, "little")
    (folder / "v2.gguf").write_bytes(data)
    write_vocabulary(folder / "vocabulary.gguf")
    write_shards(folder / "set.gguf")
    for file in folder.glob("*.gguf"):
        shutil.copy(file, corpus / file.name)
    whole = (folder / "all_types.gguf").read_bytes()
    (corpus / "cut").write_bytes(whole[:700])
    (corpus / "big_endian").write_bytes(whole[:4] + whole[7:3:-1] + whole[8:64])
    (corpus / "shard_name").write_bytes(b"model-00002-of-00005.gguf")
    (corpus / "v1").write_bytes(whole[:4] + b"\x01\0\0\0" + whole[8:64])


if __name__ == "__main__":
    main()
