// Starting: arguments, configuration, the first run, and who may be let in.

import path from 'node:path';
import { assert, flow, fs, isAlive, polluxd, run, until } from './harness.mjs';

function write(t, config) {
  const file = path.join(t.directory(), 'pollux.conf');
  fs.writeFileSync(file, config);
  return file;
}

function check(t, config, ...more) {
  return run(polluxd, ['-t', '-c', write(t, config), ...more]);
}

flow('-t finds what is wrong, with file and line', async (t) => {
  const good = await check(
    t,
    'server {\n  listen = {"127.0.0.1:0", "[::1]:0"}\n  workers = 2\n}\n' +
      'model "fast" { alias = "gemini-2.5-flash" }\n',
  );
  assert.equal(good.code, 0, good.err);
  const all = {
    'server {\n  wokers = 2\n}\n': /pollux\.conf:2.*workers/,
    'sever { }\n': /pollux\.conf:1.*server/,
    'queue {\n\n  max_wait = soon\n}\n': /pollux\.conf:3.*soon/,
    'server { workers = 1000 }\n': /pollux\.conf:1.*workers/,
    'pool { pick = alphabetical }\n': /pollux\.conf:1.*least-used/,
    'server { listen = {"nowhere"} }\n': /pollux\.conf:1/,
    'server {\n': /pollux\.conf/,
    'log { level = "info }\n': /pollux\.conf:1/,
  };
  for (const [config, complaint] of Object.entries(all)) {
    const bad = await check(t, config);
    assert.equal(bad.code, 1, config);
    assert.match(bad.err, complaint, config);
  }
  assert.equal((await check(t, '', '-D', 'queue.max_wait=5s')).code, 0);
  const d = await check(t, '', '-D', 'queue.max_weight=5s');
  assert.equal(d.code, 1);
  assert.match(d.err, /queue\.max_wait/);
  const password = await check(t, '', '-D', 'upstream.proxy=http://me:secret@proxy:1');
  assert.equal(password.code, 1);
  assert.doesNotMatch(password.err, /secret/);
  assert.equal((await run(polluxd, ['-t', '-c', path.join(t.directory(), 'not-there')])).code, 1);
});

flow('the sample configuration is valid', async () => {
  const sample = path.resolve(
    path.dirname(new URL(import.meta.url).pathname),
    '../../etc/pollux.conf',
  );
  const said = await run(polluxd, ['-t', '-c', sample]);
  assert.equal(said.code, 0, said.err);
});

flow('polluxd ends as the manual says', async () => {
  assert.equal((await run(polluxd, ['-V'])).code, 0);
  assert.match((await run(polluxd, ['-h'])).out, /usage: polluxd/);
  for (const args of [['-x'], ['-c'], ['-D'], ['something'], ['-t', 'something']]) {
    const said = await run(polluxd, args);
    assert.equal(said.code, 2, args.join(' '));
    assert.match(said.err, /usage/);
  }
});

flow('the environment may say where to listen', async (t) => {
  const file = write(t, '');
  const at = (env, ...more) => run(polluxd, ['-t', '-c', file, ...more], { env });

  assert.equal(
    (await at({ PORT: 'tcp://10.0.0.1:80' })).code,
    0,
    'what a scheduler makes up is no port',
  );
  assert.equal((await at({ POLLUX_SERVER_LISTEN: 'nonsense' })).code, 1);
  assert.equal((await at({ QUEUE_MAX_WAIT_MS: 'soon' })).code, 1);
});

flow('the first run makes one client key and tells it in a file', async (t) => {
  await t.gemini();
  const pollux = await t.pollux({ clients: [] });
  const file = path.join(pollux.stateDir, 'first-run');

  assert.equal((fs.statSync(file).mode & 0o777).toString(8), '600');
  const key = /client key: (\S+)/.exec(fs.readFileSync(file, 'utf8'))[1];
  assert.ok(!pollux.log.includes(key));
  assert.ok(pollux.log.includes(file), 'the log names the file alone');
  assert.equal((await pollux.chat('hi', {}, { key })).text, 'Hello');
  assert.equal((await pollux.chat('hi', {}, { key: null })).status, 401);

  await pollux.restart();
  assert.equal((await pollux.ctl('clients', 'list')).clients.length, 1, 'no second one is made');
  assert.equal((await pollux.chat('hi', {}, { key })).text, 'Hello');
});

flow('it listens elsewhere than on loopback only to known clients', async (t) => {
  await t.gemini();
  const bare = await t.pollux({ clients: [] });
  await bare.stop();
  const dir = t.directory();
  const start = (listen, more = []) =>
    run(polluxd, [
      '-f',
      '-c',
      write(t, ''),
      '-D',
      `server.listen=${listen}`,
      '-D',
      `server.run_dir=${dir}/run`,
      '-D',
      `state.dir=${dir}/state`,
      ...(process.getuid() === 0 ? ['-D', 'server.user=root'] : []),
      ...more,
    ]);

  for (const listen of ['0.0.0.0:0', '*:0']) {
    const refused = await start(listen);
    assert.equal(refused.code, 1, refused.err);
    assert.match(refused.err, /client key/);
  }
  const known = await t.pollux({ 'server.listen': '0.0.0.0:0' });
  assert.equal((await known.chat('hi')).text, 'Hello');
  assert.equal((await known.chat('hi', {}, { key: null })).status, 401);
  const open = await t.pollux({
    'server.listen': '0.0.0.0:0',
    'auth.anonymous': 'yes',
    clients: [],
  });
  assert.equal((await open.chat('hi', {}, { key: null })).text, 'Hello');
});

