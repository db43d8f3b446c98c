"""The official `openai` package against a running server: every endpoint and mode served."""

import asyncio
import unittest

import openai

import live

ASK = [{"role": "user", "content": live.QUESTION}]
PROMPT = "The capital of France is"
LONG_PROMPT = "All work and no play makes a dull day. " * 30  # several blocks of the cache


def make_client():
    return openai.OpenAI(base_url=live.URL + "/v1", api_key="none", timeout=live.TIMEOUT_S,
                         max_retries=0)


class OpenAiTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.client = make_client()
        cls.addClassCleanup(cls.client.close)

    def chat(self, **options):
        options = {"model": live.MODEL, "messages": ASK, "max_tokens": 12, "temperature": 0,
                   **options}
        return self.client.chat.completions.create(**options)

    def complete(self, **options):
        options = {"model": live.MODEL, "prompt": PROMPT, "max_tokens": 8, "temperature": 0,
                   **options}
        return self.client.completions.create(**options)

    def embed(self, text, **options):
        reply = self.client.embeddings.create(model=live.MODEL, input=text, **options)
        return [item.embedding for item in reply.data]


class Models(OpenAiTest):
    def test_list(self):
        models = list(self.client.models.list())
        self.assertTrue(any(model.id.startswith(live.MODEL) for model in models))
        self.assertTrue(all(model.object == "model" and model.owned_by for model in models))

    def test_retrieve(self):
        model = self.client.models.retrieve(live.MODEL)
        self.assertTrue(model.id.startswith(live.MODEL))
        self.assertGreater(model.created, 0)

    def test_retrieve_what_is_not_there(self):
        with self.assertRaises(openai.NotFoundError) as raised:
            self.client.models.retrieve(live.MISSING)
        self.assertEqual(raised.exception.code, "model_not_found")


