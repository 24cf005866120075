// What the tests of the dashboard do with sessions, and where they find them on the page.

import { newPage } from './browser.mjs';

const LIVE = '#liveness[data-status=connected]';

export function dashboardOf(stack, browser) {
  return {
    /** A selector of a session in the list. */
    row: (id) => `#sessions button:has(b:text-is("${id}"))`,
    create: (session_id, more = {}) =>
      stack.ask('POST', '/v1/sessions', {
        session_id,
        sync_mode: 'per_participant',
        total_time_ms: 300000,
        participants: [{ participant_id: 'white' }, { participant_id: 'black' }],
        metadata: { title: 'A game' },
        ...more,
      }),
    operate: (id, what, body) => stack.ask('POST', `/v1/sessions/${id}/${what}`, body),
    listed: (page) => page.$$eval('#sessions b', (nodes) => nodes.map((node) => node.textContent)),

    /** A page that is live. `origin`: another way to the service; `script`: runs in the page before its own. */
    open: async ({ origin = stack.url, script, ...options } = {}) => {
      const page = await newPage(browser, options);
      if (script) await page.addInitScript(script);
      await page.goto(`${origin}/admin/`);
      await page.waitForSelector(LIVE);
      return page;
    },
  };
}
