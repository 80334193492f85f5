// Malformed requests, streams and WebSockets through whole processes once more, on the engine node.

import { useEngine } from '../support/sluice.ts';

useEngine('node');
await import('./malformed.test.ts');
await import('./streaming.test.ts');
await import('./websocket.test.ts');
