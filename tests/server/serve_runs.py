#!/usr/bin/env python3
"""`hearth serve` as a whole, with a real model: what the APIs' own clients do not look at. Who may
come in, what errors say, prefixes and tenants, one result in any company, leaving, draining.

  serve_runs.py BUILD
"""

import contextlib
import http.client
import http.client
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path

from serving import Serving

sys.path.append(str(Path(__file__).resolve().parent.parent / "cli"))
from terminal_session import Terminal

MODEL = "smollm2"
# No path of this machine, no address of memory.
LEAK = re.compile(r"0x[0-9a-f]{6,}|/root|/home|/tmp|/usr|\.cc\b")


DAYS = "Monday Tuesday " * 5  # which smollm2 goes on with for hundreds of tokens


def ask(text, **others):
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], "temperature": 0,
            "max_tokens": 24, **others}


class Checks:
    def __init__(self):
        self.failed = []
        self.count = 0

    def that(self, holds, what):
        self.count += 1
        if not holds:
            self.failed.append(what)
            print(f"FAILED: {what}", flush=True)


def hosts_and_origins(checks, server):
    own = f"127.0.0.1:{server.port}"
    table = [
        ({"Host": own}, 200), ({"Host": f"LOCALHOST:{server.port}"}, 200), ({"Host": "[::1]"}, 200),
        ({"Host": "evil.example"}, 403), ({"Host": f"evil.example:{server.port}"}, 403),
        ({"Host": "localhost."}, 403), ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": "127.0.0.1:99999999"}, 403), ({"Host": "[::ffff:127.0.0.1]"}, 403),
        ({"Host": "2130706433"}, 403),
        ({"Host": own, "Origin": f"http://{own}"}, 200), ({"Host": own, "Origin": "null"}, 403),
        ({"Host": own, "Origin": "http://evil.example"}, 403),
        ({"Host": own, "Origin": f"https://{own}"}, 403),
        ({"Host": own, "Origin": "https://app.example"}, 200),
        ({"Host": "box.lan"}, 200),
    ]
    for headers, wanted in table:
        for path in ("/health", "/v1/models", "/no/such/path"):
            status, _, body = server.request("GET", path, headers=headers)
            expected = 404 if wanted == 200 and path.startswith("/no") else wanted
            checks.that(status == expected, f"{path} with {headers}: {status}, wanted {expected}")
            checks.that(not LEAK.search(body.decode()), f"{path} with {headers} leaks: {body}")


def pages(checks, server):
    """What a browser looks at before it gives a page the reply."""
    origin = "https://app.example"
    for method, path, body, wanted in (
            ("GET", "/v1/models", None, 200), ("GET", "/no/such/path", None, 404),
            ("POST", "/v1/chat/completions", b"{", 400), ("POST", "/health", None, 405),
            ("POST", "/v1/chat/completions", b"x" * (33 << 20), 413),
            ("POST", "/v1/chat/completions", ask("Hi.", max_tokens=1, stream=True), 200)):
        for asker in (origin, None):
            headers = {"Origin": asker} if asker else {}
            status, fields, _ = server.request(method, path, body, headers)
            checks.that(status == wanted, f"{method} {path} of {asker}: {status}")
            checks.that(fields.get("access-control-allow-origin") == asker and
                        fields.get("vary") == "Origin", f"{method} {path} of {asker}: {fields}")
            exposed = fields.get("access-control-expose-headers", "")
            checks.that(not asker or "x-context-limit" in exposed, f"{method} {path}: {fields}")
    asked = "authorization, content-type, x-stainless-os"
    question = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": asked}
    status, fields, _ = server.request("OPTIONS", "/v1/chat/completions",
                                       headers={"Origin": origin, **question})
    checks.that(status == 204 and fields.get("access-control-allow-headers") == asked and
                "POST" in fields.get("access-control-allow-methods", "") and
                fields.get("access-control-allow-origin") == origin,
                f"preflight: {status} {fields}")
    status, fields, _ = server.request("OPTIONS", "/v1/chat/completions",
                                       headers={"Origin": "https://evil.example", **question})
    checks.that(status == 403 and "access-control-allow-origin" not in fields,
                f"preflight of another page: {status} {fields}")


