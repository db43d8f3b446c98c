"""The official `ollama` package against a running server: every endpoint and mode it has."""

import asyncio
import concurrent.futures
import datetime
import hashlib
import http.client
import os
import unittest
from urllib.parse import urlsplit

import ollama

import live

ASK = [{"role": "user", "content": live.QUESTION}]
GREEDY = {"temperature": 0, "num_predict": 12}
GGUF = os.environ.get("HEARTH_MODEL_FILE")  # of the model; set by scripts/clients.py
REGISTRY = os.environ.get("HEARTH_REGISTRY_ENDPOINT")  # that the server pushes to; likewise
JINJA = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"


class OllamaTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.client = ollama.Client(host=live.URL, timeout=live.TIMEOUT_S)

    def generate(self, prompt=live.QUESTION, **options):
        options = {"options": GREEDY, **options}
        return self.client.generate(model=live.MODEL, prompt=prompt, **options)

    def chat(self, messages=None, **options):
        options = {"options": GREEDY, **options}
        return self.client.chat(model=live.MODEL, messages=messages or ASK, **options)

    def refused(self, status, call, *arguments, **options):
        with self.assertRaises(ollama.ResponseError) as raised:
            reply = call(*arguments, **options)
            if options.get("stream"):
                list(reply)
        self.assertEqual(raised.exception.status_code, status)
        self.assertTrue(raised.exception.error)

    def have(self, name):
        return any(model.model.split(":")[0] == name for model in self.client.list().models)

    def remove_later(self, name):
        self.addCleanup(lambda: self.have(name) and self.client.delete(name))

    def running(self):
        """The model in memory, or None."""
        models = (m for m in self.client.ps().models if m.model.startswith(live.MODEL))
        return next(models, None)


