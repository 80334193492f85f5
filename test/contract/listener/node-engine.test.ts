// The suites of this folder once more, on the engine node.

import { useEngine } from '../../unit/worker/listener/support/scripted-handler.ts';

useEngine('node');
await import('./responses.test.ts');
await import('./uploads.test.ts');
await import('./streaming.test.ts');
await import('./websockets.test.ts');
await import('./bad-requests.test.ts');
await import('./client-limit.test.ts');
