// Days end at midnight in California, and minutes last a minute, whatever the wall clock does.

import './lib/patience.mjs';
import path from 'node:path';
import test from 'node:test';
import { assert, flow, fs, PER_MINUTE, until } from '../flow/harness.mjs';
import { pacificDay, sweep, WallClock, whyNot } from './lib/faketime.mjs';
import { note } from './lib/figures.mjs';
import { Askers, nowMs, Quota, verdict } from './lib/quota.mjs';

const BEFORE_S = Number(process.env.POLLUX_MIDNIGHT_S ?? 60);
const JUMPS_S = Number(process.env.POLLUX_JUMPS_S ?? 150);
const CLIENTS = 20;
const KEYS = ['k1', 'k2', 'k3'];
const HOUR_S = 3600;
const DAY_BEGINS_LATE_S = 10; // the daemon waits for both clocks

const story = whyNot ? (name) => test(name, { skip: whyNot }, () => {}) : flow;

const SEASONS = {
  summer: Date.UTC(2027, 6, 15, 7),
  winter: Date.UTC(2027, 0, 15, 8),
};

const limits = (words) => `model "gemini-2.5-flash" {\n${Object.entries(words).map(([name, n]) => `\t${name} = ${n}\n`).join('')}}\n`;

/** A daemon that lives by the clock. */
async function born(t, clock, words, more = {}) {
  const pollux = await t.pollux({ keys: KEYS, config: limits(words), env: clock.env, ...more });
  t.keep({ close: async () => sweep(pollux) });
  return pollux;
}

/** How many requests came with each key on each day in California: {"2027-07-14 k1": 7}. */
function byDay(t, quota, clock) {
  const ahead = clock.true - nowMs();
  const counts = {};
  for (const key of KEYS) {
    for (const r of quota.metered().get(t.secret(key)) ?? []) {
      const day = `${pacificDay(r.at + ahead)} ${key}`;
      counts[day] = (counts[day] ?? 0) + 1;
    }
  }
  return counts;
}

const each = (days, n) => Object.fromEntries(days.flatMap((day) => KEYS.map((key) => [`${day} ${key}`, n])));

/* What comes between a day's requests; nothing of it may make one forget them. */
const INTERRUPTIONS = {
  'ends in order': (pollux) => pollux.restart(),
  'is killed with all its children': (pollux) => pollux.crash(),
  async 'ends in order, and the machine with it'(pollux) {
    await pollux.stop();
    fs.rmSync(path.join(pollux.runDir, 'board'));
    await pollux.restart();
  },
};

for (const [season, first, second] of [
  ['summer', 'ends in order', 'is killed with all its children'],
  ['winter', 'ends in order, and the machine with it', 'ends in order, and the machine with it'],
]) {
  story(`7 requests a day across midnight in ${season}; before it the daemon ${first}, after it, ${second}`, async (t) => {
    const midnight = SEASONS[season];
    const clock = new WallClock(t.directory(), midnight - 1000 * BEFORE_S);
    const quota = await Quota.start(t);
    const pollux = await born(t, clock, { rpd: 7 });
    pollux.mayCrash = true;
    const askers = new Askers(pollux, { clients: CLIENTS });
    const today = pacificDay(midnight - 1000), tomorrow = pacificDay(midnight);

    const isUsedUp = () => askers.answered >= 7 * KEYS.length && askers.codes['429 insufficient_quota'] > CLIENTS;
    await until(isUsedUp, () => `the day to be used up: ${askers.tale}`);
    await INTERRUPTIONS[first](pollux);
    const refused = askers.codes['429 insufficient_quota'];
    await until(() => askers.codes['429 insufficient_quota'] > refused + CLIENTS, () => `more to be refused: ${askers.tale}`);
    assert.ok(clock.now < midnight, 'all of it before midnight');
    assert.deepEqual(byDay(t, quota, clock), each([today], 7));
    await until(() => askers.answered > 7 * KEYS.length, () => `the new day; ${askers.tale}`);
    const late = (clock.now - midnight) / 1000;
    note(`${season}: the first answer of the new day came ${late.toFixed(1)} s behind midnight`);
    assert.ok(late >= 0 && late < DAY_BEGINS_LATE_S + 2, 'the day begins when it does');
    await until(() => askers.answered >= 14 * KEYS.length, () => `all of the new day; ${askers.tale}`);
    await INTERRUPTIONS[second](pollux);
    await askers.goOn(1000 * (DAY_BEGINS_LATE_S + 5));
    await askers.stop();

    note(`${season}: ${JSON.stringify(byDay(t, quota, clock))}; the clients saw ${askers.tale}`);
    assert.deepEqual(byDay(t, quota, clock), each([today, tomorrow], 7));
    assert.deepEqual(Object.keys(askers.statuses).sort(), ['200', '429']);
  });
}

story('a day that is not used up at midnight leaves nothing to the next', async (t) => {
  const midnight = SEASONS.summer, rpd = 400;
  const clock = new WallClock(t.directory(), midnight - 6000);
  const quota = await Quota.start(t);
  quota.delay(100, 200);
  const pollux = await born(t, clock, { rpd });
  const askers = new Askers(pollux, { clients: CLIENTS });

  const isUsedUp = () => clock.now > midnight + 1000 * DAY_BEGINS_LATE_S && askers.codes['429 insufficient_quota'] > CLIENTS;
  await until(isUsedUp, () => `the new day to be used up: ${askers.tale}`);
  await askers.goOn(1000);
  await askers.stop();

  const counts = byDay(t, quota, clock);
  note(`with ${rpd} a day: ${JSON.stringify(counts)}; the clients saw ${askers.tale}`);
  for (const [day, n] of Object.entries(counts)) {
    assert.ok(n <= rpd, `${n} on ${day}`);
    if (day.startsWith(pacificDay(midnight))) assert.equal(n, rpd, day);
    else assert.ok(n > 0 && n < rpd, `${day} was not used up`);
  }
});

