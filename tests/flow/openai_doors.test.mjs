// OpenAI's other doors: embeddings, legacy completions, lists of models.
//
// OpenAI surface, sections 5, 6 and 9; ambiguities; fault (m) of a popular
// peer.

import { assert, fault, flow, piece, until, USAGE } from './harness.mjs';

/* ---- embeddings ---- */

const EMBEDDER = 'gemini-embedding-001';
const DIMENSIONS = 4;

/** What stands for a text: numbers that a float holds. */
const vectorOf = (text) => [Number(/\d+/.exec(text)?.[0] ?? 0), -0.5, 0.25, 1];

/** Embeds whatever it is asked to, of the length that it is asked for. */
function embeds(gemini) {
  gemini.anyone.does((asked) => {
    const { requests } = asked.json;
    return asked.whole(200, {
      embeddings: requests.map((r) => ({
        values: vectorOf(r.content.parts[0].text).slice(0, r.outputDimensionality ?? DIMENSIONS),
      })),
    });
  });
}

const embed = (pollux, input, fields = {}) =>
  pollux.request('POST', '/v1/embeddings', { body: { model: EMBEDDER, input, ...fields } });

function floats(base64) {
  const bytes = Buffer.from(base64, 'base64');
  return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
}

flow('a text, or several, in the encoding that was asked for', async (t) => {
  const gemini = await t.gemini();
  embeds(gemini);
  const pollux = await t.pollux();

  for (const [input, texts] of [
    ['text 1', ['text 1']],
    [['text 1'], ['text 1']],
    [
      ['text 7', ' ', 'ü "3"'],
      ['text 7', ' ', 'ü "3"'],
    ],
  ]) {
    for (const encoding of [undefined, null, 'float', 'base64']) {
      const { status, json, text } = await embed(pollux, input, { encoding_format: encoding });
      assert.equal(status, 200, text);
      assert.equal(json.object, 'list');
      assert.equal(json.model, EMBEDDER);
      assert.deepEqual(
        json.data.map((d) => [d.object, d.index]),
        texts.map((_, i) => ['embedding', i]),
      );
      for (const [i, { embedding }] of json.data.entries()) {
        assert.equal(typeof embedding, encoding === 'base64' ? 'string' : 'object');
        assert.deepEqual(encoding === 'base64' ? floats(embedding) : embedding, vectorOf(texts[i]));
      }
    }
  }
  assert.equal(gemini.last.path, `/v1beta/models/${EMBEDDER}:batchEmbedContents`);
  assert.equal(gemini.last.json.requests[0].model, `models/${EMBEDDER}`);
});

flow('250 texts go up in three batches and come back in order', async (t) => {
  const gemini = await t.gemini();
  embeds(gemini);
  const pollux = await t.pollux({ keys: ['k1', 'k2'] });
  const texts = Array.from({ length: 250 }, (_, i) => `text ${i}`);

  const { status, json, text } = await embed(pollux, texts, { encoding_format: 'base64' });

  assert.equal(status, 200, text);
  assert.deepEqual(gemini.requests.map((r) => r.json.requests.length).sort(), [100, 100, 50]);
  assert.deepEqual(
    json.data.map((d) => floats(d.embedding)[0]),
    texts.map((_, i) => i),
  );
  assert.deepEqual(
    json.data.map((d) => d.index),
    texts.map((_, i) => i),
  );
});

flow('a batch that one key cannot take is taken by another', async (t) => {
  const gemini = await t.gemini();
  embeds(gemini);
  gemini.for('k1').answers(429, { retryDelay: '40s' });
  const pollux = await t.pollux({ keys: ['k1', 'k2'], 'pool.pick': 'order' });

  const { json, text } = await embed(
    pollux,
    Array.from({ length: 250 }, (_, i) => `text ${i}`),
  );
  assert.equal(json.data?.length, 250, text);
});

flow('shorter vectors are of length one', async (t) => {
  const gemini = await t.gemini();
  embeds(gemini);
  const pollux = await t.pollux();

  const { json } = await embed(pollux, ['text 3'], { dimensions: 2 });
  assert.equal(gemini.last.json.requests[0].outputDimensionality, 2);
  const [x, y] = json.data[0].embedding;
  assert.ok(Math.abs(Math.hypot(x, y) - 1) < 1e-6, `${x}, ${y}`);
  assert.ok(Math.abs(x / y + 6) < 1e-5, 'and point where they did');
});