def unnamed_model(checks, build):
    """llama-server's clients name none: the only one in the library, then the one in memory."""
    with Serving(build / "hearth") as server:
        count = len(server.request("GET", "/v1/models")[2].split(b'"object":"model"')) - 1
        status, _, body = server.request("POST", "/tokenize", {"content": "a b"})
        checks.that(status == (200 if count == 1 else 400), f"none of {count} loaded: {body}")
        server.post("/api/generate", {"model": MODEL})
        status, reply = server.post("/tokenize", {"content": "a b"})
        checks.that(status == 200 and len(reply["tokens"]) == 2, f"the one in memory: {reply}")


def bounds(checks, server):
    status, _, _ = server.request("GET", "/health", b"x" * 5000)
    checks.that(status == 413, f"a body that no route reads: {status}")
    status, _, _ = server.request("GET", "/v1/models", iter([b"x" * 5000]))
    checks.that(status == 413, f"the same, chunked: {status}")
    status, fields, _ = server.request("PUT", "/v1/models")
    checks.that(status == 405 and fields.get("allow") == "GET, HEAD", f"{status} {fields}")
    for path, member in (("/api/chat", str), ("/v1/messages", dict), ("/v1/completions", dict)):
        status, _, content = server.request("POST", path, b"{}", {"Expect": "tea"})
        checks.that(status == 417 and isinstance(json.loads(content)["error"], member) and
                    ("request_id" in json.loads(content)) == (path == "/v1/messages"),
                    f"{path} below the router: {status} {content}")


def too_many_connections(checks, build):
    wanted = 4096 + 100
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < wanted:
        print(f"skipped: {wanted} connections need as many descriptors")
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    with tempfile.TemporaryDirectory() as home, \
            Serving(build / "hearth", environment={"HEARTH_HOME": home}) as server:
        held = [socket.create_connection((server.host, server.port)) for _ in range(4096)]
        status, fields, _ = server.request("GET", "/health")
        checks.that(status == 503 and int(fields.get("retry-after", 0)) >= 1,
                    f"{status} {fields}")
        for connection in held:
            connection.close()


def outer_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return None
        return probe.getsockname()[0]


def outside(checks, build):
    """A bind that others reach, without TLS."""
    address = outer_address()
    with tempfile.TemporaryDirectory() as home:
        environment = {"HEARTH_HOME": home}
        flags = ("--host", "0.0.0.0", "--insecure-lan")
        with Serving(build / "hearth", *flags, environment=environment) as server:
            for server.host, admin in (("127.0.0.1", 200), (address, 403)):
                if server.host is None:
                    print("skipped: this machine has no address but loopback's")
                    continue
                for path, wanted in (("/v1/models", 200), ("/metrics", admin)):
                    status, _, body = server.request("GET", path)
                    checks.that(status == wanted, f"{path} at {server.host}: {status} {body}")
                status, _, _ = server.request("GET", "/health", headers={"Host": "203.0.113.9"})
                checks.that(status == 403, f"another address as Host at {server.host}: {status}")
        subprocess.run([build / "hearth", "keys", "add", "a"], check=True, capture_output=True,
                       env={**os.environ, **environment})
        with Serving(build / "hearth", *flags, environment=environment) as server:
            server.host = "127.0.0.1"
            status, _, _ = server.request("GET", "/v1/models")
            checks.that(status == 401, f"--insecure-lan where keys exist: {status}")


def broken_state(checks, build):
    with tempfile.TemporaryDirectory() as home, \
            Serving(build / "hearth", "--require-keys",
                    environment={"HEARTH_HOME": home}) as server:
        for file in Path(home).glob("state.db*"):
            if not file.name.endswith("-shm"):
                file.write_bytes(b"\0" * file.stat().st_size)
        key = {"Authorization": "Bearer hearth-" + "A" * 43}
        status, _, body = server.request("GET", "/v1/models", headers=key)
        checks.that(status in (500, 503) and "error" in json.loads(body), f"{status} {body}")
        checks.that(server.request("GET", "/health")[0] == 200, "a broken state stops the server")


