// What the operator sees of the keys' fitness: limits, projects, models that cool.  The states of
// keys that fail in all ways: pool.

import { assert, flow, PER_DAY, PER_MINUTE, polluxctl, run, until } from './harness.mjs';

const MODEL = 'gemini-2.5-flash';
const ORDER = { 'pool.pick': 'order', 'pool.affinity': 'no' };

flow('limits are shown with what is used of them, set or learned', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({
    keys: ['k1', 'k2'],
    config: `model "${MODEL}" { rpm = 3 }\n`,
    ...ORDER,
  });
  for (let i = 0; i < 3; i++) assert.equal((await pollux.chat('hi')).status, 200);

  const k1 = await pollux.key('k1');
  assert.deepEqual(k1.models[MODEL].limits.rpm, { limit: 3, from: 'configuration', used: 3 });
  assert.deepEqual(k1.models[MODEL].limits.rpd, { limit: null, from: null, used: 3 });
  assert.deepEqual([k1.state, k1.cause, k1.model, k1.frozen], ['full', 'rpm', MODEL, false]);

  gemini.for('k2').answers(429, { quotaId: PER_DAY, quotaValue: '20' });
  await pollux.chat('hi');
  const { limits } = (await pollux.key('k2')).models[MODEL];
  assert.equal(limits.rpm.used, 1);
  assert.deepEqual([limits.rpd.limit, limits.rpd.from], [20, 'learned']);
  assert.ok(limits.learned_s > 0);
});

flow('keys of one project share what one of them was told', async (t) => {
  const gemini = await t.gemini();
  gemini.for('own1').answers(429, { quotaId: PER_DAY });
  const pollux = await t.pollux({ keys: [], ...ORDER });
  for (const k of ['own1', 'own2']) {
    await pollux.ctl('keys', 'add', '--label', k, '--project', 'p', { input: t.secret(k) });
  }
  await pollux.ctl('keys', 'import', { input: `third,${t.secret('own3')},q\n` });

  assert.equal((await pollux.chat('hi')).text, 'Hello');

  const states = {};
  for (const { label, state, project } of (await pollux.ctl('keys', 'list')).keys)
    states[label] = [state, project];
  assert.deepEqual(states, {
    own1: ['frozen', 'p'],
    own2: ['frozen', 'p'],
    third: ['enabled', 'q'],
  });
  assert.equal((await pollux.ctl('keys', 'show', 'own2')).models[MODEL].shared, true);
  assert.equal(gemini.askedWith('own2'), 0);

  await pollux.ctl('keys', 'thaw', 'own2');
  for (const { label, state } of (await pollux.ctl('keys', 'list')).keys)
    assert.equal(state, 'enabled', label);
});

flow('a model that is overloaded cools for all keys, and a thaw of all ends that', async (t) => {
  const gemini = await t.gemini();
  const overloaded = { message: 'The model is overloaded. Please try again later.' };
  gemini.anyone.answers(503, overloaded);
  const pollux = await t.pollux({ keys: ['k1', 'k2'], 'queue.max_wait': '1ms' });
  let cooling = [];

  await until(async () => {
    await pollux.chat('hi');
    cooling = (await pollux.ctl('status')).pool.cooling;
    return cooling.length > 0;
  }, 'the model to cool');
  assert.equal(cooling[0].model, MODEL);
  assert.equal(cooling[0].cause, 'overloaded');
  for (const k of (await pollux.ctl('keys', 'list')).keys)
    assert.equal(k.state, 'enabled', 'and no key is blamed');

  gemini.anyone.behaves();
  const { thawed } = await pollux.ctl('keys', 'thaw', '--all');
  assert.equal(thawed, 2);
  assert.deepEqual((await pollux.ctl('status')).pool.cooling, []);
  assert.equal((await pollux.chat('hi')).text, 'Hello');
  assert.equal((await pollux.ctlSays(['keys', 'thaw'])).code, 2);
  assert.equal((await pollux.ctlSays(['keys', 'thaw', '--all=no'])).code, 2);
});

flow('a test does not thaw: it says that the key works and still rests', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(429, { quotaId: PER_MINUTE, retryDelay: '600s' }).behaves();
  const pollux = await t.pollux();
  await pollux.chat('hi');

  const tested = await pollux.ctl('keys', 'test', 'k1', '--model', MODEL);

  assert.deepEqual([tested.outcome, tested.state, tested.cause], ['ok', 'frozen', 'minute-quota']);
  assert.equal((await pollux.key('k1')).state, 'frozen');
  const { out } = await run(
    polluxctl,
    ['-s', pollux.socket, 'keys', 'test', 'env-1', '--model', MODEL],
    {},
  );
  assert.match(out, /works.*\n.*still frozen .*minute-quota.*keys thaw/s);
});

flow('the tables say the same to people', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(429, { quotaId: PER_DAY, quotaValue: '20' });
  const pollux = await t.pollux({ keys: ['k1', 'k2'], ...ORDER });
  await pollux.chat('hi');
  const say = async (...words) => {
    const { code, out, err } = await run(polluxctl, ['-s', pollux.socket, ...words], {});
    assert.deepEqual([code, err], [0, ''], words.join(' '));
    return out;
  };

  const list = await say('keys', 'list');
  assert.match(list, /env-1 .*frozen \d+h\d+m: day-quota \(gemini-2\.5-flash\)/);
  const shown = await say('keys', 'show', 'env-1');
  assert.match(shown, /^state +frozen \d+h\d+m: day-quota \(gemini-2\.5-flash\)$/m);
  assert.match(shown, /^gemini-2\.5-flash +frozen .* closed /m);
  assert.match(shown, /^gemini-2\.5-flash +- +- +\d of 20 \(learned\)/m);
  const status = await say('status');
  assert.match(status, /Gemini keys: 1 enabled, 1 frozen, 0 disabled/);
  assert.match(status, /Board: 2 of \d+ subjects, \d+ of \d+ cells, 1 models, \d+ windows/);
});
