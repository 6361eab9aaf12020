// A thousand streams at once through two workers.

import './lib/patience.mjs';
import fs from 'node:fs';
import { limit } from './lib/limited.mjs';
import { assert, deferred, flow, piece, readChat, until } from '../flow/harness.mjs';
import { note, processesOf, rssKiB } from './lib/figures.mjs';

const STREAMS = 1000;
const ROUNDS = 12;
const SOFT = 1024; // what most systems give a process that does not ask for more

/** Every stream says one piece a round, when all of the round before have come. */
function inRounds(gemini) {
  const gates = Array.from({ length: ROUNDS }, () => deferred());
  gemini.anyone.does(async (asked) => {
    const who = asked.json.contents[0].parts[0].text;
    await asked.begin();
    for (let i = 0; i < ROUNDS; i++) {
      await asked.event(piece(`${who}.${i} `));
      await gates[i].promise;
    }
    await asked.event(piece('end', { finish: 'STOP' }));
    await asked.end();
  });
  return gates;
}

const words = (who, rounds = ROUNDS) => Array.from({ length: rounds }, (_, i) => `${who}.${i} `).join('');

function isWhole(live, who) {
  assert.equal(live.error, null, `${who} broke`);
  const answer = readChat(live);
  assert.equal(answer.text, `${words(who)}end`);
  assert.ok(answer.done);
}

function limits(pid) {
  const [, soft, hard] = /^Max open files +(\d+) +(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/limits`, 'latin1'));
  return { soft: Number(soft), hard: Number(hard) };
}

flow(`${STREAMS} streams, a piece at a time, begun under a soft limit of ${SOFT} descriptors`, async (t) => {
  const gemini = await t.gemini();
  const gates = inRounds(gemini);
  limit(`ulimit -S -n ${SOFT}`);
  const pollux = await t.pollux();
  for (const { pid, title } of processesOf(pollux)) assert.equal(limits(pid).soft, limits(pid).hard, `the limit of ${title} was raised`);
  if (limits(pollux.pid).hard < 3000) {
    note(`SKIP ${STREAMS} streams: the hard limit of this system is ${limits(pollux.pid).hard} descriptors`);
    return;
  }

  const lives = await Promise.all(Array.from({ length: STREAMS }, (_, i) => pollux.openChat(`s${i}`, { stream: true })));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, live] of lives.entries()) await live.until(`s${i}.${round} `);
    if (round === 0) {
      assert.equal((await pollux.counts()).streams, STREAMS, 'all at once');
      for (const p of processesOf(pollux)) note(`with ${STREAMS} streams: ${p.title} ${rssKiB(p.pid)} KiB`);
    }
    gates[round].resolve();
  }

  for (const [i, live] of lives.entries()) isWhole(await live.end(), `s${i}`);
  await pollux.counted('streams', (n) => n === 0);
  await pollux.counted('fetches', (n) => n === 0);
});

/* Half of what is left after 512, for each of two workers: 512 in all. */
flow(`under a hard limit of ${SOFT} descriptors the log says why some wait, and all are served`, async (t) => {
  const gemini = await t.gemini();
  const gates = inRounds(gemini);
  limit(`ulimit -n ${SOFT}`);
  const pollux = await t.pollux();
  const carried = SOFT - 512;

  const ending = Promise.all(Array.from({ length: STREAMS }, async (_, i) => {
    isWhole(await (await pollux.openChat(`s${i}`, { stream: true })).end(), `s${i}`);
  }));
  ending.catch(() => {});
  await until(() => gemini.asked >= carried, () => `${carried} streams; now ${gemini.asked}`);
  const word = /.* warn .*(?:RLIMIT_NOFILE|descriptor).*/;
  await until(() => word.test(pollux.log), () => `a word about the limit in the log:\n${pollux.log}`);
  note(`${gemini.asked} streams at once; the log says: ${word.exec(pollux.log)[0]}`);
  assert.equal(gemini.asked, carried);
  assert.match(word.exec(pollux.log)[0], new RegExp(`=${carried / 2}\\b`), 'with its number');
  for (const gate of gates) gate.resolve();

  await ending;
  assert.equal(gemini.asked, STREAMS);
  assert.doesNotMatch(pollux.log, /cannot be accepted/);
});