def keys_matrix(checks, build):
    with tempfile.TemporaryDirectory() as home:
        environment = {"HEARTH_HOME": home}
        secrets = {}
        for role in ("user", "admin"):
            made = subprocess.run([build / "hearth", "keys", "add", role, "--role", role],
                                  check=True, text=True, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, env={**os.environ, **environment})
            secrets[role] = made.stdout.strip()
        with Serving(build / "hearth", "--require-keys", environment=environment) as server:
            document = json.loads(server.request("GET", "/openapi.json")[2])
            credentials = {
                "none": ({}, None), "wrong": ({"Authorization": "Bearer hearth-" + "A" * 43}, None),
                "dummy": ({"Authorization": "Bearer sk-none"}, None),
                "query": ({}, None),
                "cookie": ({"Cookie": f"key={secrets['admin']}"}, None),
                "user": ({"Authorization": f"Bearer {secrets['user']}"}, "user"),
                "user by x-api-key": ({"X-Api-Key": secrets["user"]}, "user"),
                "admin": ({"Authorization": f"bearer {secrets['admin']}"}, "admin"),
            }
            for path, methods in document["paths"].items():
                for method, operation in methods.items():
                    needs = re.search(r"Permission: (\w+)", operation["description"]).group(1)
                    for name, (headers, role) in credentials.items():
                        target = re.sub(r"\{[^}]*\}", "x", path)
                        if name == "query":
                            target += f"?key={secrets['admin']}"
                        status, _, _ = server.request(method.upper(), target, b"{}", headers)
                        may = needs == "public" or role == "admin" or (role == needs == "user") or (
                            role == "user" and needs == "use")
                        refused = status in (401, 403)
                        checks.that(refused != may, f"{method} {path} with {name}: {status}")
            for role, wanted in (("user", 403), ("admin", 404)):  # it has no such model
                for seconds in (0, -1):
                    status, _, _ = server.request(
                        "POST", "/api/generate", {"model": "none", "keep_alive": seconds},
                        {"X-Api-Key": secrets[role]})
                    checks.that(status == wanted, f"keep_alive {seconds} of {role}: {status}")
            subprocess.run([build / "hearth", "keys", "revoke", "user"], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           env={**os.environ, **environment})
            status, _, _ = server.request("GET", "/v1/models", headers=credentials["user"][0])
            checks.that(status == 401, f"a revoked key is known: {status}")


def refused_binds(checks, build):
    for flags in (["--host", "0.0.0.0"], ["--host", "::"], ["--host", "192.0.2.1"]):
        with tempfile.TemporaryDirectory() as home:
            done = subprocess.run([build / "hearth", "serve", *flags, "--port", "0"], check=False,
                                  capture_output=True, text=True, timeout=30,
                                  env={**os.environ, "HEARTH_HOME": home})
        checks.that(done.returncode == 7 and "--insecure-lan" in done.stderr,
                    f"serve {flags}: {done.returncode}, {done.stderr}")


