// The official `ollama` package for Node against a running server.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { Ollama } from 'ollama';

import { ask, collect, cosine, middleOf, missing, model, question, url } from './live.mjs';

const client = new Ollama({ host: url });
const greedy = { temperature: 0, num_predict: 12 };
const generate = (more = {}) => client.generate({ model, prompt: question, options: greedy, ...more });
const chat = (more = {}) => client.chat({ model, messages: ask, options: greedy, ...more });
const have = async (name) =>
  (await client.list()).models.some((one) => one.name.split(':')[0] === name);

const refuses = (promise, status) =>
  assert.rejects(promise, (error) => {
    assert.equal(error.name, 'ResponseError');
    assert.equal(error.status_code, status);
    return true;
  });

describe('generate', () => {
  test('whole and streamed', async () => {
    const whole = await generate();
    assert.equal(whole.done_reason, 'length');
    assert.equal(whole.eval_count, 12);
    assert.equal(whole.context.length, whole.prompt_eval_count + 12);
    assert(!Number.isNaN(new Date(whole.created_at).getTime()));
    const lines = await collect(await generate({ stream: true }));
    assert.equal(lines.map((line) => line.response).join(''), whole.response);
    assert.deepEqual(lines.at(-1).context, whole.context);
    assert(lines.at(-1).context_limit > 0);
  });

  test('context goes on', async () => {
    const first = await generate({ prompt: 'My name is Ada.' });
    const second = await generate({ prompt: 'What is my name?', context: first.context });
    assert.deepEqual(second.context.slice(0, first.context.length), first.context);
  });

  test('raw, seed and stop', async () => {
    assert.equal((await generate({ raw: true })).context, undefined);
    const drawn = () => generate({ options: { temperature: 1.5, seed: 42, num_predict: 24 } });
    assert.equal((await drawn()).response, (await drawn()).response);
    const [stop, before] = middleOf((await generate()).response);
    const stopped = await generate({ options: { ...greedy, stop: [stop] } });
    assert.deepEqual([stopped.response, stopped.done_reason], [before, 'stop']);
  });

  test('load and unload', async () => {
    assert.equal((await client.generate({ model, prompt: '' })).done_reason, 'load');
    assert.equal((await client.generate({ model, prompt: '', keep_alive: 0 })).done_reason, 'unload');
    assert(!(await client.ps()).models.some((one) => one.name.startsWith(model)));
  });

  test('aborted', async () => {
    const stream = await generate({ stream: true, options: { num_predict: 2000 } });
    await assert.rejects(
      async () => {
        for await (const line of stream) {
          assert(line);
          stream.abort();
        }
      },
      { name: 'AbortError' },
    );
    assert((await generate()).response);
  });

  test('refusals', async () => {
    await refuses(generate({ format: 'json' }), 400);
    await refuses(generate({ suffix: ' done.' }), 400);
    await refuses(generate({ options: { temperature: -1 } }), 400);
    await refuses(generate({ model: missing }), 404);
    await refuses(generate({ model: missing, stream: true }), 404);
  });
});

describe('chat', () => {
  test('whole and streamed', async () => {
    const whole = await chat();
    assert.equal(whole.message.role, 'assistant');
    assert.equal(whole.message.content, (await generate()).response);
    const lines = await collect(await chat({ stream: true }));
    assert.equal(lines.map((line) => line.message.content).join(''), whole.message.content);
    assert.equal(lines.at(-1).eval_count, whole.eval_count);
  });

  test('logprobs', async () => {
    const reply = await chat({ logprobs: true, top_logprobs: 2 });
    assert.equal(reply.logprobs.map((entry) => entry.token).join(''), reply.message.content);
    assert(reply.logprobs.every((entry) => entry.top_logprobs.length === 2));
  });

  test('refusals', async () => {
    const tool = { type: 'function', function: { name: 'f', parameters: { type: 'object' } } };
    await refuses(chat({ tools: [tool] }), 400);
    await refuses(chat({ messages: [{ role: 'king', content: 'a' }] }), 400);
  });
});

describe('embed', () => {
  test('one, several, and the old form', async () => {
    const one = await client.embed({ model, input: 'The sky is blue.' });
    const two = await client.embed({ model, input: ['The sky is blue.', 'A cat.'] });
    const old = await client.embeddings({ model, prompt: 'The sky is blue.' });
    assert.equal(two.embeddings.length, 2);
    assert(cosine(one.embeddings[0], two.embeddings[0]) > 0.9999);
    assert(cosine(one.embeddings[0], old.embedding) > 0.9999);
  });
});

describe('library', () => {
  after(async () => {
    for (const name of ['clients-node-copy', 'clients-node-made']) {
      if (await have(name)) await client.delete({ model: name });
    }
  });

  test('list, show, ps and version', async () => {
    const listed = (await client.list()).models.find((one) => one.name.startsWith(model));
    assert.equal(listed.details.format, 'gguf');
    const shown = await client.show({ model });
    assert.equal(shown.model_info['general.architecture'], listed.details.family);
    assert(!Number.isNaN(new Date(shown.modified_at).getTime()));
    await generate();
    assert((await client.ps()).models.some((one) => one.digest === listed.digest));
    assert.match((await client.version()).version, /^\d+\.\d+/);
    await refuses(client.show({ model: missing }), 404);
  });

  test('copy and delete', async () => {
    const names = { source: model, destination: 'clients-node-copy' };
    assert.equal((await client.copy(names)).status, 'success');
    assert(await have('clients-node-copy'));
    assert.equal((await client.delete({ model: 'clients-node-copy' })).status, 'success');
    assert(!(await have('clients-node-copy')));
    await refuses(client.delete({ model: 'clients-node-copy' }), 404);
  });

  test('create', async () => {
    const made = { model: 'clients-node-made', from: model, system: 'Be brief.' };
    const lines = await collect(await client.create({ ...made, stream: true }));
    assert.equal(lines.at(-1).status, 'success');
    const parameters = { temperature: 0, num_predict: 3 };
    assert.equal((await client.create({ ...made, parameters })).status, 'success');
    const shown = await client.show({ model: made.model });
    assert.equal(shown.system, 'Be brief.');
    assert.match(shown.parameters, /^num_predict +3$/m);
    const said = await client.chat({ model: made.model, messages: ask });
    const byHand = await chat({
      messages: [{ role: 'system', content: 'Be brief.' }, ...ask],
      options: parameters,
    });
    assert.equal(said.message.content, byHand.message.content);
    assert.equal(said.eval_count, 3);
    await refuses(client.create({ ...made, quantize: 'q4_0' }), 400);
    await refuses(client.create({ ...made, from: missing }), 404);
  });

  test('push of what names no registry', async () => {
    await refuses(client.push({ model }), 400);
    await refuses(client.push({ model: missing }), 404);
  });

  test('pull what is there', async () => {
    assert.equal((await client.pull({ model })).status, 'success');
    const lines = await collect(await client.pull({ model, stream: true }));
    assert.equal(lines.at(-1).status, 'success');
  });
});
