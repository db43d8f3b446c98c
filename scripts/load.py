#!/usr/bin/env python3
"""Many users at once: Hearth beside llama.cpp's own server, same files, same machine, in turns.
Each user holds streaming chats that share a system prompt of some 400 tokens; 96 tokens each.

  load.py [--rounds 3] [--hearth build/hearth] [--without-peer] [--json FILE]

Prints, for each model and number of users: generated tokens a second, the time to the first token
and between tokens (median and 95th percentile), and the ratio of the throughputs against what was
asked for. Then the gaps of four streams while a long prompt is read beside them.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import load_client
import peers

ROOT = Path(__file__).resolve().parent.parent
TOKENS = 96
SYSTEM = (
    "You are a careful assistant of a small town's library. " + "Answer in plain words, briefly, "
    "and say when you do not know. Opening hours are nine to six, except on Sundays. " * 16
)
QUESTIONS = ("rivers", "bridges", "bread", "stars", "horses", "glass", "maps", "rain", "iron",
             "silk", "clocks", "whales", "roots", "salt", "wolves", "paper")


@dataclass(frozen=True)
class Case:
    model: str
    users: int
    chats: int  # of each user, one after another
    ratio_asked: float | None = None
    first_p95_asked: float | None = None


CASES = (
    Case("smollm2", 1, 2),
    Case("smollm2", 4, 2),
    Case("smollm2", 16, 2, ratio_asked=6, first_p95_asked=2),
    Case("smollm2", 64, 1, ratio_asked=15),
    Case("qwen", 16, 2, ratio_asked=7),
)


def messages(user: int, chat: int) -> list[dict]:
    topic = QUESTIONS[(user * 7 + chat) % len(QUESTIONS)]
    return [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": f"I am visitor {user}. Tell me about {topic}, part {chat}."},
    ]


async def user_chats(url, model, user, chats):
    return [await load_client.chat(url, named(model), messages(user, chat), TOKENS)
            for chat in range(chats)]


async def all_users(url, case):
    start = time.perf_counter()
    done = await asyncio.gather(
        *(user_chats(url, case.model, user, case.chats) for user in range(case.users))
    )
    return [stream for streams in done for stream in streams], time.perf_counter() - start


@contextlib.contextmanager
def serving(command, environment=None):
    """Starts a server, yields its URL, and ends it."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               text=True, env={**os.environ, **(environment or {})})
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def hearth(program, home, model):
    command = [str(program), "serve", model, "--port", "0", "--json", "--parallel", "64"]
    with serving(command, {"HEARTH_HOME": str(home)}) as process:
        url = json.loads(process.stdout.readline())["listening"]
        wait_for(f"{url}/health")
        yield url


def llama_server():
    """Of the peers' build of llama.cpp, made when it is first wanted."""
    folder = peers.built(peers.LLAMA)
    subprocess.run(["ninja", "-C", str(folder.parent), "llama-server"], check=True,
                   stdout=subprocess.DEVNULL)
    return folder / "llama-server"


@contextlib.contextmanager
def llama(file, users):
    port = 18080
    context = users * 1024
    command = [str(llama_server()), "-m", str(file), "--port", str(port), "-np",
               str(users), "-c", str(context), "-t", "2", "--kv-unified", "--no-webui"]
    with serving(command):
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/health")
        yield url


