// What the Node suites share: live.py says the same for Python's.
export const url = (process.env.HEARTH_URL ?? 'http://127.0.0.1:11435').replace(/\/$/, '');
export const model = process.env.HEARTH_MODEL ?? 'smollm2';
export const missing = 'no-such-model-here';
export const question = 'Name the colours of the rainbow.';
export const ask = [{ role: 'user', content: question }];

export async function collect(stream) {
  const all = [];
  for await (const item of stream) all.push(item);
  return all;
}

export async function tokensOf(text) {
  const reply = await fetch(`${url}/tokenize`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ model, content: text, add_special: true }),
  });
  return (await reply.json()).tokens;
}

// A part of an answer that makes a stop string, and what is said before it.
export function middleOf(text) {
  const at = Math.floor(text.length / 2);
  const stop = text.slice(at, at + 3);
  return [stop, text.slice(0, text.indexOf(stop))];
}

export function cosine(a, b) {
  const dot = (x, y) => x.reduce((sum, value, i) => sum + value * y[i], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}
