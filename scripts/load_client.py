"""A client for load: OpenAI's streaming chat over raw sockets, with the time of every token. One
event loop; no HTTP library, whose own work would be measured too."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Stream:
    """One answer: when it was asked for, when each piece of it came."""

    asked: float = 0.0
    ended: float = 0.0
    status: int = 0
    text: str = ""
    pieces: list[float] = field(default_factory=list)
    tokens: int = 0
    cached_tokens: int = 0
    prompt_tokens: int = 0
    error: str = ""

    @property
    def first_seconds(self) -> float:
        return self.pieces[0] - self.asked

    def gaps(self, begin: float = 0.0, end: float = float("inf")) -> list[float]:
        pairs = zip(self.pieces, self.pieces[1:])
        return [later - earlier for earlier, later in pairs if begin <= later <= end]


def head(url: str, path: str, body: bytes, key: str = "") -> bytes:
    parts = urlsplit(url)
    authorization = f"Authorization: Bearer {key}\r\n" if key else ""
    return (
        f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        f"{authorization}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    ).encode()


def note(stream: Stream, line: bytes) -> None:
    if not line.startswith(b"data: {"):
        return
    event = json.loads(line[6:])
    if "error" in event:
        stream.error = str(event["error"])
        return
    text = "".join(choice.get("delta", {}).get("content") or ""
                   for choice in event.get("choices", []))
    if text:
        stream.pieces.append(time.perf_counter())
        stream.text += text
    usage = event.get("usage")
    if usage:
        stream.tokens = usage["completion_tokens"]
        stream.prompt_tokens = usage["prompt_tokens"]
        details = usage.get("prompt_tokens_details") or {}
        stream.cached_tokens = details.get("cached_tokens", 0)


def body_of(model: str, messages: list[dict], max_tokens: int, **others) -> dict:
    """A greedy chat that does not end with the text."""
    return {
        "model": model,
        "messages": messages,
        "max_tokens": max_tokens,
        "temperature": 0,
        "ignore_eos": True,
        "stream": True,
        "stream_options": {"include_usage": True},
        **others,
    }


async def ask(url: str, body: dict, key: str = "", leave_after: int | None = None) -> Stream:
    """Asks, and reads to the end, or until so many pieces have come and the client leaves."""
    data = json.dumps(body).encode()
    parts = urlsplit(url)
    stream = Stream(asked=time.perf_counter())
    try:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(head(url, "/v1/chat/completions", data, key) + data)
        await writer.drain()
        status = await reader.readline()
        stream.status = int(status.split()[1]) if status else 0
        if stream.status != 200:
            stream.error = (status + await reader.read()).decode(errors="replace")[:300]
        while line := await reader.readline():
            note(stream, line.strip())
            if leave_after is not None and len(stream.pieces) >= leave_after:
                break
        writer.close()
    except OSError as error:
        stream.error = str(error)
    stream.ended = time.perf_counter()
    if not stream.error and not stream.pieces:
        stream.error = "no text came"
    return stream


async def exchange(url: str, method: str, path: str, body, leave_after: int | None,
                   key: str = "") -> tuple[int, bytes]:
    """(status, what came): the whole reply, or as much as the client stays for. Status 0: none."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    parts = urlsplit(url)
    try:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(head(url, path, data, key).replace(b"POST", method.encode(), 1) + data)
        came = await reader.read(leave_after or -1)
        writer.close()
    except OSError:
        return 0, b""
    status = int(came[9:12]) if came.startswith(b"HTTP/1.1 ") and len(came) >= 12 else 0
    return status, came


async def chat(url: str, model: str, messages: list[dict], max_tokens: int) -> Stream:
    return await ask(url, body_of(model, messages, max_tokens))


def percentile(values: list[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0
