// The official openai client for JavaScript through the gateway.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import OpenAI from 'openai';

import { ALWAYS, CLAUDE, ECHO, HELLO, NOVA, PNG_BASE64, all, cleanly, emulator, forEachModel, setting } from './stack.mjs';

const client = new OpenAI({ baseURL: `${setting('OUTCROP_URL')}/v1`, apiKey: 'any', maxRetries: 0 });

const WEATHER = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather in a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
};
const TIME = {
  type: 'function',
  function: { name: 'get_time', description: 'The time now', parameters: { type: 'object', properties: {} } },
};

const ask = (model, more = {}) => client.chat.completions.create({ model, messages: HELLO, ...more });
const say = (content) => [{ role: 'user', content }];

cleanly();

// === chat ===

forEachModel('chat', async (model) => {
  const { data, response, request_id: requestId } = await ask(model).withResponse();
  assert.equal(data.model, model);
  assert.equal(data.choices[0].message.content, ECHO);
  assert.equal(data.choices[0].finish_reason, 'stop');
  for (const name of ['x-request-id', 'request-id', 'x-amzn-requestid']) assert.ok(response.headers.get(name), name);
  assert.equal(requestId, response.headers.get('x-request-id'));
});

forEachModel('usage is whole numbers that add up', async (model) => {
  const { usage } = await ask(model);
  assert.ok(Number.isInteger(usage.prompt_tokens) && usage.prompt_tokens > 0);
  assert.ok(Number.isInteger(usage.completion_tokens) && usage.completion_tokens > 0);
  assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
});

forEachModel('instructions reach the model', async (model) => {
  const messages = [{ role: 'developer', content: 'Speak like a geologist.' }, ...HELLO];
  assert.equal((await ask(model, { messages })).choices[0].message.content, ECHO);
  const sent = (await emulator.requests()).at(-1);
  assert.match(JSON.stringify(sent.body.system), /Speak like a geologist\./);
});

forEachModel('an image is seen', async (model) => {
  const content = [
    { type: 'text', text: 'What is this?' },
    { type: 'image_url', image_url: { url: `data:image/png;base64,${PNG_BASE64}` } },
  ];
  const answer = await ask(model, { messages: say(content) });
  assert.match(answer.choices[0].message.content, /I see 1 image \(png of /);
});

// === streams ===

forEachModel('stream', async (model) => {
  const chunks = await all(await ask(model, { stream: true, stream_options: { include_usage: true } }));
  const last = chunks.pop();
  assert.deepEqual(last.choices, []);
  assert.equal(last.usage.total_tokens, last.usage.prompt_tokens + last.usage.completion_tokens);
  assert.ok(chunks.every((chunk) => !chunk.usage));
  const pieces = chunks.map((chunk) => chunk.choices[0].delta.content).filter(Boolean);
  assert.ok(pieces.length > 1);
  assert.equal(pieces.join(''), ECHO);
  const reasons = chunks.map((chunk) => chunk.choices[0].finish_reason).filter(Boolean);
  assert.deepEqual(reasons, ['stop']);
});

forEachModel('stream helper', async (model) => {
  const stream = client.chat.completions.stream({ model, messages: HELLO, stream_options: { include_usage: true } });
  assert.equal(await stream.finalContent(), ECHO);
  assert.ok((await stream.totalUsage()).completion_tokens > 0);
});

forEachModel('a client may leave a stream', async (model) => {
  const stream = await ask(model, { messages: say('lorem:500'), stream: true });
  for await (const chunk of stream) {
    assert.ok(chunk.id);
    break;
  }
  assert.equal((await ask(model)).choices[0].message.content, ECHO);
});

// === tools ===

forEachModel('tool loop by hand', async (model) => {
  const messages = say('call:get_weather {"city": "Oslo"} call:get_time {}');
  const first = await ask(model, { messages, tools: [WEATHER, TIME] });
  const { message, finish_reason: reason } = first.choices[0];
  assert.equal(reason, 'tool_calls');
  assert.deepEqual(message.tool_calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]), [
    ['get_weather', { city: 'Oslo' }],
    ['get_time', {}],
  ]);
  messages.push(message);
  message.tool_calls.forEach((call, at) => messages.push({ role: 'tool', tool_call_id: call.id, content: `r${at}` }));
  const second = await ask(model, { messages, tools: [WEATHER, TIME] });
  assert.equal(second.choices[0].message.content, 'The tool get_weather said: r0\nThe tool get_time said: r1');
});

