// Processes fall, are told to go, and change their configuration; requests go on.

import path from 'node:path';
import {
  assert,
  deferred,
  flow,
  fs,
  isAlive,
  piece,
  polluxd,
  readChat,
  run,
  until,
} from './harness.mjs';

/** Streams "one ", waits to be let go, and ends. */
function held(gemini) {
  const gate = deferred();
  gemini.anyone.does(async (asked) => {
    if (!asked.body.includes('#held')) return asked.whole(200, piece('Hello', { finish: 'STOP' }));
    await asked.begin();
    await asked.event(piece('one '));
    await gate.promise;
    await asked.event(piece('two', { finish: 'STOP' }));
    return asked.end();
  });
  return gate;
}

async function openStreams(pollux, n) {
  const lives = await Promise.all(
    Array.from({ length: n }, () => pollux.openChat('#held', { stream: true })),
  );
  for (const live of lives) await live.until('one ');
  return lives;
}

flow('a killed worker loses its own requests only, and is replaced', async (t) => {
  const gemini = await t.gemini();
  const gate = held(gemini);
  const pollux = await t.pollux();
  pollux.mayCrash = true;
  const lives = await openStreams(pollux, 24);
  const { processes } = await pollux.ctl('status');
  const theirs = Object.fromEntries(processes.map((p) => [p.name, p.exchanges]));
  const [victim, other] = theirs['worker 0'] ? ['worker 0', 'worker 1'] : ['worker 1', 'worker 0'];
  const pid = processes.find((p) => p.name === victim).pid;

  process.kill(pid, 'SIGKILL');

  assert.equal((await pollux.chat('hi')).text, 'Hello', 'the very next request');
  await until(
    () => lives.filter((l) => l.isOver).length >= theirs[victim],
    "the victim's clients to see it",
  );
  await until(
    () => pollux.children().some((c) => c.title === victim && c.pid !== pid),
    'a new worker',
  );
  for (let i = 0; i < 20; i++) assert.equal((await pollux.chat('hi')).text, 'Hello');
  gate.resolve();
  for (const live of lives) await live.end();
  assert.equal(lives.filter((l) => l.wasCutOff).length, theirs[victim]);
  const whole = lives.filter((l) => !l.wasCutOff).map(readChat);
  assert.equal(whole.length, theirs[other]);
  assert.ok(whole.every((c) => c.done && c.text === 'one two'));
  assert.equal(
    (await pollux.counted('streams', (n) => n === 0)).fetches,
    0,
    'what it held is taken back',
  );
});

flow('workers are killed one after the other under load', async (t) => {
  await t.gemini();
  const pollux = await t.pollux();
  pollux.mayCrash = true;
  let stop = false,
    answered = 0,
    lost = 0;
  const load = Array.from({ length: 8 }, async () => {
    while (!stop) {
      try {
        assert.equal((await pollux.chat('hi')).text, 'Hello');
        answered++;
      } catch (error) {
        assert.match(String(error.code), /ECONNRESET|ECONNREFUSED|EPIPE/, error.stack);
        lost++;
      }
    }
  });

  for (let kill = 0; kill < 6; kill++) {
    const before = answered;
    await until(() => answered > before + 20, 'requests to be answered');
    const pid = await until(() => pollux.worker(kill % 2), 'the worker');
    process.kill(pid, 'SIGKILL');
  }
  await until(() => [0, 1].every((n) => pollux.worker(n)), 'both workers');
  stop = true;
  await Promise.all(load);
  assert.ok(lost <= 6 * 8, `${lost} lost of ${answered}`);
  for (let i = 0; i < 10; i++) assert.equal((await pollux.chat('hi')).text, 'Hello');
});

flow('no client waits at the door of a worker that cannot come back', async (t) => {
  await t.gemini();
  const pollux = await t.pollux();
  pollux.mayCrash = true;
  const key = path.join(pollux.stateDir, 'key');
  fs.renameSync(key, `${key}.away`); // without it a worker does not start
  process.kill(pollux.worker(0), 'SIGKILL');
  await pollux.logs(/place stands empty/);

  for (let i = 0; i < 40; i++) assert.equal((await pollux.chat('hi')).text, 'Hello');
  assert.equal(pollux.worker(0), undefined);

  fs.renameSync(`${key}.away`, key);
  await until(
    async () =>
      (await pollux.ctl('status')).processes.some(
        (p) => p.name === 'worker 0' && p.state === 'ready',
      ),
    'the worker to come back',
  );
  for (let i = 0; i < 40; i++) assert.equal((await pollux.chat('hi')).text, 'Hello');
});

