#!/usr/bin/env python3
"""A float64 forward pass of the llama, qwen2, phi3 and gemma3 families, simple enough to trust by
reading.

It reads a GGUF file through PyPI `gguf` (which decodes the quantized types), keeps everything in
float64 and gives the logits of every position. It knows nothing of Hearth and is no faster than
numpy makes it."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize

Array = np.ndarray


class Model:
    """Metadata by key and weights by name, decoded to float64; matrices are [outputs, inputs]."""

    def __init__(self, path: Path) -> None:
        reader = GGUFReader(path)
        self.metadata = {key: entry.contents() for key, entry in reader.fields.items()}
        self.family: str = self.metadata["general.architecture"]
        self.gelu: Callable[[Array], Array] = gelu
        self.weights: dict[str, Array] = {}
        for tensor in reader.tensors:
            values = dequantize(tensor.data, tensor.tensor_type).astype(np.float64)
            self.weights[tensor.name] = values.reshape(tensor.shape[::-1])

    def get(self, key: str, default: Any = None) -> Any:
        return self.metadata.get(f"{self.family}.{key}", default)


@dataclass(frozen=True)
class Rope:
    """Rotation of pairs of dimensions by `angles` [positions, pairs], scaled by `magnitude`."""

    angles: Array
    magnitude: float
    interleaved: bool  # pairs are (0,1), (2,3), …; otherwise (0,half), (1,half+1), …

    def apply(self, x: Array) -> Array:  # x: [positions, heads, head size]
        dims = 2 * self.angles.shape[1]
        even, odd = (
            (slice(0, dims, 2), slice(1, dims, 2))
            if self.interleaved
            else (slice(0, dims // 2), slice(dims // 2, dims))
        )
        cos = np.cos(self.angles)[:, None, :] * self.magnitude
        sin = np.sin(self.angles)[:, None, :] * self.magnitude
        out = x.copy()
        out[..., even] = x[..., even] * cos - x[..., odd] * sin
        out[..., odd] = x[..., even] * sin + x[..., odd] * cos
        return out


@dataclass(frozen=True)
class LayerPlan:
    """What differs between layers: the rotation, and how far back they see (0: to the start)."""

    rope: Rope
    window: int


def rope_of(model: Model, positions: Array, context: int, window_layer: bool) -> Rope:
    head_size = model.get(
        "attention.key_length", model.get("embedding_length") // model.get("attention.head_count")
    )
    dims = model.get("rope.dimension_count", head_size)
    base = float(model.get("rope.freq_base", 10000.0))
    scaling = model.get("rope.scaling.type", "linear")
    if scaling not in ("none", "linear", "longrope"):
        raise ValueError(f"rope scaling {scaling} is not described here")
    scale = 1.0 if scaling == "none" else 1.0 / float(model.get("rope.scaling.factor", 1.0))
    if window_layer and model.family == "gemma3":
        base, scale = float(model.get("rope.freq_base_swa", 10000.0)), 1.0
    original = model.get("rope.scaling.original_context_length", model.get("context_length"))
    longrope = "rope_factors_long.weight" if context > original else "rope_factors_short.weight"
    ones = np.ones(dims // 2)
    factors = model.weights.get("rope_freqs.weight", model.weights.get(longrope, ones))
    frequencies = base ** (-np.arange(0, dims, 2) / dims) * scale / factors
    return Rope(
        angles=np.outer(positions, frequencies),
        magnitude=float(model.get("rope.scaling.attn_factor", 1.0)),
        interleaved=model.family == "llama",
    )


def plan_layers(model: Model, positions: Array, context: int) -> list[LayerPlan]:
    window = int(model.get("attention.sliding_window", 0))
    everywhere = LayerPlan(rope_of(model, positions, context, False), 0)
    if not window or model.family not in ("gemma3", "phi3"):
        return [everywhere] * model.get("block_count")
    local = LayerPlan(rope_of(model, positions, context, True), window)
    # gemma3: of every six layers the last is global. phi3: every layer has the window.
    pattern = model.get("attention.sliding_window_pattern", 6) if model.family == "gemma3" else 0
    return [
        everywhere if pattern and layer % pattern == pattern - 1 else local
        for layer in range(model.get("block_count"))
    ]


def rms_norm(x: Array, weight: Array, epsilon: float) -> Array:
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + epsilon) * weight


def silu(x: Array) -> Array:
    return x / (1.0 + np.exp(-x))


def gelu(x: Array) -> Array:
    return 0.5 * x * (1.0 + np.tanh(np.sqrt(2.0 / np.pi) * (x + 0.044715 * x**3)))


def gelu_of_halves(x: Array) -> Array:
    """GELU as llama.cpp's CPU has it: a table of f16 values by f16 arguments, exact outside ±10."""
    tabled = gelu(x.astype(np.float16).astype(np.float64)).astype(np.float16).astype(np.float64)
    return np.where(x <= -10.0, 0.0, np.where(x >= 10.0, x, tabled))


