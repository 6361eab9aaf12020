// What Google keeps for one project: files with their resumable uploads, cached contents, batches
// and long-running operations.  Nobody else's key finds them.
//
//   const belongings = new Belongings();
//   gemini.anyone.does(belongings.answer);
//
// (Gemini API reference: files, caching, batch mode, operations.)

import crypto from 'node:crypto';
import { politely } from './gemini.mjs';
import { fault } from './wire.mjs';

const NOW = '2026-11-20T12:00:00Z';
const LATER = '2026-11-22T12:00:00Z';
export const CHUNK_GRANULARITY = 8 * 1024 * 1024;

/** One project: name -> thing, and what was uploaded. */
class Project {
  things = new Map();
  uploads = new Map();

  list(kind) {
    return [...this.things.values()].filter((thing) => thing.name.startsWith(`${kind}/`));
  }
}

export class Belongings {
  uploaded = []; // bytes of each file, in the order of their last pieces
  pieces = []; // {command, offset, bytes} of each piece of an upload
  #projects = new Map();
  #count = 0;

  /** A deed for a script of Gemini's. */
  answer = async (asked) => {
    for (const [method, pattern, deed] of this.#doors) {
      const found = method === asked.method && pattern.exec(asked.path);
      if (found) return deed(asked, this.#project(asked), ...found.slice(1));
    }
    return politely(asked);
  };

  #doors = [
    ['POST', /^\/upload\/v1beta\/files$/, (...a) => this.#upload(...a)],
    ['POST', /^\/v1beta\/cachedContents$/, (...a) => this.#createCache(...a)],
    ['PATCH', /^\/v1beta\/(cachedContents\/\w+)$/, (...a) => this.#updateCache(...a)],
    ['POST', /^\/v1beta\/models\/([^:]+):batchGenerateContent$/, (...a) => this.#createBatch(...a)],
    ['POST', /^\/v1beta\/(batches\/\w+):cancel$/, (...a) => this.#cancelBatch(...a)],
    ['POST', /^\/v1beta\/models\/([^:]+):predictLongRunning$/, (...a) => this.#createVideo(...a)],
    ['GET', /^\/v1beta\/(models\/[^/]+\/operations\/\w+)$/, (...a) => this.#poll(...a)],
    ['GET', /^\/v1beta\/(files\/\w+):download$/, (...a) => this.#download(...a)],
    ['GET', /^\/v1beta\/(files|cachedContents|batches)$/, (...a) => this.#list(...a)],
    ['GET', /^\/v1beta\/((?:files|cachedContents|batches)\/\w+)$/, (...a) => this.#get(...a)],
    ['DELETE', /^\/v1beta\/((?:files|cachedContents|batches)\/\w+)$/, (...a) => this.#drop(...a)],
  ];

  #project(asked) {
    if (!this.#projects.has(asked.secret)) this.#projects.set(asked.secret, new Project());
    return this.#projects.get(asked.secret);
  }

  #name(kind) {
    return `${kind}/x${++this.#count}`;
  }

  #missing(asked, name) {
    return asked.whole(
      403,
      fault(403, { message: `You do not have permission to access ${name} or it may not exist.` }),
    );
  }

  /* ---- all of them ---- */

  #list(asked, project, kind) {
    const all = project.list(kind);
    const size = Number(asked.query.get('pageSize') ?? 10);
    const from = Number(asked.query.get('pageToken') ?? 0);
    const page = { [kind === 'batches' ? 'operations' : kind]: all.slice(from, from + size) };
    if (from + size < all.length) page.nextPageToken = String(from + size);
    return asked.whole(200, page);
  }

  #get(asked, project, name) {
    const thing = project.things.get(name);
    return thing ? asked.whole(200, thing) : this.#missing(asked, name);
  }

  #drop(asked, project, name) {
    return project.things.delete(name) ? asked.whole(200, {}) : this.#missing(asked, name);
  }

  /* ---- files ---- */

  /** The head of an upload, and its pieces at the address that the head's answer names. */
  async #upload(asked, project) {
    const id = asked.query.get('upload_id');
    const command = asked.headers['x-goog-upload-command'];
    if (command === 'start') return this.#startUpload(asked, project);
    const upload = project.uploads.get(id);
    if (!upload) return asked.whole(404, 'Not Found');
    if (command === 'query')
      return asked.whole(200, '', {
        'X-Goog-Upload-Status': 'active',
        'X-Goog-Upload-Size-Received': upload.received,
      });
    return this.#takePiece(asked, project, upload, command);
  }

  async #startUpload(asked, project) {
    const id = crypto.randomBytes(12).toString('base64url');
    project.uploads.set(id, {
      file: asked.json.file ?? {},
      mimeType: asked.headers['x-goog-upload-header-content-type'],
      size: Number(asked.headers['x-goog-upload-header-content-length']),
      pieces: [],
      received: 0,
    });
    const address = `https://generativelanguage.googleapis.com/upload/v1beta/files?upload_id=${id}`;
    return asked.whole(200, '', {
      'X-Goog-Upload-URL': `${address}&upload_protocol=resumable`,
      'X-Goog-Upload-Status': 'active',
      'X-Goog-Upload-Chunk-Granularity': CHUNK_GRANULARITY,
    });
  }

  async #takePiece(asked, project, upload, command) {
    const offset = Number(asked.headers['x-goog-upload-offset']);
    const isLast = /finalize/.test(command);
    this.pieces.push({ command, offset, bytes: asked.body.length });
    if (offset !== upload.received || (!isLast && asked.body.length % CHUNK_GRANULARITY))
      return asked.whole(400, 'Bad Request');
    upload.pieces.push(asked.body);
    upload.received += asked.body.length;
    if (!isLast) return asked.whole(200, '', { 'X-Goog-Upload-Status': 'active' });
    if (upload.received !== upload.size) return asked.whole(400, 'Bad Request');
    const file = this.#keepFile(project, Buffer.concat(upload.pieces), upload);
    return asked.whole(200, { file }, { 'X-Goog-Upload-Status': 'final' });
  }

  #keepFile(project, bytes, { file, mimeType }) {
    const name = file.name ?? this.#name('files');
    this.uploaded.push(bytes);
    const kept = {
      name,
      displayName: file.displayName,
      mimeType,
      sizeBytes: String(bytes.length),
      createTime: NOW,
      updateTime: NOW,
      expirationTime: LATER,
      sha256Hash: Buffer.from(
        crypto.createHash('sha256').update(bytes).digest('hex'),
      ).toString('base64'),
      uri: `https://generativelanguage.googleapis.com/v1beta/${name}`,
      state: 'ACTIVE',
      source: 'UPLOADED',
    };
    project.things.set(name, kept);
    project.uploads.set(name, bytes);
    return kept;
  }

  #download(asked, project, name) {
    const bytes = project.uploads.get(name);
    if (!bytes) return this.#missing(asked, name);
    return asked.whole(200, bytes, { 'Content-Type': 'video/mp4' });
  }

  /* ---- cached contents ---- */

  #createCache(asked, project) {
    const { model, displayName, ttl } = asked.json;
    const cache = {
      name: this.#name('cachedContents'),
      model,
      displayName,
      createTime: NOW,
      updateTime: NOW,
      expireTime: `in ${ttl ?? '3600s'}`,
      usageMetadata: { totalTokenCount: 4096 },
    };
    project.things.set(cache.name, cache);
    return asked.whole(200, cache);
  }

