// The Vercel AI SDK through the gateway: its OpenAI provider speaks the Responses API.

import assert from 'node:assert/strict';

import { createOpenAI } from '@ai-sdk/openai';
import { generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai';

import { ALWAYS, ECHO, cleanly, emulator, forEachModel, setting } from './stack.mjs';

const openai = createOpenAI({ baseURL: `${setting('OUTCROP_URL')}/v1`, apiKey: 'any' });
const HELLO = 'one two three four five';
const tools = (asked) => ({
  get_weather: tool({
    description: 'The weather in a city',
    inputSchema: jsonSchema({ type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }),
    execute: async ({ city }) => {
      asked.push(city);
      return `mild in ${city}`;
    },
  }),
});

cleanly();

forEachModel('ai: text', async (model) => {
  const { text, usage } = await generateText({ model: openai(model), prompt: HELLO, maxRetries: 0 });
  assert.equal(text, ECHO);
  assert.ok(usage.outputTokens > 0);
});

forEachModel('ai: stream', async (model) => {
  const result = streamText({ model: openai(model), prompt: HELLO, maxRetries: 0 });
  let text = '';
  for await (const piece of result.textStream) text += piece;
  assert.equal(text, ECHO);
  assert.equal(await result.finishReason, 'stop');
});

// With `store` on (its default) it sends references to items of earlier answers, else the items.
for (const store of [true, false]) {
  forEachModel(`ai: tool loop, ${store ? 'kept' : 'not kept'}`, async (model) => {
    for (const ask of [generateText, streamText]) {
      const asked = [];
      const result = ask({
        model: openai(model),
        prompt: 'say:Looking. call:get_weather {"city": "Oslo"}',
        tools: tools(asked),
        stopWhen: stepCountIs(3),
        maxRetries: 0,
        providerOptions: { openai: { store } },
      });
      assert.match(await (await result).text, /The tool get_weather said: .*mild in Oslo/);
      assert.deepEqual(asked, ['Oslo']);
    }
  });
}

forEachModel('ai: an exception in the stream is an error', async (model) => {
  await emulator.fault('stream-error=throttlingException;after=4', ALWAYS);
  const errors = [];
  const result = streamText({ model: openai(model), prompt: HELLO, maxRetries: 0, onError: ({ error }) => errors.push(error) });
  await result.consumeStream();
  assert.ok(errors.length > 0);
});
