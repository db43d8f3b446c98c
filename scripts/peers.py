"""Fetches and builds what Hearth is measured against, from sdists of PyPI: llama.cpp natively and
for AVX2 only, and ik_llama.cpp natively.

Everything lands in one cache folder: $HEARTH_CACHE, or .cache/peers in the repository (ignored
by git).
    src/llama_cpp_python-0.3.36   ctypes bindings and, in vendor/llama.cpp, llama.cpp whole
    src/ik_llama_cpp_python-0.1.5  the same of ik_llama.cpp
    build-llama                   llama.cpp's native build: bin/llama-bench, bin/libllama.so …
    build-llama-avx2, build-ik    the others, for llama-bench alone
    gguf, f32, tiny, types        models by short name, decoded to F32, tiny ones, random ones
    results                       of llama.cpp
One build serves the tools and the library, so both sides of a comparison run the same code.

    peers.py        builds those that are missing (some 8 minutes each on two cores), prints where
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SDIST, SDIST_VERSION = "llama-cpp-python", "0.3.36"
IK_SDIST, IK_VERSION = "ik-llama-cpp-python", "0.1.5"
# The sdist of ik_llama.cpp lacks the script that writes its build information.
IK_BUILD_INFO = """set(BUILD_NUMBER 0)
set(BUILD_COMMIT "sdist")
set(BUILD_COMPILER "${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION}")
set(BUILD_TARGET "${CMAKE_HOST_SYSTEM_PROCESSOR}")
configure_file(common/build-info.cpp.in common/build-info.cpp)
"""


@dataclass(frozen=True)
class Peer:
    """One build of one sdist."""

    name: str
    sdist: str
    version: str
    source: str  # CMake's, inside the sdist
    build: str  # its folder in the cache
    options: tuple[str, ...]
    targets: tuple[str, ...]  # of the build; the libraries come with them
    added_files: tuple[tuple[str, str], ...] = ()  # what the sdist lacks: path in source, text


LLAMA = Peer(
    "llama.cpp",
    SDIST,
    SDIST_VERSION,
    "vendor/llama.cpp",
    "build-llama",
    ("GGML_NATIVE=ON",),
    ("llama-bench", "llama-perplexity", "llama-quantize", "llama-batched-bench"),
)
LLAMA_AVX2 = Peer(
    "llama.cpp for AVX2 only",
    SDIST,
    SDIST_VERSION,
    "vendor/llama.cpp",
    "build-llama-avx2",
    (
        "GGML_NATIVE=OFF",
        *(f"GGML_{name}=ON" for name in ("SSE42", "AVX", "AVX2", "FMA", "F16C", "BMI2")),
        *(f"GGML_{name}=OFF" for name in ("AVX512", "AVX_VNNI")),
    ),
    ("llama-bench",),
)
IK = Peer(
    "ik_llama.cpp",
    IK_SDIST,
    IK_VERSION,
    "vendor/ik_llama.cpp",
    "build-ik",
    # Attention over every pair of cache types is most of its compile time; f16 is measured.
    ("GGML_NATIVE=ON", "LLAMA_BUILD_SERVER=OFF", "GGML_IQK_FA_ALL_QUANTS=OFF"),
    ("llama-bench",),
    (("common/cmake/build-info-gen-cpp.cmake", IK_BUILD_INFO),),
)
PEERS = (LLAMA, LLAMA_AVX2, IK)
COMMON_OPTIONS = (
    "CMAKE_BUILD_TYPE=Release",
    "BUILD_SHARED_LIBS=ON",
    "LLAMA_CURL=OFF",
    "LLAMA_OPENSSL=OFF",
    "LLAMA_BUILD_TESTS=OFF",
)


def cache_folder(*parts: str) -> Path:
    folder = Path(os.environ.get("HEARTH_CACHE", ROOT / ".cache" / "peers")).joinpath(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def unpacked(peer: Peer) -> Path:
    """The unpacked sdist, downloaded by pip on first use."""
    folder = cache_folder("src") / f"{peer.sdist.replace('-', '_')}-{peer.version}"
    if not (folder / peer.source / "CMakeLists.txt").exists():
        archive = cache_folder("peers") / f"{folder.name}.tar.gz"
        if not archive.exists():
            pip = (sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", peer.sdist)
            wanted = f"{peer.sdist}=={peer.version}"
            subprocess.run([*pip, "-d", str(archive.parent), wanted], check=True, stdout=sys.stderr)
        with tarfile.open(archive) as opened:
            opened.extractall(folder.parent, filter="data")
    for path, text in peer.added_files:
        file = folder / peer.source / path
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    return folder


def sdist_folder() -> Path:
    """The sdist with llama.cpp, its bindings and its licence."""
    return unpacked(LLAMA)


def llama_cpp_folder() -> Path:
    """llama.cpp's source tree."""
    return sdist_folder() / LLAMA.source


def built(peer: Peer) -> Path:
    """The bin folder of a peer's build, built on first use and when what it is made of changes."""
    build = cache_folder(peer.build)
    options = [f"-D{option}" for option in (*COMMON_OPTIONS, *peer.options)]
    made_of, stamp = "\n".join([peer.version, *options, *peer.targets]), build / "made-of.txt"
    if not stamp.exists() or stamp.read_text() != made_of:
        print(f"building {peer.name} …", file=sys.stderr, flush=True)
        source = unpacked(peer) / peer.source
        configure = ["cmake", "-S", str(source), "-B", str(build), "-G", "Ninja", *options]
        subprocess.run(configure, check=True, stdout=sys.stderr)
        subprocess.run(["ninja", "-C", str(build), *peer.targets], check=True, stdout=sys.stderr)
        stamp.write_text(made_of)
    return build / "bin"


def llama_build() -> Path:
    return built(LLAMA)


def main() -> None:
    for peer in PEERS:
        print(built(peer), flush=True)


if __name__ == "__main__":
    main()
