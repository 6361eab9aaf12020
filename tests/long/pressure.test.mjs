// Readers that stand still against a Gemini that says as much as it can.

import './lib/patience.mjs';
import { setTimeout as pause } from 'node:timers/promises';
import { assert, flow, piece, until } from '../flow/harness.mjs';
import { note, rssKiB } from './lib/figures.mjs';

const SLOW = 8;
const GROWTH_KIB = 20 * 1024;
const EVENT = piece('x'.repeat(16000));
const PLENTY = 64 << 20; // for the fast one
const MOST = 400 << 20;  // nobody says that much unless nothing holds him back

/** Until what each has written stays the same for a while. */
async function isHeld(asked) {
  let last = -1, same = 0;
  await until(async () => {
    await pause(100);
    const now = asked.reduce((n, a) => n + a.written, 0);
    same = now === last ? same + 1 : 0;
    last = now;
    assert.ok(now < SLOW * MOST, 'nothing holds Gemini back');
    return same >= 10;
  }, 'Gemini to be held back');
  return last;
}

for (const [name, open] of [
  ['chat', (pollux, said) => pollux.openChat(said, { stream: true }, { reads: false })],
  ['native', (pollux, said) => pollux.openNative('streamGenerateContent', { contents: [{ role: 'user', parts: [{ text: said }] }] }, { query: '?alt=sse', reads: false })],
]) {
  flow(`${SLOW} ${name} readers that stand still cost a worker no memory, and another one beside them nothing`, async (t) => {
    const gemini = await t.gemini();
    gemini.anyone.does(async (asked) => {
      if (!asked.streams) return asked.whole(200, piece('Hello', { finish: 'STOP' }));
      const enough = asked.body.includes('#fast') ? PLENTY : MOST;
      await asked.begin();
      while (asked.written < enough) if (!await asked.event(EVENT)) return null;
      await asked.event(piece('end', { finish: 'STOP' }));
      return asked.end();
    });
    const pollux = await t.pollux({ 'server.workers': 1 });
    for (let i = 0; i < 20; i++) await pollux.chat('hi');
    const worker = pollux.worker(0);
    const before = rssKiB(worker);

    const slow = await Promise.all(Array.from({ length: SLOW }, () => open(pollux, '#slow')));
    const held = await isHeld(gemini.requests.filter((r) => r.streams));
    const during = rssKiB(worker);
    note(`${name}: worker ${before} KiB, with ${SLOW} readers that stand still ${during} KiB; Gemini could say ${held >> 10} KiB`);
    assert.ok(during - before < GROWTH_KIB, `${during - before} KiB more`);

    const fast = await open(pollux, '#fast');
    fast.response.resume();
    await until(() => fast.isOver, () => `the fast one's end; so far ${fast.bytes}`);
    assert.equal(fast.error, null);
    assert.match(fast.body.subarray(-1000).toString(), /"end"/, 'its very last piece');
    for (let i = 0; i < 20; i++) assert.equal((await pollux.chat('hi')).text, 'Hello');
    const after = rssKiB(worker);
    note(`${name}: ${after} KiB when a fast one beside them has had ${fast.bytes >> 20} MiB`);
    assert.ok(after - before < GROWTH_KIB, `${after - before} KiB more`);

    for (const live of slow) live.leave();
    await pollux.counted('streams', (n) => n === 0);
    await pollux.counted('fetches', (n) => n === 0);
  });
}