class Chat(OpenAiTest):
    def test_whole(self):
        reply = self.chat(max_tokens=5)
        self.assertEqual(reply.object, "chat.completion")
        self.assertTrue(reply.id.startswith("chatcmpl-"))
        self.assertTrue(reply.model.startswith(live.MODEL))
        choice = reply.choices[0]
        self.assertEqual((choice.index, choice.message.role), (0, "assistant"))
        self.assertTrue(choice.message.content)
        self.assertEqual(choice.finish_reason, "length")
        self.assertIsNone(choice.logprobs)
        usage = reply.usage
        self.assertEqual(usage.completion_tokens, 5)
        self.assertEqual(usage.total_tokens, usage.prompt_tokens + 5)
        self.assertGreater(usage.model_extra["context_limit"], usage.total_tokens)
        self.assertTrue(reply._request_id)

    def test_stream_says_what_the_whole_reply_says(self):
        whole = self.chat()
        chunks = list(self.chat(stream=True, stream_options={"include_usage": True}))
        self.assertEqual({chunk.object for chunk in chunks}, {"chat.completion.chunk"})
        self.assertEqual(len({chunk.id for chunk in chunks}), 1)
        self.assertEqual(chunks[0].choices[0].delta.role, "assistant")
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        self.assertEqual(text, whole.choices[0].message.content)
        self.assertEqual(chunks[-2].choices[0].finish_reason, whole.choices[0].finish_reason)
        self.assertEqual(chunks[-1].choices, [])
        self.assertEqual(chunks[-1].usage.completion_tokens, whole.usage.completion_tokens)
        self.assertTrue(all(chunk.usage is None for chunk in chunks[:-1]))

    def test_stream_without_usage(self):
        chunks = list(self.chat(stream=True))
        self.assertTrue(all(chunk.choices and chunk.usage is None for chunk in chunks))

    def test_stream_helper(self):
        said = []
        with self.client.chat.completions.stream(model=live.MODEL, messages=ASK, max_tokens=200,
                                                 stop=["."], temperature=0) as stream:
            for event in stream:
                if event.type == "content.delta":
                    said.append(event.delta)
            reply = stream.get_final_completion()
        self.assertEqual("".join(said), reply.choices[0].message.content)
        self.assertEqual(reply.choices[0].finish_reason, "stop")

    def test_stream_left_early(self):
        with self.chat(stream=True, max_tokens=2000) as stream:
            next(iter(stream))
        self.assertTrue(self.chat().choices[0].message.content)

    def test_several_answers(self):
        reply = self.chat(n=3, temperature=1, seed=3, max_tokens=6)
        self.assertEqual([choice.index for choice in reply.choices], [0, 1, 2])
        self.assertTrue(3 <= reply.usage.completion_tokens <= 18)
        same = self.chat(n=2)
        self.assertEqual(same.choices[0].message.content, same.choices[1].message.content)

    def test_several_answers_streamed(self):
        texts, finished = ["", ""], set()
        for chunk in self.chat(n=2, stream=True, temperature=1, seed=5):
            for choice in chunk.choices:
                texts[choice.index] += choice.delta.content or ""
                if choice.finish_reason:
                    finished.add(choice.index)
        self.assertEqual(finished, {0, 1})
        self.assertTrue(all(texts))

    def test_stop(self):
        stop, before = live.middle_of(self.chat().choices[0].message.content)
        for stops in (stop, [stop, "never said"]):
            choice = self.chat(stop=stops).choices[0]
            self.assertEqual((choice.message.content, choice.finish_reason), (before, "stop"))
        chunks = list(self.chat(stop=stop, stream=True))
        self.assertEqual("".join(c.choices[0].delta.content or "" for c in chunks), before)

    def test_seed(self):
        def answer(seed):
            reply = self.chat(seed=seed, temperature=1.5, max_tokens=24)
            return reply.choices[0].message.content
        self.assertEqual(answer(7), answer(7))
        self.assertNotEqual(answer(7), answer(8))

    def test_max_completion_tokens(self):
        reply = self.chat(max_tokens=openai.NOT_GIVEN, max_completion_tokens=3)
        self.assertEqual(reply.usage.completion_tokens, 3)

    def test_logprobs(self):
        reply = self.chat(logprobs=True, top_logprobs=3)
        entries = reply.choices[0].logprobs.content
        self.assertEqual(len(entries), reply.usage.completion_tokens)
        text = b"".join(bytes(entry.bytes) for entry in entries).decode()
        self.assertEqual(text, reply.choices[0].message.content)
        for entry in entries:
            self.assertEqual(len(entry.top_logprobs), 3)
            # Greedy: the token that was chosen is the likeliest.
            self.assertEqual(entry.top_logprobs[0].token, entry.token)
            self.assertEqual(entry.top_logprobs[0].logprob, entry.logprob)
            logprobs = [top.logprob for top in entry.top_logprobs]
            self.assertEqual(logprobs, sorted(logprobs, reverse=True))
            self.assertLessEqual(max(logprobs), 0)
        streamed = [entry for chunk in self.chat(logprobs=True, stream=True)
                    if chunk.choices and chunk.choices[0].logprobs
                    for entry in chunk.choices[0].logprobs.content]
        self.assertEqual([entry.logprob for entry in streamed],
                         [entry.logprob for entry in entries])
        self.assertTrue(all(entry.top_logprobs == [] for entry in streamed))

    def test_logit_bias(self):
        first = self.chat(logprobs=True, top_logprobs=2).choices[0].logprobs.content[0]
        likeliest, second = (live.tokens_of(top.token, parse_special=False)[0]
                             for top in first.top_logprobs)
        for bias in ({likeliest: -100}, {second: 100}):
            reply = self.chat(logit_bias={str(id): value for id, value in bias.items()},
                              logprobs=True, max_tokens=1)
            token = reply.choices[0].logprobs.content[0].token
            self.assertEqual(token, first.top_logprobs[1].token)

    def test_roles_parts_and_null_content(self):
        parts = [{"type": "text", "text": "Name the colours "}, {"type": "text",
                                                                 "text": "of the rainbow."}]
        joined = self.chat(messages=[{"role": "user", "content": parts}])
        self.assertEqual(joined.choices[0].message.content,
                         self.chat().choices[0].message.content)
        developer = [{"role": "developer", "content": "Answer in one word."}, *ASK]
        system = [{"role": "system", "content": "Answer in one word."}, *ASK]
        self.assertEqual(self.chat(messages=developer).choices[0].message.content,
                         self.chat(messages=system).choices[0].message.content)
        turns = [*ASK, {"role": "assistant", "content": None}, *ASK]
        self.assertTrue(self.chat(messages=turns).choices[0].message.content)

    def test_the_cache_is_told(self):
        messages = [{"role": "user", "content": LONG_PROMPT}]
        self.chat(messages=messages, max_tokens=1)
        again = self.chat(messages=messages, max_tokens=1).usage
        self.assertGreater(again.prompt_tokens_details.cached_tokens, 0)
        self.assertLess(again.prompt_tokens_details.cached_tokens, again.prompt_tokens)

    def test_what_outgrows_the_context(self):
        limit = self.chat(max_tokens=1).usage.model_extra["context_limit"]
        with self.assertRaises(openai.BadRequestError):
            self.chat(messages=[{"role": "user", "content": "day " * (limit + 1)}])

    def test_refusals(self):
        cases = [({"temperature": 9}, "temperature"), ({"n": 0}, "n"),
                 ({"max_tokens": -1}, "max_tokens"), ({"top_logprobs": 3}, "top_logprobs"),
                 ({"logit_bias": {"x": 1}}, "logit_bias"), ({"stop": [""]}, "stop"),
                 ({"messages": []}, "messages"),
                 ({"messages": [{"role": "king", "content": "a"}]}, "messages"),
                 ({"response_format": {"type": "json_object"}}, "response_format"),
                 ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
                 ({"extra_body": {"no_such_field": 1}}, "no_such_field")]
        for options, param in cases:
            with self.subTest(param), self.assertRaises(openai.BadRequestError) as raised:
                self.chat(**options)
            self.assertTrue((raised.exception.param or "").startswith(param))
            self.assertEqual(raised.exception.type, "invalid_request_error")
            self.assertIn(param, raised.exception.message)

    def test_an_unknown_model(self):
        for stream in (False, True):
            with self.assertRaises(openai.NotFoundError):
                self.chat(model=live.MISSING, stream=stream)