def bad_requests(checks, server):
    table = [
        ("/v1/chat/completions", b"{", 400), ("/v1/chat/completions", b"[]", 400),
        ("/v1/chat/completions", b"\xff\xfe", 400), ("/v1/chat/completions", {}, 400),
        ("/v1/chat/completions", ask("x", temperature=9), 400),
        ("/v1/chat/completions", ask("x", max_tokens=-1), 400),
        ("/v1/chat/completions", ask("x", no_such_field=1), 400),
        ("/v1/chat/completions", ask("x", tools=[{"type": "function"}]), 400),
        ("/v1/chat/completions", ask("x", logit_bias={"999999999": 1}), 400),
        ("/v1/chat/completions", {**ask("x"), "model": "no-such-model"}, 404),
        ("/v1/chat/completions", {**ask("x"), "model": "/etc/passwd"}, 404),
        ("/v1/chat/completions", {**ask("x"), "model": "../../x.gguf"}, 404),
        ("/v1/completions", {"model": MODEL, "prompt": [-1]}, 400),
        ("/v1/completions", {"model": MODEL, "prompt": [2**31 - 1]}, 400),
        ("/v1/completions", {"model": MODEL, "prompt": "word " * 20000}, 400),
        ("/api/chat", {"model": "no-such-model", "messages": ask("x")["messages"]}, 404),
        ("/v1/messages", {"model": MODEL, "messages": []}, 400),
        ("/api/generate", {"model": MODEL, "prompt": "x", "template": "{{ "}, 400, "template"),
        ("/api/generate", {"model": MODEL, "prompt": "x", "template": "{% for x in %}"}, 400,
         "template"),
        ("/api/pull", {"model": "http://169.254.169.254/latest"}, 400, "command line"),
        ("/api/pull", {"model": "https://127.0.0.1/x.gguf"}, 400, "command line"),
        ("/v1/completions", {"model": MODEL, "prompt": "word " * 20000}, 400,
         '"context_length_exceeded"'),
        ("/v1/embeddings", {"model": MODEL, "input": "word " * 20000}, 400,
         '"context_length_exceeded"'),
        ("/v1/completions", {"model": MODEL, "prompt": "x", "stop": ["a"] * 99}, 400, "stop"),
    ]
    for path, body, wanted, *says in table:
        status, fields, content = server.request("POST", path, body)
        what = f"{path} {str(body)[:80]}: {status} {content[:200]}"
        checks.that(status == wanted, f"{what}, wanted {wanted}")
        checks.that(all(word in content.decode() for word in says), f"{what}, wanted {says}")
        checks.that(not LEAK.search(content.decode(errors="replace")), f"{what} leaks")
        checks.that("error" in json.loads(content), f"{path}: {content}")
        checks.that(fields.get("x-request-id", "").startswith("req_"), f"{path}: no request id")
    status, fields, _ = server.request("GET", "/v1/chat/completions")
    checks.that(status == 405, f"GET of a POST: {status}")


def text_of(reply):
    return reply["choices"][0]["message"]["content"]


def one_result(checks, server):
    """Greedy text and log-probabilities: alone, and among 15 others."""
    question = ask("Name three rivers.", logprobs=True, top_logprobs=3, max_tokens=40)
    alone = server.post("/v1/chat/completions", question)[1]
    others = [threading.Thread(target=server.post, args=("/v1/chat/completions",
                                                         ask(f"Count from {i}.", max_tokens=60)))
              for i in range(15)]
    for thread in others:
        thread.start()
    crowded = server.post("/v1/chat/completions", question)[1]
    for thread in others:
        thread.join()
    checks.that(alone["choices"] == crowded["choices"], "one result alone and among 15 others")
    checks.that(alone["usage"]["context_limit"] > 0, f"no context_limit: {alone['usage']}")


def prefixes(checks, server):
    text = " ".join(f"Item {i} weighs {i * 37 % 101} pounds." for i in range(150))
    first = server.post("/v1/chat/completions", ask(text, max_tokens=1))[1]["usage"]
    again = server.post("/v1/chat/completions", ask(text, max_tokens=1))[1]["usage"]
    prompt = first["prompt_tokens"]
    checks.that(first["prompt_tokens_details"]["cached_tokens"] < 64, f"first: {first}")
    checks.that(again["prompt_tokens_details"]["cached_tokens"] >= prompt - 64, f"again: {again}")


def several_answers(checks, server):
    reply = server.post("/v1/chat/completions",
                        ask("Tell me a story.", n=4, temperature=1.0, seed=5))[1]
    texts = [choice["message"]["content"] for choice in reply["choices"]]
    checks.that([choice["index"] for choice in reply["choices"]] == [0, 1, 2, 3] and
                len(set(texts)) > 1, f"n=4: {texts}")
    again = server.post("/v1/chat/completions",
                        ask("Tell me a story.", n=4, temperature=1.0, seed=5))[1]
    checks.that(texts == [choice["message"]["content"] for choice in again["choices"]],
                "the same seed, other answers")


def leaving(checks, server):
    with server.stream("/v1/chat/completions",
                       ask("Go on.", max_tokens=4000, ignore_eos=True, stream=True)) as reply:
        reply.readline()
        runs = server.wait_until(lambda: server.metric("vllm:num_requests_running") == 1, 2)
        checks.that(runs, "none is running")
    checks.that(server.wait_until(lambda: server.metric("vllm:num_requests_running") == 0, 2),
                "a client left, and its sequence goes on")


