// Where clients are: what databases say, several of them together, files that change or are none.

import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { GeoFiles } from '../../../../src/worker/geo/geo-files.ts';
import { until } from '../../../support/deadline.ts';
import { makeMmdb } from '../../../support/mmdb.ts';
import { createTempDir } from '../../../support/temp-dir.ts';

const countries = makeMmdb({
  '192.0.2.0/24': { country: { iso_code: 'DE' }, continent: { code: 'EU' } },
  '198.51.100.0/25': { country_code: 'FR' },
  '2001:db8::/32': { country: { iso_code: 'JP' }, continent: { code: 'AS' } },
});
const systems = makeMmdb({ '192.0.0.0/16': { autonomous_system_number: 64_500 } });

function openGeo(context: TestContext, ...contents: Buffer[]) {
  const folder = createTempDir();
  const problems: unknown[] = [];
  const note = (fields: unknown) => void problems.push(fields);
  const paths = contents.map((content, at) => {
    writeFileSync(folder.file(`${at}.mmdb`), content);
    return folder.file(`${at}.mmdb`);
  });
  const geo = new GeoFiles(paths, { debug: note, info: note, warn: note, error: note }, 20);
  context.after(() => {
    geo.close();
    folder.remove();
  });
  return { geo, paths, problems };
}

describe('GeoFiles', () => {
  it('knows countries, continents and systems, from several files', (context) => {
    const { geo } = openGeo(context, countries, systems);
    assert.equal(geo.country('192.0.2.200'), 'DE');
    assert.equal(geo.continent('192.0.2.200'), 'EU');
    assert.equal(geo.asn('192.0.2.200'), 64_500);
    assert.equal(geo.country('198.51.100.127'), 'FR');
    assert.equal(geo.country('2001:db8:1::1'), 'JP');
  });

  it('knows nothing of other addresses, and of what is none', (context) => {
    const { geo } = openGeo(context, countries);
    for (const address of ['198.51.100.128', '::1', '', 'x', '192.0.2.1 ']) {
      assert.equal(geo.country(address), '', address);
      assert.equal(geo.continent(address), '');
      assert.equal(geo.asn(address), 0);
    }
  });

  it('keeps what it knows while a file is none or gone, and tells', async (context) => {
    const { geo, paths, problems } = openGeo(context, countries);
    writeFileSync(paths[0]!, 'no database');
    await until(() => problems.length > 0, { what: 'a problem is told' });
    assert.equal(geo.country('192.0.2.1'), 'DE');
    rmSync(paths[0]!);
    await until(() => problems.length > 1, { what: 'another problem is told' });
    assert.equal(geo.country('192.0.2.1'), 'DE');
  });

  it('takes over what a file says now', async (context) => {
    const { geo, paths } = openGeo(context, countries);
    assert.equal(geo.country('192.0.2.1'), 'DE');
    writeFileSync(paths[0]!, makeMmdb({ '192.0.2.0/24': { country: { iso_code: 'AT' } } }));
    await until(() => geo.country('192.0.2.1') === 'AT', { what: 'the new country' });
  });
});
