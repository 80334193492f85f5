// What becomes of requests that a route does not take: by their shape, and by what an inspector finds.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProxyError } from '../../../../../src/core/errors.ts';
import type { RequestBody } from '../../../../../src/core/request-body.ts';
import type { Sink } from '../../../../../src/core/sink.ts';
import { AttackFilter } from '../../../../../src/worker/filter/guard/attack-filter.ts';
import { attackRules } from '../../../../../src/worker/filter/guard/attack-rules.ts';
import { RuleInspector } from '../../../../../src/worker/filter/guard/inspector.ts';
import { RequestShapeFilter } from '../../../../../src/worker/filter/guard/request-shape.ts';
import { HeldBody } from '../../../../../src/worker/held-body.ts';
import { makeExchange } from '../../support/exchanges.ts';

const anyShape = { methods: [], targetBytesMax: 0, deniedAgents: [], contentTypes: [] };
const formHeaders = ['host', 'h', 'content-type', 'application/x-www-form-urlencoded'];

function codeOf(settled: unknown): string {
  return settled instanceof ProxyError ? settled.code : String(settled);
}

const counters = { bodiesCut: 0 };

function attacks(mode: 'report' | 'block', told: object[] = []) {
  const tell = (fields: object) => void told.push(fields);
  return new AttackFilter({
    route: 'r',
    inspector: new RuleInspector(attackRules),
    mode,
    threshold: 5,
    bodyBytes: 32,
    counters,
    events: { debug: tell, info: tell, warn: tell, error: tell },
    nowMs: () => 0,
  });
}

/** A body that comes in pieces and can be sent from its first byte again. */
class SlowBody implements RequestBody {
  readonly byteLength = -1;
  readonly replayable = true;
  readonly complete = null;
  bytesMax = 0;
  sink: Sink | null = null;

  pipe(sink: Sink): void {
    this.sink = sink;
    sink.start(this);
  }
  peek(sink: Sink): void {
    this.pipe(sink);
  }
  release(): void {}
  pause(): void {}
  resume(): void {}
  cancel(): void {}
}

describe('the shape of a request', () => {
  it('is that of the route', () => {
    const filter = new RequestShapeFilter({
      methods: ['GET', 'POST'],
      targetBytesMax: 10,
      deniedAgents: ['BadBot', '~^old/[0-9]'],
      contentTypes: ['application/json', 'text/*'],
    });
    const agent = (name: string) => makeExchange({ headers: ['user-agent', name] });
    const body = (type: string) =>
      makeExchange({
        method: 'POST',
        body: new HeldBody(new Uint8Array(1)),
        headers: ['content-type', type],
      });
    const outcomes = [
      makeExchange(),
      makeExchange({ method: 'PUT' }),
      makeExchange({ target: '/12345?7890' }),
      agent('x (badbot 1)'),
      agent('OLD/1'),
      agent('not old/1'),
      body('Application/JSON; charset=utf-8'),
      body('text/csv'),
      body('image/png'),
    ].map((exchange) => codeOf(filter.apply(exchange)));
    assert.deepEqual(outcomes, [
      'undefined',
      'method_not_allowed',
      'target_too_long',
      'forbidden',
      'forbidden',
      'undefined',
      'undefined',
      'undefined',
      'unsupported_type',
    ]);
    const refusal = filter.apply(makeExchange({ method: 'PUT' })) as ProxyError;
    assert.deepEqual(refusal.headers, ['allow', 'GET, POST']);
  });

  it('may be any', () => {
    const filter = new RequestShapeFilter(anyShape);
    assert.equal(filter.apply(makeExchange({ method: 'BREW' })), undefined);
  });
});

describe('the filter against attacks', () => {
  const attack = { target: '/?q=<script>x</script>' };

  it('blocks with the names of the rules for the log', () => {
    const refusal = attacks('block').apply(makeExchange(attack));
    assert.ok(refusal instanceof ProxyError);
    assert.deepEqual([refusal.code, refusal.detail], ['forbidden', 'attack: script-tag (score 5)']);
  });

  it('lets pass and tells in report mode, not without end', () => {
    const told: object[] = [];
    const filter = attacks('report', told);
    for (let at = 0; at < 50; at++) assert.equal(filter.apply(makeExchange(attack)), undefined);
    assert.equal(told.length, 10);
    assert.deepEqual(told[0], { route: 'r', requestId: '', rules: 'script-tag (score 5)' });
  });

  it('looks at a body that is there at once, up to its bound', () => {
    const apply = (text: string) => {
      const body = new HeldBody(Buffer.from(text));
      return codeOf(attacks('block').apply(makeExchange({ headers: formHeaders, body })));
    };
    assert.equal(apply("user=admin'+or+1=1"), 'forbidden');
    assert.equal(apply(`${'x'.repeat(32)}&user=admin'+or+1=1`), 'undefined');
  });

  it('waits for the first bytes of a body that comes, and no longer', async () => {
    const body = new SlowBody();
    const verdict = attacks('block').apply(makeExchange({ headers: formHeaders, body }));
    assert.ok(verdict instanceof Promise);
    assert.equal(body.sink!.write(Buffer.from("user=admin'+or")), true);
    assert.equal(body.sink!.write(Buffer.from(`+1=1&${'x'.repeat(40)}`)), false);
    assert.equal(codeOf(await verdict), 'forbidden');
  });

  it('counts bodies that it has not seen the end of, and does not wait for others', async () => {
    const before = counters.bodiesCut;
    const apply = (text: string, headers = formHeaders) =>
      attacks('block').apply(makeExchange({ headers, body: new HeldBody(Buffer.from(text)) }));
    apply('x'.repeat(32));
    assert.equal(counters.bodiesCut, before);
    apply('x'.repeat(33));
    assert.equal(counters.bodiesCut, before + 1);
    const body = new SlowBody();
    const headers = ['host', 'h', 'content-type', 'image/png'];
    assert.equal(attacks('block').apply(makeExchange({ headers, body })), undefined);
    assert.equal(body.sink, null);
  });

  it('lets a body pass that breaks: whoever sends it on sees that', async () => {
    const body = new SlowBody();
    const verdict = attacks('block').apply(makeExchange({ headers: formHeaders, body }));
    body.sink!.fail(new ProxyError('client_closed'));
    assert.equal(await verdict, undefined);
  });
});
