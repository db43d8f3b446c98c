#!/usr/bin/env python3
"""`hearth serve` over minutes: what a single request does not show. Each case prints its figures
and whether they hold.

  long_runs.py BUILD [CASE…] [--seed 1]

  prefix      a prompt that is in the cache against a cold one; another tenant finds nothing
  pairs       another tenant's prompt takes as long as one that nobody has asked
  preempted   one result alone, and when 15 others take the cache's blocks away
  fairness    one request of one tenant beside fifty of another
  loris       2,000 connections that never end their header
  soak        20,000 requests, some leave, some are refused: nothing grows
  kill        SIGKILL under load, 50 times: no acknowledged key is lost
  memory      two models in turns where one fits
  idle        what a server does when nobody asks: nothing

They need smollm2 (hearth pull), and for soak and kill a model of 7 MB with random weights, which is
made when it is first wanted (with llama.cpp's quantizer: make soak builds that).
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from serving import Serving

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "scripts"))
import load_client  # noqa: E402

MODEL = "smollm2"


class Verdicts:
    def __init__(self):
        self.count, self.short = 0, []

    def that(self, holds, what):
        self.count += 1
        print(f"  {'holds' if holds else 'FALLS SHORT'}: {what}", flush=True)
        if not holds:
            self.short.append(what)


def words(generator, count):
    """A text that no one else has asked, of some `count` tokens of SmolLM2."""
    few = ("river", "stone", "light", "green", "north", "paper", "seven", "quiet")
    return " ".join(generator.choice(few) for _ in range(count))


def chat(text, tokens, **others):
    return load_client.body_of(MODEL, [{"role": "user", "content": text}], tokens, **others)


def ask(server, body, key=""):
    stream = asyncio.run(load_client.ask(server.url, body, key))
    if stream.error:
        raise RuntimeError(stream.error)
    return stream


@contextlib.contextmanager
def tenants(build, *names, flags=()):
    """A server that asks for keys, and one key for each name."""
    with tempfile.TemporaryDirectory() as home:
        for part in ("blobs", "manifests"):
            os.symlink(library() / part, Path(home, part))
        environment = {"HEARTH_HOME": home}
        keys = [add_key(build, home, name).stdout.strip() for name in (*names, "operator")]
        with Serving(build / "hearth", MODEL, "--require-keys", *flags,
                     environment=environment) as server:
            yield server, keys


def add_key(build, home, name):
    role = "admin" if name == "operator" else "user"
    return subprocess.run([build / "hearth", "keys", "add", name, "--role", role], check=True,
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          env={**os.environ, "HEARTH_HOME": home})


def library():
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share"
    return Path(os.environ.get("HEARTH_HOME") or Path(data) / "hearth")


def prefix(verdicts, options):
    generator = random.Random(options.seed)
    with tenants(options.build, "one", "two") as (server, (one, two, operator)):
        rows = lambda: server.metric("hearth:step_rows_total",  # noqa: E731
                                     {"Authorization": f"Bearer {operator}"})
        ask(server, chat("Warm up.", 2), one)
        cold, warm, ratios = [], [], []
        for _ in range(7):
            text = words(generator, 2000)
            first, again = (ask(server, chat(text, 2), one) for _ in range(2))
            cold.append(first.first_seconds)
            warm.append(again.first_seconds)
            ratios.append(first.first_seconds / again.first_seconds)
        before = rows()
        other = ask(server, chat(text, 2), two)
        computed = rows() - before
    print(f"prefix of {again.prompt_tokens} tokens: first token {statistics.median(cold):.3f} s, "
          f"again {statistics.median(warm):.3f} s (7 texts, medians)")
    verdicts.that(statistics.median(ratios) >= 10,
                  f"{statistics.median(ratios):.1f} times sooner, asked 10")
    # The last token of an answer is never computed: nothing follows it.
    verdicts.that(other.cached_tokens == 0 and computed == other.prompt_tokens + 1,
                  f"another tenant found {other.cached_tokens}; {computed:.0f} rows were computed "
                  f"for its {other.prompt_tokens} tokens and 1 of the answer")


def interval_of_median(values):
    """With 95 % (binomial): the order statistics that the true median lies between."""
    ordered, n = sorted(values), len(values)
    reach = round(0.98 * n**0.5)
    return ordered[n // 2 - reach], ordered[n // 2 + reach - 1]


def pairs(verdicts, options):
    generator = random.Random(options.seed)
    cold, differences = [], []
    with tenants(options.build, "one", "two") as (server, (one, two, _)):
        for _ in range(4):
            ask(server, chat(words(generator, 256), 1), two)
        for pair in range(60):
            known, unknown = words(generator, 225), words(generator, 225)
            ask(server, chat(known, 1), one)
            took = {}
            for text in (known, unknown) if pair % 2 else (unknown, known):
                stream = ask(server, chat(text, 1), two)
                took[text] = stream.first_seconds
            cold.append(took[unknown])
            differences.append(took[known] - took[unknown])
    low, high = interval_of_median(differences)
    first = statistics.median(cold)
    print(f"60 pairs of {stream.prompt_tokens} tokens: cold first token {first * 1e3:.1f} ms, "
          f"median difference {statistics.median(differences) * 1e3:+.2f} ms")
    verdicts.that(low <= 0 <= high and max(-low, high) <= 0.05 * first,
                  f"95 % of the median difference: {low / first:+.1%} to {high / first:+.1%} of it")


def preempted(verdicts, options):
    body = chat("Tell me of the sea.", 900, logprobs=True, top_logprobs=2, stream=False)
    del body["stream_options"]
    # 16 of 1,100 tokens want more than the 16 x 1,024 that there are.
    with Serving(options.build / "hearth", MODEL, "--parallel", "16", "--ctx", "2048") as server:
        alone = server.post("/v1/chat/completions", body)[1]

        async def crowd():
            others = [load_client.ask(server.url, chat(f"Count from {i}.", 1200))
                      for i in range(15)]
            asked = asyncio.to_thread(server.post, "/v1/chat/completions", body)
            # From start to end, and so preempted at one time or another.
            return (await asyncio.gather(asked, *others))[0][1]

        crowded = asyncio.run(crowd())
        preemptions = server.metric("vllm:num_preemptions_total")
    print(f"preempted: {preemptions:.0f} preemptions among 16 answers")
    verdicts.that(preemptions > 0 and alone["choices"] == crowded["choices"],
                  f"{alone['usage']['completion_tokens']} tokens and their log-probabilities are "
                  "the same bytes")


def fairness(verdicts, options):
    generator = random.Random(options.seed)
    with tenants(options.build, "many", "single") as (server, (many, single, operator)):
        headers = {"Authorization": f"Bearer {operator}"}
        question = lambda: chat(words(generator, 100), 32)  # noqa: E731
        ask(server, question(), single)
        idle = [ask(server, question(), single) for _ in range(7)]

        async def crowded():
            crowd = [asyncio.create_task(load_client.ask(
                server.url, chat(words(generator, 100), 300), many)) for _ in range(50)]
            while sum(bool(task.done()) for task in crowd) == 0:
                await asyncio.sleep(0.2)
                steps, busy = (server.metric(f"hearth:{name}", headers)
                               for name in ("steps_total", "step_seconds_total"))
                alone.append(await load_client.ask(server.url, question(), single))
                now = server.metric("hearth:steps_total", headers)
                later = server.metric("hearth:step_seconds_total", headers)
                if now > steps:
                    step_seconds.append((later - busy) / (now - steps))
            for task in crowd:
                task.cancel()

        alone, step_seconds = [], []
        asyncio.run(crowded())
    wait = statistics.median(stream.first_seconds for stream in alone)
    before = statistics.median(stream.first_seconds for stream in idle)
    step = statistics.median(step_seconds)
    print(f"fairness: first token {before * 1e3:.0f} ms on an idle server, {wait * 1e3:.0f} ms "
          f"beside 50 of another tenant (medians of {len(idle)} and {len(alone)}); a step takes "
          f"{step * 1e3:.0f} ms")
    verdicts.that(wait <= 1.5 * before + step, f"{wait * 1e3:.0f} ms, asked at most "
                  f"{(1.5 * before + step) * 1e3:.0f} (1.5 times, and a step)")


async def slow_header(server, start, closed):
    """Sends a header by bytes; notes when it was closed on."""
    reader, writer = await asyncio.open_connection(server.host, server.port)
    begun = time.perf_counter()
    try:
        writer.write(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        start.set()
        while True:
            writer.write(b"a")
            await writer.drain()
            with contextlib.suppress(asyncio.TimeoutError):
                while await asyncio.wait_for(reader.read(4096), 1):
                    pass
                break
    except OSError:
        pass
    closed.append(time.perf_counter() - begun)
    writer.close()


HEADER_SECONDS = 10  # HttpLimits::header_seconds


def loris(verdicts, options):
    count = 2000

    async def firsts(server, generator, seconds):
        found, end = [], time.perf_counter() + seconds
        while time.perf_counter() < end:
            stream = await load_client.ask(server.url, chat(words(generator, 100), 2))
            found.append(stream.first_seconds)
            await asyncio.sleep(0.05)
        return found

    async def attack(server, closed):
        start = asyncio.Event()
        slow = [asyncio.create_task(slow_header(server, start, closed)) for _ in range(count)]
        await start.wait()
        beside = await firsts(server, random.Random(options.seed + 1), HEADER_SECONDS - 1)
        await asyncio.gather(*slow)
        return beside

    closed = []
    with Serving(options.build / "hearth", MODEL) as server:
        asyncio.run(firsts(server, random.Random(0), 1))
        idle = asyncio.run(firsts(server, random.Random(options.seed), HEADER_SECONDS - 1))
        beside = asyncio.run(attack(server, closed))
        alive = server.request("GET", "/health")[0] == 200
    before, during = (load_client.percentile(values, 95) for values in (idle, beside))
    print(f"loris: {len(closed)} connections, closed after {min(closed):.2f} to {max(closed):.2f} "
          f"s; first token p95 {before * 1e3:.0f} ms before ({len(idle)}), {during * 1e3:.0f} ms "
          f"beside them ({len(beside)})")
    verdicts.that(alive and len(closed) == count and max(closed) <= HEADER_SECONDS + 1,
                  f"all closed within {HEADER_SECONDS + 1} s")
    verdicts.that(during <= 1.5 * before, f"p95 {during / before:.2f} times, asked 1.5")


@contextlib.contextmanager
def nano_home():
    """A library with the model of random weights alone, under the name of nano."""
    import bench_models  # needs gguf, of the conformance environment

    with tempfile.TemporaryDirectory() as home:
        environment = {"HEARTH_HOME": home}
        hearth = OPTIONS.build / "hearth"
        subprocess.run([hearth, "cp", bench_models.nano(), "nano"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env={**os.environ, **environment})
        yield home, environment


def soak_request(generator):
    """(method, path, body, bytes after which the client leaves or None, statuses it may get)."""
    count = generator.randint(1, 9)
    text = " ".join(generator.choice(("sun", "moon", "rain")) for _ in range(count))
    tokens = generator.randint(1, 12)
    ways = {
        "completion": ("/v1/completions", {"model": "nano", "prompt": text, "max_tokens": tokens}),
        "several": ("/v1/completions", {"model": "nano", "prompt": [text, text + " a"], "n": 2,
                                        "max_tokens": tokens, "seed": generator.randint(0, 99)}),
        "stream": ("/v1/completions", {"model": "nano", "prompt": text, "max_tokens": tokens,
                                       "stream": True}),
        "generate": ("/api/generate", {"model": "nano", "prompt": text, "raw": True,
                                       "options": {"num_predict": tokens}}),
        "embedding": ("/v1/embeddings", {"model": "nano", "input": text}),
        "tokenize": ("/tokenize", {"content": text}),
    }
    kind = generator.random()
    if kind < 0.1:
        body = {"model": "nano", "prompt": text, "max_tokens": 400, "stream": True}
        return "POST", "/v1/completions", body, generator.randint(16, 2000), (200,)
    if kind < 0.2:
        path, body, status = generator.choice((
            ("/v1/completions", {"model": "none", "prompt": "x"}, 404),
            ("/v1/completions", {"model": "nano", "prompt": "x", "temperature": 99}, 400),
            ("/v1/completions", {"model": "nano", "prompt": "x", "no_such_field": 1}, 400),
            ("/v1/completions", b"{", 400), ("/no/such/path", {}, 404),
            ("/v1/completions", {"model": "nano", "prompt": [99999]}, 400)))
        return "POST", path, body, None, (status,)
    path, body = generator.choice(list(ways.values()))
    return "POST", path, body, None, (200,)


def process_state(server):
    """(RSS in KiB, descriptors)."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    rss = int(re.search(r"VmRSS:\s+(\d+)", status).group(1))
    return rss, len(os.listdir(f"/proc/{server.process.pid}/fd"))


