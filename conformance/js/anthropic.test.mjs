// The official Anthropic client for JavaScript through the gateway, as if it were Anthropic's own API.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';

import { ALWAYS, CLAUDE, ECHO, HELLO, NOVA, PNG_BASE64, all, cleanly, emulator, forEachModel, setting } from './stack.mjs';

const client = new Anthropic({ baseURL: setting('OUTCROP_URL'), apiKey: 'any', maxRetries: 0 });

const WEATHER = {
  name: 'get_weather',
  description: 'The weather in a city',
  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};
const TIME = { name: 'get_time', description: 'The time now', input_schema: { type: 'object', properties: {} } };
const THINKING = { type: 'enabled', budget_tokens: 1024 };

const ask = (model, more = {}) => client.messages.create({ model, max_tokens: 256, messages: HELLO, ...more });
const say = (content) => [{ role: 'user', content }];

cleanly();

// === messages ===

forEachModel('create', async (model) => {
  const { data, request_id: requestId } = await ask(model).withResponse();
  assert.deepEqual(data.content.map(({ type, text }) => ({ type, text })), [{ type: 'text', text: ECHO }]);
  assert.equal(data.stop_reason, 'end_turn');
  assert.ok(data.usage.input_tokens > 0 && data.usage.output_tokens > 0);
  assert.ok(requestId);
});

forEachModel('system reaches the model', async (model) => {
  assert.equal((await ask(model, { system: 'Be a geologist.' })).content[0].text, ECHO);
  const sent = (await emulator.requests()).at(-1);
  assert.match(JSON.stringify(sent.body.system), /Be a geologist\./);
});

