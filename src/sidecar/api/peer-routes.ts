// The routes of the admin API: upstreams and their peers, changes of peers, a reload. Every change is made
// by the primary in all workers, or in none, before its answer comes.

import type { PeerChange, RequestOutcome } from '../../channel/peer-change.ts';
import { readPeerUrl } from '../../config/addresses.ts';
import { type LivePeer, peersTag } from '../../config/live-peer.ts';
import { peerId } from '../../core/peer.ts';
import { type AdminAnswer, json, problem } from '../admin-answer.ts';
import type { AdminRequest, AdminRoute } from '../admin-routes.ts';
import type { PrimaryRequests } from '../primary-requests.ts';
import { answerToFailure } from './outcome-answer.ts';
import { type Sight, tagOfAll, viewAll, viewOne } from './upstream-view.ts';

export interface PeerRoutesOptions {
  readonly requests: Pick<PrimaryRequests, 'changePeers' | 'reload'>;
  /** The peers of an upstream that are live; none when there is no such upstream. */
  readonly peersOf: (upstream: string) => readonly LivePeer[];
  /** Looks at everything; asks the workers for their metrics. */
  readonly look: () => Promise<Sight>;
}

/** Creates the routes below /api/upstreams, POST /api/reload and GET /api/openapi.json. */
export function createPeerRoutes(options: PeerRoutesOptions): AdminRoute[] {
  const { requests, look } = options;
  const upstreams = '/api/upstreams';
  const peers = `${upstreams}/{name}/peers`;
  return [
    { method: 'GET', path: upstreams, answer: async () => showAll(await look()) },
    {
      method: 'GET',
      path: `${upstreams}/{name}`,
      answer: async ({ params }) => showOne(await look(), params['name']!),
    },
    {
      method: 'GET',
      path: `${peers}/{id}`,
      answer: async ({ params }) => showPeer(await look(), params['name']!, urlOf(params), 200),
    },
    { method: 'POST', path: peers, answer: (request) => add(options, request) },
    { method: 'PATCH', path: `${peers}/{id}`, answer: (request) => alter(options, request) },
    { method: 'DELETE', path: `${peers}/{id}`, answer: (request) => remove(options, request) },
    { method: 'POST', path: '/api/reload', answer: async () => reloaded(await requests.reload()) },
    { method: 'GET', path: '/api/openapi.json', answer: showDescription },
  ];
}

function showAll(sight: Sight): AdminAnswer {
  return json(200, viewAll(sight), { etag: tagOfAll(sight.config.upstreams) });
}

function showOne(sight: Sight, name: string): AdminAnswer {
  const view = viewOne(sight, name);
  return view === null ? unknownUpstream(name) : json(200, view, { etag: view.etag });
}

function showPeer(sight: Sight, name: string, url: string, status: 200 | 201): AdminAnswer {
  const view = viewOne(sight, name);
  if (view === null) return unknownUpstream(name);
  const peer = view.peers.find((one) => one.url === url);
  if (peer === undefined) return problem(404, 'unknown_peer', `${url} is not a peer of '${name}'.`);
  const headers = { etag: view.etag, ...(status === 201 ? { location: pathOf(name, url) } : {}) };
  return json(status, peer, headers);
}

async function add(options: PeerRoutesOptions, request: AdminRequest): Promise<AdminAnswer> {
  const read = await readBody(request, 'peer');
  if ('answer' in read) return read.answer;
  const change = { kind: 'add', peer: read.value } as const;
  return make(options, request, { change, url: read.value.url, status: 201 });
}

async function alter(options: PeerRoutesOptions, request: AdminRequest): Promise<AdminAnswer> {
  const read = await readBody(request, 'patch');
  if ('answer' in read) return read.answer;
  const url = urlOf(request.params);
  return make(options, request, {
    change: { kind: 'alter', url, change: read.value },
    url,
    status: 200,
  });
}

async function remove(options: PeerRoutesOptions, request: AdminRequest): Promise<AdminAnswer> {
  const { requests, peersOf } = options;
  const name = request.params['name']!;
  const change = { kind: 'remove', url: urlOf(request.params) } as const;
  const outcome = await requests.changePeers(name, change, request.ifMatch);
  if (outcome.kind !== 'done') return answerToFailure(outcome);
  return { status: 204, contentType: '', body: '', headers: { etag: peersTag(peersOf(name)) } };
}

interface Making {
  readonly change: PeerChange;
  readonly url: string;
  readonly status: 200 | 201;
}

async function make(
  { requests, look }: PeerRoutesOptions,
  { params, ifMatch }: AdminRequest,
  { change, url, status }: Making,
): Promise<AdminAnswer> {
  const name = params['name']!;
  const outcome = await requests.changePeers(name, change, ifMatch);
  if (outcome.kind !== 'done') return answerToFailure(outcome);
  return showPeer(await look(), name, url, status);
}

function reloaded(outcome: RequestOutcome): AdminAnswer {
  if (outcome.kind !== 'done') return answerToFailure(outcome);
  return json(200, { version: outcome.version, isChanged: outcome.isChanged });
}

async function showDescription(): Promise<AdminAnswer> {
  const { describeApi } = await import('./openapi.ts');
  return json(200, describeApi());
}

/** The schema is loaded with the first body: a sidecar that is never written to does without. */
async function readBody<Kind extends 'peer' | 'patch'>({ body }: AdminRequest, kind: Kind) {
  const { readPeer, readPeerPatch } = await import('../../config/read-peers.ts');
  const { ConfigError } = await import('../../config/problem.ts');
  type Value = ReturnType<Kind extends 'peer' ? typeof readPeer : typeof readPeerPatch>;
  try {
    return { value: (kind === 'peer' ? readPeer(body) : readPeerPatch(body)) as Value };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const problems = error.problems.map(({ path, message, suggestion }) => {
      return { path, message: suggestion ? `${message}; did you mean '${suggestion}'?` : message };
    });
    return { answer: problem(422, 'invalid', 'The body is not valid.', problems) };
  }
}

/** A peer is named by its id or its URL, in any spelling of the latter. */
function urlOf(params: AdminRequest['params']): string {
  const id = params['id']!;
  const prefix = peerId(params['name']!, '');
  const url = id.startsWith(prefix) ? id.slice(prefix.length) : id;
  return readPeerUrl(url) ?? url;
}

function pathOf(name: string, url: string): string {
  return `/api/upstreams/${encodeURIComponent(name)}/peers/${encodeURIComponent(url)}`;
}

function unknownUpstream(name: string): AdminAnswer {
  return problem(404, 'unknown_upstream', `No upstream is called '${name}'.`);
}
