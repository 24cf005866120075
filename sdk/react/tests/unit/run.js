// Runs the unit tests once with each React: bundled, so that the package, the example and react-dom all have the same
// one.

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const OUTPUT = fileURLToPath(new URL('../../../node_modules/.unit/', import.meta.url)); // where they find jsdom
const DEADLINE_MS = 120_000;
const REACTS = {
  18: { react: 'react18', 'react-dom': 'react-dom18' },
  19: {}, // the ones that are installed by their own names
};

const tests = readdirSync(HERE).filter((name) => name.endsWith('.test.jsx'));
let failed = 0;
for (const [version, alias] of Object.entries(REACTS)) {
  const outdir = join(OUTPUT, `react${version}`);
  await build({ entryPoints: tests.map((name) => join(HERE, name)), outdir, alias, bundle: true, platform: 'node',
    format: 'cjs', outExtension: { '.js': '.cjs' }, external: ['jsdom'], jsx: 'automatic', sourcemap: 'inline',
    ignoreAnnotations: true, logLevel: 'warning' }); // a page is a side effect
  const files = tests.map((name) => join(outdir, name.replace(/jsx$/, 'cjs')));
  const { status } = spawnSync(process.execPath, ['--enable-source-maps', '--test', ...files],
    { stdio: 'inherit', env: { ...process.env, REACT: version }, timeout: DEADLINE_MS });
  failed += status === 0 ? 0 : 1;
}
process.exitCode = failed ? 1 : 0;
