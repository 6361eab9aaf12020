// What the operator does with polluxctl, and what is kept of it.

import path from 'node:path';
import { assert, fs, flow, isAlive, polluxctl, run, until } from './harness.mjs';

flow('a key that is added is lent at once, by every worker', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ keys: [], 'server.workers': 3 });
  for (let i = 0; i < 6; i++) assert.equal((await pollux.chat('hi')).status, 503);

  const added = await pollux.ctl('keys', 'add', '--label', 'mine', {
    input: `${t.secret('k1')}\n`,
  });

  assert.equal(added.label, 'mine');
  for (let i = 0; i < 6; i++) assert.equal((await pollux.chat('hi')).text, 'Hello');
  assert.equal(gemini.last.secret, t.secret('k1'));
  assert.equal((await pollux.get('/readyz')).status, 200);

  await pollux.ctl('keys', 'disable', 'mine');
  for (let i = 0; i < 6; i++) assert.equal((await pollux.chat('hi')).status, 503);
  await pollux.ctl('keys', 'enable', 'mine');
  for (let i = 0; i < 6; i++) assert.equal((await pollux.chat('hi')).text, 'Hello');
  await pollux.ctl('keys', 'rm', 'mine');
  for (let i = 0; i < 6; i++) assert.equal((await pollux.chat('hi')).status, 503);
  assert.deepEqual((await pollux.ctl('keys', 'list')).keys, []);
});

flow('a key that is removed finishes what it runs', async (t) => {
  const gemini = await t.gemini();
  let go;
  gemini.anyone.does(async (asked) => {
    await new Promise((resolve) => {
      go = resolve;
    });
    await asked.whole(200, {
      candidates: [{ content: { parts: [{ text: 'late' }] }, finishReason: 'STOP' }],
    });
  });
  const pollux = await t.pollux();
  const chat = pollux.chat('hi');
  await gemini.request(1);

  await pollux.ctl('keys', 'rm', 'k1');
  go();

  assert.equal((await chat).text, 'late');
  assert.equal((await pollux.chat('hi')).status, 503);
});

