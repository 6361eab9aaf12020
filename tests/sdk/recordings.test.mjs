// Recorded answers of Gemini's, replayed as upstream's: what comes out must be what OpenAI's own
// description of its API says.  The recordings and openapi.yaml are found under POLLUX_DATA; without
// it these stories are skipped, by name.

import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import Ajv from 'ajv/dist/2020.js';
import YAML from 'yaml';
import { assert, flow } from '../flow/harness.mjs';

const DATA = process.env.POLLUX_DATA;
const FOLDERS = ['googleai', 'vertexai'];

/** Every recording of a kind, "unary" or "streaming". */
function recordings(kind) {
  return FOLDERS.flatMap((folder) => {
    const dir = path.join(DATA, 'gemini-recorded', folder);
    return fs
      .readdirSync(dir)
      .filter((name) => name.startsWith(`${kind}-`))
      .map((name) => ({ name: `${folder}/${name}`, bytes: fs.readFileSync(path.join(dir, name)) }));
  });
}

/** "nullable" is of an older OpenAPI, and means nothing to JSON Schema beside a $ref. */
function withoutNullable(node) {
  if (Array.isArray(node)) return node.map(withoutNullable);
  if (node === null || typeof node !== 'object') return node;
  const { nullable, ...rest } = node;
  const plain = Object.fromEntries(Object.entries(rest).map(([k, v]) => [k, withoutNullable(v)]));
  return nullable === true ? { anyOf: [plain, { type: 'null' }] } : plain;
}

/** OpenAI's description; its keywords that are no JSON Schema are left alone. */
function validators() {
  const api = YAML.parse(fs.readFileSync(path.join(DATA, 'openai', 'openapi.yaml'), 'utf8'), {
    maxAliasCount: -1,
  });
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
  ajv.addSchema({ $id: 'api', components: withoutNullable(api.components) });
  const of = (name) => ajv.compile({ $ref: `api#/components/schemas/${name}` });
  return {
    answer: of('CreateChatCompletionResponse'),
    chunk: of('CreateChatCompletionStreamResponse'),
    error: of('ErrorResponse'),
  };
}

function assertValid(validate, value, where) {
  assert.ok(
    validate(value),
    `${where}: ${JSON.stringify(validate.errors?.slice(0, 3))} in ${JSON.stringify(value).slice(0, 600)}`,
  );
}

/** Some answer other methods: how many tokens, pictures of Imagen's. */
function answersAChat(bytes) {
  try {
    const json = JSON.parse(bytes.toString());
    return !('totalTokens' in json) && !('predictions' in json);
  } catch {
    return true;
  }
}

/** The status that a recorded body came with: errors say it themselves. */
function statusOf(bytes) {
  try {
    const json = JSON.parse(bytes.toString());
    return (Array.isArray(json) ? json[0] : json)?.error?.code ?? 200;
  } catch {
    return 200;
  }
}

/** Values of the data lines of a stream; ends with "[DONE]" unless it failed. */
function events(text) {
  return text
    .split('\n\n')
    .filter((e) => e.startsWith('data: '))
    .map((e) => (e === 'data: [DONE]' ? '[DONE]' : JSON.parse(e.slice(6))));
}

function checkStream(text, valid, where) {
  const all = events(text);
  const last = all.at(-1);
  assert.ok(all.length > 0, `${where}: no event`);
  for (const e of all.slice(0, -1)) assertValid(valid.chunk, e, where);
  if (last?.error) {
    assertValid(valid.error, last, where);
    return;
  }
  assert.equal(last, '[DONE]', where);
  const reasons = all
    .slice(0, -1)
    .flatMap((e) => e.choices)
    .map((c) => c.finish_reason)
    .filter((reason) => reason !== null);
  const choices = new Set(all.slice(0, -1).flatMap((e) => e.choices.map((c) => c.index)));
  assert.equal(reasons.length, choices.size, `${where}: one reason for each choice`);
}

/** A chat as it came over the wire. */
function chat(pollux, fields = {}) {
  const body = pollux.chatBody('hi', fields);
  return pollux.request('POST', '/v1/chat/completions', { body });
}

const story = DATA ? flow : (name) => test(name, { skip: 'POLLUX_DATA is not set' }, () => {});

story('every recorded plain answer is a chat completion as OpenAI describes it', async (t) => {
  const valid = validators();
  const gemini = await t.gemini();
  const pollux = await t.pollux({
    keys: ['k1'],
    'pool.freeze_min': '1ms',
    'pool.freeze_max': '1ms',
  });

  for (const { name, bytes } of recordings('unary')) {
    const status = statusOf(bytes);
    if (!answersAChat(bytes)) continue;
    gemini.replace('k1').answers(status, { body: bytes });
    const live = await chat(pollux);
    await pollux.ctl('keys', 'enable', 'k1');
    await pollux.ctl('keys', 'thaw', 'k1');
    if (live.status === 200) assertValid(valid.answer, live.json, name);
    else assertValid(valid.error, live.json, name);
    if (status === 200 && /-success-/.test(name)) assert.equal(live.status, 200, name);
  }
});

story('every recorded stream is a stream as OpenAI describes it', async (t) => {
  const valid = validators();
  const gemini = await t.gemini();
  const pollux = await t.pollux({
    keys: ['k1'],
    'pool.freeze_min': '1ms',
    'pool.freeze_max': '1ms',
  });

  for (const { name, bytes } of recordings('streaming')) {
    const status = statusOf(bytes);
    const script = gemini.replace('k1');
    if (status === 200) script.writes(bytes, { headers: { 'Content-Type': 'text/event-stream' } });
    else script.answers(status, { body: bytes });
    const live = await chat(pollux, { stream: true, stream_options: { include_usage: true } });
    await pollux.ctl('keys', 'enable', 'k1');
    await pollux.ctl('keys', 'thaw', 'k1');
    if (live.status === 200) checkStream(live.text, valid, name);
    else assertValid(valid.error, live.json, name);
    if (status === 200 && /-success-/.test(name)) assert.equal(live.status, 200, name);
  }
});

story('a recorded stream says the same wherever it is cut in two at its line ends', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ keys: ['k1'] });
  const said = (live) =>
    JSON.stringify(
      events(live.text).map((e) => (e === '[DONE]' ? e : (e.choices ?? e.error))),
    ).replace(/call_[a-z0-9]+/g, 'call');

  for (const { name, bytes } of recordings('streaming')) {
    if (statusOf(bytes) !== 200 || !/-success-/.test(name)) continue;
    const ends = [...bytes.keys()].filter((i) => bytes[i] === 0x0a);
    gemini.replace('k1').writes(bytes);
    const whole = said(await chat(pollux, { stream: true }));
    for (const at of ends.flatMap((i) => [i - 1, i, i + 1])) {
      if (at <= 0 || at >= bytes.length) continue;
      gemini.replace('k1').writes(bytes, { splitAt: [at] });
      assert.equal(said(await chat(pollux, { stream: true })), whole, `${name} at ${at}`);
    }
  }
});
