// The Vercel AI SDK through the gateway, by three providers: OpenAI's (the Responses API, and Chat),
// Anthropic's (Messages) and Amazon Bedrock's (Converse).

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createAmazonBedrock } from '@ai-sdk/amazon-bedrock';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai';

import { ALWAYS, CLAUDE, ECHO, cleanly, emulator, forEachModel, setting } from './stack.mjs';

const url = setting('OUTCROP_URL');
const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey: 'any' });
const anthropic = createAnthropic({ baseURL: `${url}/v1`, apiKey: 'any' });
const bedrock = createAmazonBedrock({ baseURL: url, apiKey: 'any', region: 'us-east-1' });
// Each with what makes a model of it think.
const PROVIDERS = [
  ['responses', openai, { openai: { store: false, forceReasoning: true, reasoningEffort: 'low', reasoningSummary: 'auto' } }],
  ['chat', openai.chat, undefined],
  ['anthropic', anthropic, { anthropic: { thinking: { type: 'enabled', budgetTokens: 2000 } } }],
  ['bedrock', bedrock, { bedrock: { reasoningConfig: { type: 'enabled', budgetTokens: 2000 } } }],
];
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

async function toolLoops(model, more = {}) {
  for (const ask of [generateText, streamText]) {
    const asked = [];
    const result = ask({
      model,
      prompt: 'say:Looking. call:get_weather {"city": "Oslo"}',
      tools: tools(asked),
      stopWhen: stepCountIs(3),
      maxRetries: 0,
      ...more,
    });
    assert.match(await (await result).text, /The tool get_weather said: .*mild in Oslo/);
    assert.deepEqual(asked, ['Oslo']);
  }
}

for (const [word, provider, thinking] of PROVIDERS) {
  forEachModel(`ai ${word}: text`, async (model) => {
    const { text, usage } = await generateText({ model: provider(model), prompt: HELLO, maxRetries: 0 });
    assert.equal(text, ECHO);
    assert.ok(usage.inputTokens > 0 && usage.outputTokens > 0);
  });

  forEachModel(`ai ${word}: stream`, async (model) => {
    const result = streamText({ model: provider(model), prompt: HELLO, maxRetries: 0 });
    let text = '';
    for await (const piece of result.textStream) text += piece;
    assert.equal(text, ECHO);
    assert.equal(await result.finishReason, 'stop');
    const usage = await result.usage;
    assert.ok(usage.inputTokens > 0 && usage.outputTokens > 0);
  });

  forEachModel(`ai ${word}: tool loop`, (model) => toolLoops(provider(model)));

  if (thinking) {
    test(`ai ${word}: thinking survives a tool loop [claude]`, async () => {
      const asked = [];
      const result = streamText({
        model: provider(CLAUDE),
        prompt: 'think:Well. call:get_weather {"city": "Oslo"}',
        tools: tools(asked),
        stopWhen: stepCountIs(3),
        maxRetries: 0,
        providerOptions: thinking,
      });
      assert.match(await result.text, /mild in Oslo/);
      assert.match((await result.steps)[0].reasoningText, /Well/);
      const body = (await emulator.requests()).at(-1).body;
      const turn = body.messages[1].content;
      assert.ok(turn[0].signature ?? turn[0].reasoningContent?.reasoningText.signature, JSON.stringify(turn));
    });
  }

  forEachModel(`ai ${word}: throttling is retried, then an error`, async (model) => {
    await emulator.fault('error=ThrottlingException;retry-after=1', ALWAYS);
    await assert.rejects(generateText({ model: provider(model), prompt: HELLO, maxRetries: 0 }), { statusCode: 429 });
    await emulator.clear();
    await emulator.fault('error=ThrottlingException;retry-after=1', 2);
    const { text } = await generateText({ model: provider(model), prompt: HELLO, maxRetries: 1 });
    assert.equal(text, ECHO);
  });

  forEachModel(`ai ${word}: an exception in the stream is an error`, async (model) => {
    await emulator.fault('stream-error=throttlingException;after=4', ALWAYS);
    const errors = [];
    const result = streamText({ model: provider(model), prompt: HELLO, maxRetries: 0, onError: ({ error }) => errors.push(error) });
    await result.consumeStream();
    assert.ok(errors.length > 0);
  });
}

// With `store` on, which is its default, it sends references to items of earlier answers.
forEachModel('ai responses: tool loop without items', (model) =>
  toolLoops(openai(model), { providerOptions: { openai: { store: false } } }),
);
