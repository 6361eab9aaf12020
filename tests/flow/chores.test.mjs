// What the janitor does by itself: what is known of keys outlives restarts, and what rests for long
// is asked whether it still has to.

import path from 'node:path';
import { assert, flow, fs, PER_DAY, until } from './harness.mjs';

const MODEL = 'gemini-2.5-flash';
const SETTINGS = { 'pool.pick': 'order', 'log.debug': 'janitor,pool' };

/** What is limited is counted from the first request on. */
const COUNTED = { config: `model "${MODEL}" { rpd = 1000 }\n` };

const limits = (key) => key.models[MODEL].limits;

/** What has changed until now is in the store when fitness was stored twice more. */
async function stored(pollux) {
  const times = () => pollux.log.split('name=store-fitness').length;
  const before = times();
  await until(() => times() >= before + 2, 'fitness to be stored');
}

async function killAll(pollux) {
  pollux.mayCrash = true;
  pollux.killAll();
  await pollux.over();
  await pollux.silence();
}

async function begin(pollux, { boardLost }) {
  if (boardLost) fs.rmSync(path.join(pollux.runDir, 'board'));
  pollux.launch();
  await pollux.ready();
}

const ENDS = {
  'an orderly end': { orderly: true },
  'an orderly end and the loss of the board': { orderly: true, boardLost: true },
  'a kill of all processes': {},
  'a kill of all processes and the loss of the board': { boardLost: true, uncounted: 60 },
};

for (const [name, { orderly, boardLost, uncounted = 0 }] of Object.entries(ENDS)) {
  flow(`what is known of a key outlives ${name}`, async (t) => {
    const gemini = await t.gemini();
    gemini.for('k1').answers(200).answers(200).answers(429, { quotaId: PER_DAY });
    const pollux = await t.pollux({ keys: ['k1', 'k2'], ...COUNTED, ...SETTINGS });
    for (let i = 0; i < 3; i++) assert.equal((await pollux.chat('hi')).status, 200);
    const before = await pollux.key('k1');
    assert.deepEqual([before.frozen, before.cause], [true, 'day-quota']);
    assert.equal(limits(before).rpd.used, 3);

    if (orderly) await pollux.stop();
    else {
      await stored(pollux);
      await killAll(pollux);
    }
    await begin(pollux, { boardLost });

    const after = await pollux.key('k1');
    assert.deepEqual([after.frozen, after.cause], [true, 'day-quota']);
    assert.ok(after.frozen_for_s <= before.frozen_for_s, 'it goes on, and does not begin anew');
    assert.ok(after.frozen_for_s > before.frozen_for_s - 60);
    assert.equal(limits(after).rpd.used, 3 + uncounted);
    assert.equal(after.successes, 2);
    assert.equal((await pollux.chat('hi')).status, 200);
    assert.equal(gemini.askedWith('k1'), 3, 'it is left alone');
  });
}

flow('a limited key waits a minute where nobody knows what it did before', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({
    keys: ['k1'],
    config: `model "${MODEL}" { rpm = 5 }\n`,
    ...SETTINGS,
  });
  assert.equal((await pollux.chat('hi')).status, 200);
  await stored(pollux);
  await killAll(pollux);

  await begin(pollux, { boardLost: true });

  assert.equal((await pollux.chat('hi')).status, 429);
  assert.equal(gemini.asked, 1);
  assert.equal((await pollux.chat('hi', { model: 'gemini-2.5-pro' })).status, 200, 'not limited');
  const { models } = await pollux.key('k1');
  assert.equal(models[MODEL].state, 'full');
  assert.equal(models[MODEL].limits.rpd.used, 1 + 5, 'as many may have been made unseen');
});

flow('a board that was kept knows what the minute had', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({
    keys: ['k1'],
    config: `model "${MODEL}" { rpm = 2 }\n`,
    ...SETTINGS,
  });
  assert.equal((await pollux.chat('hi')).status, 200);
  await killAll(pollux);

  await begin(pollux, {});

  assert.equal((await pollux.chat('hi')).status, 200);
  assert.equal((await pollux.chat('hi')).status, 429);
  assert.equal(gemini.asked, 2);
});