flow('a killed janitor loses no write that was acknowledged, and workers go on', async (t) => {
  await t.gemini();
  const pollux = await t.pollux();
  pollux.mayCrash = true;
  const acknowledged = [];
  let stop = false,
    refused = 0;
  const writing = (async () => {
    for (let i = 0; !stop; i++) {
      const said = await pollux.ctlSays(['keys', 'add', '--label', `n${i}`], {
        input: `AIza-number-${i}-${'x'.repeat(20)}`,
      });
      if (said.code === 0) acknowledged.push(`n${i}`);
      else refused++;
    }
  })();

  for (let kill = 0; kill < 4; kill++) {
    const before = acknowledged.length;
    await until(() => acknowledged.length > before + 3, 'writes to be acknowledged');
    const pid = await until(() => pollux.janitor(), 'the janitor');
    process.kill(pid, 'SIGKILL');
    assert.equal((await pollux.chat('hi')).text, 'Hello', 'without a janitor');
    await until(() => (pollux.janitor() ?? pid) !== pid, 'a new janitor');
  }
  stop = true;
  await writing;

  const labels = new Set((await pollux.ctl('keys', 'list')).keys.map((k) => k.label));
  for (const label of acknowledged) assert.ok(labels.has(label), `${label} is lost`);
  await pollux.restart();
  const after = new Set((await pollux.ctl('keys', 'list')).keys.map((k) => k.label));
  for (const label of acknowledged) assert.ok(after.has(label), `${label} is lost after a restart`);
});

flow("the master's death ends its children", async (t) => {
  const gemini = await t.gemini();
  const gate = held(gemini);
  const pollux = await t.pollux();
  pollux.mayCrash = true;
  const [live] = await openStreams(pollux, 1);
  const pids = pollux.children().map((c) => c.pid);
  assert.equal(pids.length, 3);

  pollux.signal('SIGKILL');
  await pollux.over();

  gate.resolve();
  await live.end();
  assert.equal(readChat(live).text, 'one two', 'after what they had under way');
  for (const pid of pids)
    await until(() => !isAlive(pid), `${pid} to end; the log:\n${pollux.log}`);

  pollux.launch();
  await pollux.ready();
  assert.equal((await pollux.chat('hi')).text, 'Hello', 'and it can be started again');
});

for (const name of ['SIGTERM', 'SIGINT']) {
  flow(`${name} finishes what runs, then stops`, async (t) => {
    const gemini = await t.gemini();
    const gate = held(gemini);
    const pollux = await t.pollux();
    const lives = await openStreams(pollux, 4);

    pollux.signal(name);
    await until(
      () =>
        pollux.dial().then(
          (raw) => raw.leave() ?? false,
          () => true,
        ),
      'the door to be closed',
    );
    assert.equal(pollux.exit, null);
    gate.resolve();

    for (const live of lives) {
      await live.end();
      assert.ok(readChat(live).done);
      assert.equal(readChat(live).text, 'one two');
    }
    assert.deepEqual(await pollux.over(), { code: 0, signal: null });
    assert.deepEqual(
      fs.readdirSync(pollux.runDir).filter((f) => /sock|pid/.test(f)),
      [],
      'its sockets are gone',
    );
  });
}

flow('a second SIGTERM stops at once', async (t) => {
  const gemini = await t.gemini();
  held(gemini);
  const pollux = await t.pollux();
  const lives = await openStreams(pollux, 4);

  pollux.signal('SIGTERM');
  await pollux.logs(/draining, then stopping/);
  pollux.signal('SIGTERM');

  assert.deepEqual(await pollux.over(), { code: 0, signal: null });
  for (const upstream of gemini.requests) await upstream.aborted();
  for (const live of lives) {
    await live.end();
    assert.ok(!live.text.includes('[DONE]'));
  }
});

flow('a drain that lasts too long is cut off', async (t) => {
  const gemini = await t.gemini();
  held(gemini);
  const pollux = await t.pollux({ 'server.drain_timeout': '300ms' });
  await openStreams(pollux, 2);

  pollux.signal('SIGTERM');

  assert.deepEqual(await pollux.over(), { code: 0, signal: null });
});

for (const how of ['SIGHUP', 'polluxctl reload']) {
  flow(`${how}: new requests get the new configuration, and streams go on`, async (t) => {
    const gemini = await t.gemini();
    const gate = held(gemini);
    const pollux = await t.pollux({ config: 'model "fast" { alias = "gemini-2.5-flash" }\n' });
    const lives = await openStreams(pollux, 6);
    const old = pollux.children().map((c) => c.pid);
    await pollux.chat('hi', { model: 'fast' });
    assert.match(gemini.last.path, /gemini-2\.5-flash/);

    fs.writeFileSync(pollux.configFile, 'model "fast" { alias = "gemini-2.5-pro" }\n');
    if (how === 'SIGHUP') pollux.signal(how);
    else await pollux.ctl('reload');
    await until(async () => {
      assert.equal(
        (await pollux.chat('hi', { model: 'fast' })).text,
        'Hello',
        'no request is lost',
      );
      return /gemini-2\.5-pro/.test(gemini.last.path);
    }, 'the new configuration');
    assert.ok(lives.every((l) => !l.isOver));
    gate.resolve();

    for (const live of lives) {
      await live.end();
      assert.ok(readChat(live).done);
    }
    for (const pid of old) await until(() => !isAlive(pid), 'the old processes to end');
    assert.equal(pollux.children().length, 3);
    assert.match(pollux.log, /changed.*model/, 'what changed is told');
  });
}