def soak(verdicts, options):
    count, at_once, marks = 20_000, 32, {}
    wrong, done = [], 0

    async def worker(server, requests):
        nonlocal done
        for method, path, body, leave, wanted in requests:
            status = (await load_client.exchange(server.url, method, path, body, leave))[0]
            if status not in wanted:
                wrong.append((path, body, status, wanted))
            done += 1
            if done == 5000:
                marks[done] = process_state(server)

    # A cache of 126 MB, touched whole before the first mark: 8 x 1,024 positions of 15 KB.
    with nano_home() as (_, environment), Serving(
            options.build / "hearth", "nano", "--parallel", "8", "--ctx", "1024",
            environment=environment) as server:
        generator = random.Random(options.seed)
        requests = iter([soak_request(generator) for _ in range(count)])
        descriptors = process_state(server)[1]
        begun = time.perf_counter()

        async def everyone():
            await asyncio.gather(*(worker(server, requests) for _ in range(at_once)))

        asyncio.run(everyone())
        seconds = time.perf_counter() - begun
        idle = server.wait_until(
            lambda: server.metric("vllm:num_requests_running") == 0 and
            process_state(server)[1] == descriptors, 10)
        rss, descriptors_after = process_state(server)
        used = server.metric("vllm:kv_cache_usage_perc")
    print(f"soak: {done} requests in {seconds:.0f} s ({done / seconds:.0f} a second), "
          f"{len(wrong)} with another status than wanted {wrong[:2]}")
    verdicts.that(done == count and not wrong and seconds <= 300, "all answered within 5 minutes")
    verdicts.that(rss <= marks[5000][0] + 4096,
                  f"RSS {marks[5000][0] / 1024:.1f} MiB at 5,000, {rss / 1024:.1f} at the end")
    verdicts.that(idle and used == 0 and descriptors_after == descriptors,
                  f"descriptors {descriptors} before, {descriptors_after} after; blocks in use: "
                  f"{used:.1%}")