flow('a frozen key can be thawed by hand', async (t) => {
  const gemini = await t.gemini();
  gemini
    .for('k1')
    .answers(429, { quotaId: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier' })
    .behaves();
  const pollux = await t.pollux();
  assert.equal((await pollux.chat('hi')).status, 429);
  assert.equal((await pollux.key('k1')).state, 'frozen');

  await pollux.thaw();

  assert.equal((await pollux.key('k1')).state, 'enabled');
  assert.equal((await pollux.chat('hi')).text, 'Hello');
});

flow('what is no key is not added', async (t) => {
  await t.gemini();
  const pollux = await t.pollux();
  const add = (input, ...words) => pollux.ctlSays(['keys', 'add', ...words], { input });

  for (const input of [
    '',
    '\n',
    'short',
    'has a blank in it',
    '"quoted-key-0123456789"',
    'x'.repeat(600),
    'ümlaut-key-0123456789',
  ]) {
    const said = await add(input);
    assert.ok(said.code === 1 || said.code === 2, `${input}: ${JSON.stringify(said)}`);
    assert.equal(said.json?.ok ?? false, false);
    if (input.trim().length > 8) assert.ok(!said.out.includes(input.trim()), 'it is not repeated');
  }
  assert.equal((await add(t.secret('k1'))).code, 1, 'it is here already');
  assert.equal((await add(t.secret('k2'), '--label', 'no good label')).code, 2);
  assert.equal((await add(t.secret('k2'), '--label', 'two')).code, 0);
  assert.equal((await add(t.secret('k3'), '--label', 'two')).code, 1, 'the label is taken');
  assert.equal((await pollux.ctl('keys', 'list')).keys.length, 2);
});

flow('many keys are imported at once, and each line is accounted for', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({
    keys: [],
    'pool.pick': 'round-robin',
    'pool.affinity': 'no',
  });
  const lines = [
    '# mine',
    t.secret('k1'),
    `second,${t.secret('k2')}`,
    '',
    t.secret('k1'),
    'second,another-key-of-some-length',
    'oh no',
  ];

  const said = await pollux.ctlSays(['keys', 'import'], { input: lines.join('\n') });

  assert.equal(said.code, 1, 'not all went well');
  assert.deepEqual([said.json.added, said.json.duplicate, said.json.refused], [2, 1, 2]);
  assert.deepEqual(
    said.json.results.map((r) => r.line),
    [2, 3, 5, 6, 7],
  );
  const { keys } = await pollux.ctl('keys', 'list');
  assert.equal(keys.length, 2);
  assert.ok(keys.some((k) => k.label === 'second'));
  for (let i = 0; i < 2; i++) await pollux.chat('hi');
  assert.deepEqual(
    new Set(gemini.requests.map((r) => r.secret)),
    new Set([t.secret('k1'), t.secret('k2')]),
  );
});

flow('a paste of ten thousand is imported, whatever else lies between', async (t) => {
  await t.gemini();
  const pollux = await t.pollux({ keys: [] });
  const lines = ['\ufeff# a paste\r'];
  for (let i = 0; i < 10000; i++) lines.push(`AIzaSyTestKey-${String(i).padStart(25, '0')}\r`);
  const foreign = `sk-ant-${t.secret('foreign')}`;
  lines.splice(5000, 0, `"${t.secret('quoted')}"`, foreign, 'two words', lines[1]);
  lines.push(`GEMINI_API_KEYS=${t.secret('k1')},${t.secret('k2')}`, `PASSWORD=${t.secret('word')}`);

  const said = await pollux.ctlSays(['keys', 'import'], { input: lines.join('\n') });

  const { added, duplicate, refused, results } = said.json;
  assert.deepEqual([said.code, added, duplicate, refused], [1, 10002, 1, 4]);
  const odd = results.filter((r) => r.result !== 'added');
  assert.deepEqual(
    odd.map((r) => [r.line, r.result, r.hint]),
    [
      [5001, 'refused', `"AIz...ted"`],
      [5002, 'refused', `sk-a...${foreign.slice(-4)}`],
      [5003, 'refused', '...'],
      [5004, 'duplicate', 'AIza...0000'],
      [10007, 'refused', undefined],
    ],
  );
  assert.match(odd[0].why, /quotation mark/);
  assert.match(odd[1].why, /Anthropic/);
  assert.match(odd[2].why, /white space/);
  assert.equal(odd[3].first_line, 2);
  assert.match(odd[4].why, /\.env/);
  for (const secret of t.secrets) assert.ok(!said.out.includes(secret), 'none is repeated');
  assert.equal((await pollux.ctl('status')).keys.enabled, 10002);
  assert.equal((await pollux.ctl('keys', 'list')).keys.length, 10002);
  assert.equal((await pollux.chat('hi')).text, 'Hello');
});

flow('a key is tested against Gemini itself', async (t) => {
  const gemini = await t.gemini();
  gemini.for('bad').answers(400, {
    message: 'API key not valid. Please pass a valid API key.',
    reason: 'API_KEY_INVALID',
  });
  const pollux = await t.pollux({ keys: ['good', 'bad'] });

  const good = await pollux.ctl('keys', 'test', 'good');
  assert.equal(good.outcome, 'ok');
  assert.equal(gemini.last.secret, t.secret('good'));
  const { bad: label } = await pollux.labels();
  const bad = await pollux.ctlSays(['keys', 'test', label]);
  assert.equal(bad.code, 1);
  assert.equal(bad.json.outcome, 'key-invalid');
  await gemini.disappear();
  assert.equal((await pollux.ctlSays(['keys', 'test', label])).code, 1);
});

flow("a client's key is shown once, works at once and ends at once", async (t) => {
  await t.gemini();
  const pollux = await t.pollux({ 'server.workers': 3 });

  const { key, label } = await pollux.ctl('clients', 'add', '--label', 'laptop');
  assert.equal(label, 'laptop');
  for (let i = 0; i < 6; i++) assert.equal((await pollux.chat('hi', {}, { key })).text, 'Hello');
  const list = await pollux.ctlSays(['clients', 'list']);
  assert.ok(!list.out.includes(key));
  assert.deepEqual(
    list.json.clients.map((c) => [c.label, c.source]),
    [
      ['env-1', 'env'],
      ['laptop', 'operator'],
    ],
  );

  await pollux.ctl('clients', 'disable', 'laptop');
  for (let i = 0; i < 6; i++) assert.equal((await pollux.chat('hi', {}, { key })).status, 401);
  await pollux.ctl('clients', 'enable', 'laptop');
  assert.equal((await pollux.chat('hi', {}, { key })).text, 'Hello');
  await pollux.ctl('clients', 'rm', 'laptop');
  for (let i = 0; i < 6; i++) assert.equal((await pollux.chat('hi', {}, { key })).status, 401);
  assert.equal((await pollux.chat('hi')).text, 'Hello', 'the other client is still served');
});

flow('a client may bring a key of its own', async (t) => {
  await t.gemini();
  const pollux = await t.pollux();
  const key = t.secret('client-two');

  const added = await pollux.ctl('clients', 'add', '--key', '-', { input: `${key}\n` });
  assert.equal(added.key, undefined);
  assert.equal((await pollux.chat('hi', {}, { key })).text, 'Hello');
  assert.equal(
    (await pollux.ctlSays(['clients', 'add', '--key', 'plx-on-the-command-line'])).code,
    2,
  );
});

flow('keys and clients outlive a restart; those the environment drops are disabled', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ keys: ['k1', 'k2'] });
  await pollux.ctl('keys', 'add', '--label', 'mine', { input: t.secret('own') });
  const { key } = await pollux.ctl('clients', 'add', '--label', 'laptop');
  const labels = await pollux.labels();

  await pollux.restart({ keys: ['k2'] });

  assert.equal((await pollux.chat('hi', {}, { key })).text, 'Hello');
  const { keys } = await pollux.ctl('keys', 'list');
  const states = Object.fromEntries(keys.map((k) => [k.label, k.state]));
  assert.deepEqual(states, { [labels.k1]: 'disabled', [labels.k2]: 'enabled', mine: 'enabled' });
  for (let i = 0; i < 4; i++) await pollux.chat('hi');
  assert.equal(gemini.askedWith('k1'), 0);

  await pollux.restart({ keys: ['k1', 'k2'] });
  assert.equal((await pollux.key('k1')).state, 'enabled', 'and enabled when they are listed again');
});