def attend(q: Array, k: Array, v: Array, window: int, scale: float) -> Array:
    """Causal softmax attention; query head h reads key head h // (heads / kv heads)."""
    positions, heads, _ = q.shape
    group = heads // k.shape[1]
    distance = np.arange(positions)[:, None] - np.arange(positions)[None, :]
    hidden = (distance < 0) | ((distance >= window) if window else False)
    outputs = []
    for head in range(heads):
        scores = q[:, head] @ k[:, head // group].T * scale
        scores[hidden] = -np.inf
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        outputs.append(weights / weights.sum(axis=1, keepdims=True) @ v[:, head // group])
    return np.concatenate(outputs, axis=1)


def attention(model: Model, x: Array, prefix: str, plan: LayerPlan) -> Array:
    w, heads, kv_heads = (
        model.weights,
        model.get("attention.head_count"),
        model.get("attention.head_count_kv"),
    )
    epsilon = model.get("attention.layer_norm_rms_epsilon")
    if f"{prefix}.attn_qkv.weight" in w:
        fused = x @ w[f"{prefix}.attn_qkv.weight"].T
        size = fused.shape[1] // (heads + 2 * kv_heads)
        q, k, v = np.split(fused, [heads * size, (heads + kv_heads) * size], axis=1)
    else:
        q, k, v = (
            x @ w[f"{prefix}.attn_{n}.weight"].T + w.get(f"{prefix}.attn_{n}.bias", 0.0)
            for n in "qkv"
        )
        size = q.shape[1] // heads
    q, k, v = (
        q.reshape(-1, heads, size),
        k.reshape(-1, kv_heads, size),
        v.reshape(-1, kv_heads, size),
    )
    scale = 1.0 / np.sqrt(size)
    if model.family == "gemma3":
        q = rms_norm(q, w[f"{prefix}.attn_q_norm.weight"], epsilon)
        k = rms_norm(k, w[f"{prefix}.attn_k_norm.weight"], epsilon)
        if model.get("block_count") == 62:  # the 27B model divides by width / heads instead
            scale = 1.0 / np.sqrt(model.get("embedding_length") // heads)
    mixed = attend(plan.rope.apply(q), plan.rope.apply(k), v, plan.window, scale)
    return mixed @ w[f"{prefix}.attn_output.weight"].T


def feed_forward(model: Model, x: Array, prefix: str) -> Array:
    w = model.weights
    if f"{prefix}.ffn_gate.weight" in w:
        gate, up = x @ w[f"{prefix}.ffn_gate.weight"].T, x @ w[f"{prefix}.ffn_up.weight"].T
    else:
        gate, up = np.split(x @ w[f"{prefix}.ffn_up.weight"].T, 2, axis=1)
    activated = model.gelu(gate) if model.family == "gemma3" else silu(gate)
    return (activated * up) @ w[f"{prefix}.ffn_down.weight"].T


def forward(model: Model, ids: list[int], context: int) -> Array:
    """Logits [positions, vocabulary] of `ids` alone, in an engine of `context` tokens."""
    w, epsilon = model.weights, model.get("attention.layer_norm_rms_epsilon")
    gemma = model.family == "gemma3"
    x = w["token_embd.weight"][ids]
    if gemma:
        x = x * np.sqrt(model.get("embedding_length"))
    for layer, plan in enumerate(plan_layers(model, np.arange(len(ids)), context)):
        prefix = f"blk.{layer}"
        mixed = attention(
            model, rms_norm(x, w[f"{prefix}.attn_norm.weight"], epsilon), prefix, plan
        )
        if gemma:
            mixed = rms_norm(mixed, w[f"{prefix}.post_attention_norm.weight"], epsilon)
        x = x + mixed
        fed = feed_forward(model, rms_norm(x, w[f"{prefix}.ffn_norm.weight"], epsilon), prefix)
        if gemma:
            fed = rms_norm(fed, w[f"{prefix}.post_ffw_norm.weight"], epsilon)
        x = x + fed
    x = rms_norm(x, w["output_norm.weight"], epsilon)
    return x @ w.get("output.weight", w["token_embd.weight"]).T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("model", type=Path, help="GGUF file")
    parser.add_argument("ids", type=Path, help="JSON: an array of arrays of token ids")
    parser.add_argument(
        "--ctx", type=int, default=256, help="context of the engine (default: %(default)s)"
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="raw f32 [positions, vocabulary], windows in order"
    )
    arguments = parser.parse_args()
    model = Model(arguments.model)
    with arguments.out.open("wb") as out:
        for window in json.loads(arguments.ids.read_text()):
            out.write(forward(model, window, arguments.ctx).astype("<f4").tobytes())


if __name__ == "__main__":
    main()