def kill(verdicts, options):
    """Rounds on one state: a server under load, keys added by the command, both killed."""
    generator, rounds, faults, keys = random.Random(options.seed), 50, [], []

    async def load(server, until):
        async def one():
            while time.perf_counter() < until:
                await load_client.exchange(server.url, "POST", "/v1/completions", {
                    "model": "nano", "prompt": "rain", "max_tokens": 3}, None, keys[0])

        await asyncio.gather(*(one() for _ in range(8)), return_exceptions=True)

    with nano_home() as (home, environment):
        keys.append(add_key(options.build, home, "first").stdout.strip())
        for number in range(rounds):
            with Serving(options.build / "hearth", "nano", "--require-keys",
                         environment=environment) as server:
                adder = subprocess.Popen(
                    ["sh", "-c", 'i=0; while "$0" keys add "k$1-$i"; do i=$((i+1)); done',
                     options.build / "hearth", str(number)], stdout=subprocess.PIPE, text=True,
                    stderr=subprocess.DEVNULL, start_new_session=True,
                    env={**os.environ, **environment})
                seconds = generator.uniform(0.05, 0.8)
                loading = subprocess_load(load, server, seconds)
                time.sleep(seconds)
                server.process.kill()
                os.killpg(adder.pid, signal.SIGKILL)
                said = adder.communicate()[0]
                loading.join()
            keys += [line for line in said.splitlines(True) if line.endswith("\n")]
            faults += [f"round {number}: {fault}" for fault in state_faults(home, keys)]
    print(f"kill: {rounds} rounds under load (seed {options.seed}), {len(keys)} keys acknowledged")
    verdicts.that(not faults, f"integrity_check ok, every key there{faults[:3] or ''}")