flow('no secret and no prompt is to be found anywhere', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k2').answers(500);
  const pollux = await t.pollux({ keys: ['k1', 'k2'], 'log.level': 'debug' });
  const own = t.secret('own');
  await pollux.ctl('keys', 'add', '--label', 'mine', { input: own });
  const { key } = await pollux.ctl('clients', 'add', '--label', 'laptop');
  const prompt = 'The-owls-are-not-what-they-seem';
  gemini.for('own').says('Said-by-Gemini-alone');
  for (let i = 0; i < 9; i++) {
    await pollux.chat(prompt, { stream: i % 2 === 1 }, { key });
    await pollux.native('generateContent', `{"contents":[{"parts":[{"text":"${prompt}"}]}]}`, {
      query: `?key=${key}`,
      key: null,
    });
  }
  await pollux.native('generateContent', `{"${prompt}`);
  await pollux.chat(prompt, {}, { key: `${key}-wrong` });
  const secrets = [...t.secrets, key, prompt, 'Said-by-Gemini-alone'];

  const looked = [{ path: 'the log', bytes: Buffer.from(pollux.log) }, ...pollux.files()];
  for (const { pid } of [{ pid: pollux.pid }, ...pollux.children()]) {
    for (const name of ['cmdline', 'environ']) {
      try {
        looked.push({
          path: `/proc/${pid}/${name}`,
          bytes: fs.readFileSync(`/proc/${pid}/${name}`),
        });
      } catch (error) {
        assert.equal(error.code, 'EACCES', 'nobody may look');
      }
    }
  }
  assert.ok(looked.length >= 1 + 5 + 3, 'the log, five processes, some files');
  for (const { path: where, bytes } of looked) {
    for (const secret of secrets)
      assert.ok(!bytes.includes(secret), `${secret} stands in ${where}`);
  }
  for (const words of [
    ['keys', 'list'],
    ['keys', 'show', 'mine'],
    ['status'],
    ['clients', 'list'],
    ['config', 'list'],
  ]) {
    const { out } = await pollux.ctlSays(words);
    for (const secret of secrets) assert.ok(!out.includes(secret), `polluxctl ${words.join(' ')}`);
  }
  const mode = (name) => (fs.statSync(path.join(pollux.stateDir, name)).mode & 0o777).toString(8);
  assert.equal(mode('.'), '700');
  assert.equal(mode('key'), '600');
});

flow('status tells what runs', async (t) => {
  await t.gemini();
  const pollux = await t.pollux({ keys: ['k1', 'k2'] });
  await pollux.chat('hi');

  const status = await pollux.ctl('status');

  assert.deepEqual(status.processes.map((p) => p.name).sort(), [
    'janitor',
    'master',
    'worker 0',
    'worker 1',
  ]);
  assert.deepEqual(
    status.processes.map((p) => p.pid).sort(),
    [pollux.pid, ...pollux.children().map((c) => c.pid)].sort(),
  );
  assert.ok(status.processes.every((p) => p.state === 'ready' && isAlive(p.pid)));
  assert.deepEqual(status.keys, {
    enabled: 2,
    full: 0,
    'half-open': 0,
    resting: 0,
    frozen: 0,
    disabled: 0,
  });
  assert.deepEqual(status.pool.cooling, []);
  assert.equal(status.pool.board.subjects.used, 2);
  assert.equal(status.clients.enabled, 1);
  assert.equal(status.counts.requests, 1);
  assert.deepEqual(status.listen, [`127.0.0.1:${pollux.port}`]);
});