/* Fault (m). */
flow('usage of embeddings is a number that makes sense', async (t) => {
  const gemini = await t.gemini();
  embeds(gemini);
  const pollux = await t.pollux();

  const { usage } = (await embed(pollux, ['12345678', 'x'.repeat(400)])).json;
  assert.ok(usage.prompt_tokens >= 50 && usage.prompt_tokens <= 400, JSON.stringify(usage));
  assert.equal(usage.total_tokens, usage.prompt_tokens);
});

flow('what cannot be embedded is refused by name', async (t) => {
  const gemini = await t.gemini();
  embeds(gemini);
  const pollux = await t.pollux();

  for (const [body, param] of [
    [{ input: [1, 2, 3] }, /^input/],
    [{ input: [[1, 2], [3]] }, /^input/],
    [{ input: [] }, /^input/],
    [{ input: ['a', 7] }, /^input\[1\]/],
    [{ input: ['a', ''] }, /^input\[1\]$/],
    [{ input: {} }, /^input/],
    [{}, /^input/],
    [{ input: Array(2049).fill('x') }, /^input/],
    [{ input: 'a', encoding_format: 'int8' }, /^encoding_format/],
    [{ input: 'a', dimensions: 0 }, /^dimensions/],
    [{ input: 'a', dimensions: 1.5 }, /^dimensions/],
    [{ input: 'a', model: undefined }, /^model/],
  ]) {
    const live = await pollux.request('POST', '/v1/embeddings', {
      body: { model: EMBEDDER, ...body },
    });
    assert.equal(live.status, 400, JSON.stringify(body).slice(0, 100));
    assert.match(live.json.error.param, param);
    assert.equal(live.json.error.type, 'invalid_request_error');
  }
  assert.equal(gemini.asked, 0);
});

flow("a refusal of one batch is told in Google's words", async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.answers(400, { message: 'embeddings are not for you' });
  const pollux = await t.pollux();

  const live = await embed(pollux, ['a', 'b']);
  assert.equal(live.status, 400);
  assert.equal(live.json.error.message, 'embeddings are not for you');
});

/* ---- completions ---- */

/** Answers with what it was asked. */
function echoes(gemini) {
  gemini.anyone.does((asked) => {
    const said = piece(`<${asked.json.contents[0].parts[0].text}>`, {
      finish: 'STOP',
      usage: USAGE,
    });
    return asked.streams ? asked.stream(said) : asked.whole(200, said);
  });
}

const complete = (pollux, prompt, fields = {}) =>
  pollux.request('POST', '/v1/completions', {
    body: { model: 'gemini-2.5-flash', prompt, ...fields },
  });

flow('a prompt, or several, completed', async (t) => {
  const gemini = await t.gemini();
  echoes(gemini);
  const pollux = await t.pollux();

  const one = await complete(pollux, 'Once', { temperature: 0.5, stop: ['.'] });
  assert.equal(one.status, 200, one.text);
  assert.match(one.json.id, /^cmpl-/);
  assert.equal(one.json.object, 'text_completion');
  assert.equal(one.json.model, 'gemini-2.5-flash');
  assert.deepEqual(one.json.choices, [
    { text: '<Once>', index: 0, logprobs: null, finish_reason: 'stop' },
  ]);
  assert.equal(one.json.usage.prompt_tokens, 7);
  assert.equal(one.json.usage.completion_tokens, 105);
  assert.deepEqual(gemini.last.json, {
    contents: [{ role: 'user', parts: [{ text: 'Once' }] }],
    generationConfig: { temperature: 0.5, stopSequences: ['.'] },
  });

  const asked = gemini.asked;
  const many = await complete(pollux, ['a', 'b', 'c'], { echo: true, max_tokens: 9 });
  assert.deepEqual(
    many.json.choices.map((c) => [c.index, c.text]),
    [
      [0, 'a<a>'],
      [1, 'b<b>'],
      [2, 'c<c>'],
    ],
  );
  assert.equal(gemini.asked - asked, 3);
  assert.equal(gemini.last.json.generationConfig.maxOutputTokens, 9);
  assert.equal(many.json.usage.prompt_tokens, 21, 'what it really cost');
});

