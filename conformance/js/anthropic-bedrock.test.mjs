// AnthropicBedrock for JavaScript: through the gateway with dummy keys, and against the emulator alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { AnthropicBedrock } from '@anthropic-ai/bedrock-sdk';
import Anthropic from '@anthropic-ai/sdk';

import { ALWAYS, CLAUDE, ECHO, HELLO, PROFILE_ARN, all, cleanly, emulator, setting } from './stack.mjs';

const keys = { awsAccessKey: 'dummy', awsSecretKey: 'dummy', awsRegion: 'us-east-1', maxRetries: 0 };
const client = new AnthropicBedrock({ baseURL: setting('OUTCROP_URL'), ...keys });

const WEATHER = {
  name: 'get_weather',
  description: 'The weather in a city',
  input_schema: { type: 'object', properties: { city: { type: 'string' } } },
};
const ask = (more = {}) => client.messages.create({ model: CLAUDE, max_tokens: 256, messages: HELLO, ...more });

cleanly();

for (const [word, model] of [['profile id', CLAUDE], ['profile ARN', PROFILE_ARN]]) {
  test(`create by ${word}`, async () => {
    const message = await ask({ model });
    assert.equal(message.content[0].text, ECHO);
    assert.equal(message.stop_reason, 'end_turn');
  });
}

test('stream', async () => {
  const stream = client.messages.stream({ model: CLAUDE, max_tokens: 256, messages: HELLO });
  const message = await stream.finalMessage();
  assert.equal(message.content[0].text, ECHO);
});

test('tool loop', async () => {
  const messages = [{ role: 'user', content: 'call:get_weather {"city": "Oslo"}' }];
  const first = await ask({ messages, tools: [WEATHER] });
  const [call] = first.content;
  assert.deepEqual(call.input, { city: 'Oslo' });
  const result = { type: 'tool_result', tool_use_id: call.id, content: 'mild' };
  messages.push({ role: 'assistant', content: first.content }, { role: 'user', content: [result] });
  const second = await ask({ messages, tools: [WEATHER] });
  assert.equal(second.content[0].text, 'The tool get_weather said: mild');
});

test('errors keep their status', async () => {
  await emulator.fault('error=ThrottlingException', ALWAYS);
  await assert.rejects(ask(), (error) => error instanceof Anthropic.RateLimitError);
  await emulator.clear();
  await assert.rejects(ask({ model: 'anthropic.claude-nope' }), (error) => error.status === 404);
});

test('an exception in the stream keeps its name', async () => {
  await emulator.fault('stream-error=throttlingException;after=4');
  await assert.rejects(async () => all(await ask({ stream: true })), /throttlingException/);
});

test('a stream without an end is never success', async () => {
  await emulator.fault('end');
  await assert.rejects(async () => all(await ask({ stream: true })));
});

test('the emulator verifies what this client signs', async () => {
  const direct = { ...keys, awsAccessKey: setting('EMULATOR_ACCESS_KEY_ID'), baseURL: setting('EMULATOR_URL') };
  const request = { model: 'us.anthropic.claude-opus-4-7', max_tokens: 99, messages: HELLO };
  const genuine = new AnthropicBedrock({ ...direct, awsSecretKey: setting('EMULATOR_SECRET_ACCESS_KEY') });
  assert.equal((await genuine.messages.create(request)).content[0].text, ECHO);
  const streamed = await genuine.messages.stream(request).finalMessage();
  assert.equal(streamed.content[0].text, ECHO);
  const forged = new AnthropicBedrock({ ...direct, awsSecretKey: 'forged' });
  await assert.rejects(forged.messages.create(request), (error) => error.status === 403);
});
