"""The same weights decoded to F32: what a quantized file is judged against."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from gguf import GGUFReader, GGUFValueType, GGUFWriter, Keys, LlamaFileType
from gguf.gguf_reader import ReaderTensor
from gguf.quants import dequantize

import peers

PART_ROWS = 16384  # decoded at a time: 16384 rows of 9,000 columns are 600 MB of F32 at most


def digest(path: Path) -> str:
    """SHA-256 of a file: what results are cached under."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copy_metadata(reader: GGUFReader, writer: GGUFWriter) -> None:
    written_by_the_writer = ("GGUF.", Keys.General.ARCHITECTURE, Keys.General.FILE_TYPE)
    for key, entry in reader.fields.items():
        if not key.startswith(written_by_the_writer):
            of = entry.types[-1] if entry.types[0] == GGUFValueType.ARRAY else None
            writer.add_key_value(key, entry.contents(), entry.types[0], sub_type=of)
    writer.add_file_type(LlamaFileType.ALL_F32)


def write_tensor(writer: GGUFWriter, tensor: ReaderTensor) -> None:
    """In parts: a large matrix in F32 need not fit in memory."""
    file = writer.fout[0]
    rows = tensor.data.reshape(-1, tensor.data.shape[-1])
    parts = (
        dequantize(rows[start : start + PART_ROWS], tensor.tensor_type)
        for start in range(0, len(rows), PART_ROWS)
    )
    writer.write_padding(file, file.tell())
    for part in parts:
        part.astype(np.float32, copy=False).tofile(file)
    writer.write_padding(file, file.tell())


def decoded_to_f32(path: Path, digest_of_path: str) -> Path:
    """An F32 GGUF of the file's weights in the cache, written on first use."""
    out = peers.cache_folder("f32") / f"{digest_of_path[:16]}.gguf"
    if out.exists():
        return out
    unfinished = out.with_suffix(".part")
    reader = GGUFReader(path)
    writer = GGUFWriter(unfinished, reader.fields[Keys.General.ARCHITECTURE].contents())
    copy_metadata(reader, writer)
    for tensor in reader.tensors:
        shape = [int(size) for size in tensor.shape[::-1]]
        writer.add_tensor_info(tensor.name, shape, np.dtype(np.float32), 4 * int(np.prod(shape)))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for tensor in reader.tensors:
        write_tensor(writer, tensor)
    writer.close()
    unfinished.rename(out)
    return out
