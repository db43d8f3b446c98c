#!/usr/bin/env python3
"""A registry as Ollama uses one (OCI distribution), in memory, that checks what it is sent:
digests, sizes, and that a manifest names only what is there. Prints its port; ends when stdin does.

The user in a model's name says how it behaves: "absolute" tells whole addresses to send files to,
"elsewhere" another host's, "silent" none, "login" asks for one; any other user finds it plain.
"""

import hashlib
import http.server
import json
import sys
import threading
import urllib.parse

BLOBS, MANIFESTS = {}, {}  # by (repository, digest), by (repository, tag)


class Registry(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def parts(self):
        """(repository, what, its name, query)"""
        url = urllib.parse.urlsplit(self.path)
        words = url.path.strip("/").split("/")
        return "/".join(words[1:3]), words[3], words[-1], urllib.parse.parse_qs(url.query)

    def do_HEAD(self):
        repository, _, name, _ = self.parts()
        if repository.startswith("login/"):
            return self.answer(401)
        blob = BLOBS.get((repository, name))
        return self.answer(404) if blob is None else self.answer(200, Content_Length=str(len(blob)))

    def do_GET(self):
        repository, what, name, _ = self.parts()
        found = (BLOBS if what == "blobs" else MANIFESTS).get((repository, name))
        self.answer(404) if found is None else self.answer(200, found)

    def do_POST(self):
        repository, _, _, _ = self.parts()
        self.body()
        user = repository.split("/")[0]
        if user == "silent":
            return self.answer(202)
        place = f"/v2/{repository}/blobs/uploads/1?state=a"
        if user == "absolute":
            place = f"http://127.0.0.1:{self.server.server_port}{place}"
        if user == "elsewhere":
            place = f"http://127.0.0.2:{self.server.server_port}{place}"
        return self.answer(202, Location=place)

    def do_PUT(self):
        repository, what, name, query = self.parts()
        body = self.body()
        if what == "blobs":
            digest, = query["digest"]
            is_right = digest == "sha256:" + hashlib.sha256(body).hexdigest()
            if query.get("state") != ["a"] or not is_right:
                return self.answer(400)
            BLOBS[repository, digest] = body
            return self.answer(201)
        manifest = json.loads(body)
        for layer in [manifest["config"], *manifest["layers"]]:
            blob = BLOBS.get((repository, layer["digest"]))
            if blob is None or len(blob) != layer["size"]:
                return self.answer(400)
        if self.headers["Content-Type"] != manifest["mediaType"]:
            return self.answer(400)
        MANIFESTS[repository, name] = body
        return self.answer(201)


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
