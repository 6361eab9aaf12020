// A Gemini 3 that plays a tool loop and holds its callers to Google's rules of turns and thought
// signatures: what Google would refuse is refused here, in Google's words.
//
//   const thinker = new Thinker([
//     [calls(['now', {}]), calls(['add', { n: 1 }], ['add', { n: 2 }]), says('Three.')],
//   ]);
//   gemini.anyone.does(thinker.answer);
//
// A turn of the user's is a list of steps, each one answer.  Which one is due it sees from the
// history alone, so the same question may be asked twice, by whomever.  Every answer has
// signatures and ids of its own, and what comes back has to be one of the answers as it was given.
// (Gemini API: function calling, thought signatures.)

import { isDeepStrictEqual } from 'node:util';
import crypto from 'node:crypto';
import { fault, USAGE } from './wire.mjs';

export const SKIP = 'skip_thought_signature_validator';

const THOUGHT = 'Which tools are needed?';

/** A step that calls functions, all at once: [name, args] each. */
export const calls = (...all) => ({ calls: all.map(([name, args]) => ({ name, args })) });

/** A step that says something; with calls behind it where they are given. */
export const says = (text, step = { calls: [] }) => ({ ...step, text });

const sign = () => crypto.randomBytes(96).toString('base64');
const asRead = (value) => JSON.parse(JSON.stringify(value));
const callsOf = (content) => content.parts.filter((p) => p.functionCall);
const resultsOf = (content) => content.parts.filter((p) => p.functionResponse);
const isResult = (content) => content.parts.every((p) => p.functionResponse);
const isAsking = (content) => content.role === 'user' && !isResult(content);

class Refusal extends Error {}

function refuse(message) {
  throw new Refusal(message);
}

export class Thinker {
  skips = 0; // calls that came with the placeholder
  unsigned = 0; // first calls of steps of earlier turns that came without a signature
  unsignedTexts = 0; // texts that were signed and came without it
  refusals = []; // what it did not let pass
  #turns;
  #allowsSkips;
  #isForgetful = false;
  #ids = 0;
  #answers = new Map(); // signature -> the calls of its answer
  #texts = new Map(); // text -> its signatures

  /** allowsSkips: the placeholder is as good as a signature. */
  constructor(turns, { allowsSkips = false } = {}) {
    this.#turns = turns;
    this.#allowsSkips = allowsSkips;
  }

  /** From now on no signature that it gave is good: as with a key of another project. */
  forgets() {
    this.#isForgetful = true;
  }

  get signatures() {
    return [...this.#answers.keys(), ...[...this.#texts.values()].flat()];
  }

  /** A deed for a script of Gemini's. */
  answer = async (asked) => {
    const question = asked.json;
    try {
      this.#check(question.contents);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.refusals.push(error.message);
      const refusal = fault(400, { message: error.message });
      return asked.whole(400, asked.streams && !asked.wantsEvents ? [refusal] : refusal);
    }
    const answer = this.#give(this.#due(question.contents));
    if (question.generationConfig?.thinkingConfig?.includeThoughts)
      answer.pieces.unshift([{ text: THOUGHT, thought: true }]);
    return asked.streams
      ? asked.stream(...this.#chunks(answer))
      : asked.whole(200, this.#chunk(answer.pieces.flat(), 'STOP'));
  };

  /* ---- what it says ---- */

  #due(contents) {
    const turn = contents.filter(isAsking).length - 1;
    const last = contents.findLastIndex(isAsking);
    const step = contents.slice(last).filter((c) => callsOf(c).length).length;
    return this.#turns[turn]?.[step] ?? says('There is nothing more to say.');
  }

  /** The parts of an answer, in the pieces that a stream has them in. */
  #give(step) {
    const signature = sign();
    if (step.calls.length === 0) {
      this.#texts.set(step.text, [...(this.#texts.get(step.text) ?? []), signature]);
      return { pieces: [[{ text: step.text, thoughtSignature: signature }]] };
    }
    const made = step.calls.map((c) => ({ id: `fc-${++this.#ids}`, ...asRead(c) }));
    this.#answers.set(signature, made);
    const parts = step.calls.map((c, i) => ({ functionCall: { ...c, id: made[i].id } }));
    parts[0].thoughtSignature = signature;
    // Every other answer has its calls apart: both are seen.
    const pieces = this.#answers.size % 2 ? parts.map((p) => [p]) : [parts];
    if (step.text) pieces.unshift([{ text: step.text }]);
    return { pieces };
  }

  #chunk(parts, finishReason) {
    return {
      candidates: [{ content: { parts, role: 'model' }, index: 0, finishReason }],
      usageMetadata: USAGE,
      modelVersion: 'gemini-3-flash-preview',
      responseId: 'r-1',
    };
  }

