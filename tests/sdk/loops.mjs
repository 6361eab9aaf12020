// A tool loop as programs play it with OpenAI's SDK: the script, what programs make of their
// history, and what must be true of every answer.

import http from 'node:http';
import { Readable } from 'node:stream';
import { assert, until } from '../flow/harness.mjs';
import { calls, says } from '../flow/lib/thinker.mjs';
import { openai } from './sdks.mjs';

export const MODEL = 'gemini-3-flash-preview';

/** Five turns of the model's, two of them with calls at once; then a second question. */
export const TRIP = [
  [
    calls(
      ['weather', { city: 'Zürich', unit: '°C' }],
      ['weather', { city: 'London', unit: '°C' }],
    ),
    calls(['find_train', { from: 'Zürich', via: ['Basel', 'Paris'], seat: { row: 7, by: null } }]),
    says('Let me see what is left.', calls(['seats', {}], ['seats', { class: 1, share: 0.25 }])),
    calls(['book', { note: 'a "quoted"\n/line\\ and \u{1F682}', price: 1e21, sure: true }]),
    says('All is booked.'),
  ],
  [calls(['weather', { city: 'Paris', unit: '°C' }]), says('It will rain.')],
];
export const QUESTIONS = ['Get me to London.', 'And the weather in Paris?'];
export const STEPS = TRIP.flat().length;

export const NAMES = ['weather', 'find_train', 'seats', 'book'];
export const TOOLS = NAMES.map((name) => ({
  type: 'function',
  function: {
    name,
    description: `The tool ${name}.`,
    parameters: { type: 'object', properties: { city: { type: 'string' } } },
  },
}));

/** What the tool said: an object, a text, a list. */
const RESULTS = ['{"celsius": 12}', 'There is nothing.', '[1, 2]'];
const resultOf = (n) => RESULTS[n % RESULTS.length];

/* ---- programs that speak OpenAI's dialect ---- */

/** fetch() with a connection for each request, so that any worker may get it. */
async function fetchAfresh(url, { method, headers, body, signal } = {}) {
  const request = http.request(url, {
    method,
    agent: false,
    signal,
    headers: Object.fromEntries(new Headers(headers)),
  });
  request.end(body);
  const answer = await new Promise((resolve, reject) => {
    request.on('response', resolve).on('error', reject);
  });
  return new Response(Readable.toWeb(answer), {
    status: answer.statusCode,
    headers: Object.entries(answer.headers).map(([name, value]) => [name, String(value)]),
  });
}

export const fresh = (pollux, apiKey = pollux.clientKey) =>
  openai(pollux, { apiKey, fetch: fetchAfresh });

/** What a program that keeps all it is told makes of a stream. */
async function gather(stream) {
  const message = {};
  let finish = null;
  for await (const chunk of stream) {
    const choice = chunk.choices[0];
    if (!choice) continue;
    const { tool_calls: made = [], ...rest } = choice.delta;
    for (const [name, value] of Object.entries(rest))
      message[name] = typeof value === 'string' ? (message[name] ?? '') + value : value;
    for (const { index, ...call } of made) {
      message.tool_calls ??= [];
      assert.equal(message.tool_calls[index], undefined, 'a call comes in one piece');
      message.tool_calls[index] = call;
    }
    finish ??= choice.finish_reason;
  }
  return { message, finish };
}

export const ask = {
  whole: async (client, body) => {
    const { data, response } = await client.chat.completions.create(body).withResponse();
    return {
      message: data.choices[0].message,
      finish: data.choices[0].finish_reason,
      id: response.headers.get('x-request-id'),
    };
  },
  streamed: async (client, body) => {
    const { data, response } = await client.chat.completions
      .create({ ...body, stream: true })
      .withResponse();
    return { ...(await gather(data)), id: response.headers.get('x-request-id') };
  },
  "by the SDK's own helper": async (client, body) => {
    const { choices } = await client.chat.completions.stream(body).finalChatCompletion();
    return { message: choices[0].message, finish: choices[0].finish_reason };
  },
};