/* ---- the wall clock is set ---- */

async function set(clock, pollux, by) {
  clock.jump(by);
  const told = Date.parse((await pollux.get('/healthz', { key: null })).headers.date);
  assert.ok(Math.abs(told - clock.now) < 5000, `the daemon has heard of the jump by ${by} s`);
}

story(`a wall clock that jumps by an hour, forward, back and forward: minutes go on as ever, for ${JUMPS_S} s`, async (t) => {
  const clock = new WallClock(t.directory());
  const quota = await Quota.start(t);
  const pollux = await born(t, clock, { rpm: 5 });
  const askers = new Askers(pollux, { clients: CLIENTS });

  /* In a minute that is full, where it begins anew, and in one that is full. */
  for (const [share, by] of [[0.15, HOUR_S], [0.28, -2 * HOUR_S], [0.27, HOUR_S], [0.3, 0]]) {
    await askers.goOn(1000 * JUMPS_S * share);
    await set(clock, pollux, by);
  }
  await askers.stop();

  const { over, share } = verdict('jumps', quota, askers, { keys: KEYS.length, limit: 5 });
  assert.deepEqual(over, [], 'over the limit');
  assert.ok(share >= 0.95, `${(100 * share).toFixed(1)} % used`);
});

story('a key that is frozen for seconds is back in seconds, whatever hour it is meanwhile', async (t) => {
  const clock = new WallClock(t.directory());
  const quota = await Quota.start(t);
  const pollux = await born(t, clock, { rpm: 1000 }, { keys: ['k1'], 'queue.max_wait': '60s' });

  for (const by of [HOUR_S, -HOUR_S, -HOUR_S, HOUR_S]) {
    quota.refuse(t.secret('k1'), 1, { quotaId: PER_MINUTE, retryDelay: '5s' });
    const asked = quota.records.length;
    const answer = pollux.chat('hi');
    await until(() => quota.records.length > asked, 'the refusal');
    await set(clock, pollux, by);
    const frozen = await until(async () => (await pollux.key('k1')).frozen_for_s, 'the freeze to be shown');
    assert.equal((await answer).status, 200);
    const [refused, again] = quota.records.slice(asked);
    const ms = again.at - refused.at;
    note(`frozen for 5 s, the clock set by ${by} s: shown as ${frozen} s, lent again behind ${ms.toFixed(0)} ms`);
    assert.ok(refused.refused && frozen <= 6 && ms >= 5000 - 10 && ms < 10_000);
  }
});

story('a day is not given twice by a jump over midnight and back', async (t) => {
  const clock = new WallClock(t.directory(), SEASONS.summer - 1000 * HOUR_S / 2);
  const quota = await Quota.start(t);
  const pollux = await born(t, clock, { rpd: 7 });
  const askers = new Askers(pollux, { clients: CLIENTS });
  const today = pacificDay(clock.now);

  await until(() => askers.answered >= 7 * KEYS.length, () => `the day to be used up: ${askers.tale}`);
  for (const by of [HOUR_S, -HOUR_S, -HOUR_S, 2 * HOUR_S, -24 * HOUR_S, 23 * HOUR_S]) {
    await set(clock, pollux, by);
    await askers.goOn(3000);
    await pollux.restart();
    await askers.goOn(2000);
  }
  await askers.stop();

  note(`jumps over midnight and back: ${JSON.stringify(byDay(t, quota, clock))}; the clients saw ${askers.tale}`);
  assert.deepEqual(byDay(t, quota, clock), each([today], 7));
});

story('a day begins at its midnight, though the clock is an hour ahead', async (t) => {
  const midnight = SEASONS.winter;
  const clock = new WallClock(t.directory(), midnight - 30_000);
  const quota = await Quota.start(t);
  const pollux = await born(t, clock, { rpd: 7 });
  const askers = new Askers(pollux, { clients: CLIENTS });

  await until(() => askers.answered >= 7 * KEYS.length, () => `the day to be used up: ${askers.tale}`);
  await set(clock, pollux, HOUR_S);
  await until(() => askers.answered > 7 * KEYS.length, () => `the new day; ${askers.tale}`);
  const late = (clock.true - midnight) / 1000;
  await until(() => askers.answered >= 14 * KEYS.length, () => `all of the new day; ${askers.tale}`);
  for (const by of [-HOUR_S, -HOUR_S, HOUR_S]) {
    await set(clock, pollux, by);
    await askers.goOn(4000);
  }
  await askers.stop();

  note(`an hour ahead: the new day began ${late.toFixed(1)} s behind midnight; ${JSON.stringify(byDay(t, quota, clock))}`);
  assert.ok(late >= 0 && late < DAY_BEGINS_LATE_S + 2);
  assert.deepEqual(byDay(t, quota, clock), each([pacificDay(midnight - 1000), pacificDay(midnight)], 7));
});
