// Tool loops on a Gemini 3 that checks its signatures, with the official SDKs, unmodified: the
// promise is that a program needs to know nothing of signatures, whatever it does to its history.

import { assert, flow } from '../flow/harness.mjs';
import { says, SKIP, Thinker } from '../flow/lib/thinker.mjs';
import {
  ask,
  byTurns,
  checkThinker,
  fresh,
  keep,
  MODEL,
  NAMES,
  QUESTIONS,
  TOOLS,
  travel,
  TRIP,
} from './loops.mjs';
import { genai, refusal } from './sdks.mjs';

/* ---- programs that speak OpenAI's dialect ---- */

for (const [name, kept] of Object.entries(keep)) {
  const texts = kept === keep['all that it was told'];

  for (const way of Object.keys(ask)) {
    if (way.includes('helper') && texts) continue; // it forgets what OpenAI does not name
    flow(`a tool loop, ${way}; the program keeps ${name}`, async (t) => {
      const gemini = await t.gemini();
      const thinker = new Thinker(TRIP);
      gemini.anyone.does(thinker.answer);
      const pollux = await t.pollux();
      const client = fresh(pollux);

      await travel(thinker, (body) => ask[way](client, body), kept);
      checkThinker(thinker, gemini, { texts });
    });
  }

  for (const way of ['whole', 'streamed']) {
    flow(`a tool loop, ${way}, over a restart; the program keeps ${name}`, async (t) => {
      const gemini = await t.gemini();
      const thinker = new Thinker(TRIP);
      gemini.anyone.does(thinker.answer);
      const pollux = await t.pollux();

      await travel(
        thinker,
        (body) => ask[way](fresh(pollux), body),
        kept,
        (n) => (n === 1 || n === 3 ? pollux.restart() : undefined),
      );
      checkThinker(thinker, gemini, { texts });
    });

    flow(`a tool loop, ${way}, worker by worker; the program keeps ${name}`, async (t) => {
      const gemini = await t.gemini();
      const thinker = new Thinker(TRIP);
      gemini.anyone.does(thinker.answer);
      const pollux = await t.pollux({ 'log.level': 'debug' });

      await travel(thinker, byTurns(pollux, way), kept);
      checkThinker(thinker, gemini, { texts, asked: gemini.asked });
    });
  }
}

for (const stream of [false, true]) {
  flow(`runTools plays the loop by itself, stream: ${stream}`, async (t) => {
    const gemini = await t.gemini();
    const thinker = new Thinker(TRIP);
    gemini.anyone.does(thinker.answer);
    const pollux = await t.pollux();
    const ran = [];
    const tools = TOOLS.map((tool) => ({
      ...tool,
      function: { ...tool.function, function: () => `run ${ran.push(tool.function.name)}` },
    }));

    const runner = fresh(pollux).chat.completions.runTools({
      model: MODEL,
      messages: [{ role: 'user', content: QUESTIONS[0] }],
      tools,
      stream,
    });

    assert.equal(await runner.finalContent(), 'All is booked.');
    assert.deepEqual(ran, TRIP[0].flatMap((step) => step.calls).map((c) => c.name));
    checkThinker(thinker, gemini, { asked: TRIP[0].length });
  });
}

/* ---- programs that speak Gemini's own dialect ---- */

const CONFIG = {
  systemInstruction: 'Be brief.',
  thinkingConfig: { includeThoughts: true },
  tools: [{ functionDeclarations: NAMES.map((name) => ({ name, description: `Does ${name}.` })) }],
};

/** The parts of an answer, as Google's manual has them put back. */
const askNatively = {
  whole: async (ai, contents) =>
    (await ai.models.generateContent({ model: MODEL, contents, config: CONFIG })).candidates[0]
      .content.parts,
  streamed: async (ai, contents) => {
    const parts = [];
    for await (const chunk of await ai.models.generateContentStream({
      model: MODEL,
      contents,
      config: CONFIG,
    }))
      parts.push(...chunk.candidates[0].content.parts);
    return parts;
  },
};

async function travelNatively(asked, between = () => {}) {
  const contents = [];
  let n = 0;
  for (const [turn, steps] of TRIP.entries()) {
    contents.push({ role: 'user', parts: [{ text: QUESTIONS[turn] }] });
    for (const step of steps) {
      const parts = await asked(contents);
      const made = parts.filter((p) => p.functionCall).map((p) => p.functionCall);
      const spoken = parts.filter((p) => p.text && !p.thought).map((p) => p.text);
      assert.equal(spoken.join(''), step.text ?? '');
      assert.ok(parts[0].thought, 'thoughts were asked for');
      assert.deepEqual(
        made.map(({ name, args }) => ({ name, args })),
        step.calls,
      );
      contents.push({ role: 'model', parts: parts.filter((p) => !p.thought) });
      if (made.length)
        contents.push({
          role: 'user',
          parts: made.map(({ id, name }) => ({
            functionResponse: { id, name, response: { output: 'fine' } },
          })),
        });
      await between(++n);
    }
  }
}