/** The same JSON as another program would print it. */
function reprint(json) {
  const turned = (value) => {
    if (Array.isArray(value)) return value.map(turned);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value)
        .map(([name, v]) => [name, turned(v)])
        .reverse(),
    );
  };
  return JSON.stringify(turned(JSON.parse(json)), null, 3).replaceAll('Z', '\\u005a');
}

let invented = 0;

/** An id of a program's own. */
export const invent = () => `own-${++invented}`;

/** What programs make of an answer before they send it back. */
export const keep = {
  'all that it was told': (message) => message,
  'only what OpenAI names': ({ role, content, tool_calls: made }) => ({
    role,
    content,
    ...(made && {
      tool_calls: made.map(({ id, type, function: f }) => ({
        id,
        type,
        function: { name: f.name, arguments: f.arguments },
      })),
    }),
  }),
  'ids of its own and arguments printed anew': ({ role, content, tool_calls: made }) => ({
    role,
    content,
    ...(made && {
      tool_calls: made.map(({ type, function: f }) => ({
        id: invent(),
        type,
        function: { name: f.name, arguments: reprint(f.arguments) },
      })),
    }),
  }),
};

/** A call as the program sees it; its id is short, new and nobody's secret. */
function checkCalls(made, expected, seen, thinker) {
  assert.deepEqual(
    made.map((c) => [c.type, c.function.name, JSON.parse(c.function.arguments)]),
    expected.map((c) => ['function', c.name, c.args]),
  );
  for (const { id } of made) {
    assert.match(id, /^[\w-]{1,40}$/);
    assert.ok(!seen.has(id), 'no two calls have one id');
    assert.ok(!thinker.signatures.some((s) => id.includes(s.slice(0, 8))), 'an id is only an id');
    seen.add(id);
  }
}

function checkAnswer({ message, finish }, step, seen, thinker) {
  assert.equal(message.role, 'assistant');
  assert.equal(message.content || '', step.text ?? '');
  assert.equal(finish, step.calls.length ? 'tool_calls' : 'stop');
  checkCalls(message.tool_calls ?? [], step.calls, seen, thinker);
}

/** The tools' answers, the last call's first. */
export function toolMessages(made) {
  return made
    .map((c, n) => ({ role: 'tool', tool_call_id: c.id, content: resultOf(n) }))
    .reverse();
}

/**
 * Plays the whole trip.  asked: one request, in the program's way.  between: happens behind the
 * n-th answer.
 */
export async function travel(thinker, asked, kept, between = () => {}) {
  const messages = [{ role: 'system', content: 'Be brief.' }];
  const seen = new Set();
  let n = 0;
  for (const [turn, steps] of TRIP.entries()) {
    messages.push({ role: 'user', content: QUESTIONS[turn] });
    for (const step of steps) {
      const answer = await asked({
        model: MODEL,
        messages: [...messages],
        tools: TOOLS,
        reasoning_effort: 'low',
      });
      checkAnswer(answer, step, seen, thinker);
      const message = kept(answer.message);
      messages.push(message, ...toolMessages(message.tool_calls ?? []));
      await between(++n);
    }
  }
  return messages;
}

/** Nothing had to be made up, and nothing was lost of what is only recommended. */
export function checkThinker(thinker, gemini, { texts = false, asked = STEPS } = {}) {
  assert.deepEqual(thinker.refusals, []);
  assert.equal(thinker.skips, 0, 'the placeholder was not needed');
  assert.equal(thinker.unsigned, 0, 'calls of earlier turns are signed, too');
  if (texts) assert.equal(thinker.unsignedTexts, 0, 'so are texts');
  assert.equal(gemini.asked, asked, 'each answer was asked for once');
}

/** The number of the worker that answered. */
async function workerOf(pollux, id) {
  const line = new RegExp(`worker (\\d+) \\S+ exchange closed id=${id} `);
  await pollux.logs(line);
  return line.exec(pollux.said)[1];
}

/** Asks until another worker than the last one has answered; gives that answer. */
export function byTurns(pollux, way) {
  let last;
  return async (body) => {
    let answer;
    await until(async () => {
      answer = await ask[way](fresh(pollux), body);
      const worker = await workerOf(pollux, answer.id);
      return worker !== last && (last = worker);
    }, 'another worker to answer');
    return answer;
  };
}
