// The part of the description of the admin API that is about certificates.

import { revocationReasons } from '../certificates/acme/revoke.ts';

const text = { type: 'string' };
const textOrNull = { type: ['string', 'null'] };
const dateOrNull = { type: ['string', 'null'], format: 'date-time' };

function record(properties: Readonly<Record<string, object>>): object {
  const required = Object.keys(properties);
  return { type: 'object', additionalProperties: false, required, properties };
}

/** Schemas of what is sent and answered. */
export const certificateSchemas = {
  Certificates: record({
    certificates: { type: 'array', items: { $ref: '#/components/schemas/Certificate' } },
  }),
  Certificate: record({
    name: text,
    state: {
      ...text,
      enum: ['valid', 'pending', 'issuing', 'failing'],
      description: 'pending: none yet, a self-signed one is used; failing: the last try failed.',
    },
    authority: { ...textOrNull, description: 'URL of the directory of who issued it.' },
    serial: { ...textOrNull, description: 'In hexadecimal.' },
    notBefore: dateOrNull,
    notAfter: dateOrNull,
    renewAt: { ...dateOrNull, description: 'A third of its life before its end, or by ARI.' },
    failures: { type: 'integer', minimum: 0, description: 'In a row.' },
    problem: { ...textOrNull, description: 'Why the last try failed.' },
    retryAt: dateOrNull,
  }),
  Revocation: {
    type: 'object',
    additionalProperties: false,
    required: ['reason'],
    properties: { reason: { ...text, enum: Object.keys(revocationReasons) } },
  },
};

/** Makes the paths, with the helpers of the whole document. */
export function certificatePaths(parts: {
  readonly answer: (description: string, schema: string, headers: object) => object;
  readonly jsonOf: (schema: string) => object;
  readonly problemsOf: (...statuses: number[]) => object;
}): Record<string, object> {
  const { answer, jsonOf, problemsOf } = parts;
  const name = {
    ...{ name: 'name', in: 'path', required: true, schema: text },
    description: 'DNS name of the certificate.',
  };
  return {
    '/api/certificates': {
      get: {
        operationId: 'getCertificates',
        summary: 'The certificates that Sluice gets by itself.',
        responses: { 200: answer('All of them.', 'Certificates', {}), ...problemsOf(403) },
      },
    },
    '/api/certificates/{name}/renew': {
      parameters: [name],
      post: {
        operationId: 'renewCertificate',
        summary: 'Gets a new certificate whatever the age of the old one.',
        responses: {
          200: answer('It is there.', 'Certificate', {}),
          ...problemsOf(403, 404, 415, 503),
        },
      },
    },
    '/api/certificates/{name}/revoke': {
      parameters: [name],
      post: {
        operationId: 'revokeCertificate',
        summary: 'Takes a certificate back, and begins to get another one.',
        requestBody: { required: false, content: jsonOf('Revocation') },
        responses: {
          200: answer('It is revoked.', 'Certificate', {}),
          ...problemsOf(400, 403, 404, 413, 415, 422, 503),
        },
      },
    },
  };
}
