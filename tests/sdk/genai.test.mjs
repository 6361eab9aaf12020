// Google's official SDK, unmodified: only base URL and key are ours.

import { ApiError, GoogleGenAI } from '@google/genai';
import { assert, deferred, fault, flow, PER_DAY, piece } from '../flow/harness.mjs';

const MODEL = 'gemini-2.5-flash';
const HI = { model: MODEL, contents: 'hi' };

function sdk(pollux, options = {}) {
  return new GoogleGenAI({
    apiKey: pollux.clientKey,
    httpOptions: { baseUrl: pollux.url, retryOptions: { attempts: 1 } },
    ...options,
  });
}

async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof ApiError, `${error.constructor.name}: ${error.message}`);
    return error;
  }
  return assert.fail('it was not refused');
}

flow('models.generateContent', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();

  const answer = await sdk(pollux).models.generateContent({
    ...HI,
    config: { temperature: 0.5, systemInstruction: 'Be brief.' },
  });

  assert.equal(answer.text, 'Hello');
  assert.equal(answer.candidates[0].finishReason, 'STOP');
  assert.equal(answer.usageMetadata.totalTokenCount, 112);
  assert.equal(gemini.last.json.generationConfig.temperature, 0.5);
  assert.equal(gemini.last.json.systemInstruction.parts[0].text, 'Be brief.');
  assert.equal(gemini.last.secret, t.secret('k1'));
});

flow('models.generateContentStream', async (t) => {
  const gemini = await t.gemini();
  const next = deferred();
  gemini.anyone.does(async (asked) => {
    await asked.begin();
    await asked.event(piece('Hel'));
    await next.promise;
    await asked.event(piece('lo', { finish: 'STOP' }));
    await asked.end();
  });
  const pollux = await t.pollux();

  const said = [];
  for await (const chunk of await sdk(pollux).models.generateContentStream(HI)) {
    said.push(chunk.text);
    next.resolve(); // the second is said when the first was heard
  }
  assert.deepEqual(said, ['Hel', 'lo']);
});

flow('chats keep their turns', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const chat = sdk(pollux).chats.create({ model: MODEL });

  await chat.sendMessage({ message: 'one' });
  await chat.sendMessage({ message: 'two' });

  assert.deepEqual(
    gemini.last.json.contents.map((c) => [c.role, c.parts[0].text]),
    [
      ['user', 'one'],
      ['model', 'Hello'],
      ['user', 'two'],
    ],
  );
});

flow('models.countTokens and models.embedContent', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const ai = sdk(pollux);

  assert.equal((await ai.models.countTokens(HI)).totalTokens, 7);
  const one = await ai.models.embedContent({ model: MODEL, contents: 'a' });
  assert.deepEqual(one.embeddings[0].values, [0.25, -0.5, 1]);
  const two = await ai.models.embedContent({ model: MODEL, contents: ['a', 'b'] });
  assert.equal(two.embeddings.length, 2);
  assert.match(gemini.last.path, /:batchEmbedContents$/);
});

flow('models.list and models.get', async (t) => {
  await t.gemini();
  const pollux = await t.pollux();
  const ai = sdk(pollux);

  const names = [];
  for await (const model of await ai.models.list()) names.push(model.name);
  assert.ok(names.includes(`models/${MODEL}`));
  assert.equal((await ai.models.get({ model: MODEL })).name, `models/${MODEL}`);
});

flow("errors carry the status and Google's words", async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux({ 'queue.max_wait': '0s' });
  const ai = sdk(pollux);

  assert.equal(
    (await refusal(sdk(pollux, { apiKey: 'a-stranger-of-some-length' }).models.generateContent(HI)))
      .status,
    401,
  );
  assert.equal((await refusal(ai.models.generateContent({ ...HI, model: 'gpt-99' }))).status, 404);
  gemini.anyone.answers(400, { message: 'No, for a reason of mine.' });
  const bad = await refusal(ai.models.generateContent(HI));
  assert.equal(bad.status, 400);
  assert.match(bad.message, /No, for a reason of mine\./);
  assert.equal((await refusal(ai.models.generateContentStream(HI))).status, 400);
  gemini.anyone.answers(429, { quotaId: PER_DAY });
  assert.equal((await refusal(ai.models.generateContent(HI))).status, 429);
});

flow("a key that is spent is not the program's affair", async (t) => {
  const gemini = await t.gemini();
  gemini.for('k1').answers(429, { quotaId: PER_DAY });
  gemini.for('k2').resets();
  const pollux = await t.pollux({ keys: ['k1', 'k2', 'k3'], 'pool.pick': 'order' });

  assert.equal((await sdk(pollux).models.generateContent(HI)).text, 'Hello');
});

flow('what breaks in the middle is raised in the middle', async (t) => {
  const gemini = await t.gemini();
  const pollux = await t.pollux();
  const breaks = {
    "an error of Gemini's": async (asked) => {
      await asked.chunk(`${JSON.stringify(fault(503))}\n`);
      await asked.end();
    },
    'a cut': async (asked) => asked.cut(),
  };

  for (const [name, how] of Object.entries(breaks)) {
    const first = deferred();
    gemini.anyone.does(async (asked) => {
      await asked.begin();
      await asked.event(piece('Hel'));
      await first.promise;
      await how(asked);
    });
    let heard = '';
    const error = await refusal(
      (async () => {
        for await (const chunk of await sdk(pollux).models.generateContentStream(HI)) {
          heard += chunk.text;
          first.resolve();
        }
      })(),
    );
    assert.equal(heard, 'Hel', name);
    assert.ok(error.status >= 500, `${name}: ${error.message}`);
    await pollux.thaw();
  }
});

flow('a program that gives up stops Gemini', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.hangs();
  const pollux = await t.pollux();
  const abort = new AbortController();
  const asking = sdk(pollux)
    .models.generateContent({ ...HI, config: { abortSignal: abort.signal } })
    .catch((e) => e);
  await gemini.request(1);

  abort.abort();

  assert.ok((await asking) instanceof Error);
  await gemini.last.aborted();
});
