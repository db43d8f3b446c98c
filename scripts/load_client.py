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
    pieces: list[float] = field(default_factory=list)
    tokens: int = 0
    cached_tokens: int = 0
    error: str = ""

    @property
    def first_seconds(self) -> float:
        return self.pieces[0] - self.asked

    def gaps(self, begin: float = 0.0, end: float = float("inf")) -> list[float]:
        pairs = zip(self.pieces, self.pieces[1:])
        return [later - earlier for earlier, later in pairs if begin <= later <= end]


def head(url: str, path: str, body: bytes) -> bytes:
    parts = urlsplit(url)
    return (
        f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    ).encode()


def note(stream: Stream, line: bytes) -> None:
    if not line.startswith(b"data: {"):
        return
    event = json.loads(line[6:])
    if "error" in event:
        stream.error = str(event["error"])
        return
    if any(choice.get("delta", {}).get("content") for choice in event.get("choices", [])):
        stream.pieces.append(time.perf_counter())
    usage = event.get("usage")
    if usage:
        stream.tokens = usage["completion_tokens"]
        details = usage.get("prompt_tokens_details") or {}
        stream.cached_tokens = details.get("cached_tokens", 0)


async def chat(url: str, model: str, messages: list[dict], max_tokens: int) -> Stream:
    """Asks, greedily and past the end of text, and reads to the end."""
    body = json.dumps(
        {
            "model": model,
            "messages": messages,
            "max_tokens": max_tokens,
            "temperature": 0,
            "ignore_eos": True,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ).encode()
    parts = urlsplit(url)
    stream = Stream(asked=time.perf_counter())
    try:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(head(url, "/v1/chat/completions", body) + body)
        await writer.drain()
        status = await reader.readline()
        if b" 200 " not in status:
            stream.error = (status + await reader.read()).decode(errors="replace")[:300]
        while line := await reader.readline():
            note(stream, line.strip())
        writer.close()
    except OSError as error:
        stream.error = str(error)
    if not stream.error and not stream.pieces:
        stream.error = "no text came"
    return stream


def percentile(values: list[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0