  /** STOP comes last, on an empty text; the signature of a text rides on that. */
  #chunks({ pieces }) {
    const last = { text: '' };
    const chunks = pieces.map((parts) =>
      this.#chunk(
        parts.map((part) => {
          if (part.text === undefined || !part.thoughtSignature) return part;
          const { thoughtSignature, ...plain } = part;
          last.thoughtSignature = thoughtSignature;
          return plain;
        }),
      ),
    );
    return [...chunks, this.#chunk([last], 'STOP')];
  }

  /* ---- what it refuses ---- */

  #check(contents) {
    if (!contents?.length) refuse('* GenerateContentRequest.contents: contents is not specified');
    for (const [i, { role, parts }] of contents.entries()) {
      if (role !== 'user' && role !== 'model') refuse('Please use a valid role: user, model.');
      if (!parts?.length)
        refuse(
          `* GenerateContentRequest.contents[${i}].parts: contents.parts must not be empty.\n`,
        );
    }
    const current = contents.findLastIndex(isAsking);
    for (const [i, content] of contents.entries()) {
      this.#checkOrder(contents, i);
      this.#checkSignatures(content, i, i > current);
    }
  }

  /** Calls follow the user, and the results follow them: as many, and in their order. */
  #checkOrder(contents, i) {
    const made = callsOf(contents[i]);
    const before = contents[i - 1];
    if (resultsOf(contents[i]).length && !(before && callsOf(before).length))
      refuse(
        'Please ensure that function response turn comes immediately after a function call turn.',
      );
    if (!made.length) return;
    if (contents[i].role !== 'model') refuse('Please ensure that a model makes function calls.');
    if (before?.role !== 'user')
      refuse(
        'Please ensure that function call turn comes immediately after a user turn or after a ' +
          'function response turn.',
      );
    const results = contents[i + 1] ? resultsOf(contents[i + 1]) : [];
    if (results.length !== made.length || !isResult(contents[i + 1]))
      refuse(
        'Please ensure that the number of function response parts is equal to the number of ' +
          'function call parts of the function call turn.',
      );
    for (const [k, { functionResponse: result }] of results.entries()) {
      const { id, name } = made[k].functionCall;
      if (result.name !== name || result.id !== id)
        refuse(
          `Function response ${result.name} (${result.id}) does not match call ${name} (${id}).`,
        );
      if (typeof result.response !== 'object' || Array.isArray(result.response))
        refuse(`Invalid value at 'contents[${i + 1}].parts[${k}].function_response.response'.`);
    }
  }

  #checkSignatures(content, i, isCurrent) {
    const made = callsOf(content);
    for (const [k, part] of content.parts.entries()) {
      const signature = part.thoughtSignature;
      if (signature !== undefined && !/^[\w+/-]+={0,2}$/.test(signature))
        refuse(
          `Invalid value at 'contents[${i}].parts[${k}].thought_signature' (TYPE_BYTES), ` +
            `Base64 decoding failed for "${signature}"`,
        );
      if (!part.functionCall) this.#checkText(part);
      else if (part !== made[0] && signature !== undefined)
        refuse('Thought signature is not valid: this call had none.');
    }
    if (made.length) this.#checkStep(made, i, isCurrent);
  }

  #checkText({ text, thoughtSignature: signature }) {
    if (signature === undefined) this.unsignedTexts += this.#texts.has(text) ? 1 : 0;
    else if (this.#isForgetful || !this.signatures.includes(signature))
      refuse('Thought signature is not valid');
  }

  #checkStep(made, i, isCurrent) {
    const signature = made[0].thoughtSignature;
    if (signature === SKIP) {
      this.skips++;
      if (!this.#allowsSkips) refuse('Thought signature is not valid: it is no signature at all.');
      return;
    }
    const { name } = made[0].functionCall;
    if (signature === undefined && isCurrent)
      refuse(
        'Function call is missing a thought_signature in functionCall parts. This is required ' +
          'for tools to work correctly, and missing thought_signature may lead to degraded model ' +
          `performance. Additional data, function call \`default_api:${name}\` , position ` +
          `${i + 1}.`,
      );
    if (signature === undefined) this.unsigned++;
    else this.#checkGiven(made, signature);
  }

  /** The step is the answer that this signature was given with, or the beginning of it. */
  #checkGiven(made, signature) {
    const given = this.#isForgetful ? undefined : this.#answers.get(signature);
    if (!given) refuse('Thought signature is not valid');
    for (const [k, { functionCall: call }] of made.entries())
      if (!isDeepStrictEqual({ args: {}, ...call }, given[k]))
        refuse(`Corrupted thought signature: call ${k} is ${JSON.stringify(call)}.`);
  }
}