class Generate(OllamaTest):
    def test_whole(self):
        reply = self.generate(options={"temperature": 0, "num_predict": 5})
        self.assertTrue(reply.model.startswith(live.MODEL))
        self.assertTrue(reply.response)
        self.assertEqual((reply.done, reply.done_reason, reply.eval_count), (True, "length", 5))
        self.assertGreater(reply.prompt_eval_count, 0)
        self.assertGreaterEqual(reply.total_duration, reply.eval_duration)
        self.assertGreater(reply.eval_duration, 0)
        self.assertEqual(len(reply.context), reply.prompt_eval_count + 5)
        datetime.datetime.fromisoformat(reply.created_at[:19])

    def test_stream_says_what_the_whole_reply_says(self):
        whole = self.generate()
        lines = list(self.generate(stream=True))
        self.assertEqual("".join(line.response for line in lines), whole.response)
        self.assertEqual([line.done for line in lines[-2:]], [False, True])
        self.assertEqual(lines[-1].context, whole.context)
        self.assertEqual(lines[-1].eval_count, whole.eval_count)
        self.assertIsNone(lines[0].total_duration)

    def test_context_goes_on(self):
        first = self.generate("My name is Ada.")
        second = self.generate("What is my name?", context=first.context)
        self.assertGreater(second.prompt_eval_count, len(first.context))
        turns = [{"role": "user", "content": "My name is Ada."},
                 {"role": "assistant", "content": first.response},
                 {"role": "user", "content": "What is my name?"}]
        self.assertTrue(self.chat(turns).message.content)
        self.assertEqual(second.context[:len(first.context)], first.context)

    def test_raw(self):
        prompt = f"<|im_start|>user\n{live.QUESTION}<|im_end|>\n<|im_start|>assistant\n"
        reply = self.generate(prompt, raw=True)
        self.assertTrue(reply.response)
        self.assertIsNone(reply.context)
        self.assertEqual(reply.prompt_eval_count,
                         len(live.tokens_of(prompt, add_special=True, parse_special=True)))
        self.refused(400, self.generate, raw=True, system="s")

    def test_system_and_template(self):
        plain = self.generate()
        brief = self.generate(system="Answer in one word, in capital letters.")
        self.assertNotEqual(brief.prompt_eval_count, plain.prompt_eval_count)
        other = self.generate(template=JINJA)
        self.assertLess(other.prompt_eval_count, plain.prompt_eval_count)
        plainest = self.generate(template="{{ .Prompt }}")  # Go's language
        self.assertLess(plainest.prompt_eval_count, other.prompt_eval_count)
        self.refused(400, self.generate, template="{{ .Tools }}")

    def test_seed_and_stop(self):
        def drawn(seed):
            return self.generate(options={"temperature": 1.5, "seed": seed,
                                          "num_predict": 24}).response
        self.assertEqual(drawn(42), drawn(42))
        self.assertNotEqual(drawn(42), drawn(43))
        stop, before = live.middle_of(self.generate().response)
        reply = self.generate(options={**GREEDY, "stop": [stop]})
        self.assertEqual((reply.response, reply.done_reason), (before, "stop"))

    def test_logprobs(self):
        reply = self.generate(logprobs=True, top_logprobs=2)
        self.assertEqual(len(reply.logprobs), reply.eval_count)
        self.assertEqual("".join(entry.token for entry in reply.logprobs), reply.response)
        for entry in reply.logprobs:
            self.assertLessEqual(entry.logprob, 0)
            self.assertEqual(len(entry.top_logprobs), 2)
        lines = self.generate(logprobs=True, stream=True)
        streamed = [entry.logprob for line in lines for entry in line.logprobs or []]
        self.assertEqual(streamed, [entry.logprob for entry in reply.logprobs])

    def test_load_and_unload(self):
        loaded = self.client.generate(model=live.MODEL, keep_alive="5m")
        self.assertEqual((loaded.done, loaded.done_reason, loaded.response), (True, "load", ""))
        self.assertIsNotNone(self.running())
        gone = self.client.generate(model=live.MODEL, keep_alive=0)
        self.assertEqual(gone.done_reason, "unload")
        self.assertIsNone(self.running())

    def test_refusals(self):
        schema = {"type": "object", "properties": {}}
        for options in ({"format": "json"}, {"format": schema}, {"think": True},
                        {"suffix": " done."}, {"options": {"temperature": -1}},
                        {"options": {"no_such_option": 1}}, {"options": {"mirostat": 1}},
                        {"images": [b"png"]}, {"keep_alive": "soon"}, {"context": [-1]}):
            for stream in (False, True):
                with self.subTest(options, stream=stream):
                    self.refused(400, self.generate, stream=stream, **options)
        self.refused(404, self.client.generate, model=live.MISSING, prompt="a")
        self.refused(404, self.client.generate, model=live.MISSING, prompt="a", stream=True)

    def test_what_outgrows_the_context(self):
        self.generate()
        self.refused(400, self.generate, "day " * (self.running().context_length + 1))


class Chat(OllamaTest):
    def test_whole_and_streamed(self):
        whole = self.chat()
        self.assertEqual(whole.message.role, "assistant")
        self.assertTrue(whole.message.content)
        self.assertEqual(whole.done_reason, "length")
        lines = list(self.chat(stream=True))
        self.assertEqual("".join(line.message.content for line in lines), whole.message.content)
        self.assertEqual({line.message.role for line in lines}, {"assistant"})
        self.assertTrue(lines[-1].done)
        self.assertEqual(lines[-1].prompt_eval_count, whole.prompt_eval_count)

    def test_generate_says_the_same(self):
        self.assertEqual(self.chat().message.content, self.generate().response)

    def test_turns_and_roles(self):
        messages = [{"role": "system", "content": "Be brief."}, *ASK,
                    ollama.Message(role="assistant", content="Red."),
                    ollama.Message(role="user", content="Go on.")]
        longer = self.chat(messages)
        self.assertGreater(longer.prompt_eval_count, self.chat().prompt_eval_count)

    def test_logprobs(self):
        reply = self.chat(logprobs=True)
        self.assertEqual("".join(entry.token for entry in reply.logprobs), reply.message.content)

    def test_load_and_unload(self):
        loaded = self.client.chat(model=live.MODEL)
        self.assertEqual((loaded.done_reason, loaded.message.content), ("load", ""))
        self.assertEqual(self.client.chat(model=live.MODEL, keep_alive=0).done_reason, "unload")

    def test_keep_alive(self):
        self.chat(keep_alive="1h")
        ahead = self.running().expires_at - datetime.datetime.now(datetime.timezone.utc)
        self.assertTrue(3500 < ahead.total_seconds() < 3700)
        self.chat(keep_alive=-1)
        self.assertGreater(self.running().expires_at.year, 2100)

    def test_refusals(self):
        tool = {"type": "function", "function": {"name": "f", "description": "d",
                                                 "parameters": {"type": "object"}}}
        self.refused(400, self.chat, tools=[tool])
        self.refused(400, self.chat, format="json")
        self.refused(404, self.client.chat, model=live.MISSING, messages=ASK)


