// The description of the admin API (OpenAPI 3.1). What can be sent is taken from the configuration's own
// schema; test/e2e/peers.test.ts compares every answer here with what the routes really say.

import { peerJsonSchemas } from '../../config/read-peers.ts';
import { problemCodes } from '../admin-answer.ts';
import { answerSchemas } from './answer-schemas.ts';
import { cachePaths, cacheSchemas } from './openapi-cache.ts';
import { certificatePaths, certificateSchemas } from './openapi-certificates.ts';

const reference = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const jsonOf = (name: string) => ({ 'application/json': { schema: reference(name) } });

const etag = {
  ETag: {
    description: 'Names the configured state of the peers; numbers and health are not in it.',
    schema: { type: 'string' },
  },
};

const problems: Readonly<Record<number, string>> = {
  403: 'Host or Origin is not the admin address.',
  404: 'There is no such upstream, peer or certificate.',
  409: 'It is a peer already, or the last one.',
  412: 'If-Match does not name the present state: read it again.',
  413: 'The body is larger than 64 KiB.',
  415: 'The body is not declared as application/json.',
  400: 'The body is not JSON.',
  422: 'The body or the configuration is not valid, or a worker refused it; nothing is changed.',
  503: 'A worker was lost meanwhile, or Sluice is stopping; peers are not changed, a purge holds in part. Or the authority refused.',
};

function problemsOf(...statuses: number[]) {
  return Object.fromEntries(
    statuses.map((status) => [
      String(status),
      { description: problems[status]!, content: jsonOf('Problem') },
    ]),
  );
}

function answer(description: string, schema: string, headers: object = etag) {
  return { description, headers, content: jsonOf(schema) };
}

const name = {
  name: 'name',
  in: 'path',
  required: true,
  description: 'Name of the upstream.',
  schema: { type: 'string' },
};
const id = {
  name: 'id',
  in: 'path',
  required: true,
  description: "URL of the peer, or its id ('app/http://10.0.0.1:80'), percent-encoded.",
  schema: { type: 'string' },
};
const ifMatch = {
  name: 'If-Match',
  in: 'header',
  required: false,
  description: 'Make the change only while the peers are those of this ETag.',
  schema: { type: 'string' },
};

/** Returns the document that GET /api/openapi.json answers with. */
export function describeApi(): object {
  const written = peerJsonSchemas();
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sluice admin API',
      version: '1',
      summary: 'Upstreams with their peers, the cache, and certificates, while Sluice runs.',
      description:
        'A change is answered when it holds in every worker, or with a problem when it holds in none. ' +
        'Changes outlive workers, the sidecar and reloads, not the end of Sluice.',
    },
    servers: [{ url: '/' }],
    paths: {
      '/api/upstreams': { get: listUpstreams },
      '/api/upstreams/{name}': { parameters: [name], get: getUpstream },
      '/api/upstreams/{name}/peers': { parameters: [name], post: addPeer },
      '/api/upstreams/{name}/peers/{id}': {
        parameters: [name, id],
        get: getPeer,
        patch: alterPeer,
        delete: removePeer,
      },
      ...cachePaths({ answer, jsonOf, problemsOf }),
      ...certificatePaths({ answer, jsonOf, problemsOf }),
      '/api/reload': { post: reload },
      '/api/openapi.json': { get: getDescription },
    },
    components: {
      schemas: {
        NewPeer: written.peer,
        PeerChange: { ...written.patch, minProperties: 1 },
        ...answerSchemas,
        ...cacheSchemas,
        ...certificateSchemas,
        Problem: {
          type: 'object',
          additionalProperties: false,
          required: ['status', 'code', 'message', 'problems'],
          properties: {
            status: { type: 'integer' },
            code: { type: 'string', enum: problemCodes },
            message: { type: 'string', description: 'What is wrong, in one sentence.' },
            problems: {
              type: 'array',
              description: 'Everything that is wrong, with its place in what was sent.',
              items: reference('ProblemDetail'),
            },
          },
        },
        ProblemDetail: {
          type: 'object',
          additionalProperties: false,
          required: ['path', 'message'],
          properties: { path: { type: 'string' }, message: { type: 'string' } },
        },
      },
    },
  };
}

const listUpstreams = {
  operationId: 'listUpstreams',
  summary: 'All upstreams, with their peers and how they do.',
  responses: { 200: answer('All upstreams.', 'Upstreams'), ...problemsOf(403) },
};

const getUpstream = {
  operationId: 'getUpstream',
  summary: 'One upstream.',
  responses: { 200: answer('The upstream.', 'Upstream'), ...problemsOf(403, 404) },
};

const addPeer = {
  operationId: 'addPeer',
  summary: 'Adds a peer.',
  parameters: [ifMatch],
  requestBody: { required: true, content: jsonOf('NewPeer') },
  responses: {
    201: answer('Every worker uses the peer.', 'Peer', {
      ...etag,
      Location: { description: 'Path of the peer.', schema: { type: 'string' } },
    }),
    ...problemsOf(400, 403, 404, 409, 412, 413, 415, 422, 503),
  },
};

const getPeer = {
  operationId: 'getPeer',
  summary: 'One peer.',
  responses: { 200: answer('The peer.', 'Peer'), ...problemsOf(403, 404) },
};

const alterPeer = {
  operationId: 'alterPeer',
  summary: 'Changes weight, priority, bound, zone or draining of a peer.',
  parameters: [ifMatch],
  requestBody: { required: true, content: jsonOf('PeerChange') },
  responses: {
    200: answer('The change holds in every worker.', 'Peer'),
    ...problemsOf(400, 403, 404, 412, 413, 415, 422, 503),
  },
};

const removePeer = {
  operationId: 'removePeer',
  summary: 'Removes a peer; what runs there is finished.',
  parameters: [ifMatch],
  responses: {
    204: { description: 'No worker uses the peer for anything new.', headers: etag },
    ...problemsOf(403, 404, 409, 412, 422, 503),
  },
};

const reload = {
  operationId: 'reload',
  summary: 'Reads the configuration again and makes it live, as SIGHUP does.',
  responses: {
    200: answer('It is live in every worker, or the same as before.', 'Reload', {}),
    ...problemsOf(403, 415, 422, 503),
  },
};

const getDescription = {
  operationId: 'getDescription',
  summary: 'This document.',
  responses: {
    200: { description: 'OpenAPI 3.1.', content: { 'application/json': { schema: {} } } },
    ...problemsOf(403),
  },
};
