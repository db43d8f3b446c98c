"""llama.cpp as a judge: token ids and logits of a GGUF file, through the ctypes bindings of its
sdist.

A LlamaModel owns the weights; a LlamaContext owns one cache and computes from an empty one
whenever asked. Not for threads. The bindings load the library that peers.py built, so nothing
else has to be installed."""

from __future__ import annotations

import ctypes
import importlib
import os
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

import numpy as np

import peers

KV_TYPES = {"f32": 0, "f16": 1, "q4_0": 2, "q8_0": 8}  # ggml's numbers
LOG_ERROR = 4  # ggml's log levels: 1 debug, 2 info, 3 warning, 4 error, 5 goes on with the last


@dataclass(frozen=True)
class Settings:
    """How llama.cpp computes: cache type, flash attention, threads, context and batch in tokens."""

    kv: str = "f32"
    flash: bool = False
    threads: int = 2
    context: int = 512
    batch: int = 512

    @property
    def label(self) -> str:
        return f"kv {self.kv}, flash attention {'on' if self.flash else 'off'}"


def load_bindings() -> Any:
    """llama_cpp.llama_cpp without the package's __init__, which imports more than is needed."""
    if "llama_cpp" not in sys.modules:
        os.environ["LLAMA_CPP_LIB_PATH"] = str(peers.llama_build())
        package = types.ModuleType("llama_cpp")
        package.__path__ = [str(peers.sdist_folder() / "llama_cpp")]
        sys.modules["llama_cpp"] = package
    return importlib.import_module("llama_cpp.llama_cpp")


class LlamaModel:
    """The weights and vocabulary of one GGUF file."""

    def __init__(self, path: Path, vocabulary_only: bool = False) -> None:
        self.api = load_bindings()
        self._log = self.api.llama_log_callback(print_errors)
        self.api.llama_log_set(self._log, None)
        self.api.llama_backend_init()
        parameters = self.api.llama_model_default_params()
        parameters.vocab_only = vocabulary_only
        self.handle = self.api.llama_model_load_from_file(str(path).encode(), parameters)
        if not self.handle:
            raise RuntimeError(f"llama.cpp does not load {path}")
        self.vocabulary = self.api.llama_model_get_vocab(self.handle)
        self.vocabulary_size: int = self.api.llama_vocab_n_tokens(self.vocabulary)

    def __enter__(self) -> LlamaModel:
        return self

    def __exit__(self, *_: object) -> None:
        self.api.llama_model_free(self.handle)

    def metadata(self, key: str) -> str | None:
        """A string of the file's metadata."""
        size = self.api.llama_model_meta_val_str(self.handle, key.encode(), None, 0)
        if size < 0:
            return None
        value = ctypes.create_string_buffer(size + 1)
        self.api.llama_model_meta_val_str(self.handle, key.encode(), value, size + 1)
        return value.value.decode()

    def tokenize(
        self, text: bytes, add_special: bool = True, parse_special: bool = False
    ) -> list[int]:
        room = len(text) + 16
        ids = (ctypes.c_int32 * room)()
        count = self.api.llama_tokenize(
            self.vocabulary, text, len(text), ids, room, add_special, parse_special
        )
        if count < 0:
            raise RuntimeError(f"llama.cpp needs room for {-count} tokens of {len(text)} bytes")
        return list(ids[:count])


class LlamaContext:
    """One cache of one model; logits of whole windows or step by step."""

    def __init__(self, model: LlamaModel, settings: Settings) -> None:
        self.model, self.settings, self.api = model, settings, model.api
        parameters = self.api.llama_context_default_params()
        parameters.n_ctx = settings.context
        parameters.n_batch = parameters.n_ubatch = settings.batch
        parameters.n_threads = parameters.n_threads_batch = settings.threads
        parameters.type_k = parameters.type_v = KV_TYPES[settings.kv]
        parameters.flash_attn_type = int(settings.flash)
        self.handle = self.api.llama_init_from_model(model.handle, parameters)
        if not self.handle:
            raise RuntimeError(f"llama.cpp makes no context of {settings}")
        self.position = 0

    def __enter__(self) -> LlamaContext:
        return self

    def __exit__(self, *_: object) -> None:
        self.api.llama_free(self.handle)

    def clear(self) -> None:
        self.api.llama_memory_clear(self.api.llama_get_memory(self.handle), True)
        self.position = 0

    def decode(self, ids: list[int], every_logit: bool) -> np.ndarray:
        """Appends a batch at most; logits [positions or 1, vocabulary], valid until the next."""
        batch = self.api.llama_batch_init(len(ids), 0, 1)
        batch.n_tokens = len(ids)
        for index, token in enumerate(ids):
            batch.token[index] = token
            batch.pos[index] = self.position + index
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = 0
            batch.logits[index] = every_logit or index == len(ids) - 1
        status = self.api.llama_decode(self.handle, batch)
        self.api.llama_batch_free(batch)
        if status != 0:
            raise RuntimeError(f"llama_decode returned {status} at position {self.position}")
        self.position += len(ids)
        rows = len(ids) if every_logit else 1
        logits = self.api.llama_get_logits(self.handle)
        return np.ctypeslib.as_array(logits, shape=(rows, self.model.vocabulary_size))

    def window_logits(self, ids: list[int]) -> np.ndarray:
        """Logits [positions, vocabulary] of a window from an empty cache (a copy)."""
        self.clear()
        parts = [
            self.decode(part, every_logit=True).copy() for part in pieces(ids, self.settings.batch)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def pieces(ids: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def print_errors(level: int, text: bytes, _: object) -> None:
    if level == LOG_ERROR:
        sys.stderr.write(text.decode(errors="replace"))