def subprocess_load(load, server, seconds):
    import threading

    thread = threading.Thread(
        target=lambda: asyncio.run(load(server, time.perf_counter() + seconds)))
    thread.start()
    return thread


def state_faults(home, keys):
    import hashlib

    with contextlib.closing(sqlite3.connect(Path(home, "state.db"))) as connection:
        verdict = connection.execute("PRAGMA integrity_check").fetchall()
        stored = {row[0] for row in connection.execute("SELECT secret_sha256 FROM keys")}
    lost = [key for key in keys if hashlib.sha256(key.strip().encode()).digest() not in stored]
    return ([] if verdict == [("ok",)] else [str(verdict)]) + [f"{len(lost)} lost"] * bool(lost)


def memory(verdicts, options):
    switches, marks = 200, {}
    with tempfile.TemporaryDirectory() as home:
        environment = {"HEARTH_HOME": home}
        shown = json.loads(subprocess.run([options.build / "hearth", "show", MODEL, "--json"],
                                          check=True, capture_output=True).stdout)
        for name in ("one", "two"):
            subprocess.run([options.build / "hearth", "cp", shown["path"], name], check=True,
                           capture_output=True, env={**os.environ, **environment})
        with Serving(options.build / "hearth", "--ctx", "1024", "--parallel", "1",
                     environment=environment) as server:
            server.post("/api/generate", {"model": "one", "stream": False})
            needs = server.metric("hearth:model_memory_bytes")
        # Room for one and a half of them; and for half of one.
        limit = ["--max-memory", f"{1.5 * needs / 2**30:.3f}"]
        with Serving(options.build / "hearth", "--ctx", "1024", "--parallel", "1", *limit,
                     environment=environment) as server:
            answers = set()
            for switch in range(1, switches + 1):
                name = ("one", "two")[switch % 2]
                status, reply = server.post("/api/generate", {
                    "model": name, "prompt": "The sky is", "raw": True, "stream": False,
                    "options": {"num_predict": 4, "temperature": 0}})
                answers.add((status, reply.get("response")))
                if switch in (20, 200):
                    marks[switch] = process_state(server)[0]
            loaded = len(json.loads(server.request("GET", "/api/ps")[2])["models"])
        with Serving(options.build / "hearth", "--ctx", "1024", "--parallel", "1", "--max-memory",
                     f"{0.5 * needs / 2**30:.3f}", environment=environment) as server:
            status, refused = server.post("/api/generate", {"model": "one", "stream": False})
    print(f"memory: {switches} switches between two models of {needs / 2**20:.0f} MiB under "
          f"{1.5 * needs / 2**20:.0f}; RSS {marks[20] / 1024:.1f} MiB at 20, "
          f"{marks[200] / 1024:.1f} at 200")
    verdicts.that(len(answers) == 1 and loaded == 1 and next(iter(answers))[0] == 200,
                  f"one answer throughout, one model in memory: {answers}")
    verdicts.that(marks[200] <= marks[20] * 1.02, f"RSS grew by {marks[200] / marks[20] - 1:+.2%}")
    verdicts.that(status == 503 and re.search(r"\d+(\.\d+)? [MG]i?B", str(refused)),
                  f"one that does not fit: {status} {refused}")


