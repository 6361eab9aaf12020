// One connection for all that a client says, good or bad: whatever it is, it is answered, not with
// an error of ours, and the connection outlives it.

import assert from 'node:assert/strict';
import http from 'node:http';

export const MODEL = 'gemini-3.5-flash';
export const CHAT = '/v1/chat/completions';
export const NATIVE = `/v1beta/models/${MODEL}:generateContent`;

export async function scene(t) {
  const gemini = await t.gemini();
  gemini.anyone.says('Hello');
  const pollux = await t.pollux({ 'server.workers': 1 });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.keep({ close: () => agent.destroy() });
  let said = 0;
  const post = async (path, body) => {
    const live = await pollux.request('POST', path, { body, agent });
    assert.ok(live.status < 500, `${live.status}: ${live.text}`);
    assert.ok(!live.wasCutOff);
    assert.ok(said++ === 0 || live.request.reusedSocket, 'the connection was closed');
    if (live.headers['content-type'].startsWith('text/event-stream')) said = 0; // its end is theirs
    return live;
  };
  const worker = pollux.worker(0);
  return {
    gemini,
    pollux,
    post,
    chat: (fields) => post(CHAT, { model: MODEL, ...fields }),
    /** The body is refused, in the words of its door; param: a pattern, or null for none. */
    async refuses(path, body, param, what = '') {
      const asked = gemini.asked;
      const live = await post(path, body);
      assert.equal(live.status, 400, `${what}: ${live.text.slice(0, 500)}`);
      const { error } = live.json;
      if (path.startsWith('/v1beta')) {
        assert.equal(error.code, 400);
        assert.equal(error.status, 'INVALID_ARGUMENT');
      } else {
        assert.equal(error.type, 'invalid_request_error');
        assert.deepEqual(Object.keys(error).sort(), ['code', 'message', 'param', 'type']);
        if (param === null) assert.equal(error.param, null, what);
        else if (param) assert.match(error.param ?? '', param, `${what}: ${live.text}`);
      }
      assert.ok(error.message.length > 0 && error.message.length < 2000);
      assert.equal(gemini.asked, asked, `${what} went on`);
      return error;
    },
    isAlive: () => assert.equal(pollux.worker(0), worker, 'the worker died'),
  };
}
