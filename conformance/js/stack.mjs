// What the suites run against, and the words they share.
// `cargo xtask clients` starts the processes and names them in the environment.

import { afterEach, beforeEach, test } from 'node:test';

export const CLAUDE = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0';
export const NOVA = 'amazon.nova-lite-v1:0';
export const MODELS = [CLAUDE, NOVA];
// An application inference profile the emulator knows; Claude Sonnet 4.5 is behind it.
export const PROFILE_ARN =
  'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4e5f6';
// More requests than any gateway retries.
export const ALWAYS = 1000;
export const HELLO = [{ role: 'user', content: 'one two three four five' }];
export const ECHO = 'You said: one two three four five';
// A valid 1x1 PNG.
export const PNG_BASE64 =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';

/** A value that `cargo xtask clients` passes. */
export function setting(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the suites by \`cargo xtask clients\``);
  return value;
}

async function admin(method, what, body) {
  const response = await fetch(`${setting('EMULATOR_URL')}/_emulator/${what}`, {
    method,
    body: body && JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${method} ${what}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** The emulator's admin API. */
export const emulator = {
  /** Lets the next `times` requests go wrong. */
  fault: (fault, times = 1) => admin('POST', 'faults', { fault, times }),
  clear: async () => {
    await admin('DELETE', 'faults');
    await admin('DELETE', 'requests');
  },
  /** Every request since the last `clear`. */
  requests: async () => (await admin('GET', 'requests')).requests,
};

/** A clean emulator around every test of the file. */
export function cleanly() {
  beforeEach(emulator.clear);
  afterEach(emulator.clear);
}

/** One test for a model that is reached by Anthropic Messages and one for a model reached by Converse. */
export function forEachModel(name, run) {
  for (const [word, model] of [['claude', CLAUDE], ['nova', NOVA]]) {
    test(`${name} [${word}]`, (context) => run(model, context));
  }
}

/** Everything an async iterable gives. */
export async function all(iterable) {
  const items = [];
  for await (const item of iterable) items.push(item);
  return items;
}
