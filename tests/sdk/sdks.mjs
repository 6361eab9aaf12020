// The official SDKs, unmodified: only base URL and key are ours.

import { ApiError, GoogleGenAI } from '@google/genai';
import OpenAI from 'openai';
import { assert } from '../flow/harness.mjs';

/** OpenAI's, and in .sent how many requests it has sent. */
export function openai(pollux, options = {}) {
  const client = new OpenAI({
    baseURL: `${pollux.url}/v1`,
    apiKey: pollux.clientKey,
    maxRetries: 0,
    ...options,
    fetch: (...args) => {
      client.sent++;
      return (options.fetch ?? fetch)(...args);
    },
  });
  client.sent = 0;
  return client;
}

/** Google's. */
export function genai(pollux, { httpOptions, ...options } = {}) {
  return new GoogleGenAI({
    apiKey: pollux.clientKey,
    httpOptions: { baseUrl: pollux.url, retryOptions: { attempts: 1 }, ...httpOptions },
    ...options,
  });
}

/** What the promise is rejected with. */
export async function refusal(promise, kind = ApiError) {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof kind, `${error.constructor.name}: ${error.message}`);
    return error;
  }
  return assert.fail('it was not refused');
}