  #updateCache(asked, project, name) {
    const cache = project.things.get(name);
    if (!cache) return this.#missing(asked, name);
    const mask = asked.query.get('updateMask');
    if (mask && mask !== 'ttl')
      return asked.whole(400, fault(400, { message: `${mask} is not mutable` }));
    cache.expireTime = `in ${asked.json.ttl}`;
    return asked.whole(200, cache);
  }

  /* ---- batches and operations ---- */

  #createBatch(asked, project, model) {
    const { displayName, inputConfig } = asked.json.batch;
    const inlined = inputConfig.requests?.requests ?? [];
    const batch = {
      name: this.#name('batches'),
      metadata: {
        '@type': 'type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch',
        model: `models/${model}`,
        displayName,
        state: 'BATCH_STATE_PENDING',
        createTime: NOW,
        updateTime: NOW,
        batchStats: { requestCount: String(inlined.length) },
      },
    };
    project.things.set(batch.name, batch);
    return asked.whole(200, batch);
  }

  #cancelBatch(asked, project, name) {
    const batch = project.things.get(name);
    if (!batch) return this.#missing(asked, name);
    batch.metadata.state = 'BATCH_STATE_CANCELLED';
    return asked.whole(200, {});
  }

  /** All batches are done, each with these answers. */
  finishBatches(...texts) {
    const inlinedResponses = texts.map((text) => ({
      response: { candidates: [{ content: { role: 'model', parts: [{ text }] } }] },
    }));
    for (const project of this.#projects.values())
      for (const batch of project.list('batches')) {
        batch.done = true;
        batch.metadata.state = 'BATCH_STATE_SUCCEEDED';
        batch.metadata.output = { inlinedResponses: { inlinedResponses } };
      }
  }

  #createVideo(asked, project, model) {
    const operation = { name: this.#name(`models/${model}/operations`) };
    project.things.set(operation.name, operation);
    return asked.whole(200, operation);
  }

  /** An operation is done when it was asked after once. */
  #poll(asked, project, name) {
    const operation = project.things.get(name);
    if (!operation) return this.#missing(asked, name);
    const said = asked.whole(200, operation);
    const bytes = Buffer.from(`a video for ${name}`);
    const { uri } = this.#keepFile(project, bytes, { file: {}, mimeType: 'video/mp4' });
    const video = { uri: `${uri}:download?alt=media` };
    operation.done = true;
    operation.response = { generateVideoResponse: { generatedSamples: [{ video }] } };
    return said;
  }
}