class Embed(OllamaTest):
    def test_one_and_several(self):
        reply = self.client.embed(model=live.MODEL, input="The sky is blue.")
        vector, = reply.embeddings
        self.assertAlmostEqual(sum(x * x for x in vector), 1, places=4)
        self.assertGreater(reply.prompt_eval_count, 0)
        both = self.client.embed(model=live.MODEL, input=["The sky is blue.", "A cat sat."])
        self.assertGreater(live.cosine(both.embeddings[0], vector), 0.9999)
        self.assertEqual(len(both.embeddings), 2)
        old = self.client.embeddings(model=live.MODEL, prompt="The sky is blue.")
        self.assertGreater(live.cosine(old.embedding, vector), 0.9999)

    def test_dimensions_and_nothing(self):
        short = self.client.embed(model=live.MODEL, input="a", dimensions=32)
        self.assertEqual(len(short.embeddings[0]), 32)
        self.assertEqual(self.client.embed(model=live.MODEL, input="").embeddings, [])
        self.assertEqual(self.client.embed(model=live.MODEL, input=[]).embeddings, [])
        self.assertEqual(self.client.embeddings(model=live.MODEL, prompt="").embedding, [])

    def test_truncate(self):
        long_text = "day " * 10_000  # beyond the 8,192 that the model was trained for
        reply = self.client.embed(model=live.MODEL, input=long_text, truncate=True)
        self.assertEqual(len(reply.embeddings), 1)
        self.refused(400, self.client.embed, model=live.MODEL, input=long_text, truncate=False)

    def test_an_unknown_model(self):
        self.refused(404, self.client.embed, model=live.MISSING, input="a")


class Library(OllamaTest):
    def test_list_show_and_ps(self):
        listed = next(m for m in self.client.list().models if m.model.startswith(live.MODEL))
        self.assertGreater(listed.size, 0)
        self.assertRegex(listed.digest, "^[0-9a-f]{64}$")
        self.assertEqual(listed.details.format, "gguf")
        shown = self.client.show(live.MODEL)
        self.assertEqual(shown.details.family, listed.details.family)
        self.assertEqual(shown.modelinfo["general.architecture"], listed.details.family)
        self.assertIn("completion", shown.capabilities)
        self.assertIn("messages", shown.template)
        self.assertTrue(shown.modelfile and shown.license)
        self.assertIsNotNone(shown.modified_at)
        self.generate()
        running = self.running()
        self.assertEqual(running.digest, listed.digest)
        self.assertGreater(running.size, 0)
        self.assertGreater(running.context_length, 0)
        self.refused(404, self.client.show, live.MISSING)

    def test_copy_and_delete(self):
        self.remove_later("clients-copy")
        self.assertEqual(self.client.copy(live.MODEL, "clients-copy").status, "success")
        self.assertTrue(self.have("clients-copy"))
        reply = self.client.generate(model="clients-copy", prompt=live.QUESTION, options=GREEDY)
        self.assertEqual(reply.response, self.generate().response)
        self.assertEqual(self.client.delete("clients-copy").status, "success")
        self.assertFalse(self.have("clients-copy"))
        self.refused(404, self.client.delete, "clients-copy")
        self.refused(404, self.client.copy, live.MISSING, "clients-copy")

    def test_pull_what_is_there(self):
        self.assertEqual(self.client.pull(live.MODEL).status, "success")
        lines = [line.status for line in self.client.pull(live.MODEL, stream=True)]
        self.assertEqual(lines[0], "pulling manifest")
        self.assertEqual(lines[-1], "success")

    @unittest.skipUnless(REGISTRY, "HEARTH_REGISTRY_ENDPOINT names no registry")
    def test_push_and_pull_again(self):
        name = "ollama.com/clients/pushed"
        self.remove_later(name)
        self.client.create(model=name, from_=live.MODEL, system="Be brief.")
        lines = list(self.client.push(name, stream=True))
        self.assertEqual(lines[0].status, "retrieving manifest")
        self.assertEqual(lines[-1].status, "success")
        self.assertTrue(any(line.total and line.completed == line.total for line in lines))
        self.assertEqual(self.client.push(name).status, "success")
        self.client.delete(name)
        self.assertEqual(self.client.pull(name).status, "success")
        self.assertEqual(self.client.show(name).modelfile.splitlines()[1], "SYSTEM Be brief.")

    def test_push_refusals(self):
        self.refused(404, self.client.push, live.MISSING)
        self.refused(400, self.client.push, live.MODEL)


