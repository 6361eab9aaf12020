// Embeddings, legacy completions and models with OpenAI's official SDK.

import OpenAI from 'openai';
import { assert, flow } from '../flow/harness.mjs';
import { openai, refusal } from './sdks.mjs';

const MODEL = 'gemini-2.5-flash';

/** Values that float32 holds exactly. */
const vectorOf = (text) => [text.length, -0.5, 0.25];

function embeds(gemini) {
  gemini.anyone.does((asked) =>
    asked.whole(200, {
      embeddings: asked.json.requests.map((r) => ({ values: vectorOf(r.content.parts[0].text) })),
    }),
  );
}

flow('embeddings, in the encoding that the SDK asks for by itself', async (t) => {
  const gemini = await t.gemini();
  embeds(gemini);
  const pollux = await t.pollux();
  const { embeddings } = openai(pollux);
  const model = 'gemini-embedding-001';
  const texts = Array.from({ length: 250 }, (_, i) => 'x'.repeat(i + 1));

  const one = await embeddings.create({ model, input: 'ab' });
  assert.deepEqual(Array.from(one.data[0].embedding), vectorOf('ab'));
  assert.equal(one.data[0].object, 'embedding');
  assert.ok(one.usage.prompt_tokens > 0 && one.usage.total_tokens === one.usage.prompt_tokens);

  const many = await embeddings.create({ model, input: texts });
  assert.equal(gemini.asked, 1 + 3, 'a hundred at once');
  assert.deepEqual(
    many.data.map((d) => [d.index, d.embedding[0]]),
    texts.map((text, i) => [i, text.length]),
  );

  const floats = await embeddings.create({ model, input: ['a'], encoding_format: 'float' });
  assert.deepEqual(floats.data[0].embedding, vectorOf('a'));
  const raw = await embeddings.create({ model, input: ['a'], encoding_format: 'base64' });
  assert.deepEqual(
    [...new Float32Array(Uint8Array.from(Buffer.from(raw.data[0].embedding, 'base64')).buffer)],
    vectorOf('a'),
  );
});

flow('embeddings of other dimensions are of unit length', async (t) => {
  const gemini = await t.gemini();
  embeds(gemini);
  const pollux = await t.pollux();
  const { embeddings } = openai(pollux);
  const model = 'gemini-embedding-001';

  const small = await embeddings.create({ model, input: 'a', dimensions: 3 });
  assert.equal(gemini.last.json.requests[0].outputDimensionality, 3);
  assert.ok(Math.abs(Math.hypot(...small.data[0].embedding) - 1) < 1e-6);
  assert.equal(gemini.last.json.requests[0].model, `models/${model}`);

  const tokens = await refusal(embeddings.create({ model, input: [1, 2] }), OpenAI.BadRequestError);
  assert.match(tokens.param, /^input/);
});

flow('completions, whole and streamed', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const { completions } = openai(pollux);

  const one = await completions.create({ model: MODEL, prompt: 'Say it', max_tokens: 64 });
  assert.equal(one.object, 'text_completion');
  assert.match(one.id, /^cmpl-/);
  assert.deepEqual([one.choices[0].text, one.choices[0].finish_reason], ['Hello', 'stop']);
  assert.equal(one.usage.total_tokens, 112);
  assert.equal(gemini.last.json.generationConfig.maxOutputTokens, 64);

  const two = await completions.create({ model: MODEL, prompt: ['a', 'b'], echo: true });
  assert.deepEqual(
    two.choices.map((c) => [c.index, c.text]),
    [
      [0, 'aHello'],
      [1, 'bHello'],
    ],
  );

  let said = '';
  let finish = null;
  for await (const chunk of await completions.create({
    model: MODEL,
    prompt: 'Say it',
    stream: true,
    stream_options: { include_usage: true },
  })) {
    said += chunk.choices[0]?.text ?? '';
    finish = chunk.choices[0]?.finish_reason ?? finish;
  }
  assert.deepEqual([said, finish], ['Hello', 'stop']);
});

flow('models: the list, aliases and names that search', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ 'model.gpt-4o.alias': MODEL });
  const client = openai(pollux);

  const { data } = await client.models.list();
  const ids = data.map((m) => m.id);
  assert.ok(ids.includes(MODEL) && ids.includes('gpt-4o') && ids.includes(`${MODEL}-search`));
  assert.ok(data.every((m) => m.object === 'model' && m.owned_by === 'google' && m.created > 0));

  for (const name of [MODEL, 'gpt-4o', `${MODEL}-search`, `models/${MODEL}`])
    assert.equal((await client.models.retrieve(name)).id, name.replace('models/', ''));
  const missing = await refusal(client.models.retrieve('gpt-99'), OpenAI.NotFoundError);
  assert.equal(missing.code, 'model_not_found');

  const body = { model: 'gpt-4o', messages: [{ role: 'user', content: 'hi' }] };
  assert.equal((await client.chat.completions.create(body)).model, 'gpt-4o');
  assert.match(gemini.last.path, new RegExp(`/models/${MODEL}:generateContent$`));
});
