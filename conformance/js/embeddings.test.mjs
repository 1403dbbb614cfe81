// Embeddings: the official openai client for JavaScript through the gateway.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import OpenAI from 'openai';

import { CLAUDE, cleanly, setting } from './stack.mjs';

const client = new OpenAI({ baseURL: `${setting('OUTCROP_URL')}/v1`, apiKey: 'any', maxRetries: 0 });

const TITAN = 'amazon.titan-embed-text-v2:0';
const COHERE = 'cohere.embed-english-v3';

cleanly();

for (const model of [TITAN, COHERE]) {
  test(`embeddings, base64 by default and floats [${model}]`, async () => {
    const packed = await client.embeddings.create({ model, input: ['one two', 'three'] });
    const floats = await client.embeddings.create({ model, input: ['one two', 'three'], encoding_format: 'float' });
    assert.equal(packed.data.length, 2);
    assert.equal(packed.data[0].embedding.length, 1024);
    for (const [at, item] of packed.data.entries()) {
      item.embedding.forEach((value, index) => {
        assert.ok(Math.abs(value - floats.data[at].embedding[index]) < 1e-6);
      });
    }
    assert.ok(packed.usage.prompt_tokens > 0);
  });

  test(`embeddings of two hundred texts [${model}]`, async () => {
    const input = Array.from({ length: 200 }, (_, index) => `text ${index}`);
    const answer = await client.embeddings.create({ model, input });
    assert.deepEqual(answer.data.map((item) => item.index), input.map((_, index) => index));
    const alone = await client.embeddings.create({ model, input: input[150] });
    assert.deepEqual([...answer.data[150].embedding], [...alone.data[0].embedding]);
  });
}

test('embeddings of an asked length', async () => {
  const answer = await client.embeddings.create({ model: TITAN, input: 'a', dimensions: 256 });
  assert.equal(answer.data[0].embedding.length, 256);
  const refused = client.embeddings.create({ model: TITAN, input: 'a', dimensions: 7 });
  await assert.rejects(refused, (error) => error.status === 400 && error.param === 'dimensions');
});

test('a chat model makes no embeddings', async () => {
  const refused = client.embeddings.create({ model: CLAUDE, input: 'a' });
  await assert.rejects(refused, (error) => error instanceof OpenAI.BadRequestError && /chat model/.test(error.message));
});
