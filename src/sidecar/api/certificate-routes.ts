// The routes of the admin API about certificates that Sluice gets by itself: how they are, and orders to
// renew or revoke one now.

import { type AdminAnswer, json, problem } from '../admin-answer.ts';
import type { AdminRoute } from '../admin-routes.ts';
import { problemOf } from '../certificates/acme/problem.ts';
import { type RevocationReason, revocationReasons } from '../certificates/acme/revoke.ts';
import type { AcmeCertificates } from '../certificates/acme-certificates.ts';
import type { ManagedState } from '../certificates/managed-certificate.ts';

type Desk = Pick<AcmeCertificates, 'states' | 'renew' | 'revoke'>;

/** Creates GET /api/certificates, and POST …/{name}/renew and …/{name}/revoke. */
export function createCertificateRoutes(desk: () => Desk): AdminRoute[] {
  return [
    {
      method: 'GET',
      path: '/api/certificates',
      answer: () => json(200, { certificates: desk().states.map(viewOf) }),
    },
    {
      method: 'POST',
      path: '/api/certificates/{name}/renew',
      answer: ({ params }) => renew(desk(), params['name']!),
    },
    {
      method: 'POST',
      path: '/api/certificates/{name}/revoke',
      answer: ({ params, body }) => revoke(desk(), params['name']!, body),
    },
  ];
}

async function renew(desk: Desk, name: string): Promise<AdminAnswer> {
  const failure = await desk.renew(name);
  if (failure === undefined) return unknown(name);
  if (failure !== null) return problem(503, 'failed', `It could not be renewed: ${failure}`);
  return stateOf(desk, name);
}

async function revoke(desk: Desk, name: string, body: unknown): Promise<AdminAnswer> {
  const reason = readReason(body);
  if (reason === null) {
    const message = `expected one of ${Object.keys(revocationReasons).join(', ')}`;
    return problem(422, 'invalid', 'The body is not valid.', [{ path: 'reason', message }]);
  }
  try {
    return (await desk.revoke(name, reason)) ? stateOf(desk, name) : unknown(name);
  } catch (error) {
    return problem(503, 'failed', `It could not be revoked: ${problemOf(error).message}`);
  }
}

function stateOf(desk: Desk, name: string): AdminAnswer {
  const state = desk.states.find((one) => one.name === name);
  return state === undefined ? unknown(name) : json(200, viewOf(state));
}

function unknown(name: string): AdminAnswer {
  return problem(404, 'unknown_certificate', `No certificate is kept for '${name}'.`);
}

/** Null when it is none; left out, no reason is given. */
function readReason(body: unknown): RevocationReason | null {
  if (body === undefined) return 'unspecified';
  const { reason, ...others } = (body ?? {}) as Record<string, unknown>;
  const isKnown = typeof reason === 'string' && Object.hasOwn(revocationReasons, reason);
  return isKnown && Object.keys(others).length === 0 ? (reason as RevocationReason) : null;
}

function viewOf(state: ManagedState): Record<string, unknown> {
  const { current } = state;
  return {
    name: state.name,
    state: state.state,
    authority: current?.authority ?? null,
    serial: current?.serial ?? null,
    notBefore: dateOf(current?.notBeforeMs ?? null),
    notAfter: dateOf(current?.notAfterMs ?? null),
    renewAt: dateOf(state.renewAtMs),
    failures: state.failures,
    problem: state.problem,
    retryAt: dateOf(state.retryAtMs),
  };
}

function dateOf(atMs: number | null): string | null {
  return atMs === null ? null : new Date(atMs).toISOString();
}
