// The rules against attacks: what they catch, and whom they leave alone.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { attackRuleNames } from '../../../../../src/core/attack-rule-names.ts';
import { safeTargetPolicy, settleTarget } from '../../../../../src/routing/target-policy.ts';
import { attackRules } from '../../../../../src/worker/filter/guard/attack-rules.ts';
import { RuleInspector } from '../../../../../src/worker/filter/guard/inspector.ts';
import { makeExchange } from '../../support/exchanges.ts';
import { type AttackPlace, attackCorpus } from './attack-corpus.ts';
import { honestRequest } from './honest-requests.ts';

const THRESHOLD = 5;
/** A few more than wanted: the policy of targets refuses some, such as those with an escaped slash. */
const SAMPLES = 10_500;
const HONEST = 10_000;
const inspector = new RuleInspector(attackRules);

/** Returns what is found in an attack, which has come past the policy of targets. */
function inspect(place: AttackPlace, text: string) {
  const types = {
    form: 'application/x-www-form-urlencoded',
    json: 'application/json',
    xml: 'text/xml',
    field: 'multipart/form-data; boundary=b',
    file: 'multipart/form-data; boundary=b',
  };
  const multipart = multipartOf(place, text);
  const isBody = Object.hasOwn(types, place);
  const raw = place === 'path' ? text : place === 'q' ? `/a?p=${text}` : '/a';
  const target = settleTarget(raw.replaceAll(' ', '%20'), safeTargetPolicy);
  assert.equal(typeof target, 'string', text);
  const headers = ['host', 'h'];
  if (place === 'agent') headers.push('user-agent', text);
  if (place === 'cookie' || place === 'referer') headers.push(place, text);
  if (isBody) headers.push('content-type', types[place as keyof typeof types]);
  const exchange = makeExchange({ target: target as string, headers });
  return inspector.inspect(exchange, Buffer.from(isBody ? (multipart ?? text) : '', 'latin1'));
}

/** Returns a form with the text as the value of a field, or as the name of a file; null for other places. */
function multipartOf(place: AttackPlace, text: string): string | null {
  if (place !== 'field' && place !== 'file') return null;
  const file = place === 'file' ? text.replaceAll('"', '\\"') : 'a.txt';
  const value = place === 'field' ? text : 'v';
  return (
    '--b\r\ncontent-disposition: form-data; name="a"\r\n\r\n' +
    `${value}\r\n--b\r\ncontent-disposition: form-data; name="f"; filename="${file}"\r\n` +
    'content-type: text/plain\r\n\r\n<script>in a file</script>\r\n--b--\r\n'
  );
}

describe('rules against attacks', () => {
  it('have the names that configurations know', () => {
    assert.deepEqual(
      attackRules.map(({ name }) => name),
      attackRuleNames,
    );
  });

  it('are linear: no repetition without a bound, no look-around, no reference back', () => {
    for (const { name, pattern } of attackRules) {
      const bare = pattern.source.replaceAll(/\\[^1-9k]|\[(?:\\.|[^\]\\])*\]/g, 'x');
      assert.ok(!/[*+]|\{[0-9]+,\}|\\[1-9k]|\(\?[=!<]/.test(bare), `${name}: ${bare}`);
    }
  });

  it('catch the corpus, each case by its rule', (context) => {
    const counts: string[] = [];
    const missed: string[] = [];
    let all = 0;
    for (const [name, cases] of Object.entries(attackCorpus)) {
      for (const [place, text] of cases) {
        all += 1;
        const found = inspect(place, text);
        const isCaught = found !== null && found.score >= THRESHOLD;
        const isNamed = found?.rules.some((rule) => rule === name) === true;
        if (!isCaught || !isNamed) missed.push(`${name}: ${place} ${text} (${found?.rules})`);
      }
      counts.push(`${name} ${cases.length}`);
    }
    context.diagnostic(`${all} attacks: ${counts.join(', ')}`);
    assert.deepEqual(missed, []);
    assert.ok(all >= 150);
  });

  it('leave honest requests alone', (context) => {
    const wrong: string[] = [];
    let inspected = 0;
    const requests = fc.sample(honestRequest, { numRuns: SAMPLES, seed: 7 });
    for (const { method, target, headers, body } of requests) {
      const settled = settleTarget(target, safeTargetPolicy);
      if (typeof settled !== 'string') continue;
      inspected += 1;
      const exchange = makeExchange({ method, target: settled, headers });
      const found = inspector.inspect(exchange, Buffer.from(body));
      if (found !== null && found.score >= THRESHOLD) {
        wrong.push(`${found.rules}: ${decodeURIComponent(target)} ${body} ${headers[5]}`);
      }
    }
    context.diagnostic(`${wrong.length} of ${inspected} honest requests look like attacks`);
    assert.deepEqual(wrong.slice(0, 12), []);
    assert.ok(inspected >= HONEST);
  });
});
