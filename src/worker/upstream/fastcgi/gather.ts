// Gathers a request body whose length nobody declared: an application is told it before the first byte.

import { ProxyError } from '../../../core/errors.ts';
import type { RequestBody } from '../../../core/request-body.ts';

/** Calls `done` once with the whole body, or with why there is none; it may call at once. */
export function gather(
  body: RequestBody,
  bytesMax: number,
  done: (result: Uint8Array | ProxyError) => void,
): void {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let isOver = false;
  const settle = (result: Uint8Array | ProxyError) => {
    if (isOver) return;
    isOver = true;
    done(result);
  };
  body.pipe({
    start() {},
    write(chunk) {
      if (isOver) return true;
      bytes += chunk.length;
      if (bytes > bytesMax) settle(new ProxyError('length_required'));
      else chunks.push(Uint8Array.from(chunk));
      return true;
    },
    end: () => settle(Buffer.concat(chunks)),
    fail: settle,
  });
}
