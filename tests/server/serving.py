"""A `hearth serve` under test, and requests to it over plain sockets."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import tempfile
import time
from urllib.parse import urlsplit


class Serving:
    """One server process; `url` is where it listens."""

    def __init__(self, program, *flags, environment=None):
        self.errors = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(
            [str(program), "serve", "--port", "0", "--json", *flags], text=True,
            stdout=subprocess.PIPE, stderr=self.errors, env={**os.environ, **(environment or {})})
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            raise RuntimeError(f"serve ended with {self.process.returncode}: {self.log()}")
        self.url = json.loads(line)["listening"]
        self.host, self.port = urlsplit(self.url).hostname, urlsplit(self.url).port

    def request(self, method, path, body=None, headers=None, timeout=60):
        """(status, headers in lower case, bytes)."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        connection.request(method, path, data, {"Content-Type": "application/json",
                                                **(headers or {})})
        reply = connection.getresponse()
        content = reply.read()
        fields = {name.lower(): value for name, value in reply.getheaders()}
        connection.close()
        return reply.status, fields, content

    def post(self, path, body, **others):
        status, _, content = self.request("POST", path, body, **others)
        return status, json.loads(content)

    @contextlib.contextmanager
    def stream(self, path, body, headers=None):
        """The open reply of a stream."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        connection.request("POST", path, json.dumps(body).encode(),
                           {"Content-Type": "application/json", **(headers or {})})
        try:
            yield connection.getresponse()
        finally:
            connection.close()

    def metric(self, name, headers=None):
        """The sum of a metric over its labels."""
        text = self.request("GET", "/metrics", headers=headers)[2].decode()
        lines = [line for line in text.splitlines() if line.startswith(name + "{")]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    def wait_until(self, holds, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if holds():
                return True
            time.sleep(0.05)
        return False

    def log(self):
        """What it has written to stderr so far."""
        self.errors.seek(0)
        return self.errors.read()

    def stop(self, seconds=60):
        """The exit code after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
