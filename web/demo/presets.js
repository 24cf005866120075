// What the demo offers to begin with: rows of a table, each a form of a few fields and the session they make.

const minutes = (label, value) => ({ name: 'minutes', label, value, min: 1, max: 600 });
const seconds = (label, value) => ({ name: 'seconds', label, value, min: 1, max: 3600 });
const names = (label, ...list) => ({ name: 'names', label, value: list.join(', ') });

const ended = { type: 'end_session' };
const advance = { type: 'skip_cycle' };
const overtime = { type: 'notify' };

// The warnings of a long clock that a shorter one has, too: nothing is amber for more than half of its time.
const within = (fullMs, ...warnings) => warnings.filter((ms) => ms <= fullMs / 2);

// One clock for everybody, which begins anew with each cycle.
const anew = (cycleSeconds, atTheEnd) => ({
  sync_mode: 'global',
  time_per_cycle_ms: cycleSeconds * 1000,
  action_on_timeout: atTheEnd,
  warnings_ms: within(cycleSeconds * 1000, 10000, 5000),
});

export const PRESETS = [
  {
    id: 'chess',
    title: 'Chess',
    titleOf: (v) => `Chess ${v.minutes} + ${v.increment}`,
    note: 'A bank each, seconds back for every move',
    switchLabel: 'Move made',
    fields: [
      minutes('Minutes each', 5),
      { name: 'increment', label: 'Seconds a move', value: 3, min: 0, max: 60 },
      names('Players', 'White', 'Black'),
    ],
    config: (v) => ({
      sync_mode: 'per_participant',
      total_time_ms: v.minutes * 60000,
      increment_ms: v.increment * 1000,
      participants: v.participants,
      action_on_timeout: ended,
      warnings_ms: within(v.minutes * 60000, 30000, 10000, 5000),
    }),
  },
  {
    id: 'poker',
    title: 'Poker',
    note: 'So many seconds to act; who lets them pass is skipped',
    switchLabel: 'Acted',
    fields: [seconds('Seconds to act', 30), names('Seats', 'Ada', 'Ben', 'Cleo', 'Dan', 'Eve', 'Finn')],
    config: (v) => ({
      sync_mode: 'per_cycle',
      time_per_cycle_ms: v.seconds * 1000,
      participants: v.participants,
      action_on_timeout: advance,
      warnings_ms: within(v.seconds * 1000, 10000, 5000),
    }),
  },
  {
    id: 'quiz',
    title: 'Quiz',
    note: 'One clock for everybody, new for each question',
    switchLabel: 'Next question',
    cycle: 'Question',
    fields: [seconds('Seconds a question', 20)],
    config: (v) => anew(v.seconds, overtime),
  },
  {
    id: 'auction',
    title: 'Auction',
    note: 'Every bid winds the clock up again, until it is sold',
    switchLabel: 'New bid',
    cycle: 'Bid',
    fields: [seconds('Seconds after a bid', 15)],
    config: (v) => anew(v.seconds, ended),
  },
  {
    id: 'exam',
    title: 'Exam',
    note: 'One long clock for the whole hall',
    switchLabel: null,
    cycle: null,
    fields: [minutes('Minutes', 90)],
    config: (v) => ({
      sync_mode: 'global',
      total_time_ms: v.minutes * 60000,
      action_on_timeout: ended,
      warnings_ms: within(v.minutes * 60000, 900000, 300000, 60000),
    }),
  },
  {
    id: 'meeting',
    title: 'Meeting',
    note: 'A budget for each point of the agenda',
    switchLabel: 'Next point',
    fields: [
      minutes('Minutes a point', 10),
      names('Agenda', 'Welcome', 'Last week', 'Decisions', 'Any other business'),
    ],
    config: (v) => ({
      sync_mode: 'per_participant',
      total_time_ms: v.minutes * 60000,
      participants: v.participants,
      action_on_timeout: overtime,
      warnings_ms: within(v.minutes * 60000, 120000, 30000),
    }),
  },
  {
    id: 'teams',
    title: 'Teams',
    note: 'Two banks, shared by the members of each team',
    switchLabel: 'Turn over',
    fields: [
      minutes('Minutes a team', 10),
      names('Red team', 'Ruby', 'Rowan'),
      { ...names('Blue team', 'Indigo', 'Blake'), name: 'others' },
    ],
    config: (v) => ({
      sync_mode: 'per_group',
      participants: [...grouped(v.participants, 'red'), ...grouped(v.rivals, 'blue')],
      groups: ['red', 'blue'].map((id) => ({ group_id: id, total_time_ms: v.minutes * 60000 })),
      action_on_timeout: ended,
      warnings_ms: within(v.minutes * 60000, 60000, 10000),
    }),
    groupNames: { red: 'Red team', blue: 'Blue team' },
  },
  {
    id: 'speedrun',
    title: 'Speedrun',
    note: 'Counts up, and keeps the splits',
    switchLabel: 'Split',
    cycle: 'Split',
    fields: [],
    config: () => ({ sync_mode: 'count_up' }),
  },
];

const grouped = (participants, group) => participants.map((participant) => ({ ...participant, group_id: group }));

const LONGEST_NAME = 40; // so that its id, with a number behind it, is not longer than ids may be

// Names as people write them become ids of the characters that ids may have; the names themselves go into the metadata.
function people(text, taken) {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
    .map((name) => {
      if (name.length > LONGEST_NAME) throw new RangeError(`A name has at most ${LONGEST_NAME} letters: “${name}”`);
      const plain =
        name
          .normalize('NFD')
          .replace(/\p{M}+/gu, '')
          .replace(/[^A-Za-z0-9]+/g, '-')
          .replace(/^-+|-+$/g, '')
          .toLowerCase() || 'p';
      let id = plain;
      for (let n = 2; id in taken; n++) id = `${plain}-${n}`;
      taken[id] = name;
      return { participant_id: id };
    });
}

/** An id that can be read aloud: the preset and six characters that are not mistaken for each other. */
export function newSessionId(preset) {
  const alphabet = '23456789abcdefghjkmnpqrstuvwxyz';
  const random = crypto.getRandomValues(new Uint8Array(6));
  return `${preset.id}-${Array.from(random, (byte) => alphabet[byte % alphabet.length]).join('')}`;
}

/**
 * The body that creates a session.
 * @param {object} preset a row of PRESETS
 * @param {Record<string, string>} fields as they were typed in; a RangeError where a name is too long
 */
export function sessionOf(preset, fields) {
  const shown = { ...preset.groupNames };
  const values = Object.fromEntries(
    preset.fields.map(({ name, value }) => [
      name,
      typeof value === 'number' ? Math.round(Number(fields[name] ?? value)) : (fields[name] ?? value),
    ]),
  );
  values.participants = people(values.names ?? '', shown);
  values.rivals = people(values.others ?? '', shown);
  return {
    session_id: newSessionId(preset),
    ...preset.config(values),
    metadata: { preset: preset.id, title: preset.titleOf?.(values) ?? preset.title, names: shown },
  };
}

export const presetOf = (state) => PRESETS.find(({ id }) => id === state.metadata?.preset) ?? null;
