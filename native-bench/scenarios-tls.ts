// The scenarios of TLS and HTTP/2: what a connection costs until it stands, and what requests cost on it. The
// certificate is one of ECDSA P-256.

import { HUGE_BODY_BYTES, type Scenario, single } from './scenario.ts';

const secure: Scenario = {
  ...single,
  name: 'tls-small-get',
  title: 'TLS, GET 1 KiB, 64 connections',
  wire: 'https',
  // The other engine; `sluice` itself takes uWebSockets.js where clients do not want HTTP/2.
  guests: ['sluice-node'],
  rivals: ['nginx'],
};

const handshake: Scenario = {
  ...secure,
  name: 'tls-handshake',
  title: 'TLS 1.3 handshake in full, 16 at a time',
  kind: 'handshake',
  connections: 16,
  responseBodyBytes: 0,
};

export const tlsScenarios: readonly Scenario[] = [
  handshake,
  {
    ...handshake,
    name: 'tls-resumption',
    title: 'TLS 1.3 handshake with a ticket, 16 at a time',
    kind: 'resumption',
  },
  secure,
  {
    ...secure,
    name: 'tls-body-10m',
    title: 'TLS, GET 10 MiB, 16 connections',
    connections: 16,
    path: '/10m.bin',
    responseBodyBytes: HUGE_BODY_BYTES,
  },
  {
    ...single,
    name: 'http2-small-get',
    title: 'HTTP/2 over TLS, GET 1 KiB, 16 connections with 10 streams each',
    wire: 'h2',
    connections: 16,
    streams: 10,
    rivals: ['nginx', 'nghttpx', 'h2o'],
  },
];
