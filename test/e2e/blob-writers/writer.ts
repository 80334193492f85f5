// A process that puts blobs into a directory until it is killed: `node writer.ts DIRECTORY SEED BYTES`.
// Bodies tell whose they are: the key's number over and over, after the seed of their writer.

import { BlobKeeper } from '../../../src/std/blobs/blob-keeper.ts';
import { BlobStore } from '../../../src/std/blobs/blob-store.ts';
import { createSeededRandom } from '../../support/random.ts';
import { bodyOf, headOf, keyOf, keysMax } from './written.ts';

const [directory = '', seed = '0', bytesMax = '0'] = process.argv.slice(2);
const random = createSeededRandom(Number(seed));
const blobBytesMax = 2 ** 20;
const store = new BlobStore({
  ...{ directory, bytesMax: Number(bytesMax), blobBytesMax },
  wallMs: () => Date.now(),
});
await store.open();
// One of them keeps order, as the sidecar does, and dies as well.
const keeper = Number(seed) % 4 === 0 ? new BlobKeeper(store) : null;
process.stdout.write('up\n');
const endsAtMs = performance.now() + 20_000;
while (performance.now() < endsAtMs) {
  const at = random.below(keysMax);
  const body = bodyOf(at, 1 + random.below(40_000));
  await Promise.all([
    store.put(keyOf(at), headOf(at), body),
    store.put(keyOf(at + 1), headOf(at + 1), bodyOf(at + 1, 1 + random.below(5000))),
  ]);
  if (random.below(10) === 0) await store.remove(store.index.find(keyOf(at).high, keyOf(at).low));
  if (keeper !== null) await keeper.look();
}
