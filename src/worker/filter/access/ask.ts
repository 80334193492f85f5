// A small request to a server of the operator's own, such as one that knows who may pass. With a limit on
// time and size; redirects are not followed.

import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { RawHeaders } from '../../../core/headers.ts';

export interface Question {
  readonly url: string;
  readonly method: string;
  /** Flat list, byte strings; without Host. */
  readonly headers: RawHeaders;
  readonly timeoutMs: number;
  readonly bodyBytesMax: number;
}

export interface Answer {
  readonly status: number;
  /** Flat list, names lower-case. */
  readonly headers: RawHeaders;
  readonly body: Buffer;
}

/** Connections to such servers, kept for the next question. */
export class Asker {
  readonly #http = new HttpAgent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 16 });
  readonly #https = new HttpsAgent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 16 });

  /** Rejects with an Error that says what went wrong. */
  ask(question: Question): Promise<Answer> {
    return this.#send(question, AbortSignal.timeout(question.timeoutMs));
  }

  #send(question: Question, signal: AbortSignal): Promise<Answer> {
    const { url, method, headers, bodyBytesMax } = question;
    const isSecure = url.startsWith('https:');
    return new Promise((resolve, reject) => {
      const request = (isSecure ? httpsRequest : httpRequest)(url, {
        method,
        headers: ['host', new URL(url).host, ...headers],
        agent: isSecure ? this.#https : this.#http,
        signal,
      });
      request.once('error', (error: NodeJS.ErrnoException) => {
        // The server closed a kept connection just when we used it: nobody has seen the question.
        const isUnseen = request.reusedSocket && error.code === 'ECONNRESET';
        if (isUnseen) resolve(this.#send(question, signal));
        else reject(error);
      });
      request.once('response', (response) => gather(response, bodyBytesMax).then(resolve, reject));
      request.end();
    });
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}

async function gather(response: IncomingMessage, bytesMax: number): Promise<Answer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new Error(`an answer of more than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  const headers = response.rawHeaders.map((text, at) => (at % 2 === 0 ? text.toLowerCase() : text));
  return { status: response.statusCode ?? 0, headers, body: Buffer.concat(chunks) };
}
