// The way to Gemini: through proxies, over TLS.

import { assert, ConnectProxy, flow, fs, Socks5Proxy } from './harness.mjs';

const TLS = new URL('./tls/', import.meta.url);
const pem = (name) => fs.readFileSync(new URL(name, TLS));
const path = (name) => new URL(name, TLS).pathname;

flow('an HTTP proxy carries everything, in tunnels', async (t) => {
  const gemini = await t.gemini();
  const proxy = t.keep(await ConnectProxy.start());
  const pollux = await t.pollux({ env: { PROXY: `http://me:p%40ss@127.0.0.1:${proxy.port}` } });

  assert.equal((await pollux.chat('hi')).text, 'Hello');
  assert.equal((await pollux.chat('hi', { stream: true })).text, 'Hello');
  await pollux.ctl('keys', 'test', 'k1');

  assert.ok(proxy.visits.length >= 2);
  assert.equal(gemini.connections, proxy.visits.length, 'nothing goes past it');
  for (const visit of proxy.visits) {
    assert.equal(visit.target, `127.0.0.1:${gemini.port}`);
    assert.equal(visit.authorization, `Basic ${Buffer.from('me:p@ss').toString('base64')}`);
    assert.ok(!visit.head.includes(t.secret('k1')), 'the proxy sees no key');
  }
  assert.doesNotMatch(gemini.last.head, /proxy-/i);
  const { out } = await pollux.ctlSays(['config', 'list']);
  assert.ok(
    !out.includes('p%40ss') && !pollux.log.includes('p%40ss'),
    "its password is nobody's business",
  );
});

for (const scheme of ['socks5', 'socks5h']) {
  flow(`a ${scheme} proxy carries everything`, async (t) => {
    const gemini = await t.gemini();
    const proxy = t.keep(await Socks5Proxy.start());
    const pollux = await t.pollux({
      config: `upstream { proxy = "${scheme}://me:secret@127.0.0.1:${proxy.port}" }\n`,
      'upstream.gemini_url': `http://localhost:${gemini.port}`,
    });

    assert.equal((await pollux.chat('hi')).text, 'Hello');
    assert.equal((await pollux.chat('hi', { stream: true })).text, 'Hello');

    assert.equal(gemini.connections, proxy.visits.length);
    assert.equal(proxy.visits[0].authorization, 'me:secret');
    assert.equal(proxy.visits[0].kind === 'name', scheme === 'socks5h', 'who looks the name up');
  });
}

flow('a proxy that is away is not gone around', async (t) => {
  const gemini = await t.gemini();
  const proxy = await ConnectProxy.start();
  const pollux = await t.pollux({
    'upstream.proxy': `http://127.0.0.1:${proxy.port}`,
    'queue.max_wait': '0s',
  });
  await proxy.close();

  assert.equal((await pollux.chat('hi')).status, 502);
  assert.equal(gemini.connections, 0);
});

flow('a client that leaves closes the tunnel, too', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.hangs();
  const proxy = t.keep(await Socks5Proxy.start());
  const pollux = await t.pollux({ 'upstream.proxy': `socks5://127.0.0.1:${proxy.port}` });
  const raw = await pollux.dial();
  await raw.send(pollux.chatBytes('hi'));
  const upstream = await gemini.request(1);

  raw.leave();

  await upstream.aborted();
});

flow('Gemini is asked over TLS, by whom the authorities vouch for', async (t) => {
  const gemini = await t.gemini({ tls: { key: pem('server.key'), cert: pem('server.pem') } });
  const trusting = await t.pollux({ 'upstream.ca_file': path('authority.pem') });
  assert.equal((await trusting.chat('hi')).text, 'Hello');
  assert.equal((await trusting.chat('hi', { stream: true })).text, 'Hello');
  const asked = gemini.asked;

  const wary = await t.pollux({ 'queue.max_wait': '0s' });
  assert.equal((await wary.chat('hi')).status, 502);
  assert.equal(gemini.asked, asked, 'no key goes to a stranger');
});