flow('a model that was forbidden to a key comes back by itself', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(200).answers(403, { message: 'No.' }).answers(403, { message: 'No.' });
  gemini.for('k1').answers(200);
  const pollux = await t.pollux({
    keys: ['k1'],
    'pool.probe_interval': '1s',
    ...COUNTED,
    ...SETTINGS,
  });
  assert.equal((await pollux.chat('hi')).status, 200);
  assert.equal((await pollux.chat('hi')).status, 403);
  assert.equal((await pollux.key('k1')).models[MODEL].cause, 'forbidden');

  await pollux.logs(/credential is back .*model=gemini-2.5-flash after=forbidden/);

  assert.equal((await pollux.key('k1')).models[MODEL].state, 'enabled');
  assert.equal(gemini.asked, 4);
  const probe = gemini.last;
  assert.equal(probe.path, `/v1beta/models/${MODEL}:generateContent`);
  assert.equal(probe.json.generationConfig.maxOutputTokens, 1);
  assert.ok(probe.body.length < 200, 'it costs next to nothing');
  assert.equal(limits(await pollux.key('k1')).rpd.used, 4, 'and is counted like any other');
  assert.equal((await pollux.chat('hi')).status, 200);
});

flow('a key whose region was refused comes back by itself', async (t) => {
  const gemini = await t.gemini();
  gemini
    .for('k1')
    .answers(200)
    .answers(400, {
      status: 'FAILED_PRECONDITION',
      message: 'User location is not supported for the API use.',
    })
    .answers(200);
  const pollux = await t.pollux({ keys: ['k1'], 'pool.probe_interval': '1s', ...SETTINGS });
  assert.equal((await pollux.chat('hi', { model: 'gemini-2.5-pro' })).status, 200);
  assert.equal((await pollux.chat('hi')).status, 400);
  assert.equal((await pollux.key('k1')).cause, 'region');

  await pollux.logs(/credential is back/);

  assert.match(gemini.last.path, /gemini-2.5-pro:generateContent$/, 'what it answered for last');
  assert.equal((await pollux.key('k1')).state, 'enabled');
  assert.equal((await pollux.chat('hi')).status, 200);
});

flow('what upstream said the time of is not asked before', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(200).answers(429, { quotaId: PER_DAY });
  gemini.for('k3').answers(200).answers(403, { message: 'No.' }).answers(200);
  const pollux = await t.pollux({
    keys: ['k1', 'k2', 'k3'],
    'pool.probe_interval': '1s',
    ...SETTINGS,
  });
  for (let i = 0; i < 3; i++) assert.equal((await pollux.chat('hi')).status, 200);
  await pollux.ctl('keys', 'disable', 'k2');
  assert.equal((await pollux.chat('hi')).status, 200);
  assert.equal((await pollux.chat('hi')).status, 403);

  await pollux.logs(/credential is back/);

  assert.equal(gemini.askedWith('k1'), 2);
  assert.equal(gemini.askedWith('k2'), 2, 'nor what the operator has disabled');
});

flow('a janitor that is killed while it asks leaves nothing behind', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(200).answers(403, { message: 'No.' }).hangs();
  const pollux = await t.pollux({ keys: ['k1'], 'pool.probe_interval': '1s', ...SETTINGS });
  pollux.mayCrash = true;
  assert.equal((await pollux.chat('hi')).status, 200);
  assert.equal((await pollux.chat('hi')).status, 403);
  await gemini.request(3);
  assert.equal((await pollux.key('k1')).models[MODEL].in_flight, 1);
  const asking = pollux.janitor();
  gemini.replace('k1').answers(200);

  process.kill(asking, 'SIGKILL');

  await until(() => pollux.janitor() && pollux.janitor() !== asking, 'a new janitor');
  await pollux.logs(/credential is back/);
  assert.equal((await pollux.key('k1')).models[MODEL].in_flight, 0);
});