flow('reloads under load lose no request', async (t) => {
  await t.gemini();
  const pollux = await t.pollux();
  let stop = false,
    answered = 0;
  const load = Array.from({ length: 6 }, async (_, i) => {
    while (!stop) {
      const answer = await pollux.chat('hi', { stream: i % 2 === 0 });
      assert.equal(answer.text, 'Hello');
      answered++;
    }
  });

  for (let i = 0; i < 4; i++) {
    const old = pollux.children().map((c) => c.pid);
    pollux.signal('SIGHUP');
    await until(() => old.every((pid) => !isAlive(pid)), 'the old processes to end');
    await until(() => pollux.children().length === 3, 'the new ones');
  }
  stop = true;
  await Promise.all(load);
  assert.ok(answered > 20);
});

flow('what is written while a reload is under way counts as well', async (t) => {
  await t.gemini();
  const pollux = await t.pollux({ config: 'queue { max_wait = 1s }\n' });

  for (let i = 2; i <= 9; i++) {
    fs.writeFileSync(pollux.configFile, `queue { max_wait = ${i}s }\n`);
    pollux.signal('SIGHUP');
    await pollux.logs(new RegExp(`(?:reloading[^]*){${i - 1}}`));
  }

  await until(async () => {
    const said = await pollux.ctlSays(['config', 'get', 'queue.max_wait']);
    return said.code === 0 && said.out.includes('9s');
  }, 'the last configuration');
  assert.equal((await pollux.chat('hi')).text, 'Hello');
});

flow('a bad configuration is refused, and the old one goes on', async (t) => {
  await t.gemini();
  const pollux = await t.pollux({ config: 'queue {\n  max_wait = 7s\n}\n' });
  const before = pollux
    .children()
    .map((c) => c.pid)
    .sort();

  for (const [text, complaint] of [
    ['queue {\n  max_weight = 7s\n}\n', /pollux\.conf:2.*max_wait/],
    ['queue { max_wait = soon }\n', /pollux\.conf:1.*soon/],
    ['queue {\n', /pollux\.conf/],
  ]) {
    fs.writeFileSync(pollux.configFile, text);
    pollux.signal('SIGHUP');
    await pollux.logs(complaint);
    const said = await pollux.ctlSays(['reload']);
    assert.equal(said.code, 1);
    assert.equal((await pollux.chat('hi')).text, 'Hello');
  }
  assert.deepEqual(
    pollux
      .children()
      .map((c) => c.pid)
      .sort(),
    before,
  );
  assert.match(String((await pollux.ctl('config', 'get', 'queue.max_wait')).value), /^7/);
});

flow('USR1 opens the log file again', async (t) => {
  await t.gemini();
  const dir = t.directory();
  const [log, rotated] = [path.join(dir, 'log'), path.join(dir, 'log.1')];
  const pollux = await t.pollux({
    dir,
    config: `log {\n  target = "${log}"\n  level = debug\n}\n`,
    logFile: log,
  });
  await until(() => fs.readFileSync(log, 'utf8').includes('child ready'), 'the log file');
  for (const secret of t.secrets) assert.ok(!fs.readFileSync(log, 'utf8').includes(secret));

  fs.renameSync(log, rotated);
  pollux.signal('SIGUSR1');

  await until(() => fs.existsSync(log), 'a new log file');
  await until(async () => {
    await pollux.chat('hi');
    return ['worker 0', 'worker 1'].every((w) => fs.readFileSync(log, 'utf8').includes(w));
  }, "the workers' lines in the new file");
  const size = fs.statSync(rotated).size;
  for (let i = 0; i < 4; i++) await pollux.chat('hi');
  assert.equal(fs.statSync(rotated).size, size, 'nothing more comes into the old one');
});

flow('a second daemon in the same place is refused', async (t) => {
  await t.gemini();
  const pollux = await t.pollux();
  const start = (more) =>
    run(polluxd, [...pollux.arguments(), ...more.flatMap((s) => ['-D', s])], { env: pollux.env });

  const sameDir = await start(['state.dir=' + path.join(t.directory(), 'state')]);
  assert.equal(sameDir.code, 1);
  assert.match(sameDir.err, /another Pollux|run_dir/);
  const dir = t.directory();
  const samePort = await start([
    `server.run_dir=${dir}/run`,
    `state.dir=${dir}/state`,
    `server.listen=127.0.0.1:${pollux.port}`,
  ]);
  assert.equal(samePort.code, 1);
  assert.match(samePort.err, new RegExp(`127\\.0\\.0\\.1:${pollux.port}`));
  const sameState = await start([`server.run_dir=${dir}/run2`]);
  assert.equal(sameState.code, 1);
  assert.match(sameState.err, /state/);

  assert.equal((await pollux.chat('hi')).text, 'Hello', 'and the first is not harmed');
  assert.equal((await pollux.ctl('status')).keys.enabled, 1);
});