forEachModel('an image is seen', async (model) => {
  const source = { type: 'base64', media_type: 'image/png', data: PNG_BASE64 };
  const answer = await ask(model, { messages: say([{ type: 'text', text: 'What?' }, { type: 'image', source }]) });
  assert.match(answer.content[0].text, /I see 1 image \(png of /);
});

// === streams ===

forEachModel('stream helper', async (model) => {
  const stream = client.messages.stream({ model, max_tokens: 256, messages: HELLO });
  const pieces = [];
  stream.on('text', (text) => pieces.push(text));
  const message = await stream.finalMessage();
  assert.ok(pieces.length > 1);
  assert.equal(pieces.join(''), ECHO);
  assert.equal(message.content[0].text, ECHO);
  assert.equal(message.stop_reason, 'end_turn');
  assert.deepEqual(message.usage.output_tokens, (await ask(model)).usage.output_tokens);
});

forEachModel('a client may leave a stream', async (model) => {
  for await (const event of await ask(model, { messages: say('lorem:200'), stream: true })) {
    assert.equal(event.type, 'message_start');
    break;
  }
  assert.equal((await ask(model)).content[0].text, ECHO);
});

// === tools ===

forEachModel('tool loop', async (model) => {
  const messages = say('say:Looking. call:get_weather {"city": "Oslo"} call:get_time {}');
  const first = await ask(model, { messages, tools: [WEATHER, TIME] });
  assert.equal(first.stop_reason, 'tool_use');
  const [text, ...calls] = first.content;
  assert.equal(text.text, 'Looking.');
  assert.deepEqual(calls.map((call) => [call.name, call.input]), [['get_weather', { city: 'Oslo' }], ['get_time', {}]]);
  const results = calls.map((call, at) => ({ type: 'tool_result', tool_use_id: call.id, content: `r${at}` }));
  messages.push({ role: 'assistant', content: first.content }, { role: 'user', content: results });
  const second = await ask(model, { messages, tools: [WEATHER, TIME] });
  assert.equal(second.content[0].text, 'The tool get_weather said: r0\nThe tool get_time said: r1');
});

forEachModel('streamed tools accumulate', async (model) => {
  const messages = say('call:get_weather {"city": "Oslo"} say:And call:get_time {}');
  const stream = client.messages.stream({ model, max_tokens: 256, messages, tools: [WEATHER, TIME] });
  const { content } = await stream.finalMessage();
  assert.deepEqual(content.map((block) => block.input ?? block.text), [{ city: 'Oslo' }, 'And', {}]);
});

// === thinking ===

for (const streamed of [false, true]) {
  test(`thinking is signed and may be replayed, ${streamed ? 'streamed' : 'plain'}`, async () => {
    const messages = say('call:get_weather {"city": "Oslo"}');
    const params = { model: CLAUDE, max_tokens: 4096, messages, thinking: THINKING, tools: [WEATHER] };
    const first = streamed
      ? await client.messages.stream(params).finalMessage()
      : await client.messages.create(params);
    const [thought, call] = first.content;
    assert.equal(thought.type, 'thinking');
    assert.ok(thought.thinking && thought.signature);
    const result = { type: 'tool_result', tool_use_id: call.id, content: 'mild' };
    messages.push({ role: 'assistant', content: first.content }, { role: 'user', content: [result] });
    const second = await client.messages.create(params);
    assert.equal(second.content.at(-1).text, 'The tool get_weather said: mild');
  });
}

// === errors ===

const CLASSES = [
  ['ThrottlingException', Anthropic.RateLimitError, 429, 'rate_limit_error'],
  ['ServiceQuotaExceededException', Anthropic.RateLimitError, 429, 'rate_limit_error'],
  ['ServiceUnavailableException', Anthropic.OverloadedError ?? Anthropic.InternalServerError, 529, 'overloaded_error'],
  ['InternalServerException', Anthropic.InternalServerError, 500, 'api_error'],
  ['ModelTimeoutException', Anthropic.InternalServerError, 504, 'timeout_error'],
  ['ValidationException', Anthropic.BadRequestError, 400, 'invalid_request_error'],
  ['ResourceNotFoundException', Anthropic.NotFoundError, 404, 'not_found_error'],
  ['AccessDeniedException', Anthropic.InternalServerError, 502, 'api_error'],
];
for (const [fault, kind, status, type] of CLASSES) {
  forEachModel(`${fault} is ${type}`, async (model) => {
    await emulator.fault(`error=${fault}`, ALWAYS);
    await assert.rejects(ask(model), (error) => {
      assert.ok(error instanceof kind, error.constructor.name);
      assert.deepEqual([error.status, error.type], [status, type]);
      assert.ok(error.requestID);
      return true;
    });
  });
}

test('unknown model', async () => {
  await assert.rejects(ask('anthropic.claude-nope'), (error) => error instanceof Anthropic.NotFoundError);
});

forEachModel('an exception in the stream raises', async (model) => {
  await emulator.fault('stream-error=serviceUnavailableException;after=4');
  const kinds = [];
  await assert.rejects(
    async () => {
      for await (const event of await ask(model, { stream: true })) kinds.push(event.type);
    },
    (error) => error instanceof Anthropic.APIError && error.type === 'overloaded_error',
  );
  assert.ok(kinds.includes('content_block_delta') && !kinds.includes('message_stop'));
});

for (const fault of ['end', 'truncate=9;after=4', 'corrupt;after=4', 'drop;after=4']) {
  forEachModel(`a stream broken by ${fault} is never success`, async (model) => {
    await emulator.fault(fault);
    await assert.rejects(async () => all(await ask(model, { stream: true })), { type: 'api_error' });
  });
}

// === models ===

test('models', async () => {
  const ids = (await all(client.models.list())).map((model) => model.id);
  assert.ok(ids.includes(CLAUDE) && ids.includes(NOVA));
});

forEachModel('one model', async (model) => {
  const found = await client.models.retrieve(model);
  assert.deepEqual([found.id, found.type], [model, 'model']);
});

// === counting tokens ===

forEachModel('count tokens', async (model) => {
  const counted = await client.messages.countTokens({ model, messages: HELLO });
  assert.equal(counted.input_tokens, (await ask(model)).usage.input_tokens);
});