flow('it listens on several addresses', async (t) => {
  await t.gemini();
  const pollux = await t.pollux({ 'server.listen': '127.0.0.1:0,127.0.0.2:0' });
  const { listen } = await pollux.ctl('status');

  assert.equal(listen.length, 2);
  for (const address of listen) {
    const [host, port] = address.split(':');
    pollux.port = Number(port);
    assert.equal(
      (await pollux.request('POST', '/v1/chat/completions', { host, body: pollux.chatBody('hi') }))
        .status,
      200,
    );
  }
});

flow('without -f it goes to the background when it is ready, or says why not', async (t) => {
  const gemini = await t.gemini();
  const dir = t.directory();
  const log = path.join(dir, 'log');
  const args = [
    '-c',
    write(t, ''),
    '-D',
    `server.run_dir=${dir}/run`,
    '-D',
    `state.dir=${dir}/state`,
    '-D',
    'server.listen=127.0.0.1:0',
    '-D',
    `upstream.gemini_url=${gemini.url}`,
    '-D',
    'server.workers=1',
    '-D',
    `log.target=${log}`,
    ...(process.getuid() === 0 ? ['-D', 'server.user=root'] : []),
  ];

  const pidFile = path.join(dir, 'run/polluxd.pid');
  const readPid = () => Number(fs.readFileSync(pidFile, 'utf8'));
  /* It is nobody's child, and must not outlive a story that fails. */
  t.keep({ close: () => fs.existsSync(pidFile) && process.kill(readPid(), 'SIGKILL') });

  const said = await run(polluxd, args, { env: { GEMINI_API_KEYS: t.secret('k1') } });
  assert.equal(said.code, 0, said.err);
  assert.equal(said.out + said.err, '');
  assert.ok(isAlive(readPid()));
  assert.match(fs.readFileSync(log, 'utf8'), /master: ready/);

  const again = await run(polluxd, args);
  assert.equal(again.code, 1);
  assert.match(again.err, /^polluxd: [^\n]*run_dir[^\n]*\n$/, 'one clear line');

  const pid = readPid();
  process.kill(pid, 'SIGTERM');
  await until(() => !isAlive(pid), 'the daemon to end');
  const log2 = fs.readFileSync(log, 'utf8');
  assert.match(log2, /master: stopped/);
  assert.ok(!log2.includes(t.secret('k1')));
});

flow('what cannot be started says so in one line', async (t) => {
  const dir = t.directory();
  const user = process.getuid() === 0 ? ['-D', 'server.user=root'] : [];
  const start = (...more) =>
    run(polluxd, [
      '-f',
      '-c',
      write(t, ''),
      '-D',
      'server.listen=127.0.0.1:0',
      '-D',
      `server.run_dir=${dir}/run`,
      '-D',
      `state.dir=${dir}/state`,
      ...user,
      ...more,
    ]);
  const fault = async (pattern, ...more) => {
    const said = await start(...more);
    assert.equal(said.code, 1, said.err);
    assert.match(said.err, pattern);
    assert.doesNotMatch(said.err, /Assertion|Sanitizer/);
  };

  await fault(/run_dir/, '-D', `server.run_dir=${dir}/${'x'.repeat(120)}`);
  fs.writeFileSync(path.join(dir, 'file'), '');
  await fault(/file/, '-D', `state.dir=${dir}/file`);
  await fault(/file/, '-D', `server.run_dir=${dir}/file`);
  await fault(/one directory/, '-D', `state.dir=${dir}/run`); // it waited for its own lock
  await fault(/nobody-of-that-name/, '-D', 'server.user=nobody-of-that-name');
  await fault(/192\.0\.2\.1/, '-D', 'server.listen=192.0.2.1:8080');
  fs.mkdirSync(path.join(dir, 'state2'), { mode: 0o700 });
  fs.writeFileSync(path.join(dir, 'state2/key'), 'not a key', { mode: 0o600 });
  await fault(/key/, '-D', `state.dir=${dir}/state2`);
});

flow('a store that another key sealed is refused, not spoilt', async (t) => {
  await t.gemini();
  const pollux = await t.pollux();
  await pollux.stop();
  const key = path.join(pollux.stateDir, 'key');
  const right = fs.readFileSync(key);
  const wrong = Buffer.from(right);
  const at = wrong.length > 10 ? wrong.length - 5 : 0;
  wrong[at] = wrong[at] === 0x61 ? 0x62 : 0x61;

  fs.writeFileSync(key, wrong);
  const said = await run(polluxd, pollux.arguments(), { env: pollux.env });
  assert.equal(said.code, 1, said.err);
  assert.match(said.err, /key/);

  fs.writeFileSync(key, right);
  pollux.launch();
  await pollux.ready();
  assert.equal((await pollux.chat('hi')).text, 'Hello');
});
