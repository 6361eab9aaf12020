// What load balancers and curious people ask.

import { assert, flow, PER_DAY } from './harness.mjs';

flow('probes need no key and tell the truth', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.answers(400, { message: 'API key not valid.', reason: 'API_KEY_INVALID' });
  const pollux = await t.pollux({ 'server.workers': 1 });
  const probe = (door, method = 'GET') => pollux.request(method, door, { key: null });

  for (const door of ['/healthz', '/readyz', '/health', '/wake']) {
    const live = await probe(door);
    assert.equal(live.status, 200, door);
    assert.match(live.headers['content-type'], /json/);
    assert.ok(live.json.status);
    const head = await probe(door, 'HEAD');
    assert.equal(head.status, 200);
    assert.equal(head.bytes, 0);
  }
  assert.equal((await probe('/wake', 'POST')).status, 200);

  await pollux.chat('hi');
  assert.equal((await probe('/readyz')).status, 503, 'no key is left');
  assert.equal((await probe('/healthz')).status, 200, 'but it is alive');
  assert.equal((await probe('/health')).json.status, 'degraded');
  await pollux.ctl('keys', 'enable', 'k1');
  assert.equal((await probe('/readyz')).status, 200);
});

flow('counters add up over the workers', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(429, { quotaId: PER_DAY });
  const pollux = await t.pollux({ keys: ['k1', 'k2'], 'pool.pick': 'order', 'server.workers': 3 });
  const before = await pollux.counts();

  for (let i = 0; i < 12; i++) await pollux.chat('hi', { stream: i % 2 === 0 });

  const after = await pollux.counted('exchanges', (n) => n === 1);
  const grew = (name) => after[name] - before[name];
  assert.equal(grew('attempts'), 13);
  assert.equal(grew('retries'), 1);
  assert.ok(grew('requests') >= 13);
  assert.equal(after.credentials, 2);
  assert.equal(after.streams, 0);
  assert.equal(after.fetches, 0);
});
