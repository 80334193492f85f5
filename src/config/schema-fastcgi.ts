// The schema of what FastCGI peers (PHP-FPM and the like) are told: which file answers which path.

import * as z from 'zod';
import { integer, section, text } from './fields.ts';

const scriptPath = text("a path below the root such as '/index.php', or null", (path) =>
  /^\/[!-~]*$/.test(path) && !path.split('/').includes('..') ? path : null,
);

/** Describes the application behind `fastcgi:` and `fastcgi+unix:` peers. */
export const fastcgi = section({
  root: text("an absolute path such as '/var/www/app', or null", (path) =>
    /^\/[^\0]*[^\0/]$/.test(path) ? path : null,
  )
    .nullable()
    .prefault(null)
    .describe('Directory of the application, as the peer sees it; FastCGI peers need it.'),
  index: text("a file name such as 'index.php'", (name) => (/^[!-.0-~]+$/.test(name) ? name : null))
    .prefault('index.php')
    .describe("Script that answers '/'."),
  frontController: scriptPath
    .nullable()
    .prefault('/index.php')
    .describe('Script that answers every path that names none; null: such paths get 404.'),
  endings: z
    .array(
      text("an ending such as '.php'", (ending) =>
        /^\.[a-z0-9]+$/i.test(ending) ? ending.toLowerCase() : null,
      ),
      { error: 'a list of endings' },
    )
    .prefault(['.php'])
    .describe('What the names of scripts end in; the path behind one is PATH_INFO.'),
  params: z
    .record(
      z.string().regex(/^[A-Z][A-Z0-9_]*$/, { error: "a name in capitals such as 'APP_ENV'" }),
      text('printable ASCII characters', (value) =>
        /^[ -~]*$/.test(value) ? value : null,
      ).describe('What the application is told under this name.'),
      { error: 'a map of parameters' },
    )
    .prefault({})
    .describe('Further parameters; they win over those made from the request.'),
  keptMax: integer({ min: 0, max: 1000 })
    .prefault(0)
    .describe('Unused connections kept per peer and worker; each holds a process of PHP-FPM.'),
})
  .prefault({})
  .describe('For fastcgi peers: which script answers which path (docs/fastcgi.md).');
