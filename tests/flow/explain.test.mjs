// Why a request was answered as it was: polluxctl explain.

import { assert, flow, PER_DAY, polluxctl, run } from './harness.mjs';

const ORDER = { 'pool.pick': 'order', 'pool.affinity': 'no' };

flow('an answer is explained: who was tried, who was passed over, and why', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(429, { quotaId: PER_DAY });
  gemini.for('k2').answers(500);
  const pollux = await t.pollux({ keys: ['k1', 'k2', 'k3'], ...ORDER });
  const labels = await pollux.labels();

  const first = await pollux.chat('hi');
  const one = await pollux.explained(first);
  assert.equal(first.status, 200);
  assert.equal(one.request, first.headers['x-request-id']);
  assert.equal(one.model, 'gemini-2.5-flash');
  assert.equal(one.status, 200);
  assert.deepEqual(
    one.attempts.map((a) => [a.credential, a.outcome, a.status, a.chosen]),
    [
      [labels.k1, 'day-quota', 429, 'first in order'],
      [labels.k2, 'server-error', 500, 'first in order'],
      [labels.k3, 'ok', 200, 'first in order'],
    ],
  );
  for (const a of one.attempts) {
    assert.ok(a.lent_after_ms >= 0 && a.total_ms >= 0, JSON.stringify(a));
    assert.ok(a.first_byte_ms === null || a.first_byte_ms <= a.total_ms, JSON.stringify(a));
  }
  assert.equal(one.attempts_made, 3);

  const second = await pollux.explained(await pollux.chat('hi'));
  const passed = second.passed_over.find((p) => p.credential === labels.k1);
  assert.equal(passed.why, 'frozen');
  assert.equal(passed.cause, 'day-quota');
  assert.ok(passed.free_in_s > 0);
  assert.equal(second.attempts.at(-1).outcome, 'ok');
});

flow('a refusal is explained as well as an answer, and a stream as a whole one', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(400, { message: 'that is not possible' }).streams('Hel', 'lo');
  const pollux = await t.pollux();

  const refused = await pollux.explained(await pollux.chat('hi'));
  assert.equal(refused.status, 400);
  assert.deepEqual(
    refused.attempts.map((a) => a.outcome),
    ['refused'],
  );
  const streamed = await pollux.explained(await pollux.chat('hi', { stream: true }));
  assert.deepEqual(
    streamed.attempts.map((a) => a.outcome),
    ['ok'],
  );
});

flow('a request that found no key free is explained by those that were not', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.answers(429, { quotaId: PER_DAY });
  const pollux = await t.pollux({ keys: ['k1', 'k2'] });
  await pollux.chat('hi');

  const spent = await pollux.explained(await pollux.chat('hi'));

  assert.equal(spent.status, 429);
  assert.deepEqual(
    spent.attempts.map((a) => a.credential),
    [null],
  );
  assert.equal(spent.attempts[0].passed_over.frozen, 2);
});

flow('what is not kept is said plainly; a removed key is called by its id', async (t) => {
  await t.gemini();
  const pollux = await t.pollux();
  const early = await pollux.ctlSays(['explain', 'req_0000']);
  assert.equal(early.code, 1);
  assert.match(early.json.error, /none has asked for a key yet/);
  const { id } = await pollux.key('k1');
  const answer = await pollux.chat('hi');
  await pollux.explained(answer);

  const unknown = await pollux.chat('hi', {}, { key: 'plx-nobody-knows-this-key' });
  assert.equal(unknown.status, 401);
  const said = await pollux.ctlSays(['explain', unknown.headers['x-request-id']]);
  assert.equal(said.code, 1);
  assert.match(said.json.error, /latest 1 are kept/);
  assert.equal((await pollux.ctlSays(['explain'])).code, 2);

  await pollux.ctl('keys', 'rm', 'k1');
  assert.equal((await pollux.explained(answer)).attempts[0].credential, id);
});

flow('people get a table of it', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(429, { quotaId: PER_DAY });
  const pollux = await t.pollux({ keys: ['k1', 'k2'], ...ORDER });
  const answer = await pollux.chat('hi');
  await pollux.explained(answer);
  await pollux.explained(await pollux.chat('hi'));

  const say = (...words) => run(polluxctl, ['-s', pollux.socket, ...words], {});
  const { code, out, err } = await say('explain', answer.headers['x-request-id']);

  assert.deepEqual([code, err], [0, '']);
  assert.match(out, /req_\w+ asked gemini-2\.5-flash at .*: answered with 200 .*2 attempts\./);
  assert.match(out, /1 +env-1 +first in order +day-quota +429/);
  assert.match(out, /2 +env-2 +first in order +ok +200/);
});
