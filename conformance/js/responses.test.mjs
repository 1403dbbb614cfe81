// The official openai client's Responses API through the gateway.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import OpenAI from 'openai';

import { ALWAYS, CLAUDE, ECHO, all, cleanly, emulator, forEachModel, setting } from './stack.mjs';

const client = new OpenAI({ baseURL: `${setting('OUTCROP_URL')}/v1`, apiKey: 'any', maxRetries: 0 });
const HELLO = 'one two three four five';
const WEATHER = {
  type: 'function',
  name: 'get_weather',
  description: 'The weather in a city',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  strict: false,
};

cleanly();

forEachModel('responses: create', async (model) => {
  const answer = await client.responses.create({ model, input: HELLO });
  assert.equal(answer.output_text, ECHO);
  assert.equal(answer.status, 'completed');
  assert.equal(answer.usage.total_tokens, answer.usage.input_tokens + answer.usage.output_tokens);
});

forEachModel('responses: stream helper', async (model) => {
  const stream = client.responses.stream({ model, input: HELLO });
  const kinds = new Set();
  for await (const event of stream) kinds.add(event.type);
  assert.ok(kinds.has('response.output_text.delta') && kinds.has('response.completed'));
  const final = await stream.finalResponse();
  assert.equal(final.output_text, ECHO);
});

forEachModel('responses: streamed tool loop', async (model) => {
  const input = [{ role: 'user', content: 'say:Looking. call:get_weather {"city": "Oslo"}' }];
  const first = await client.responses.stream({ model, input, tools: [WEATHER] }).finalResponse();
  assert.deepEqual(first.output.map((item) => item.type), ['message', 'function_call']);
  const call = first.output[1];
  assert.deepEqual(JSON.parse(call.arguments), { city: 'Oslo' });
  input.push(...first.output, { type: 'function_call_output', call_id: call.call_id, output: 'mild' });
  const second = await client.responses.stream({ model, input, tools: [WEATHER] }).finalResponse();
  assert.equal(second.output_text, 'The tool get_weather said: mild');
});

forEachModel('responses: errors', async (model) => {
  await emulator.fault('error=ThrottlingException', ALWAYS);
  await assert.rejects(client.responses.create({ model, input: HELLO }), { status: 429, code: 'rate_limit_exceeded' });
});

forEachModel('responses: an exception in the stream is a failed answer', async (model) => {
  await emulator.fault('stream-error=throttlingException;after=4');
  const events = await all(await client.responses.create({ model, input: HELLO, stream: true }));
  const last = events.at(-1);
  assert.equal(last.type, 'response.failed');
  assert.equal(last.response.error.code, 'rate_limit_exceeded');
  assert.ok(events.every((event) => event.type !== 'response.completed'));
});

for (const streamed of [false, true]) {
  test(`responses: thinking survives a tool call, ${streamed ? 'streamed' : 'whole'}`, async () => {
    const input = [{ role: 'user', content: 'think:Well. call:get_weather {"city": "Oslo"}' }];
    const options = {
      model: CLAUDE,
      store: false,
      reasoning: { effort: 'low', summary: 'auto' },
      include: ['reasoning.encrypted_content'],
      tools: [WEATHER],
    };
    const ask = () => (streamed ? client.responses.stream({ input, ...options }).finalResponse() : client.responses.create({ input, ...options }));
    const first = await ask();
    assert.deepEqual(first.output.map((item) => item.type), ['reasoning', 'function_call']);
    const [thought, call] = first.output;
    assert.match(thought.summary[0].text, /Well/);
    input.push(...first.output, { type: 'function_call_output', call_id: call.call_id, output: 'mild' });
    assert.match((await ask()).output_text, /mild/);
    const turn = (await emulator.requests()).at(-1).body.messages[1].content;
    assert.deepEqual(turn.map((block) => block.type), ['thinking', 'tool_use']);
    assert.ok(turn[0].signature);
  });
}
