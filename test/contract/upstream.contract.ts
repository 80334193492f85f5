// What every transport to peers promises (core/upstream, core/sink): run by test/contract/upstream.test.ts
// for all of them. A new transport adds one line there.

import { describe, it } from 'node:test';
import { bodyTests } from './upstream/bodies.ts';
import { cancelTests } from './upstream/cancelling.ts';
import { failureTests } from './upstream/failures.ts';
import { headTests } from './upstream/heads.ts';
import { poolTests } from './upstream/pooling.ts';
import type { ContractTest, UpstreamFactory } from './upstream/stage.ts';
import { tlsTests } from './upstream/tls.ts';
import { uploadTests } from './upstream/uploads.ts';

/** Runs the contract; `skips` names tests that do not hold, each with its reason. */
export function upstreamContract(
  name: string,
  factory: UpstreamFactory,
  skips: Readonly<Record<string, string>> = {},
): void {
  const groups = {
    heads: headTests,
    bodies: bodyTests,
    uploads: uploadTests,
    pooling: poolTests,
    failures: failureTests,
    cancelling: cancelTests,
    tls: tlsTests,
  };
  describe(`upstream ${name}`, () => {
    const unused = new Set(Object.keys(skips));
    for (const [group, tests] of Object.entries(groups)) {
      describe(group, () => {
        for (const [promise, run] of Object.entries<ContractTest>(tests)) {
          unused.delete(promise);
          const skip = skips[promise] ?? false;
          it(promise, { skip, timeout: 60_000 }, (context) => run(context, factory));
        }
      });
    }
    it('skips only tests that exist', () => {
      if (unused.size > 0) throw new Error(`no such tests: ${[...unused].join(', ')}`);
    });
  });
}
