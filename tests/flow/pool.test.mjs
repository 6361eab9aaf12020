// Many keys, some of them bad: the good ones answer, the bad ones are left alone, and each says why;
// in every worker, and after whatever end of the daemon.
//
// Lessons #18, #23, #24 and #59.

import {
  assert,
  fault,
  flow,
  PER_DAY,
  PER_MINUTE,
  piece,
  until,
  USAGE,
} from './harness.mjs';

const MODEL = 'gemini-2.5-flash';
const ORDER = { 'pool.pick': 'order', 'pool.affinity': 'no' };

/** A few clients, each with one request at a time, until so many were made; gives the answers. */
async function crowd(pollux, { clients, requests, said = (n) => `question ${n}.` }) {
  const answers = [];
  let next = 0;
  const one = async () => {
    while (next < requests) {
      const n = next++;
      answers[n] = await pollux.chat(said(n), { stream: n % 4 === 0 });
    }
  };
  await Promise.all(Array.from({ length: clients }, one));
  return answers;
}

const BAD = {
  invalid1: (s) => s.answers(400, { message: 'API key not valid.', reason: 'API_KEY_INVALID' }),
  spent1: (s) => s.answers(429, { quotaId: PER_DAY, quotaValue: '20', retryDelay: '1s' }),
  fails: (s) => s.answers(500),
  invalid2: (s) => s.answers(400, { message: 'API key not valid.', reason: 'API_KEY_INVALID' }),
  resets: (s) => s.resets(),
  hangs: (s) => s.hangs(),
  spent2: (s) => s.answers(429, { quotaId: PER_DAY, quotaValue: '20', retryDelay: '1s' }),
  invalid3: (s) => s.answers(400, { message: 'API key not valid.', reason: 'API_KEY_INVALID' }),
};

flow('of ten keys eight are bad: a thousand requests, a thousand answers', async (t) => {
  const gemini = await t.gemini();
  const keys = [...Object.keys(BAD), 'good1', 'good2'];
  for (const [k, behaves] of Object.entries(BAD)) behaves(gemini.for(k));
  const pollux = await t.pollux({
    keys,
    'upstream.first_byte_timeout': '200ms',
    'upstream.max_attempts': keys.length, // the first may meet all the bad ones
  });

  const answers = await crowd(pollux, { clients: 20, requests: 1000 });

  for (const answer of answers) assert.equal(answer.text, 'Hello', answer.body);
  const asked = Object.fromEntries(keys.map((k) => [k, gemini.askedWith(k)]));
  console.log(JSON.stringify(asked));
  for (const k of keys) console.log(k, JSON.stringify(await pollux.key(k)).slice(0, 400));
});