def wait_for(url, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if urllib.request.urlopen(url, timeout=5).status == 200:
                return
        time.sleep(0.1)
    raise SystemExit(f"{url} does not answer")


def figures(streams, seconds):
    failed = [stream.error for stream in streams if stream.error]
    if failed:
        raise SystemExit(f"{len(failed)} of {len(streams)} chats failed: {failed[0]}")
    gaps = [gap for stream in streams for gap in stream.gaps()]
    firsts = [stream.first_seconds for stream in streams]
    return {
        "tokens_per_second": sum(stream.tokens for stream in streams) / seconds,
        "first_p50": statistics.median(firsts),
        "first_p95": load_client.percentile(firsts, 95),
        "gap_p50": statistics.median(gaps),
        "gap_p95": load_client.percentile(gaps, 95),
        "cached": sum(stream.cached_tokens for stream in streams) / len(streams),
    }


def run_side(url, case):
    # One chat first: the model is in memory, and the shared prompt in the cache, on both sides.
    asyncio.run(load_client.chat(url, named(case.model), messages(999, 0), 4))
    return figures(*asyncio.run(all_users(url, case)))


def judged(holds):
    return "holds" if holds else "FALLS SHORT"


def median_of(rounds):
    return {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}


def line(name, of):
    return (f"  {name:10} {of['tokens_per_second']:8.1f} t/s   first {of['first_p50']:6.3f} "
            f"{of['first_p95']:6.3f} s   gap {of['gap_p50'] * 1e3:7.1f} "
            f"{of['gap_p95'] * 1e3:7.1f} ms")


def run_case(case, options, home):
    file = peers.cache_folder("gguf") / f"{case.model}.gguf"
    rounds = 1 if case.users == 64 else options.rounds
    ours, theirs = [], []
    for _ in range(rounds):
        with hearth(options.hearth, home, named(case.model)) as url:
            ours.append(run_side(url, case))
        if not options.without_peer:
            with llama(file, case.users) as url:
                theirs.append(run_side(url, case))
    print(f"{case.model}, {case.users} users, {rounds} rounds: median and p95")
    result = {"model": case.model, "users": case.users, "hearth": median_of(ours)}
    print(line("hearth", result["hearth"]), flush=True)
    if theirs:
        result["llama"] = median_of(theirs)
        print(line("llama.cpp", result["llama"]))
        ratio = result["hearth"]["tokens_per_second"] / result["llama"]["tokens_per_second"]
        asked = case.ratio_asked
        verdict = "" if asked is None else f", asked {asked}: {judged(ratio >= asked)}"
        print(f"  throughput {ratio:.2f} x{verdict}", flush=True)
        result["ratio"] = ratio
    if case.first_p95_asked is not None:
        holds = result["hearth"]["first_p95"] <= case.first_p95_asked
        print(f"  first token p95 asked {case.first_p95_asked} s: {judged(holds)}")
    return result


async def long_prompt(url):
    """p95 gap of four streams in the 5 s before a prompt of some 6,000 tokens, and while it is
    read; how long that took."""
    records = [load_client.Stream() for _ in range(4)]

    async def one(user):
        records[user] = await load_client.chat(url, named("smollm2"), messages(user, 0), 1800)

    tasks = [asyncio.create_task(one(user)) for user in range(4)]
    await asyncio.sleep(7)
    text = " ".join(f"Item {i} is number {i * 37 % 1009}." for i in range(600))
    long = await load_client.chat(url, named("smollm2"), [{"role": "user", "content": text}], 1)
    await asyncio.gather(*tasks)
    begin, end = long.asked, long.pieces[0]
    before = [gap for stream in records for gap in stream.gaps(begin - 5, begin)]
    during = [gap for stream in records for gap in stream.gaps(begin, end)]
    return (load_client.percentile(before, 95), load_client.percentile(during, 95), end - begin)


def named(model):
    return f"load-{model}"


def home_with(program):
    """A library with the models, each as load-NAME: the catalog's own names cannot be taken."""
    home = peers.cache_folder("load-home")
    for model in ("smollm2", "qwen"):
        file = peers.cache_folder("gguf") / f"{model}.gguf"
        known = subprocess.run([program, "show", named(model), "--json"], check=False,
                               capture_output=True, env={**os.environ, "HEARTH_HOME": str(home)})
        if known.returncode != 0:
            subprocess.run([program, "cp", str(file), named(model)], check=True,
                           env={**os.environ, "HEARTH_HOME": str(home)})
    return home


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hearth", type=Path, default=ROOT / "build" / "hearth")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without-peer", action="store_true")
    parser.add_argument("--cases", default=".*", help="regular expression on model:users")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    home = home_with(options.hearth)
    results = [run_case(case, options, home) for case in CASES
               if re.search(options.cases, f"{case.model}:{case.users}")]
    if re.search(options.cases, "long"):
        with hearth(options.hearth, home, named("smollm2")) as url:
            before, during, seconds = asyncio.run(long_prompt(url))
        print(f"beside 4 streams, a long prompt took {seconds:.1f} s: p95 gap {before * 1e3:.1f} "
              f"-> {during * 1e3:.1f} ms, asked twice at most: {judged(during <= 2 * before)}")
        results.append({"before": before, "during": during, "seconds": seconds})
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