class Completions(OpenAiTest):
    def test_whole_and_streamed(self):
        whole = self.complete()
        self.assertEqual(whole.object, "text_completion")
        self.assertEqual(whole.choices[0].finish_reason, "length")
        self.assertEqual(whole.usage.completion_tokens, 8)
        chunks = list(self.complete(stream=True, stream_options={"include_usage": True}))
        self.assertEqual("".join(c.choices[0].text for c in chunks if c.choices),
                         whole.choices[0].text)
        self.assertEqual(chunks[-1].usage.completion_tokens, 8)

    def test_echo(self):
        plain = self.complete().choices[0].text
        self.assertEqual(self.complete(echo=True).choices[0].text, PROMPT + plain)
        self.assertEqual(self.complete(echo=True, max_tokens=0).choices[0].text, PROMPT)

    def test_logprobs(self):
        reply = self.complete(logprobs=2)
        logprobs = reply.choices[0].logprobs
        self.assertEqual("".join(logprobs.tokens), reply.choices[0].text)
        self.assertEqual(len(logprobs.token_logprobs), 8)
        for token, logprob, top, offset in zip(logprobs.tokens, logprobs.token_logprobs,
                                               logprobs.top_logprobs, logprobs.text_offset):
            self.assertEqual(top[token], logprob)
            self.assertEqual(max(top.values()), logprob)
            self.assertEqual(reply.choices[0].text[offset:offset + len(token)], token)

    def test_logprobs_of_the_prompt(self):
        choice = self.complete(logprobs=1, echo=True, max_tokens=1).choices[0]
        self.assertEqual("".join(choice.logprobs.tokens), choice.text)
        self.assertIsNone(choice.logprobs.token_logprobs[0])
        self.assertTrue(all(value <= 0 for value in choice.logprobs.token_logprobs[1:]))

    def test_several_prompts(self):
        texts = [choice.text for choice in self.complete(prompt=[PROMPT, "Once upon a"]).choices]
        self.assertEqual(texts, [self.complete(prompt=prompt).choices[0].text
                                 for prompt in (PROMPT, "Once upon a")])
        both = self.complete(prompt=[PROMPT, "Once upon a"], n=2).choices
        self.assertEqual([choice.index for choice in both], [0, 1, 2, 3])
        self.assertEqual([choice.text for choice in both], [text for text in texts for _ in "12"])

    def test_tokens_as_prompt(self):
        tokens = live.tokens_of(PROMPT, add_special=True)
        said = self.complete().choices[0].text
        self.assertEqual(self.complete(prompt=tokens).choices[0].text, said)
        self.assertEqual([choice.text for choice in self.complete(prompt=[tokens, tokens]).choices],
                         [said, said])

    def test_stop_and_seed(self):
        stop, before = live.middle_of(self.complete().choices[0].text)
        choice = self.complete(stop=[stop]).choices[0]
        self.assertEqual((choice.text, choice.finish_reason), (before, "stop"))
        drawn = [self.complete(seed=11, temperature=1.5).choices[0].text for _ in "12"]
        self.assertEqual(drawn[0], drawn[1])

    def test_refusals(self):
        for options in ({"suffix": " in the north."}, {"best_of": 2}, {"prompt": [-1]},
                        {"prompt": [2 ** 31 - 1]}, {"logprobs": 6}, {"prompt": [[]]}):
            with self.subTest(options), self.assertRaises(openai.BadRequestError):
                self.complete(**options)
        with self.assertRaises(openai.NotFoundError):
            self.complete(model=live.MISSING)