for (const way of Object.keys(askNatively)) {
  for (const restarts of [false, true]) {
    flow(`a tool loop of Google's SDK, ${way}${restarts ? ', over a restart' : ''}`, async (t) => {
      const gemini = await t.gemini();
      const thinker = new Thinker(TRIP);
      gemini.anyone.does(thinker.answer);
      const pollux = await t.pollux();

      await travelNatively(
        (contents) => askNatively[way](genai(pollux), contents),
        (n) => (restarts && (n === 1 || n === 3) ? pollux.restart() : undefined),
      );
      checkThinker(thinker, gemini);
    });
  }
}

flow("a chat of Google's SDK keeps its signatures by itself", async (t) => {
  const gemini = await t.gemini();
  const thinker = new Thinker([[TRIP[0][0], TRIP[0][1], says('Done.')]]);
  gemini.anyone.does(thinker.answer);
  const pollux = await t.pollux();
  const chat = genai(pollux).chats.create({ model: MODEL, config: { tools: CONFIG.tools } });

  let answer = await chat.sendMessage({ message: 'Go.' });
  while (answer.functionCalls)
    answer = await chat.sendMessage({
      message: answer.functionCalls.map(({ id, name }) => ({
        functionResponse: { id, name, response: { output: 'fine' } },
      })),
    });

  assert.equal(answer.text, 'Done.');
  checkThinker(thinker, gemini, { asked: 3 });
});

/** What can be done wrong to [question, calls, results], and how Google says so. */
const WRONGS = [
  [([, model]) => delete model.parts[0].thoughtSignature, /missing a thought_signature/],
  [([, model]) => (model.parts[0].thoughtSignature = 'QUJD'), /signature is not valid/],
  [([, model]) => (model.parts[0].thoughtSignature = SKIP), /is no signature at all/],
  [([, model]) => (model.parts[0].thoughtSignature = '!'), /Base64 decoding failed/],
  [([, model]) => (model.parts[1].thoughtSignature = model.parts[0].thoughtSignature), /had none/],
  [([, model]) => (model.parts[0].functionCall.args.city = 'Rome'), /Corrupted thought signature/],
  [([, model]) => model.parts.reverse(), /does not match call/],
  [([, , user]) => user.parts.reverse(), /does not match call/],
  [([, , user]) => delete user.parts[1].functionResponse.id, /does not match call/],
  [([, , user]) => user.parts.pop(), /number of function response parts is equal/],
  [([, , user]) => user.parts.push({ text: 'and?' }), /number of function response parts is equal/],
  [([, , user]) => (user.role = 'tool'), /use a valid role/],
  [(all) => (all[1].parts = []), /parts must not be empty/],
  [(all) => all.splice(1, 1), /immediately after a function call turn/],
  [(all) => all.splice(0, 1), /immediately after a user turn/],
  [
    ([question, { parts: made }, { parts: results }], all) => {
      const by = (role, part) => ({ role, parts: [part] });
      const pairs = made.flatMap((c, k) => [by('model', c), by('user', results[k])]);
      all.splice(0, 3, question, ...pairs);
    },
    /missing a thought_signature/,
  ],
];

flow("the rules of turns are Google's, and so are its words", async (t) => {
  const gemini = await t.gemini();
  const thinker = new Thinker([[TRIP[0][0], says('Done.')]]);
  gemini.anyone.does(thinker.answer);
  const pollux = await t.pollux();
  const question = { role: 'user', parts: [{ text: 'Go.' }] };
  const parts = (await askNatively.whole(genai(pollux), [question])).filter((p) => !p.thought);
  const results = parts.map(({ functionCall: { id, name } }) => ({
    functionResponse: { id, name, response: { output: 'fine' } },
  }));
  const right = [question, { role: 'model', parts }, { role: 'user', parts: results }];
  assert.equal((await askNatively.whole(genai(pollux), right)).at(-1).text, 'Done.');

  for (const [spoil, words] of WRONGS) {
    const wrong = structuredClone(right);
    spoil(wrong, wrong);
    const error = await refusal(askNatively.whole(genai(pollux), wrong));
    assert.match(error.message, words, String(spoil));
  }
});

flow("what a native program leaves out is Google's to refuse", async (t) => {
  const gemini = await t.gemini();
  const thinker = new Thinker(TRIP);
  gemini.anyone.does(thinker.answer);
  const pollux = await t.pollux();
  const contents = [
    { role: 'user', parts: [{ text: 'Go.' }] },
    { role: 'model', parts: [{ functionCall: { name: 'seats', args: {} } }] },
    { role: 'user', parts: [{ functionResponse: { name: 'seats', response: { output: 'x' } } }] },
  ];

  for (const way of Object.keys(askNatively)) {
    const error = await refusal(askNatively[way](genai(pollux), contents));
    assert.equal(error.status, 400, way);
    assert.match(error.message, /missing a thought_signature in functionCall parts/, way);
  }
  assert.equal(gemini.asked, 2, 'native bodies are never mended');
});
