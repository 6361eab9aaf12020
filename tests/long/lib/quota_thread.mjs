// The thread of lib/quota.mjs: a Gemini that answers everything, has nothing else to do, and says of
// each request when its last byte had come.
//
// When that was is known between two moments: `at` is when it was read here, `since` is before it came.
// The beats tell: what is read now was not there yet when the loop looked before, and the beat before
// the last one was earlier than that look.

import net from 'node:net';
import { parentPort } from 'node:worker_threads';
import { readRequest } from '../../flow/lib/gemini.mjs';
import { fault, piece } from '../../flow/lib/wire.mjs';
import { tokensOf } from './tokens.mjs';

const BEAT_MS = 5;
const refusals = new Map(); // of a secret: [fault], each for one request
let delay = { least: 1, most: 20 }; // of an answer

const nowMs = () => Number(process.hrtime.bigint()) / 1e6;
let last = nowMs(), earlier = last;
setInterval(() => {
  earlier = last;
  last = nowMs();
}, BEAT_MS);

function answer(status, value) {
  const body = JSON.stringify(value);
  return `HTTP/1.1 ${status} Whatever\r\nContent-Type: application/json; charset=UTF-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

const textsOf = (json) => (json.contents ?? []).flatMap((c) => c.parts ?? []).map((p) => p.text ?? '');

/** {verb, secret, tokens, reply} */
function understand({ line, head, body }) {
  const [method, target] = line.split(' ');
  const verb = method === 'GET' ? 'list' : /:(\w+)/.exec(target)?.[1];
  const secret = /^x-goog-api-key: *(\S+)/im.exec(head)?.[1];
  const tokens = body.length ? textsOf(JSON.parse(body.toString())).reduce((sum, text) => sum + tokensOf(text), 0) : 0;
  const refusal = verb === 'generateContent' ? refusals.get(secret)?.shift() : undefined;
  if (refusal) return { verb, secret, tokens, refused: true, reply: answer(429, refusal) };
  if (verb === 'list') return { verb, secret, tokens, reply: answer(200, { models: [] }) };
  if (verb === 'countTokens') return { verb, secret, tokens, reply: answer(200, { totalTokens: tokens }) };
  const usage = { promptTokenCount: tokens, candidatesTokenCount: 1, totalTokenCount: tokens + 1 };
  return { verb, secret, tokens, reply: answer(200, piece('Hello', { finish: 'STOP', usage })) };
}

function serve(conn) {
  let input = Buffer.alloc(0);
  let floor = earlier; // a first request may have come together with its connection
  conn.setNoDelay(true);
  conn.on('error', () => {});
  conn.on('data', (bytes) => {
    const since = Math.min(floor ?? Infinity, earlier);
    input = input.length ? Buffer.concat([input, bytes]) : bytes;
    const found = readRequest(input);
    if (!found) return;
    const at = nowMs();
    floor = null;
    input = input.subarray(found.bytes);
    const { reply, ...record } = understand(found);
    parentPort.postMessage({ record: { ...record, at, since } });
    setTimeout(() => conn.write(reply), delay.least + Math.random() * (delay.most - delay.least));
  });
}

const server = net.createServer(serve);
server.listen(0, '127.0.0.1', () => parentPort.postMessage({ port: server.address().port }));

parentPort.on('message', (order) => {
  if (order.delay) delay = order.delay;
  if (order.refuse) refusals.set(order.refuse.secret, Array.from({ length: order.refuse.times }, () => fault(429, order.refuse.words)));
});
