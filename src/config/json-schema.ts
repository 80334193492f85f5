// The schema for editors: JSON Schema of a configuration as people write it.

import * as z from 'zod';
import { configSchema } from './schema.ts';

/** Returns the text of config/sluice.schema.json: draft 7, which every editor reads. */
export function formatJsonSchema(): string {
  const schema = z.toJSONSchema(configSchema, { io: 'input', target: 'draft-7' });
  const properties = {
    $schema: { type: 'string', description: 'Where this schema is, for editors.' },
    ...schema.properties,
  };
  return `${JSON.stringify({ title: 'Sluice configuration', ...schema, properties }, null, 2)}\n`;
}