class Create(OllamaTest):
    SYSTEM = "Answer in one word, in capital letters."
    PARAMETERS = {"temperature": 0, "num_predict": 4, "repeat_penalty": 1, "stop": ["never said"]}

    def make(self, name, **options):
        self.remove_later(name)
        reply = self.client.create(model=name, from_=live.MODEL, **options)
        self.assertEqual(reply.status, "success")

    def test_from_a_model(self):
        self.make("clients-made", system=self.SYSTEM, parameters=self.PARAMETERS,
                  license="as it is")
        shown = self.client.show("clients-made")
        self.assertRegex(shown.parameters, r"(?m)^num_predict +4$")
        self.assertEqual(shown.license, "as it is")
        self.assertIn(f"SYSTEM {self.SYSTEM}\n", shown.modelfile)
        said = [self.client.generate(model="clients-made", prompt=live.QUESTION) for _ in "12"]
        self.assertEqual(said[0].response, said[1].response)  # its temperature is 0
        self.assertEqual(said[0].eval_count, 4)
        asked = self.client.generate(model="clients-made", prompt=live.QUESTION,
                                     options={"num_predict": 2})
        self.assertEqual(asked.eval_count, 2)
        by_hand = self.generate(system=self.SYSTEM, options=self.PARAMETERS)
        self.assertEqual(said[0].response, by_hand.response)
        self.assertEqual(said[0].prompt_eval_count, by_hand.prompt_eval_count)
        other = self.client.generate(model="clients-made", prompt=live.QUESTION, system="Sing.")
        self.assertNotEqual(other.prompt_eval_count, by_hand.prompt_eval_count)

    def test_every_dialect_follows_it(self):
        first = [{"role": "user", "content": "Say OK."}, {"role": "assistant", "content": "OK."}]
        self.make("clients-dialects", system=self.SYSTEM, parameters=self.PARAMETERS,
                  messages=first)
        whole = [{"role": "system", "content": self.SYSTEM}, *first, *ASK]
        by_hand = self.chat(whole, options=self.PARAMETERS)
        made = self.client.chat(model="clients-dialects", messages=ASK)
        openai = live.post("/v1/chat/completions", {"model": "clients-dialects", "messages": ASK})
        anthropic = live.post("/v1/messages", {"model": "clients-dialects", "messages": ASK,
                                               "max_tokens": 4})
        text = by_hand.message.content
        self.assertEqual(by_hand.eval_count, 4)
        self.assertEqual(made.message.content, text)
        self.assertEqual(openai["choices"][0]["message"]["content"], text)
        self.assertEqual(anthropic["content"][0]["text"], text)
        counted = live.post("/v1/messages/count_tokens", {"model": "clients-dialects",
                                                          "messages": ASK})
        rendered = live.post("/apply-template", {"model": "clients-dialects", "messages": ASK})
        self.assertEqual({made.prompt_eval_count, openai["usage"]["prompt_tokens"],
                          counted["input_tokens"]}, {by_hand.prompt_eval_count})
        self.assertEqual(rendered, live.post("/apply-template", {"model": live.MODEL,
                                                                 "messages": whole}))

    def test_templates(self):
        go = "{{ if .System }}[{{ .System }}]{{ end }}<{{ .Prompt }}>"
        for text in (go, "{% for m in messages %}<{{ m.content }}>{% endfor %}"):
            self.make("clients-template", template=text)
            self.assertEqual(self.client.show("clients-template").template, text)
            rendered = live.post("/apply-template", {"model": "clients-template", "messages": ASK})
            self.assertEqual(rendered["prompt"], f"<{live.QUESTION}>")

    def test_made_again_it_is_another(self):
        self.make("clients-again", system="One.")
        first = self.client.chat(model="clients-again", messages=ASK, options=GREEDY)
        self.make("clients-again", system="A longer message than before.")
        second = self.client.chat(model="clients-again", messages=ASK, options=GREEDY)
        self.assertGreater(second.prompt_eval_count, first.prompt_eval_count)
        self.client.create(model="clients-again", from_="clients-again", system="One.")
        third = self.client.chat(model="clients-again", messages=ASK, options=GREEDY)
        self.assertEqual(third.message.content, first.message.content)

    def test_streams(self):
        self.remove_later("clients-streamed")
        lines = [line.status for line in self.client.create(
            model="clients-streamed", from_=live.MODEL, system="s", stream=True)]
        self.assertRegex(lines[0], "^using existing layer sha256:[0-9a-f]{64}$")
        self.assertRegex(lines[1], "^creating new layer sha256:[0-9a-f]{64}$")
        self.assertEqual(lines[-2:], ["writing manifest", "success"])

    def test_refusals(self):
        missing = "sha256:" + "0" * 64
        for options in ({"quantize": "q4_0"}, {"adapters": {"a": missing}},
                        {"parameters": {"no_such_option": 1}}, {"parameters": {"top_k": "many"}},
                        {"template": "{{ .Tools }}"}, {"template": "{% if %}"},
                        {"messages": [{"role": "tool", "content": "a"}]},
                        {"files": {"a.gguf": missing}}):
            for stream in (False, True):
                with self.subTest(options, stream=stream):
                    self.refused(400, self.client.create, model="clients-no", from_=live.MODEL,
                                 stream=stream, **options)
        self.refused(400, self.client.create, model=live.MODEL, from_=live.MODEL)
        self.refused(400, self.client.create, model="clients-no", files={"../../x.gguf": missing})
        self.refused(404, self.client.create, model="clients-no", from_=live.MISSING)
        self.refused(404, self.client.create, model="clients-no", from_="/etc/passwd")
        self.assertFalse(self.have("clients-no"))