for (const stream of [false, true]) {
  forEachModel(`tool loop by the runner, ${stream ? 'streamed' : 'plain'}`, async (model) => {
    const asked = [];
    const tool = {
      type: 'function',
      function: {
        ...WEATHER.function,
        parse: JSON.parse,
        function: ({ city }) => {
          asked.push(city);
          return `mild in ${city}`;
        },
      },
    };
    const runner = client.chat.completions.runTools({
      model,
      stream,
      messages: say('say:Looking. call:get_weather {"city": "Oslo"} call:get_weather {"city": "Rome"}'),
      tools: [tool],
    });
    const expected = 'The tool get_weather said: mild in Oslo\nThe tool get_weather said: mild in Rome';
    assert.equal(await runner.finalContent(), expected);
    assert.deepEqual(asked, ['Oslo', 'Rome']);
  });
}

forEachModel('streamed tools accumulate', async (model) => {
  const messages = say('say:Looking. call:get_weather {"city": "Oslo"} call:get_time {}');
  const stream = client.chat.completions.stream({ model, messages, tools: [WEATHER, TIME] });
  const { message, finish_reason: reason } = (await stream.finalChatCompletion()).choices[0];
  assert.equal(reason, 'tool_calls');
  assert.equal(message.content, 'Looking.');
  assert.deepEqual(message.tool_calls.map((call) => JSON.parse(call.function.arguments)), [{ city: 'Oslo' }, {}]);
});

// === errors ===

forEachModel('throttling is a rate limit', async (model) => {
  await emulator.fault('error=ThrottlingException;retry-after=1', ALWAYS);
  await assert.rejects(ask(model), (error) => {
    assert.ok(error instanceof OpenAI.RateLimitError);
    assert.equal(error.code, 'rate_limit_exceeded');
    assert.equal(error.headers.get('retry-after'), '1');
    assert.ok(error.requestID);
    return true;
  });
});

const CLASSES = [
  ['ServiceQuotaExceededException', OpenAI.RateLimitError, 429],
  ['ServiceUnavailableException', OpenAI.InternalServerError, 503],
  ['InternalServerException', OpenAI.InternalServerError, 500],
  ['ModelTimeoutException', OpenAI.InternalServerError, 504],
  ['ValidationException', OpenAI.BadRequestError, 400],
  ['ResourceNotFoundException', OpenAI.NotFoundError, 404],
  ['AccessDeniedException', OpenAI.InternalServerError, 502],
];
for (const [fault, kind, status] of CLASSES) {
  forEachModel(`${fault} is ${status}`, async (model) => {
    await emulator.fault(`error=${fault}`, ALWAYS);
    await assert.rejects(ask(model, { stream: true }), (error) => error instanceof kind && error.status === status);
  });
}

forEachModel('context overflow has its code', async (model) => {
  await emulator.fault('error=ValidationException;message=Input is too long for requested model.');
  await assert.rejects(ask(model), { status: 400, code: 'context_length_exceeded' });
});

test('unknown model', async () => {
  await assert.rejects(ask('anthropic.claude-nope'), (error) => {
    return error instanceof OpenAI.NotFoundError && error.code === 'model_not_found';
  });
});

forEachModel('an exception in the stream raises', async (model) => {
  await emulator.fault('stream-error=throttlingException;after=4');
  const seen = [];
  await assert.rejects(
    async () => {
      for await (const chunk of await ask(model, { stream: true })) {
        seen.push(chunk.choices[0].delta.content ?? '');
        assert.equal(chunk.choices[0].finish_reason, null);
      }
    },
    (error) => error instanceof OpenAI.APIError && error.code === 'rate_limit_exceeded',
  );
  assert.ok(seen.join('').length > 0 && ECHO.startsWith(seen.join('')));
});

for (const fault of ['end', 'truncate=9;after=4', 'corrupt;after=4', 'drop;after=4']) {
  forEachModel(`a stream broken by ${fault} is never success`, async (model) => {
    await emulator.fault(fault);
    await assert.rejects(async () => all(await ask(model, { stream: true })), { code: 'upstream_broken' });
  });
}

// === models ===

test('models', async () => {
  const models = await all(client.models.list());
  const ids = models.map((model) => model.id);
  assert.ok(ids.includes(CLAUDE) && ids.includes(NOVA));
  assert.ok(models.every((model) => model.object === 'model' && Number.isInteger(model.created)));
});

forEachModel('one model', async (model) => {
  assert.equal((await client.models.retrieve(model)).id, model);
});

// === legacy completions ===

forEachModel('completion', async (model) => {
  const prompt = 'one two three four five';
  const whole = await client.completions.create({ model, prompt, max_tokens: 50 });
  assert.equal(whole.choices[0].text, ECHO);
  let streamed = '';
  for await (const chunk of await client.completions.create({ model, prompt, max_tokens: 50, stream: true })) {
    streamed += chunk.choices[0].text;
  }
  assert.equal(streamed, ECHO);
});