flow('each setting is shown with where it comes from, and the stronger source wins', async (t) => {
  await t.gemini();
  const pollux = await t.pollux({
    config: 'queue { max_wait = 11s }\nupstream { max_attempts = 7 }\npool { freeze_min = 2s }\n',
    env: {
      POLLUX_UPSTREAM_MAX_ATTEMPTS: '6',
      POLLUX_POOL_FREEZE_MIN: '3s',
      QUEUE_MAX_WAIT_MS: '500',
      POLLUX_SOMETHING: 'made up',
    },
    'pool.freeze_min': '4s',
  });
  const get = async (name) => await pollux.ctl('config', 'get', name);

  assert.match(String((await get('pool.freeze_min')).value), /^4/);
  assert.match((await get('pool.freeze_min')).origin, /-D/);
  assert.equal(String((await get('upstream.max_attempts')).value), '6');
  assert.match((await get('upstream.max_attempts')).origin, /POLLUX_UPSTREAM_MAX_ATTEMPTS/);
  assert.match(String((await get('queue.max_wait')).value), /^500ms|^0\.5s/);
  assert.match((await get('log.level')).origin, /default/);
  const { settings } = await pollux.ctl('config', 'list');
  assert.ok(settings.length > 25);
  assert.match(pollux.log, /POLLUX_SOMETHING/, 'an unknown one is a warning');
  const unknown = await pollux.ctlSays(['config', 'get', 'queue.max_weight']);
  assert.equal(unknown.code, 1);
  assert.match(unknown.json.error, /queue\.max_wait/, 'with the nearest name');
});

flow('the log can be JSON, a line for each event', async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(429, { quotaId: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier' });
  const pollux = await t.pollux({
    keys: ['k1', 'k2'],
    'pool.pick': 'order',
    'log.format': 'json',
    'log.level': 'debug',
  });
  await pollux.chat('hi');
  await pollux.stop();

  const lines = pollux.log
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

  for (const line of lines)
    assert.ok(
      line.ts && line.level && line.process && line.subsystem && line.msg,
      JSON.stringify(line),
    );
  const { label, model } = lines.find((l) => l.msg === 'credential frozen');
  assert.deepEqual([label, model], ['env-1', 'gemini-2.5-flash']);
});

flow('polluxctl ends as the manual says', async (t) => {
  await t.gemini();
  const pollux = await t.pollux();
  const say = (args, env) => run(polluxctl, args, { env });
  const at = ['-s', pollux.socket];

  assert.equal((await say([...at, 'status'])).code, 0);
  assert.equal((await say(['status'], { POLLUX_SOCKET: pollux.socket })).code, 0);
  assert.equal((await say([...at, 'keys', 'rm', 'nobody'])).code, 1);
  assert.equal((await say([...at, 'keys', 'dance'])).code, 2);
  assert.equal((await say([...at, 'keys', 'rm'])).code, 2);
  assert.equal((await say([...at, '--no-such-option', 'status'])).code, 2);
  assert.equal((await say([])).code, 2);
  assert.equal((await say(['-s', path.join(pollux.dir, 'nothing'), 'status'])).code, 3);
  assert.equal((await say(['--help'])).code, 0);
  assert.equal((await say(['--version'])).code, 0);
  const list = await say([...at, 'keys', 'list']);
  assert.match(list.out, /env-1/);
  assert.equal(list.err, '');

  await pollux.stop();
  const away = await say([...at, 'status']);
  assert.equal(away.code, 3);
  assert.match(away.err, /polluxd/);
});

// The end of a login session empties the run directory of its user.
flow('a run_dir that was removed is made again by a reload', async (t) => {
  await t.gemini();
  const pollux = await t.pollux();
  fs.rmSync(pollux.runDir, { recursive: true });
  assert.equal((await pollux.ctlSays(['status'])).code, 3);

  pollux.signal('SIGHUP');

  await until(async () => (await pollux.ctlSays(['status'])).code === 0, 'the control socket');
  assert.equal(Number(fs.readFileSync(path.join(pollux.runDir, 'polluxd.pid'))), pollux.pid);
  await pollux.ctl('keys', 'disable', 'k1');
  assert.equal((await pollux.chat('hi')).status, 503);
});

flow('drain by polluxctl finishes what runs, then stops', async (t) => {
  const gemini = await t.gemini();
  let go;
  gemini.anyone.does(async (asked) => {
    await new Promise((resolve) => {
      go = resolve;
    });
    await asked.whole(200, {
      candidates: [{ content: { parts: [{ text: 'late' }] }, finishReason: 'STOP' }],
    });
  });
  const pollux = await t.pollux();
  const chat = pollux.chat('hi');
  await gemini.request(1);

  await pollux.ctl('drain');
  await until(
    () =>
      pollux.dial().then(
        (raw) => raw.leave() ?? false,
        () => true,
      ),
    'the door to be closed',
  );
  go();

  assert.equal((await chat).text, 'late');
  assert.deepEqual(await pollux.over(), { code: 0, signal: null });
});
