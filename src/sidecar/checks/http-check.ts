// The check that a request is answered as expected, by HTTP/1.1 on a connection of its own: what a new
// client would meet.

import { type IncomingMessage, request } from 'node:http';
import { openCheckSocket } from './check-socket.ts';
import type { CheckOutcome, CheckTarget } from './check-target.ts';
import { type Deadline, startDeadline } from './deadline.ts';
import { failureText } from './tcp-check.ts';

/** Of a longer answer the rest is not looked at. */
const bodyBytesMax = 64 * 1024;
const headBytesMax = 16 * 1024;

/** Asks and judges; never throws. */
export function checkHttp(target: CheckTarget): Promise<CheckOutcome> {
  const { settings, authority } = target;
  const asked = request({
    method: settings.method,
    path: settings.path,
    createConnection: () => openCheckSocket(target),
    maxHeaderSize: headBytesMax,
    headers: {
      host: settings.host ?? authority,
      'user-agent': 'sluice-health-check',
      accept: '*/*',
      connection: 'close',
    },
  });
  const deadline = startDeadline(settings.timeoutMs, () => asked.destroy());
  asked.once('response', (answer) => {
    const status = answer.statusCode ?? 0;
    if (!isExpected(status, settings.status)) deadline.settle(`status ${status}`);
    else if (settings.body === null || settings.method === 'HEAD') deadline.settle('');
    readBody(answer, settings.body, deadline);
  });
  asked.once('upgrade', (_answer, socket) => {
    deadline.settle('status 101');
    socket.destroy();
  });
  asked.on('error', (error) => deadline.settle(failureText(error)));
  asked.once('close', () => deadline.settle('the connection was closed'));
  asked.end();
  return deadline.outcome;
}

/** Reads on when all is said, a little: a peer that is cut in mid-answer has errors in its log. */
function readBody(answer: IncomingMessage, wanted: string | null, deadline: Deadline): void {
  const parts: Buffer[] = [];
  let byteCount = 0;
  const isThere = () => wanted !== null && Buffer.concat(parts).includes(wanted);
  answer.on('data', (chunk: Buffer) => {
    byteCount += chunk.length;
    if (wanted !== null) parts.push(chunk);
    if (byteCount < bodyBytesMax) return;
    deadline.settle(isThere() ? '' : missing);
    answer.destroy();
  });
  answer.once('end', () => deadline.settle(isThere() ? '' : missing));
  answer.on('error', (error) => deadline.settle(failureText(error)));
}

const missing = 'the text is not in the answer';

/** Tells whether a status is in a list such as `200-399,418`. */
export function isExpected(status: number, ranges: string): boolean {
  return ranges.split(',').some((range) => {
    const [from, to = from] = range.split('-').map(Number) as [number, number?];
    return status >= from && status <= to;
  });
}
