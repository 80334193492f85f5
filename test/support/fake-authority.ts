// An ACME authority (RFC 8555) in memory, for tests that want its moods: it refuses nonces, fails proofs,
// forgets accounts, asks for patience, and advises about renewal (RFC 9773). It checks every signature.

import { createHmac, createPublicKey, randomBytes, verify } from 'node:crypto';
import type { Wire, WireAnswer } from '../../src/sidecar/certificates/acme/wire.ts';
import { type Authority, createAuthority } from './certificates.ts';
import type { Cleanup } from './deadline.ts';

export interface Moods {
  /** Good nonces that are refused from now on. */
  noncesRefused?: number;
  /** Problems for the next requests to a resource, the first for the first. */
  problems?: Record<string, { type: string; status?: number; retryAfter?: string }[]>;
  /** Type of the problem with which a proof fails; null when it is good. */
  judge?: (proof: string, name: string) => string | null;
  /** Looks at which an order is still processing. */
  patience?: number;
  /** In place of the chain. */
  chain?: string;
  advice?: { readonly start: string; readonly end: string; readonly explanationURL?: string };
  hasNoAdvice?: boolean;
  proofs?: readonly string[];
}

export interface FakeAuthorityOptions {
  /** Where its directory is said to be. */
  readonly url: string;
  readonly context: Cleanup;
  readonly days?: number;
  /** Keys in base64url; with any, every account needs one. */
  readonly externalAccounts?: Readonly<Record<string, string>>;
}

interface Order {
  readonly name: string;
  status: string;
  error: string | null;
  looks: number;
  certificate: string;
  isProved: boolean;
}

export class FakeAuthority implements Wire {
  readonly moods: Moods = {};
  /** What was asked for, by resource, and what orders said. */
  readonly asked: string[] = [];
  readonly orders: Order[] = [];
  readonly replaced: string[] = [];
  readonly revoked: { readonly certificate: string; readonly reason: number }[] = [];
  readonly contacts: unknown[] = [];
  readonly accounts = new Map<string, object>();
  readonly #options: FakeAuthorityOptions;
  readonly #nonces = new Set<string>();
  readonly #authority: Authority;

  constructor(options: FakeAuthorityOptions) {
    this.#options = options;
    this.#authority = createAuthority(options.context);
  }

  /** PEM of what its certificates are signed by. */
  get root(): string {
    return this.#authority.ca;
  }