def idle(verdicts, options):
    seconds = 20
    if not shutil.which("strace"):
        raise SystemExit("idle needs strace: apt-get install strace")
    with Serving(options.build / "hearth", MODEL) as server:
        server.post("/v1/chat/completions", {
            "model": MODEL, "messages": [{"role": "user", "content": "x"}], "max_tokens": 2})
        time.sleep(1)
        ticks = lambda: sum(map(int, Path(  # noqa: E731
            f"/proc/{server.process.pid}/stat").read_text().rsplit(")")[1].split()[11:13]))
        before = ticks()
        time.sleep(seconds)
        share = (ticks() - before) / os.sysconf("SC_CLK_TCK") / seconds
        with tempfile.NamedTemporaryFile("r") as calls:
            trace = subprocess.Popen(
                ["strace", "-f", "-qq", "-e", "trace=network,read,write", "-o", calls.name, "-p",
                 str(server.process.pid)])
            time.sleep(5)
            idle_calls = calls.read().splitlines()
            server.request("GET", "/health")
            trace.send_signal(signal.SIGINT)
            trace.wait()
            traced = "accept" in calls.read()
        sockets = subprocess.run(["ss", "-Htanp"], check=False, capture_output=True, text=True)
        own = [line for line in sockets.stdout.splitlines()
               if f"pid={server.process.pid}," in line and "TIME-WAIT" not in line]
    print(f"idle: {share:.2%} of a core over {seconds} s; {len(idle_calls)} calls in 5 s of strace "
          f"{idle_calls[:3]}; sockets: {[' '.join(line.split()[:4]) for line in own]}")
    verdicts.that(share < 0.01, "below 1 % of a core")
    network = [call for call in idle_calls
               if re.search(r"\b(connect|send\w*|recv\w*|accept4?|socket)\(", call)]
    verdicts.that(traced and not network and all("LISTEN" in line for line in own),
                  "no network but the listener; a request is seen in the trace")


CASES = (prefix, pairs, preempted, fairness, loris, soak, kill, memory, idle)
OPTIONS = argparse.Namespace()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--seed", type=int, default=1)
    parser.parse_args(namespace=OPTIONS)
    OPTIONS.build = OPTIONS.build.resolve()
    known = {case.__name__: case for case in CASES}
    if unknown := set(OPTIONS.cases) - set(known):
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    verdicts = Verdicts()
    for name, case in known.items():
        if not OPTIONS.cases or name in OPTIONS.cases:
            begun = time.perf_counter()
            case(verdicts, OPTIONS)
            print(f"  {name}: {time.perf_counter() - begun:.0f} s", flush=True)
    print(f"long runs: {verdicts.count} figures, {len(verdicts.short)} fall short")
    return 1 if verdicts.short else 0


if __name__ == "__main__":
    sys.exit(main())
