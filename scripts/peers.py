"""Fetches and builds what Hearth is measured against: llama.cpp, natively, from PyPI's sdist.

Everything lands in one cache folder: $HEARTH_CACHE, or .cache/peers in the repository (ignored
by git).
    src/llama_cpp_python-0.3.36   ctypes bindings and, in vendor/llama.cpp, llama.cpp whole
    build-llama                   its native build: bin/llama-bench, bin/libllama.so …
    gguf, f32, tiny, results      models by short name, decoded to F32, tiny ones, its results
One build serves the tools and the library, so both sides of a comparison run the same code."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SDIST, SDIST_VERSION = "llama-cpp-python", "0.3.36"
LLAMA_TARGETS = (
    "llama",
    "llama-bench",
    "llama-perplexity",
    "llama-quantize",
    "llama-batched-bench",
)


def cache_folder(*parts: str) -> Path:
    folder = Path(os.environ.get("HEARTH_CACHE", ROOT / ".cache" / "peers")).joinpath(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def sdist_folder() -> Path:
    """The unpacked sdist, downloaded by pip on first use."""
    folder = cache_folder("src") / f"{SDIST.replace('-', '_')}-{SDIST_VERSION}"
    if not (folder / "vendor" / "llama.cpp" / "CMakeLists.txt").exists():
        archives = cache_folder("peers")
        subprocess.run(
            [
                sys.executable,
                "-m",
                "pip",
                "download",
                "--no-deps",
                "--no-binary",
                SDIST,
                "-d",
                str(archives),
                f"{SDIST}=={SDIST_VERSION}",
            ],
            check=True,
        )
        with tarfile.open(archives / f"{folder.name}.tar.gz") as archive:
            archive.extractall(folder.parent, filter="data")
    return folder


def llama_cpp_folder() -> Path:
    """llama.cpp's source tree."""
    return sdist_folder() / "vendor" / "llama.cpp"


def llama_build() -> Path:
    """The bin folder of the native build, built on first use (about 5 minutes on two cores)."""
    build = cache_folder("build-llama")
    if not all((build / "bin" / name).exists() for name in ("libllama.so", *LLAMA_TARGETS[1:])):
        print("building llama.cpp natively …", file=sys.stderr, flush=True)
        options = [
            "CMAKE_BUILD_TYPE=Release",
            "GGML_NATIVE=ON",
            "BUILD_SHARED_LIBS=ON",
            "LLAMA_CURL=OFF",
            "LLAMA_OPENSSL=OFF",
            "LLAMA_BUILD_TESTS=OFF",
        ]
        subprocess.run(
            [
                "cmake",
                "-S",
                str(llama_cpp_folder()),
                "-B",
                str(build),
                "-G",
                "Ninja",
                *(f"-D{option}" for option in options),
            ],
            check=True,
            stdout=sys.stderr,
        )
        subprocess.run(["ninja", "-C", str(build), *LLAMA_TARGETS], check=True, stdout=sys.stderr)
    return build / "bin"


def main() -> None:
    print(llama_build())


if __name__ == "__main__":
    main()
