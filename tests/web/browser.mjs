// Debian's Chromium, driven by playwright-core, over a service of the tests' own.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after } from 'node:test';
import { chromium } from 'playwright-core';
import { Redis } from './redis.mjs';
import { BUILD, Stack } from './stack.mjs';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-renderer-backgrounding',
  '--disable-backgrounding-occluded-windows',
];

export const launch = () =>
  chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, args: FLAGS });

/**
 * What all tests of a file share, until the last of them is done: the service and a browser; with `ownRedis` also the
 * Redis that the service has, to be killed.
 * @returns {Promise<{stack: Stack, browser: import('playwright-core').Browser, redis?: Redis}>}
 */
export async function setUp({ ownRedis = false } = {}) {
  const shared = {};
  const end = async () => {
    await shared.browser?.close();
    await shared.stack?.end();
    await shared.redis?.end();
  };
  try {
    if (ownRedis) shared.redis = await Redis.start();
    shared.stack = await Stack.start(BUILD, ownRedis ? { REDIS_URL: shared.redis.url } : {});
    shared.browser = await launch();
  } catch (error) {
    await end();
    throw error;
  }
  after(end);
  return shared;
}

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

/** A page that keeps what its console complains of and what it throws in `page.faults`. */
export async function newPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: DESKTOP, ...options });
  const page = await context.newPage();
  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') page.faults.push(message.text());
  });
  return page;
}

/** That axe finds nothing in what a page shows, once it stands still. It is put in past the Content-Security-Policy. */
export async function assertAccessible(page, what) {
  await page.evaluate(await readFile(AXE, 'utf8'));
  await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished)));
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const faults = violations.map(
    ({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`,
  );
  assert.deepEqual(faults, [], what);
}
