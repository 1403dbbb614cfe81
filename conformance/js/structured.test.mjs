// Typed answers through the Vercel AI SDK, on a model that enforces a schema and on models that do not.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createOpenAI } from '@ai-sdk/openai';
import { generateObject, streamObject } from 'ai';
import { z } from 'zod';

import { CLAUDE, NOVA, cleanly, setting } from './stack.mjs';

const openai = createOpenAI({ baseURL: `${setting('OUTCROP_URL')}/v1`, apiKey: 'any' });
const schema = z.object({
  name: z.string().min(1),
  stops: z.array(z.object({ city: z.string(), nights: z.number().int().min(1) })).max(5),
});
const LLAMA = 'us.meta.llama3-3-70b-instruct-v1:0';

cleanly();

for (const [word, model] of [['claude', CLAUDE], ['nova', NOVA], ['llama', LLAMA]]) {
  for (const [api, asked] of [['responses', openai.responses(model)], ['chat', openai.chat(model)]]) {
    test(`ai: object by ${api} [${word}]`, async () => {
      const { object } = await generateObject({ model: asked, schema, prompt: 'Plan a trip', maxRetries: 0 });
      assert.ok(object.stops[0].nights >= 1);

      const streamed = streamObject({ model: asked, schema, prompt: 'Plan a trip', maxRetries: 0 });
      let partial = 0;
      for await (const _ of streamed.partialObjectStream) partial += 1;
      assert.ok(partial > 1);
      assert.ok((await streamed.object).stops[0].city);
    });
  }
}
