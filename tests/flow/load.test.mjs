// Many at once.

import http from 'node:http';
import { assert, deferred, flow, fs, piece, readChat, until } from './harness.mjs';

const STREAMS = 400;

flow(`${STREAMS} streams at once, each with its own words`, async (t) => {
  const gemini = await t.gemini();
  const gate = deferred();
  gemini.anyone.does(async (asked) => {
    const who = asked.json.contents[0].parts[0].text;
    await asked.begin();
    for (let i = 0; i < 5; i++) {
      await asked.event(piece(`${who}.${i} `));
      if (i === 0) await gate.promise;
    }
    await asked.event(piece('end', { finish: 'STOP' }));
    await asked.end();
  });
  const pollux = await t.pollux();
  const lives = await Promise.all(
    Array.from({ length: STREAMS }, (_, i) => pollux.openChat(`s${i}`, { stream: true })),
  );
  for (const [i, live] of lives.entries()) await live.until(`s${i}.0`);
  const { streams } = await pollux.counts();
  assert.equal(streams, STREAMS);

  gate.resolve();

  for (const [i, live] of lives.entries()) {
    const answer = readChat(await live.end());
    assert.equal(answer.text, `s${i}.0 s${i}.1 s${i}.2 s${i}.3 s${i}.4 end`);
    assert.ok(answer.done);
  }
  await pollux.counted('streams', (n) => n === 0);
});

flow('descriptors come back, and kept connections serve on', async (t) => {
  await t.gemini();
  const pollux = await t.pollux({ 'server.workers': 1 });
  const worker = pollux.worker(0);
  // Workers hold secrets, so nobody but root may look into them.
  const open = () => (process.getuid() === 0 ? fs.readdirSync(`/proc/${worker}/fd`).length : 0);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  const some = (n) =>
    Promise.all(
      Array.from({ length: n }, (_, i) =>
        i % 3
          ? pollux.chat('hi', { stream: i % 2 === 0 }, { agent })
          : pollux.native('generateContent', {}, { agent }),
      ),
    );

  await some(200);
  await pollux.counted('exchanges', (n) => n === 1);
  const before = open();
  for (let round = 0; round < 5; round++) {
    for (const answer of await some(200)) assert.equal(answer.status, 200);
  }
  await until(
    () => open() <= before + 4,
    () => `descriptors to come back: ${before} before, ${open()} now`,
  );
  agent.destroy();
});

flow('more clients than places: those beyond wait, and none is forgotten', async (t) => {
  await t.gemini();
  const pollux = await t.pollux({ 'server.workers': 1, 'server.max_connections': 16 });

  const answers = await Promise.all(Array.from({ length: 100 }, () => pollux.chat('hi')));

  assert.ok(answers.every((a) => a.text === 'Hello'));
});
