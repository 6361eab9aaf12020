// A daemon that nobody asks anything sleeps.

import './lib/patience.mjs';
import { setTimeout as pause } from 'node:timers/promises';
import { assert, flow } from '../flow/harness.mjs';
import { note, processesOf, sleeps } from './lib/figures.mjs';
import { Load } from './lib/load.mjs';
import { simulator } from './lib/sim.mjs';

const WATCHED_S = 5;
const MOST_EACH_S = 2;

async function isAsleep(pollux, when) {
  const before = processesOf(pollux).map((p) => ({ ...p, sleeps: sleeps(p.pid) }));
  await pause(1000 * WATCHED_S);
  const woken = before.map((p) => ({ title: p.title, times: sleeps(p.pid) - p.sleeps }));
  note(`${when}, in ${WATCHED_S} s: ${woken.map((w) => `${w.title} woken ${w.times} times`).join(', ')}`);
  for (const w of woken) assert.ok(w.times <= MOST_EACH_S * WATCHED_S, `${w.title} was woken ${w.times} times in ${WATCHED_S} s ${when}`);
}

flow('without traffic nobody is woken', async (t) => {
  await simulator(t);
  const pollux = await t.pollux();
  await isAsleep(pollux, 'after the start');

  await new Load(pollux, { requests: 2000, deeds: ['chat', 'stream', 'native', 'leaveInTheMiddle', 'wrongBody'] }).over;
  await pollux.counted('connections', (n) => n === 1);
  await pause(6000); // what lingers behind streams has its end
  await isAsleep(pollux, 'after 2000 requests');

  const raws = await Promise.all(Array.from({ length: 50 }, () => pollux.dial()));
  for (const raw of raws) await raw.send('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
  for (const raw of raws) await raw.until(/"ok"/);
  await isAsleep(pollux, 'with 50 connections that ask nothing');
});

flow('frozen keys, and requests that wait for them, wake nobody', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.answers(429, { quotaId: 'GenerateRequestsPerMinutePerProjectPerModel-FreeTier', retryDelay: '25s' });
  const pollux = await t.pollux({ 'queue.max_wait': '60s' });
  const raws = await Promise.all(Array.from({ length: 20 }, () => pollux.dial()));
  const body = JSON.stringify(pollux.chatBody('hi'));
  for (const raw of raws) await raw.send(`POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${pollux.clientKey}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await gemini.request(1);
  await pollux.counted('exchanges', (n) => n === 21);
  await pollux.counted('fetches', (n) => n === 0);
  await isAsleep(pollux, 'while 20 requests wait for a thaw');
});
