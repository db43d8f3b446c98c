"""The official `anthropic` package against a running server."""

import asyncio
import unittest

import anthropic

import live

ASK = [{"role": "user", "content": live.QUESTION}]
GREEDY = {"temperature": 0}  # the API's; this client has no parameter for it


class Messages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.client = anthropic.Anthropic(base_url=live.URL, api_key="none",
                                         timeout=live.TIMEOUT_S, max_retries=0)
        cls.addClassCleanup(cls.client.close)

    def create(self, sampling=GREEDY, **options):
        options = {"model": live.MODEL, "messages": ASK, "max_tokens": 12, "extra_body": sampling,
                   **options}
        return self.client.messages.create(**options)

    def count(self, **options):
        return self.client.messages.count_tokens(model=live.MODEL, **options).input_tokens

    def test_whole(self):
        message = self.create(max_tokens=5)
        self.assertEqual((message.type, message.role), ("message", "assistant"))
        self.assertTrue(message.id.startswith("msg_"))
        self.assertTrue(message.model.startswith(live.MODEL))
        self.assertEqual([block.type for block in message.content], ["text"])
        self.assertTrue(message.content[0].text)
        self.assertEqual((message.stop_reason, message.stop_sequence), ("max_tokens", None))
        self.assertEqual(message.usage.output_tokens, 5)
        self.assertGreater(message.usage.model_extra["context_limit"], 0)
        self.assertTrue(message._request_id)

    def test_stream_of_events(self):
        whole = self.create()
        events = list(self.create(stream=True))
        kinds = [event.type for event in events if event.type != "ping"]
        self.assertEqual(kinds[:2], ["message_start", "content_block_start"])
        self.assertEqual(kinds[-3:], ["content_block_stop", "message_delta", "message_stop"])
        self.assertEqual(set(kinds[2:-3]), {"content_block_delta"})
        text = "".join(e.delta.text for e in events if e.type == "content_block_delta")
        self.assertEqual(text, whole.content[0].text)
        delta = next(event for event in events if event.type == "message_delta")
        self.assertEqual(delta.delta.stop_reason, whole.stop_reason)
        self.assertEqual(delta.usage.output_tokens, whole.usage.output_tokens)

    def test_stream_helper(self):
        with self.client.messages.stream(model=live.MODEL, messages=ASK, max_tokens=12,
                                         extra_body=GREEDY) as stream:
            text = "".join(stream.text_stream)
            message = stream.get_final_message()
        self.assertEqual(text, message.content[0].text)
        self.assertEqual(text, self.create().content[0].text)
        self.assertEqual(message.stop_reason, "max_tokens")

    def test_stop_sequences(self):
        stop, before = live.middle_of(self.create().content[0].text)
        message = self.create(stop_sequences=["never said", stop])
        self.assertEqual(message.content[0].text, before)
        self.assertEqual((message.stop_reason, message.stop_sequence), ("stop_sequence", stop))

    def test_end_of_turn(self):
        message = self.create(messages=[{"role": "user", "content": "Say only: hello"}],
                              max_tokens=200)
        self.assertEqual((message.stop_reason, message.stop_sequence), ("end_turn", None))

    def test_system_and_blocks(self):
        blocks = [{"type": "text", "text": "Answer in one word."}]
        self.assertEqual(self.create(system="Answer in one word.").content[0].text,
                         self.create(system=blocks).content[0].text)
        parts = [{"role": "user", "content": [{"type": "text", "text": live.QUESTION}]}]
        self.assertEqual(self.create(messages=parts).content[0].text,
                         self.create().content[0].text)
        turns = [*ASK, {"role": "assistant", "content": "Red"},
                 {"role": "user", "content": "Go on"}]
        self.assertTrue(self.create(messages=turns).content[0].text)

    def test_sampling(self):
        message = self.create({"temperature": 1, "top_k": 1})
        self.assertEqual(message.content[0].text, self.create().content[0].text)
        self.assertTrue(self.create({"top_p": 0.5}, metadata={"user_id": "u"}).content)

    def test_count_tokens(self):
        usage = self.create(max_tokens=1).usage
        counted = (usage.input_tokens + (usage.cache_read_input_tokens or 0)
                   + (usage.cache_creation_input_tokens or 0))
        self.assertEqual(self.count(messages=ASK), counted)
        self.assertGreater(self.count(messages=ASK, system="Answer in one word."), 0)

    def test_refusals(self):
        for options in ({"sampling": {"temperature": 1.5}}, {"messages": []}, {"max_tokens": -1},
                        {"thinking": {"type": "enabled", "budget_tokens": 1024}},
                        {"tools": [{"name": "f", "input_schema": {"type": "object"}}]},
                        {"sampling": {"no_such_field": 1}}):
            with self.subTest(options), self.assertRaises(anthropic.BadRequestError) as raised:
                self.create(**options)
            self.assertEqual(raised.exception.body["type"], "error")
            self.assertEqual(raised.exception.body["error"]["type"], "invalid_request_error")

    def test_an_unknown_model(self):
        for stream in (False, True):
            with self.assertRaises(anthropic.NotFoundError) as raised:
                self.create(model=live.MISSING, stream=stream)
            self.assertEqual(raised.exception.body["error"]["type"], "not_found_error")


class Async(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.client = anthropic.AsyncAnthropic(base_url=live.URL, api_key="none",
                                               timeout=live.TIMEOUT_S, max_retries=0)
        self.addAsyncCleanup(self.client.close)

    async def create(self, **options):
        return await self.client.messages.create(model=live.MODEL, messages=ASK, max_tokens=12,
                                                 extra_body=GREEDY, **options)

    async def test_many_at_once(self):
        alone = await self.create()
        for message in await asyncio.gather(*(self.create() for _ in range(4))):
            self.assertEqual(message.content[0].text, alone.content[0].text)

    async def test_streams(self):
        text = ""
        async for event in await self.create(stream=True):
            if event.type == "content_block_delta":
                text += event.delta.text
        self.assertEqual(text, (await self.create()).content[0].text)
        async with self.client.messages.stream(model=live.MODEL, messages=ASK, max_tokens=4) as s:
            self.assertTrue((await s.get_final_message()).content[0].text)


if __name__ == "__main__":
    live.main()