@unittest.skipUnless(GGUF, "HEARTH_MODEL_FILE names no file")
class Blobs(OllamaTest):
    def ask(self, method, digest, body=None, headers=None):
        address = urlsplit(live.URL)
        connection = http.client.HTTPConnection(address.hostname, address.port,
                                                timeout=live.TIMEOUT_S)
        try:
            connection.request(method, f"/api/blobs/{digest}", body, headers or {})
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    @staticmethod
    def digest_of(data):
        return "sha256:" + hashlib.sha256(data).hexdigest()

    def test_a_model_of_a_file(self):
        self.remove_later("clients-blob")
        digest = self.client.create_blob(GGUF)
        self.assertRegex(digest, "^sha256:[0-9a-f]{64}$")
        self.assertEqual(self.ask("HEAD", digest), (200, b""))
        done = self.client.create(model="clients-blob", files={"model.gguf": digest})
        self.assertEqual(done.status, "success")
        reply = self.client.generate(model="clients-blob", prompt=live.QUESTION, options=GREEDY)
        self.assertEqual(reply.response, self.generate().response)

    def test_what_is_no_model(self):
        data = b"no model at all" * 1000
        self.assertEqual(self.ask("POST", self.digest_of(data), data), (201, b""))
        self.refused(400, self.client.create, model="clients-no",
                     files={"model.gguf": self.digest_of(data)})
        self.assertFalse(self.have("clients-no"))

    def test_a_wrong_digest_is_not_kept(self):
        digest = self.digest_of(b"what was promised")
        status, body = self.ask("POST", digest, b"what was sent")
        self.assertEqual(status, 400, body)
        self.assertEqual(self.ask("HEAD", digest)[0], 404)
        self.assertEqual(self.ask("HEAD", self.digest_of(b"what was sent"))[0], 404)
        self.assertEqual(self.ask("POST", digest, b"what was promised")[0], 201)
        self.assertEqual(self.ask("HEAD", digest)[0], 200)

    def test_what_is_no_digest(self):
        hexadecimal = "0" * 64
        for name in ("sha256:", "sha256:" + hexadecimal[1:], "sha256:" + "A" * 64,
                     "sha512:" + hexadecimal, "sha256:..%2f" + hexadecimal[4:], "%2e%2e%2fstate.db",
                     "..%2f..%2fetc%2fpasswd"):
            for method in ("HEAD", "POST"):
                with self.subTest(name, method=method):
                    self.assertIn(self.ask(method, name, b"abc")[0], (400, 404))

    def test_more_than_the_disk_holds_is_refused_at_once(self):
        digest = self.digest_of(b"large")
        status, _ = self.ask("POST", digest, headers={"Content-Length": str(1 << 60)})
        self.assertEqual(status, 413)
        self.assertEqual(self.ask("HEAD", digest)[0], 404)

    def test_one_that_breaks_off_leaves_nothing(self):
        digest = self.digest_of(b"x" * 100_000)
        address = urlsplit(live.URL)
        connection = http.client.HTTPConnection(address.hostname, address.port)
        connection.putrequest("POST", f"/api/blobs/{digest}")
        connection.putheader("Content-Length", "100000")
        connection.endheaders(b"x" * 50_000)
        connection.close()
        self.assertEqual(self.ask("HEAD", digest)[0], 404)

    def test_the_same_at_once(self):
        data = os.urandom(1 << 20)
        digest = self.digest_of(data)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            bodies = [data, data[:-1] + b"?"] * 4
            replies = list(pool.map(lambda body: self.ask("POST", digest, body)[0], bodies))
        self.assertEqual(replies[::2], [201] * 4)
        self.assertEqual([status for status, body in zip(replies, bodies) if body != data],
                         [400] * 4)
        self.assertEqual(self.ask("HEAD", digest)[0], 200)


class Async(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.client = ollama.AsyncClient(host=live.URL, timeout=live.TIMEOUT_S)

    async def chat(self, **options):
        return await self.client.chat(model=live.MODEL, messages=ASK, options=GREEDY, **options)

    async def test_many_at_once(self):
        alone = await self.chat()
        for reply in await asyncio.gather(*(self.chat() for _ in range(4))):
            self.assertEqual(reply.message.content, alone.message.content)

    async def test_streams(self):
        text = ""
        async for line in await self.chat(stream=True):
            text += line.message.content
        self.assertEqual(text, (await self.chat()).message.content)
        lines = [line async for line in await self.client.generate(
            model=live.MODEL, prompt=live.QUESTION, options=GREEDY, stream=True)]
        self.assertEqual("".join(line.response for line in lines), text)

    async def test_the_other_endpoints(self):
        self.assertTrue((await self.client.list()).models)
        self.assertTrue((await self.client.show(live.MODEL)).modelinfo)
        self.assertTrue((await self.client.embed(model=live.MODEL, input="a")).embeddings)
        self.assertTrue((await self.client.ps()).models)
        with self.assertRaises(ollama.ResponseError):
            await self.client.show(live.MISSING)


if __name__ == "__main__":
    live.main()
