// Pictures: the official openai client for JavaScript through the gateway.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import OpenAI from 'openai';

import { cleanly, setting } from './stack.mjs';

const client = new OpenAI({ baseURL: `${setting('OUTCROP_URL')}/v1`, apiKey: 'any', maxRetries: 0 });
const CANVAS = 'amazon.nova-canvas-v1:0';

cleanly();

test('images.generate', async () => {
  const answer = await client.images.generate({ model: CANVAS, prompt: 'a red fox', size: '640x320', n: 2 });
  assert.equal(answer.data.length, 2);
  for (const { b64_json: picture } of answer.data) {
    const png = Buffer.from(picture, 'base64');
    assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [640, 320]);
  }
});

test('images.generate gives no addresses', async () => {
  const refused = client.images.generate({ model: CANVAS, prompt: 'a', response_format: 'url' });
  await assert.rejects(refused, (error) => error.status === 400 && error.param === 'response_format');
});
