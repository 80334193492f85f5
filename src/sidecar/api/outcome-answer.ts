// What came of a request to the primary, as an answer of the admin API.

import type { RefusalReason, RequestOutcome } from '../../channel/peer-change.ts';
import { type AdminAnswer, type ProblemCode, problem } from '../admin-answer.ts';

const refusals: Readonly<Record<RefusalReason, readonly [number, ProblemCode]>> = {
  'unknown-upstream': [404, 'unknown_upstream'],
  'unknown-peer': [404, 'unknown_peer'],
  'peer-exists': [409, 'peer_exists'],
  'last-peer': [409, 'last_peer'],
  tag: [412, 'precondition_failed'],
  invalid: [422, 'invalid'],
  stopping: [503, 'stopping'],
};

/** Returns the answer to a request that was not granted. */
export function answerToFailure(outcome: Exclude<RequestOutcome, { kind: 'done' }>): AdminAnswer {
  const problems = outcome.problems.map((message) => ({ path: '', message }));
  if (outcome.kind === 'refused') {
    const [status, code] = refusals[outcome.reason];
    const [first = ''] = outcome.problems;
    const message =
      outcome.reason === 'invalid' ? 'The new configuration is refused.' : `${first}.`;
    return problem(status, code, message, problems);
  }
  const { who, isRefused } = outcome;
  const [status, code] = isRefused ? ([422, 'refused'] as const) : ([503, 'failed'] as const);
  const did = isRefused ? 'refused it' : 'could not take it on';
  return problem(status, code, `Nothing is changed: ${who} ${did}.`, problems);
}
