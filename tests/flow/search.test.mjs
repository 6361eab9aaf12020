// Searches and code that Google runs itself: how they are asked for, and how they are shown.

import { assert, flow } from './harness.mjs';
import { tool, turn } from './lib/parts.mjs';

/* Mapping 12.5: Google counts bytes, OpenAI's programs count characters. */
const GROUNDED = turn([{ text: 'Zürich: 21 °C.' }], {
  candidate: {
    groundingMetadata: {
      webSearchQueries: ['zürich'],
      groundingChunks: [{ web: { uri: 'https://a.example/w', title: 'A' } }],
      groundingSupports: [
        { segment: { endIndex: 16, text: 'Zürich: 21 °C.' }, groundingChunkIndices: [0] },
        { segment: { startIndex: 9, endIndex: 16 }, groundingChunkIndices: [0, 7] },
      ],
    },
  },
});

const cited = (from, to) => ({
  type: 'url_citation',
  url_citation: { start_index: from, end_index: to, url: 'https://a.example/w', title: 'A' },
});

flow('a search is asked for in three ways, and its sources are told as annotations', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.gives(GROUNDED);
  const pollux = await t.pollux();

  for (const fields of [
    { web_search_options: {} },
    { tools: [{ type: 'web_search' }] },
    { model: 'gemini-2.5-flash-search' },
  ]) {
    const whole = await pollux.chat('hi', fields);
    assert.deepEqual(gemini.last.json.tools, [{ googleSearch: {} }], JSON.stringify(fields));
    assert.equal(gemini.last.path, '/v1beta/models/gemini-2.5-flash:generateContent');
    assert.equal(whole.json.model, fields.model ?? 'gemini-2.5-flash');
    const { message } = whole.json.choices[0];
    assert.deepEqual(message.annotations, [cited(0, 14), cited(8, 14)]);
    assert.deepEqual(
      message.extra_content.google.grounding_metadata,
      GROUNDED.candidates[0].groundingMetadata,
    );

    const streamed = await pollux.chat('hi', { ...fields, stream: true });
    assert.equal(streamed.text, 'Zürich: 21 °C.');
    const told = streamed.chunks.findIndex((c) => c.choices[0]?.delta.annotations);
    const end = streamed.chunks.findIndex((c) => c.choices[0]?.finish_reason);
    assert.ok(told >= 0 && told <= end);
    assert.deepEqual(streamed.chunks[told].choices[0].delta.annotations, [
      cited(0, 14),
      cited(8, 14),
    ]);
  }
});

flow(
  'search beside functions: both where the model can, else functions win and it is said',
  async (t) => {
    const gemini = await t.gemini();
    const pollux = await t.pollux();
    const fields = { tools: [tool('a', {})], web_search_options: {} };

    const old = await pollux.chat('hi', fields);
    assert.equal(gemini.last.json.tools.length, 1);
    assert.ok(gemini.last.json.tools[0].functionDeclarations);
    assert.match(old.headers['x-pollux-ignored'], /web_search_options/);

    gemini.anyone.says('Hello');
    const today = await pollux.chat('hi', { ...fields, model: 'gemini-3.5-flash' });
    assert.deepEqual(gemini.last.json.tools.map((x) => Object.keys(x)[0]).sort(), [
      'functionDeclarations',
      'googleSearch',
    ]);
    assert.equal(gemini.last.json.toolConfig.includeServerSideToolInvocations, true);
    assert.equal(today.headers['x-pollux-ignored'], undefined);
  },
);

flow('code that Gemini ran is shown in fenced blocks', async (t) => {
  const gemini = await t.gemini();
  gemini.anyone.gives(
    turn([
      { text: 'So:' },
      { executableCode: { language: 'PYTHON', code: 'print(6 * 7)' } },
      { codeExecutionResult: { outcome: 'OUTCOME_OK', output: '42\n' } },
      { text: 'It is 42.' },
    ]),
  );
  const pollux = await t.pollux();

  for (const stream of [false, true]) {
    const { text } = await pollux.chat('hi', {
      stream,
      extra_body: { google: { tools: [{ codeExecution: {} }] } },
    });
    assert.equal(text, 'So:\n```python\nprint(6 * 7)\n```\n\n```\n42\n```\nIt is 42.');
    assert.deepEqual(gemini.last.json.tools, [{ codeExecution: {} }]);
  }
});