flow('completions in a stream', async (t) => {
  const gemini = await t.gemini();
  echoes(gemini);
  const pollux = await t.pollux();

  for (const [prompt, fields, texts] of [
    ['Once', {}, ['<Once>']],
    [['a', 'b'], { echo: true }, ['a<a>', 'b<b>']],
  ]) {
    const live = await complete(pollux, prompt, {
      ...fields,
      stream: true,
      stream_options: { include_usage: true },
    });
    assert.equal(live.status, 200, live.text);
    const events = live.text.trimEnd().split('\n\n');
    assert.equal(events.pop(), 'data: [DONE]');
    const chunks = events.map((e) => JSON.parse(e.replace(/^data: /, '')));
    const usage = chunks.pop();
    assert.deepEqual(usage.choices, []);
    assert.equal(usage.usage.prompt_tokens, 7 * texts.length);
    const heard = texts.map(() => '');
    const ends = [];
    for (const { object, id, choices } of chunks) {
      assert.equal(object, 'text_completion');
      assert.equal(id, chunks[0].id);
      for (const c of choices) {
        heard[c.index] += c.text;
        if (c.finish_reason) ends.push([c.index, c.finish_reason]);
      }
    }
    assert.deepEqual(heard, texts);
    assert.deepEqual(
      ends.sort(),
      texts.map((_, i) => [i, 'stop']),
    );
  }
});

flow('prompts of tokens are refused, and what has no effect is named', async (t) => {
  const gemini = await t.gemini();
  echoes(gemini);
  const pollux = await t.pollux();

  for (const prompt of [[1, 2], [[1], [2]], {}, 7, ['a', 7]]) {
    const live = await complete(pollux, prompt);
    assert.equal(live.status, 400, JSON.stringify(prompt));
    assert.match(live.json.error.param, /^prompt/);
  }
  assert.equal(gemini.asked, 0);
  const live = await complete(pollux, 'x', { suffix: 'y', best_of: 3, logit_bias: { 1: 2 } });
  assert.equal(live.status, 200, live.text);
  assert.deepEqual(live.headers['x-pollux-ignored'].split(/, */).sort(), [
    'best_of',
    'logit_bias',
    'suffix',
  ]);
  assert.equal(gemini.last.json.generationConfig?.maxOutputTokens, undefined, 'no 16 tokens');
});

flow('several prompts of which one fails are one failure', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.does((asked) =>
    asked.json.contents[0].parts[0].text === 'b'
      ? asked.whole(400, fault(400, { message: 'not this one' }))
      : asked.whole(200, piece('x', { finish: 'STOP', usage: USAGE })),
  );
  const pollux = await t.pollux();

  const live = await complete(pollux, ['a', 'b', 'c']);
  assert.equal(live.status, 400);
  assert.equal(live.json.error.message, 'not this one');
});

/* ---- models ---- */

const model = (name, more = {}) => ({
  name: `models/${name}`,
  inputTokenLimit: 1000,
  outputTokenLimit: 500,
  supportedGenerationMethods: ['generateContent'],
  ...more,
});

const LISTS = {
  k1: [model('gemini-2.5-flash'), model('gemini-2.5-pro')],
  k2: [
    model('gemini-2.5-flash'),
    model('gemini-3.5-flash'),
    model('gemini-embedding-001', { supportedGenerationMethods: ['embedContent'] }),
  ],
};

/** Tells each key of its own models, and answers chats. */
function lists(gemini, keys = Object.keys(LISTS)) {
  for (const key of keys)
    gemini.replace(key).does((asked) => {
      if (asked.method === 'POST')
        return asked.whole(200, piece('Hello', { finish: 'STOP', usage: USAGE }));
      if (asked.path === '/v1beta/models') return asked.whole(200, { models: LISTS[key] });
      const found = LISTS[key].find((m) => asked.path === `/v1beta/${m.name}`);
      const message = `${asked.path.slice(8)} is not found for API version v1beta.`;
      return found ? asked.whole(200, found) : asked.whole(404, fault(404, { message }));
    });
}

const list = async (pollux, options) => (await pollux.get('/v1/models', options)).json;
const ids = (answer) => answer.data.map((m) => m.id);