def commands(checks, server, build):
    """run, ps and stop, as a person types them."""
    def hearth(*arguments):
        return subprocess.run([build / "hearth", *arguments], check=False, capture_output=True,
                              text=True, timeout=120, stdin=subprocess.DEVNULL,
                              env={**os.environ, "HEARTH_SERVER": server.url})

    question = ("run", MODEL, "Name two rivers.", "--temperature", "0", "--max-tokens", "30")
    before = server.metric("vllm:generation_tokens_total")
    asked, local = hearth(*question), hearth(*question, "--local")
    checks.that(asked.returncode == 0 and asked.stdout == local.stdout and local.stdout.strip(),
                f"run by the server and without: {asked} {local}")
    after = server.metric("vllm:generation_tokens_total")
    checks.that(after > before, "run did not ask the server")
    listed = json.loads(hearth("ps", "--json").stdout)["models"]
    checks.that(len(listed) == 1 and listed[0]["name"].startswith(MODEL), f"ps: {listed}")
    checks.that(MODEL in hearth("ps").stdout, "ps shows no model")
    watched = json.loads(hearth("top", "--once", "--json", "--interval", "0.1").stdout)
    checks.that(watched["server"] == server.url and watched["memory_bytes"] > 1e7 and
                watched["first_token_p50_seconds"] > 0 and watched["kv_blocks"] > 0 and
                watched["models"][0]["name"].startswith(MODEL), f"top --json: {watched}")
    for address in (server.url, server.url.removeprefix("http://")):
        shown = hearth("top", "--once", "--interval", "0.1", "--server", address)
        checks.that("running" in shown.stdout and MODEL in shown.stdout, f"top: {shown}")
    too_long = ("run", MODEL, "word " * 12000, "--max-tokens", "1")
    asked, local = hearth(*too_long), hearth(*too_long, "--local")
    checks.that(asked.returncode == local.returncode == 6, f"too long: {asked} {local}")
    checks.that(hearth("stop", MODEL).returncode == 0, "stop")
    gone = server.wait_until(lambda: not json.loads(hearth("ps", "--json").stdout)["models"], 5)
    checks.that(gone, "stop unloads")
    unknown = hearth("stop", "no-such-model")
    checks.that(unknown.returncode == 3, f"stop of an unknown model: {unknown}")


def live_view(checks, server, build):
    """hearth top on a terminal: redrawn in place, left by q or Ctrl-C, which put all back."""
    for leave, more in (("q", {}), ("\x03", {"NO_COLOR": "1"})):
        terminal = Terminal([str(build / "hearth"), "top", "--interval", "0.2"],
                            {"HEARTH_SERVER": server.url, "TERM": "xterm", **more})
        before = termios.tcgetattr(terminal.fd)
        terminal.expect("\x1b[?1049h")
        with server.stream("/v1/chat/completions", ask("Go on.", max_tokens=4000, ignore_eos=True,
                                                       stream=True)):
            terminal.expect("1 running")
            checks.that(terminal.line_is_edited(), "top reads no keys")
        terminal.expect("0 running")
        terminal.type(leave)
        terminal.expect("\x1b[?1049l")
        checks.that(terminal.exit_code() == 0, f"left by {leave!r}")
        checks.that(("\x1b[1m" in terminal.all) == (not more), f"bold with {more}")
        checks.that("\x1b[?25h" in terminal.all, "the cursor is not back")
        checks.that(termios.tcgetattr(terminal.fd) == before, "the terminal's mode is not back")


def draining(checks, server):
    with server.stream("/v1/chat/completions",
                       ask("Go on.", max_tokens=300, ignore_eos=True, stream=True)) as reply:
        reply.readline()
        codes = []
        stopper = threading.Thread(target=lambda: codes.append(server.stop()))
        stopper.start()
        time.sleep(0.2)
        rest = reply.read()
        stopper.join()
    checks.that(rest.rstrip().endswith(b"data: [DONE]"), "the stream was cut by SIGTERM")
    checks.that(codes == [0], f"exit codes {codes}")


STREAMS = {  # of each dialect: path, body, and how its error begins a line
    "openai": ("/v1/chat/completions", ask("Go on.", max_tokens=4000, ignore_eos=True, stream=True),
               b'data: {"error"'),
    "anthropic": ("/v1/messages", ask("Count to a thousand.", max_tokens=4000, stream=True),
                  b"event: error"),
    "ollama": ("/api/generate", {"model": MODEL, "prompt": DAYS, "raw": True,
                                 "options": {"temperature": 0}}, b'{"error"'),
}


