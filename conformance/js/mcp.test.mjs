// The reference servers of MCP's own project, whose tools a model uses through the gateway.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { setting } from './stack.mjs';

const home = realpathSync(mkdtempSync(join(tmpdir(), 'outcrop-mcp-')));
after(() => rmSync(home, { recursive: true }));
const env = { PATH: process.env.PATH, HOME: home, OUTCROP_HOME: home };
const server = (name) => join('node_modules', '@modelcontextprotocol', `server-${name}`, 'dist', 'index.js');
const servers = {
  files: { command: process.execPath, args: [server('filesystem'), home] },
  everything: { command: process.execPath, args: [server('everything')] },
};
const config = join(home, 'mcp.json');
writeFileSync(config, JSON.stringify({ mcpServers: servers }));
writeFileSync(join(home, 'notes.txt'), 'granite\ngneiss\n');

function run(...args) {
  return spawnSync(setting('OUTCROP_BINARY'), args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function use(tool, args) {
  const prompt = `call:${tool} ${JSON.stringify(args)}`;
  const model = 'anthropic.claude-sonnet-4-20250514-v1:0';
  const done = run('query', prompt, '-m', model, '--via', setting('OUTCROP_URL'), '--mcp-config', config, '-y', '--json');
  assert.equal(done.status, 0, done.stderr);
  return JSON.parse(done.stdout).tool_calls[0];
}

test('server-filesystem: a file is read, and one outside is refused', () => {
  const read = use('files__read_text_file', { path: join(home, 'notes.txt') });
  assert.ok(read.success && JSON.stringify(read.result).includes('gneiss'), JSON.stringify(read));
  const refused = use('files__read_text_file', { path: '/etc/hostname' });
  assert.ok(!refused.success, JSON.stringify(refused));
});

test('server-everything: texts, images and all tools', () => {
  const echo = use('everything__echo', { message: 'schist' });
  assert.match(JSON.stringify(echo.result), /schist/);
  const image = use('everything__get-tiny-image', {});
  assert.match(JSON.stringify(image.result), /data:image\/png;base64/);
  const listed = run('mcp', 'test', 'everything', '--mcp-config', config, '--json');
  assert.ok(JSON.parse(listed.stdout).length > 5, listed.stderr);
});