flow('the list of models is what all keys have, asked for once', async (t) => {
  const gemini = await t.gemini();
  lists(gemini);
  const pollux = await t.pollux({ keys: ['k1', 'k2'], 'server.workers': 2 });

  const first = await list(pollux);
  assert.equal(first.object, 'list');
  for (const name of [
    'gemini-2.5-flash',
    'gemini-2.5-pro',
    'gemini-3.5-flash',
    'gemini-embedding-001',
    'gemini-2.5-flash-search',
  ])
    assert.ok(ids(first).includes(name), `${name} in ${ids(first)}`);
  assert.equal(new Set(ids(first)).size, ids(first).length, 'none twice');
  assert.ok(!ids(first).includes('gemini-embedding-001-search'));
  const flash = first.data.find((m) => m.id === 'gemini-2.5-flash');
  assert.equal(flash.object, 'model');
  assert.equal(flash.owned_by, 'google');
  assert.ok(Number.isInteger(flash.created));
  assert.equal(flash.context_length, 1000);
  assert.equal(flash.max_output_tokens, 500);

  await until(async () => {
    const asked = gemini.asked;
    for (let i = 0; i < 10; i++) assert.deepEqual(await list(pollux), first);
    return gemini.asked === asked;
  }, 'all workers to know the list');

  await pollux.restart();
  const asked = gemini.asked;
  assert.deepEqual(ids(await list(pollux)), ids(first));
  assert.equal(gemini.asked, asked, 'it is known after a restart');
});

flow('names of the configuration are models, and what is switched off is not', async (t) => {
  const gemini = await t.gemini();
  lists(gemini);
  const pollux = await t.pollux({
    keys: ['k1', 'k2'],
    config:
      'model "gpt-4o" { alias = "gemini-2.5-flash" }\n' +
      'model "gemini-2.5-pro" { enabled = no }\n' +
      'model "gemini-3.5-flash" { input_token_limit = 77 }\n',
  });

  const answer = await list(pollux);
  assert.ok(ids(answer).includes('gpt-4o'));
  assert.ok(!ids(answer).some((id) => id.startsWith('gemini-2.5-pro')), `${ids(answer)}`);
  assert.equal(answer.data.find((m) => m.id === 'gemini-3.5-flash').context_length, 77);

  for (const id of [
    'gpt-4o',
    'gemini-2.5-flash',
    'models/gemini-2.5-flash',
    'models%2Fgemini-2.5-flash',
  ]) {
    const one = await pollux.get(`/v1/models/${id}`);
    assert.equal(one.status, 200, `${id}: ${one.text}`);
    assert.equal(one.json.object, 'model');
    assert.ok(id.endsWith(one.json.id), one.json.id);
  }
  for (const id of ['gemini-2.5-pro', 'gemini-nothing']) {
    const one = await pollux.get(`/v1/models/${id}`);
    assert.equal(one.status, 404, id);
    assert.equal(one.json.error.code, 'model_not_found');
  }

  const chat = await pollux.chat('hi', { model: 'gpt-4o' });
  assert.equal(chat.json.model, 'gpt-4o', 'as the program asked');
  assert.equal(gemini.last.path, '/v1beta/models/gemini-2.5-flash:generateContent');
  const off = await pollux.chat('hi', { model: 'gemini-2.5-pro' });
  assert.equal(off.status, 404);
  assert.equal(off.error.code, 'model_not_found');
  const prefixed = await pollux.chat('hi', { model: 'google/gemini-2.5-flash' });
  assert.equal(prefixed.json.model, 'google/gemini-2.5-flash');
});

flow('the list of models has the shape of who asks', async (t) => {
  const gemini = await t.gemini();
  lists(gemini, ['k1']);
  const pollux = await t.pollux();

  const google = await pollux.get('/v1/models', {
    key: null,
    headers: { 'x-goog-api-key': pollux.clientKey },
  });
  assert.deepEqual(google.json, { models: LISTS.k1 });
  assert.equal((await list(pollux)).object, 'list');
});

flow('an old list is better than none', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.answers(503, { message: 'The model is overloaded.' });
  const pollux = await t.pollux({
    config: 'model "mine" { alias = "gemini-2.5-flash" }\n',
    'queue.max_wait': '0s',
  });

  const live = await pollux.get('/v1/models');
  assert.equal(live.status, 200, live.text);
  assert.deepEqual(ids(live.json), ['mine'], 'what is known without asking');
});
