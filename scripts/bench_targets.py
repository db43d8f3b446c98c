"""What is asked of Hearth's speed, as one table, and how a line of it is judged."""

from __future__ import annotations

from dataclasses import dataclass

from bench_sides import IK, INT8_PEAK, LLAMA, READ_BANDWIDTH

# What a figure is set against besides a peer or a limit of the machine: itself, or Hearth's own
# figure of another variant of the same case.
ITSELF, FASTEST, F16_KV = "itself", "fastest type", "f16 KV"


@dataclass(frozen=True)
class Target:
    """Of the cells of a row whose test begins with `test`; "" stands for any."""

    row: str
    model: str
    test: str
    against: str
    limit: float
    at_most: bool = False  # the figure must not exceed the limit; else it must reach it
    threads: int = 0
    variant: str = ""
    except_variant: str = "-"

    def holds(self, measured: float) -> bool:
        return measured <= self.limit if self.at_most else measured >= self.limit


TARGETS = (
    Target("prompt", "qwen", "pp", LLAMA, 2.7),
    Target("prompt", "qwen", "pp", INT8_PEAK, 0.55),
    Target("prompt", "gemma3", "pp", LLAMA, 3.5),
    Target("prompt", "smollm2", "pp", LLAMA, 6.0),
    Target("prompt", "smollm2", "pp", INT8_PEAK, 0.30),
    Target("prompt", "", "pp", IK, 1.4),
    Target("types", "", "pp", LLAMA, 1.2, variant="F16"),
    Target("types", "", "pp", LLAMA, 2.7, except_variant="F16"),
    Target("types", "", "pp", FASTEST, 0.7, except_variant="F16"),
    Target("generation", "qwen", "tg", LLAMA, 1.4, threads=1),
    Target("generation", "qwen", "tg", LLAMA, 1.15, threads=2),
    Target("generation", "qwen", "tg", READ_BANDWIDTH, 0.9),
    Target("generation", "smollm2", "tg", LLAMA, 1.5),
    Target("generation", "smollm2", "tg", READ_BANDWIDTH, 0.8),
    Target("generation", "gemma3", "tg", LLAMA, 1.5),
    Target("generation", "gemma3", "tg", READ_BANDWIDTH, 0.8),
    Target("generation", "", "tg", IK, 1.1),
    Target("depth", "qwen", "tg", LLAMA, 1.5),
    Target("depth", "smollm2", "tg", LLAMA, 2.5),
    Target("depth", "", "tg", F16_KV, 1.0, variant="q8_0"),
    Target("depth", "", "pp", LLAMA, 3.0, variant="f16"),
    Target("depth", "", "pp", LLAMA, 6.0, variant="q8_0"),
    Target("batched", "qwen", "tg64x4", LLAMA, 2.2),
    Target("batched", "qwen", "tg64x16", LLAMA, 2.3),
    Target("batched", "smollm2", "tg64x4", LLAMA, 2.5),
    Target("batched", "smollm2", "tg64x16", LLAMA, 3.0),
    Target("load", "qwen", "first start, s", LLAMA, 0.5, at_most=True),
    Target("load", "qwen", "second start, s", LLAMA, 0.5, at_most=True),
    Target("load", "smollm2", "first start, s", LLAMA, 1.0, at_most=True),
    Target("load", "smollm2", "second start, s", LLAMA, 1.0, at_most=True),
    # Of file + KV is asked; a process that answers one token holds next to no KV.
    Target("load", "", "first start, RSS", ITSELF, 1.15, at_most=True),
    Target("load", "", "second start, RSS", ITSELF, 1.15, at_most=True),
    Target("fixed", "", "µs", ITSELF, 5.0, at_most=True),
    Target("avx2", "", "pp", LLAMA, 2.0),
)
