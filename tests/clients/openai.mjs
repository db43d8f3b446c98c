// The official `openai` package for Node against a running server.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import OpenAI from 'openai';

import { ask, collect, cosine, middleOf, missing, model, tokensOf, url } from './live.mjs';

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0, timeout: 120_000 });
const chat = (more = {}) =>
  client.chat.completions.create({ model, messages: ask, max_tokens: 12, temperature: 0, ...more });
const complete = (more = {}) =>
  client.completions.create({
    model,
    prompt: 'The capital of France is',
    max_tokens: 8,
    temperature: 0,
    ...more,
  });
const textOf = (reply) => reply.choices[0].message.content;
const joined = (chunks) => chunks.map((c) => c.choices[0]?.delta.content ?? '').join('');

describe('models', () => {
  test('list and retrieve', async () => {
    const models = await collect(await client.models.list());
    assert(models.some((one) => one.id.startsWith(model)));
    assert.equal((await client.models.retrieve(model)).object, 'model');
    await assert.rejects(client.models.retrieve(missing), OpenAI.NotFoundError);
  });
});

describe('chat', () => {
  test('whole', async () => {
    const reply = await chat({ max_tokens: 5 });
    assert.equal(reply.object, 'chat.completion');
    assert.equal(reply.choices[0].message.role, 'assistant');
    assert.equal(reply.choices[0].finish_reason, 'length');
    assert.equal(reply.usage.completion_tokens, 5);
    assert(reply.usage.context_limit > 0);
    assert(reply._request_id);
  });

  test('streamed, with usage', async () => {
    const whole = await chat();
    const chunks = await collect(await chat({ stream: true, stream_options: { include_usage: true } }));
    assert.equal(joined(chunks), textOf(whole));
    assert.equal(chunks[0].choices[0].delta.role, 'assistant');
    assert.deepEqual(chunks.at(-1).choices, []);
    assert.equal(chunks.at(-1).usage.completion_tokens, whole.usage.completion_tokens);
  });

  test('stream helper', async () => {
    const stream = client.chat.completions.stream({ model, messages: ask, max_tokens: 12, temperature: 0 });
    let said = '';
    stream.on('content', (delta) => (said += delta));
    assert.equal(await stream.finalContent(), said);
    assert.equal(said, textOf(await chat()));
    assert.equal((await stream.finalChatCompletion()).choices[0].finish_reason, 'length');
  });

  test('aborted', async () => {
    const stream = await chat({ stream: true, max_tokens: 2000 });
    for await (const chunk of stream) {
      assert(chunk);
      stream.controller.abort();
      break;
    }
    assert(textOf(await chat()));
  });

  test('n, seed and stop', async () => {
    const three = await chat({ n: 3, temperature: 1, seed: 3 });
    assert.deepEqual(three.choices.map((choice) => choice.index), [0, 1, 2]);
    const drawn = () => chat({ temperature: 1.5, seed: 7, max_tokens: 24 });
    assert.equal(textOf(await drawn()), textOf(await drawn()));
    const [stop, before] = middleOf(textOf(await chat()));
    const stopped = (await chat({ stop })).choices[0];
    assert.deepEqual([stopped.message.content, stopped.finish_reason], [before, 'stop']);
  });

  test('logprobs', async () => {
    const reply = await chat({ logprobs: true, top_logprobs: 2 });
    const entries = reply.choices[0].logprobs.content;
    assert.equal(entries.length, reply.usage.completion_tokens);
    assert.equal(entries.map((entry) => entry.token).join(''), textOf(reply));
    assert(entries.every((entry) => entry.top_logprobs.length === 2 && entry.logprob <= 0));
  });

  test('eight at once', async () => {
    const alone = textOf(await chat());
    const replies = await Promise.all(Array.from({ length: 8 }, () => chat()));
    assert(replies.every((reply) => textOf(reply) === alone));
  });

  test('refusals', async () => {
    for (const more of [
      { temperature: 9 },
      { response_format: { type: 'json_object' } },
      { tools: [{ type: 'function', function: { name: 'f' } }] },
      { no_such_field: 1 },
    ]) {
      await assert.rejects(chat(more), (error) => {
        assert(error instanceof OpenAI.BadRequestError);
        assert.equal(error.status, 400);
        assert(error.param.startsWith(Object.keys(more)[0]));
        return true;
      });
    }
    await assert.rejects(chat({ model: missing }), OpenAI.NotFoundError);
    await assert.rejects(chat({ model: missing, stream: true }), OpenAI.NotFoundError);
  });
});

describe('completions', () => {
  test('whole, streamed and echoed', async () => {
    const whole = await complete();
    assert.equal(whole.object, 'text_completion');
    const chunks = await collect(await complete({ stream: true }));
    assert.equal(chunks.map((chunk) => chunk.choices[0].text).join(''), whole.choices[0].text);
    const echoed = await complete({ echo: true });
    assert.equal(echoed.choices[0].text, 'The capital of France is' + whole.choices[0].text);
    const logprobs = (await complete({ logprobs: 1 })).choices[0].logprobs;
    assert.equal(logprobs.tokens.join(''), whole.choices[0].text);
  });

  test('prompts of texts and of tokens', async () => {
    const text = (await complete()).choices[0].text;
    const tokens = await tokensOf('The capital of France is');
    assert.equal((await complete({ prompt: tokens })).choices[0].text, text);
    const two = await complete({ prompt: ['The capital of France is', 'Once upon a'] });
    assert.deepEqual(two.choices.map((choice) => choice.index), [0, 1]);
    assert.equal(two.choices[0].text, text);
    await assert.rejects(complete({ suffix: ' done.' }), OpenAI.BadRequestError);
  });
});

describe('embeddings', () => {
  test('base64 and floats', async () => {
    const embed = async (more) => {
      const reply = await client.embeddings.create({ model, input: 'The sky is blue.', ...more });
      return reply.data[0].embedding;
    };
    const [byDefault, floats] = [await embed({}), await embed({ encoding_format: 'float' })];
    assert.equal(byDefault.length, floats.length);
    assert(cosine(byDefault, floats) > 0.999999);
    assert(Math.abs(floats.reduce((sum, x) => sum + x * x, 0) - 1) < 1e-4);
    const two = await client.embeddings.create({ model, input: ['The sky is blue.', 'A cat.'] });
    assert.deepEqual(two.data.map((item) => item.index), [0, 1]);
    await assert.rejects(client.embeddings.create({ model: missing, input: 'a' }), OpenAI.NotFoundError);
  });
});