class Embeddings(OpenAiTest):
    def test_base64_and_floats_agree(self):
        by_default, = self.embed("The sky is blue.")  # the client asks for base64
        floats, = self.embed("The sky is blue.", encoding_format="float")
        self.assertEqual(len(by_default), len(floats))
        for a, b in zip(by_default, floats):
            self.assertAlmostEqual(a, b, places=6)
        self.assertAlmostEqual(sum(x * x for x in floats), 1, places=4)

    def test_lists_and_tokens(self):
        texts = ["The sky is blue.", "A cat sat on the mat."]
        vectors = self.embed(texts)
        for vector, text in zip(vectors, texts, strict=True):
            self.assertGreater(live.cosine(vector, self.embed(text)[0]), 0.9999)
        tokens = live.tokens_of(texts[0], add_special=True)
        self.assertGreater(live.cosine(self.embed(tokens)[0], vectors[0]), 0.9999)
        self.assertLess(live.cosine(*vectors), 0.999)

    def test_dimensions_and_usage(self):
        reply = self.client.embeddings.create(model=live.MODEL, input="a b c", dimensions=64)
        self.assertEqual(len(reply.data[0].embedding), 64)
        self.assertAlmostEqual(sum(x * x for x in reply.data[0].embedding), 1, places=4)
        self.assertEqual((reply.object, reply.data[0].index), ("list", 0))
        self.assertGreater(reply.usage.prompt_tokens, 0)

    def test_refusals(self):
        for text in ("", [], [""], [-1]):
            with self.subTest(text), self.assertRaises(openai.BadRequestError):
                self.embed(text)
        with self.assertRaises(openai.NotFoundError):
            self.client.embeddings.create(model=live.MISSING, input="a")


class Async(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.client = openai.AsyncOpenAI(base_url=live.URL + "/v1", api_key="none",
                                         timeout=live.TIMEOUT_S, max_retries=0)
        self.addAsyncCleanup(self.client.close)

    async def chat(self, **options):
        return await self.client.chat.completions.create(
            model=live.MODEL, messages=ASK, max_tokens=12, temperature=0, **options)

    async def test_many_at_once_say_what_one_alone_says(self):
        alone = await self.chat()
        together = await asyncio.gather(*(self.chat() for _ in range(8)))
        for reply in together:
            self.assertEqual(reply.choices[0].message.content, alone.choices[0].message.content)

    async def test_stream(self):
        text = ""
        async for chunk in await self.chat(stream=True):
            text += chunk.choices[0].delta.content or ""
        self.assertEqual(text, (await self.chat()).choices[0].message.content)

    async def test_the_other_endpoints(self):
        models = [model.id async for model in self.client.models.list()]
        self.assertTrue(models)
        reply = await self.client.completions.create(model=live.MODEL, prompt=PROMPT, max_tokens=2)
        self.assertTrue(reply.choices[0].text)
        vectors = await self.client.embeddings.create(model=live.MODEL, input="a")
        self.assertTrue(vectors.data[0].embedding)
        with self.assertRaises(openai.NotFoundError):
            await self.client.models.retrieve(live.MISSING)


if __name__ == "__main__":
    live.main()
