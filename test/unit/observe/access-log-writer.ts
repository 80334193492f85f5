// A process that logs LINES exchanges to standard output: `access-log-writer.ts LINES [BUFFER_BYTES]`.
// Reports its drops on standard error when a buffer size was given.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { AccessLog } from '../../../src/observe/access-log.ts';
import { finishedExchange } from './finished-exchange.ts';

const [lines = '0', bufferBytes] = process.argv.slice(2);
const log = new AccessLog({
  format: 'json',
  file: '-',
  onProblem: () => {},
  ...(bufferBytes === undefined ? {} : { bufferBytesMax: Number(bufferBytes) }),
});
for (let at = 0; at < Number(lines); at += 1) {
  log.record(finishedExchange({ target: `/${at}`, userAgent: 'x'.repeat(at % 500) }), 1);
  if (at % 10 === 0) await nextTurn();
}
await log.close(bufferBytes === undefined ? 30_000 : 200);
if (bufferBytes !== undefined) process.stderr.write(JSON.stringify({ drops: log.drops }));
process.exit(0);
