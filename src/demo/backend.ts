// An example backend for `sluice demo`: a page that shows what arrived, a clock as server-sent events,
// a slow answer and a WebSocket echo. Not part of the proxy.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { renderPage } from './page.ts';

const CLOCK_MS = 1000;
const SLOW_SECONDS_MAX = 60;

export interface Backend {
  readonly name: string;
  readonly url: string;
  /** Cuts what is open and stops listening. */
  close(): Promise<void>;
}

/** Starts a backend on a free port of 127.0.0.1. */
export async function startBackend(name: string): Promise<Backend> {
  const server = createServer((request, response) => answer(name, request, response));
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    if (pathOf(request) !== '/socket') return socket.end('HTTP/1.1 404 Not Found\r\n\r\n');
    sockets.handleUpgrade(request, socket, head, (end) => echo(name, end));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve());
  });
  const { port } = server.address() as AddressInfo;
  return {
    name,
    url: `http://127.0.0.1:${port}`,
    close() {
      for (const end of sockets.clients) end.terminate();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
}

function answer(name: string, request: IncomingMessage, response: ServerResponse): void {
  const path = pathOf(request);
  if (path === '/') showRequest(name, request, response);
  else if (path === '/events') showClock(name, response);
  else if (path === '/slow') answerLate(name, request, response);
  else {
    response.writeHead(404, { 'content-type': 'text/plain' });
    response.end(`${name}: there is /, /events, /slow?seconds=3 and the WebSocket /socket\n`);
  }
}

function showRequest(name: string, request: IncomingMessage, response: ServerResponse): void {
  const { method, url, headers } = request;
  const facts = { backend: name, method, target: url, headers };
  if (headers.accept?.includes('text/html')) {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(renderPage(name, JSON.stringify(facts, null, 2)));
  } else {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(`${JSON.stringify(facts, null, 2)}\n`);
  }
}

function showClock(name: string, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  const tick = () => response.write(`data: ${name} ${new Date().toISOString()}\n\n`);
  tick();
  const timer = setInterval(tick, CLOCK_MS);
  response.on('close', () => clearInterval(timer));
}

function answerLate(name: string, request: IncomingMessage, response: ServerResponse): void {
  const wanted = new URL(request.url ?? '/', 'http://localhost').searchParams.get('seconds');
  const seconds = Math.min(Math.max(Number(wanted ?? 3) || 0, 0), SLOW_SECONDS_MAX);
  const timer = setTimeout(() => {
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.end(`${name} took ${seconds} s\n`);
  }, seconds * 1000);
  response.on('close', () => clearTimeout(timer));
}

function echo(name: string, end: WebSocket): void {
  end.send(`this is ${name}`);
  end.on('error', () => {});
  end.on('message', (data, isBinary) => end.send(data, { binary: isBinary }));
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/';
}