  async send(method: string, url: string, body?: string): Promise<WireAnswer> {
    const path = url.slice(new URL(this.#options.url).origin.length);
    const resource = path.split('/')[1] ?? '';
    this.asked.push(`${method} ${resource}`);
    if (resource === 'directory') return this.#answer(200, this.#directory());
    if (resource === 'nonce') return this.#answer(200, null);
    if (resource === 'advice') return this.#advise();
    if (body === undefined) return this.#problem('malformed', 405);
    const signed = this.#open(url, body);
    if (typeof signed === 'string') return this.#problem(signed, 400);
    const mood = this.moods.problems?.[resource]?.shift();
    if (mood !== undefined) return this.#problem(mood.type, mood.status ?? 400, mood.retryAfter);
    return this.#serve(resource, path, signed);
  }

  async close(): Promise<void> {}

  #directory(): object {
    const { origin } = new URL(this.#options.url);
    return {
      newNonce: `${origin}/nonce`,
      newAccount: `${origin}/new-account`,
      newOrder: `${origin}/new-order`,
      revokeCert: `${origin}/revoke`,
      ...(this.moods.hasNoAdvice === true ? {} : { renewalInfo: `${origin}/advice` }),
      meta: { externalAccountRequired: this.#options.externalAccounts !== undefined },
    };
  }

  #advise(): WireAnswer {
    const { advice } = this.moods;
    if (advice === undefined) return this.#problem('malformed', 404);
    const { start, end, ...rest } = advice;
    return this.#answer(
      200,
      { suggestedWindow: { start, end }, ...rest },
      { 'retry-after': '21600' },
    );
  }

  /** Checks a signature; returns what was signed, or the type of a problem. */
  #open(url: string, body: string): { payload: unknown; jwk: object; kid: string | null } | string {
    const jws = JSON.parse(body) as Record<'protected' | 'payload' | 'signature', string>;
    const header = JSON.parse(Buffer.from(jws.protected, 'base64url').toString());
    if (header.url !== url) return 'unauthorized';
    if (!this.#nonces.delete(header.nonce)) return 'badNonce';
    if ((this.moods.noncesRefused ?? 0) > 0) {
      this.moods.noncesRefused! -= 1;
      return 'badNonce';
    }
    const jwk = header.jwk ?? this.accounts.get(header.kid);
    if (jwk === undefined) return 'accountDoesNotExist';
    const isGood = verify(
      'sha256',
      Buffer.from(`${jws.protected}.${jws.payload}`),
      { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' },
      Buffer.from(jws.signature, 'base64url'),
    );
    if (!isGood || header.alg !== 'ES256') return 'malformed';
    const text = Buffer.from(jws.payload, 'base64url').toString();
    return { payload: text === '' ? null : JSON.parse(text), jwk, kid: header.kid ?? null };
  }

  #serve(
    resource: string,
    path: string,
    { payload, jwk, kid }: { payload: unknown; jwk: object; kid: string | null },
  ): WireAnswer {
    const { origin } = new URL(this.#options.url);
    const fields = (payload ?? {}) as Record<string, unknown>;
    const order = this.orders[Number(path.split('/')[2])];
    switch (resource) {
      case 'new-account':
        if (!this.#isBound(fields, jwk)) return this.#problem('externalAccountRequired', 403);
        this.contacts.push(fields['contact'] ?? null);
        this.accounts.set(`${origin}/account/${this.accounts.size}`, jwk);
        return this.#answer(201, {}, { location: [...this.accounts.keys()].at(-1)! });
      case 'account':
        this.contacts.push(fields['contact'] ?? null);
        return this.#answer(200, {}, { location: kid! });
      case 'new-order':
        return this.#placeOrder(fields);
      case 'order':
        return this.#lookAt(order!, path);
      case 'authorization':
        if (payload !== null) order!.status = 'invalid';
        return this.#answer(200, this.#authorization(order!, path));
      case 'challenge':
        this.#judge(order!, path.split('/')[3]!);
        return this.#answer(200, {});
      case 'finalize':
        order!.certificate = this.#authority.sign(
          Buffer.from(String(fields['csr']), 'base64url'),
          this.#options.days ?? 90,
        );
        order!.status = 'processing';
        return this.#answer(200, { status: 'processing' });
      case 'certificate':
        return this.#answer(200, this.moods.chain ?? order!.certificate);
      case 'revoke':
        this.revoked.push(fields as never);
        return this.#answer(200, null);
      default:
        return this.#problem('malformed', 404);
    }
  }

  #isBound(fields: Record<string, unknown>, jwk: object): boolean {
    const { externalAccounts } = this.#options;
    if (externalAccounts === undefined) return true;
    const jws = fields['externalAccountBinding'] as Record<string, string> | undefined;
    if (jws === undefined) return false;
    const header = JSON.parse(Buffer.from(jws['protected']!, 'base64url').toString());
    const secret = Buffer.from(externalAccounts[header.kid] ?? '', 'base64url');
    const input = `${jws['protected']}.${jws['payload']}`;
    const mac = createHmac('sha256', secret).update(input).digest('base64url');
    const bound = JSON.parse(Buffer.from(jws['payload']!, 'base64url').toString());
    return mac === jws['signature'] && JSON.stringify(bound) === JSON.stringify(jwk);
  }

  #placeOrder(fields: Record<string, unknown>): WireAnswer {
    const [{ value: name }] = fields['identifiers'] as [{ value: string }];
    if (typeof fields['replaces'] === 'string') this.replaced.push(fields['replaces']);
    const number = this.orders.length;
    const looks = this.moods.patience ?? 0;
    this.orders.push({
      name,
      status: 'pending',
      error: null,
      looks,
      certificate: '',
      isProved: false,
    });
    const { origin } = new URL(this.#options.url);
    const body = {
      status: 'pending',
      authorizations: [`${origin}/authorization/${number}`],
      finalize: `${origin}/finalize/${number}`,
    };
    return this.#answer(201, body, { location: `${origin}/order/${number}` });
  }

  #lookAt(order: Order, path: string): WireAnswer {
    const { origin } = new URL(this.#options.url);
    if (order.status === 'processing' && order.looks <= 0) order.status = 'valid';
    order.looks -= 1;
    const certificate = `${origin}/certificate/${path.split('/')[2]}`;
    const error = order.error === null ? {} : { error: problemBody(order.error) };
    return this.#answer(200, { status: order.status, certificate, ...error });
  }

  #authorization(order: Order, path: string): object {
    const { origin } = new URL(this.#options.url);
    const number = path.split('/')[2];
    const state = order.isProved ? 'valid' : order.status;
    const error = order.error === null ? {} : { error: problemBody(order.error) };
    const proofs = this.moods.proofs ?? ['http-01', 'tls-alpn-01', 'dns-01'];
    return {
      status: state,
      identifier: { type: 'dns', value: order.name.replace(/^\*\./, '') },
      challenges: proofs.map((type) => ({
        ...{ type, token: `token-${type}-${number}-`.padEnd(24, 'x'), status: state },
        ...{ url: `${origin}/challenge/${number}/${type}`, ...error },
      })),
    };
  }

  #judge(order: Order, proof: string): void {
    const problem = this.moods.judge?.(proof, order.name) ?? null;
    order.error = problem;
    order.isProved = problem === null;
    order.status = problem === null ? 'ready' : 'invalid';
  }

  #answer(status: number, body: unknown, headers: Record<string, string> = {}): WireAnswer {
    const nonce = randomBytes(9).toString('base64url');
    this.#nonces.add(nonce);
    const fields: Record<string, string> = { 'replay-nonce': nonce, ...headers };
    const text = typeof body === 'string' ? body : body === null ? '' : JSON.stringify(body);
    return { status, body: text, header: (name) => fields[name] ?? null };
  }

  #problem(type: string, status: number, retryAfter?: string): WireAnswer {
    const headers = retryAfter === undefined ? {} : { 'retry-after': retryAfter };
    return this.#answer(status, problemBody(type), { ...headers });
  }
}

function problemBody(type: string): object {
  return { type: `urn:ietf:params:acme:error:${type}`, detail: `it is ${type}`, status: 400 };
}
