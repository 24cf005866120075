// The demo as its tests drive it.

/** Chooses a preset, fills in what is given by name, and asks for the clock, which may be refused. */
export async function submit(page, url, preset, fields = {}) {
  await page.goto(`${url}/`);
  await page.click(`.card:has([value=${preset}])`);
  for (const [name, value] of Object.entries(fields)) await page.fill(`[name=${name}]`, value);
  await page.click('text=Create the clock');
}

/** The same, with the session on the screen in the end. Answers with its id. */
export async function create(page, url, preset, fields) {
  await submit(page, url, preset, fields);
  await page.waitForSelector('.pane[data-phase]');
  return new URLSearchParams(new URL(page.url()).hash.slice(1)).get('session');
}

/** Puts a session that is there on the screen, and waits until it is told of. */
export async function open(page, url, id) {
  await page.goto(`${url}/#session=${encodeURIComponent(id)}`);
  await page.waitForSelector('.connection[data-status=connected]');
  await page.waitForSelector('.pane[data-phase]');
}