def cut_off(checks, build):
    """At the drain's deadline, or at a second signal, a stream ends with its dialect's error."""
    for flags, signals in ((("--drain", "0.3"), 1), ((), 2)):
        with Serving(build / "hearth", MODEL, *flags) as server, contextlib.ExitStack() as stack:
            replies = {}
            for dialect, (path, body, _) in STREAMS.items():
                replies[dialect] = stack.enter_context(server.stream(path, body))
                replies[dialect].readline()
            begin = time.monotonic()
            for _ in range(signals):
                server.process.send_signal(signal.SIGTERM)
                time.sleep(0.2)
            for dialect, (_, _, error) in STREAMS.items():
                try:
                    rest = replies[dialect].read()
                except http.client.IncompleteRead as cut:
                    rest = cut.partial + b"\n(cut)"
                last = [line for line in rest.splitlines() if line]
                checks.that(any(line.startswith(error) for line in last[-2:]),
                            f"{dialect}, {signals} signals: {last[-2:]}")
            code = server.process.wait(30)
            checks.that(code == 0 and time.monotonic() - begin < 5,
                        f"{signals} signals: {code} after {time.monotonic() - begin} s")


def readiness(checks, build):
    """503 while MODEL is being loaded, 200 from then on; /health tells only of life."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([build / "hearth", "serve", MODEL, "--host", "localhost", "--port",
                                str(port)],
                               stderr=subprocess.DEVNULL)
    statuses = []
    end = time.monotonic() + 60
    while 200 not in statuses and time.monotonic() < end:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        with contextlib.suppress(ConnectionError):
            connection.request("GET", "/ready")
            statuses.append(connection.getresponse().status)
        connection.close()
        time.sleep(0.005)
    checks.that(statuses[:1] == [503] and set(statuses) == {503, 200}, f"/ready: {set(statuses)}")
    process.send_signal(signal.SIGTERM)
    checks.that(process.wait(30) == 0, "SIGTERM")


def log_lines(checks, build):
    """A line for each request, by its id; of prompt, answer, body and key no word."""
    word = "xylophonist"
    with tempfile.TemporaryDirectory() as home:
        environment = {"HEARTH_HOME": home}
        models = Path(os.environ.get("HEARTH_HOME", Path.home() / ".local/share/hearth"))
        for entry in models.iterdir():  # the library, with keys of its own
            if not entry.name.startswith("state"):
                (Path(home) / entry.name).symlink_to(entry)
        secret = subprocess.run(
            [build / "hearth", "keys", "add", "ana b", "--priority", "high"], check=True, text=True,
            capture_output=True, env={**os.environ, **environment}).stdout.strip()
        key = {"Authorization": f"Bearer {secret}"}
        with Serving(build / "hearth", MODEL, "--require-keys", "--log-format", "json",
                     environment=environment) as server:
            asked = [
                ("POST", "/v1/chat/completions", ask(f"Say {word}."), key, 200),
                ("POST", "/v1/chat/completions", ask(word, temperature=word), key, 400),
                ("POST", "/v1/chat/completions", ask(word, **{word: word}), key, 400),
                ("POST", "/v1/chat/completions", ('{"' + word + '": ').encode(), key, 400),
                ("POST", "/v1/completions", {"model": MODEL, "prompt": word * 20000}, key, 400),
                ("POST", "/api/embed", {"model": MODEL, "input": word}, key, 200),
                ("POST", "/tokenize", {"content": word}, key, 200),
                ("GET", "/v1/models/smollm2", None, key, 200),
                ("GET", f"/{word}", None, key, 404),
                ("POST", "/v1/messages", ask(word), {"X-Api-Key": "hearth-" + "A" * 43}, 401),
            ]
            ids = {}
            for method, path, body, headers, wanted in asked:
                status, fields, _ = server.request(method, path, body, headers)
                checks.that(status == wanted, f"{method} {path}: {status}, wanted {wanted}")
                ids[fields["x-request-id"]] = (status, path)
            answered = next(iter(ids))
            server.wait_until(lambda: all(each in server.log() for each in ids), 5)
            log = server.log()
            lines = [json.loads(line) for line in log.splitlines()]
        for each, (status, path) in ids.items():
            found = [line for line in lines
                     if line.get("request_id") == each and line["message"] == "request"]
            checks.that(len(found) == 1 and found[0]["status"] == status, f"{path}: {found}")
        line = next(line for line in lines if line.get("request_id") == answered)
        checks.that(line["key"] == "ana b" and line["model"].startswith(MODEL) and
                    line["prompt_tokens"] > 5 and line["answer_tokens"] > 0 and
                    0 < line["first_token_s"] <= line["total_s"] and
                    line["finish"] in ("stop", "length") and
                    line["route"] == "/v1/chat/completions", f"{line}")
        for secret_word in (word, secret, secret[7:], "temperature"):
            checks.that(secret_word not in log, f"{secret_word} stands in the log: {log}")


def overflows(checks, build):
    numbers = " ".join(str(i) for i in range(200))
    with Serving(build / "hearth", MODEL, "--ctx", "256") as server:
        status, refused = server.post("/v1/chat/completions", ask(numbers))
        checks.that(status == 400 and refused["error"]["code"] == "context_length_exceeded",
                    f"a prompt too long: {status}, {refused}")
        for overflow, tokens, wanted in (("truncate", 200, "length"), ("shift", 400, "length")):
            status, reply = server.post("/v1/chat/completions", ask(
                numbers, overflow=overflow, max_tokens=tokens, ignore_eos=True))
            usage = reply.get("usage", {})
            made = usage.get("completion_tokens", 0)
            checks.that(status == 200 and usage["dropped_tokens"] > 0, f"{overflow}: {reply}")
            checks.that(made == 400 if overflow == "shift" else
                        usage["prompt_tokens"] + made == 256, f"{overflow}: {usage}")
            checks.that(reply["choices"][0]["finish_reason"] == wanted, f"{overflow}: {reply}")

        def generate(prompt, **others):
            options = {"num_ctx": 64, "temperature": 0, **others.pop("options", {})}
            return server.post("/api/generate", {"model": MODEL, "prompt": prompt, "raw": True,
                                                 "stream": False, "options": options, **others})

        status, reply = generate(DAYS)
        checks.that(status == 200 and reply["context_limit"] == 64 and
                    reply["prompt_eval_count"] + reply["eval_count"] == 64 and
                    reply["done_reason"] == "length", f"num_ctx: {reply}")
        status, reply = generate(numbers)
        checks.that(status == 400 and "64" in reply["error"], f"num_ctx, too long: {reply}")
        status, reply = generate(numbers, truncate=True)
        checks.that(status == 200 and reply.get("dropped_tokens", 0) > 0 and
                    reply["prompt_eval_count"] + reply["eval_count"] <= 64,
                    f"truncate: {reply}")
        status, reply = generate(DAYS, shift=True, options={"num_predict": 100})
        checks.that(status == 200 and reply.get("dropped_tokens", 0) > 0 and
                    reply["eval_count"] > 64, f"num_ctx, shift: {reply}")
        status, reply = generate("1", options={"num_ctx": 1})
        checks.that(status == 400, f"num_ctx 1: {reply}")
        status, reply = generate(numbers, truncate=True, options={"num_ctx": 1})
        checks.that(status == 400, f"num_ctx 1, truncated: {reply}")
        status, reply = generate("1", options={"num_ctx": 100000, "num_predict": 3})
        checks.that(status == 200 and reply["context_limit"] == 256, f"a large num_ctx: {reply}")


def stopping_in_the_middle(checks, build):
    """SIGTERM while requests are being read, embedded and answered, and their clients leave."""
    with Serving(build / "hearth", MODEL) as server:
        server.post("/v1/chat/completions", ask("Warm up.", max_tokens=2))
        sockets = []
        for i in range(40):
            many = {"model": MODEL, "input": ["sea and sand " * 90] * 40}
            path, body = (("/v1/embeddings", many),
                          ("/v1/chat/completions", ask("river " * 3000, max_tokens=500)))[i % 2]
            connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
            connection.request("POST", path, json.dumps(body).encode(),
                               {"Content-Type": "application/json"})
            sockets.append(connection)
        began = time.monotonic()
        looked = server.request("GET", "/health")[0]
        checks.that(looked == 200 and time.monotonic() - began < 2,
                    "who looks waits for those who compute")
        for connection in sockets:
            connection.close()
        code = server.stop()
    checks.that(code == 0, f"SIGTERM with work on its way: exit code {code}")


def large_pieces(checks, server):
    """An echo with probabilities is one piece of more than what may wait for a client."""
    text = " environmental responsibilities communication understanding" * 1900
    with server.stream("/v1/completions", {"model": MODEL, "prompt": text, "max_tokens": 2,
                                           "echo": True, "logprobs": 5, "stream": True}) as reply:
        content = reply.read()
    checks.that(len(content) > 1 << 20 and content.rstrip().endswith(b"data: [DONE]"),
                f"an echo of {len(content)} bytes was cut")


def embeddings_count(checks, server):
    before = server.metric("vllm:prompt_tokens_total")
    used = server.post("/v1/embeddings", {"model": MODEL, "input": "sea"})[1]["usage"]
    after = server.metric("vllm:prompt_tokens_total")
    checks.that(after - before == used["prompt_tokens"] > 0,
                f"embeddings: {used}, {before} {after}")
    texts = [f"{i} boats" for i in range(20)]
    vectors = [one["embedding"] for one in server.post(
        "/v1/embeddings", {"model": MODEL, "input": texts})[1]["data"]]
    alone = server.post("/v1/embeddings", {"model": MODEL, "input": texts[13]})[1]["data"][0]
    checks.that(len(vectors) == 20 and vectors[13] == alone["embedding"],
                "embeddings of many texts are those of each")
    for path, body in (("/api/copy", {"source": MODEL, "destination": "x.gguf"}),
                       ("/api/create", {"model": "~/x", "from": MODEL, "stream": False})):
        status, reply = server.post(path, body)
        checks.that(status == 400 and not LEAK.search(str(reply)), f"{path} to a path: {reply}")
    status, reply = server.post("/v1/embeddings", {"model": MODEL, "input": "sea " * 20000})
    checks.that(status == 400, f"an input that does not fit: {status} {reply}")


def full_queue(checks, build):
    with Serving(build / "hearth", MODEL, "--parallel", "1", "--queue", "1") as server:
        server.post("/v1/chat/completions", ask("Warm up.", max_tokens=2))
        replies = []

        def go():
            replies.append(server.request("POST", "/v1/chat/completions",
                                          ask("Go on.", max_tokens=200, ignore_eos=True)))

        threads = [threading.Thread(target=go) for _ in range(6)]
        for thread in threads:
            thread.start()
            time.sleep(0.05)
        for thread in threads:
            thread.join()
        busy = [reply for reply in replies if reply[0] == 429]
        checks.that(busy and all(int(reply[1]["retry-after"]) >= 1 for reply in busy),
                    f"statuses {[reply[0] for reply in replies]}")
        checks.that(any(reply[0] == 200 for reply in replies), "some are answered")


def main():
    build = Path(sys.argv[1]).resolve()
    checks = Checks()
    refused_binds(checks, build)
    keys_matrix(checks, build)
    too_many_connections(checks, build)
    outside(checks, build)
    broken_state(checks, build)
    unnamed_model(checks, build)
    with Serving(build / "hearth", MODEL, "--allow-host", "box.lan", "--cors-origin",
                 "https://app.example") as server:
        for check in (hosts_and_origins, pages, bounds, bad_requests, one_result, prefixes,
                      several_answers, leaving, large_pieces, embeddings_count):
            check(checks, server)
        commands(checks, server, build)
        live_view(checks, server, build)
        draining(checks, server)
    for command in ("ps", "top"):
        gone = subprocess.run([build / "hearth", command], check=False, capture_output=True,
                              text=True, env={**os.environ, "HEARTH_SERVER": server.url})
        checks.that(gone.returncode == 8 and "hearth serve" in gone.stderr, f"no server: {gone}")
    for check in (full_queue, cut_off, readiness, log_lines, overflows, stopping_in_the_middle):
        check(checks, build)
    print(f"serve: {checks.count} checks, {len(checks.failed)} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
