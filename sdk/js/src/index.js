// The package's public face. Everything else in this folder may change without notice.

/**
 * @typedef {import('./types.js').SessionState} SessionState
 * @typedef {import('./types.js').SessionConfig} SessionConfig
 * @typedef {import('./types.js').SyncMode} SyncMode
 * @typedef {import('./types.js').SessionStatus} SessionStatus
 * @typedef {import('./types.js').Participant} Participant
 * @typedef {import('./types.js').Group} Group
 * @typedef {import('./types.js').Clock} Clock
 * @typedef {import('./types.js').NewParticipant} NewParticipant
 * @typedef {import('./types.js').Adjustment} Adjustment
 * @typedef {import('./types.js').TimeoutAction} TimeoutAction
 * @typedef {import('./types.js').TimeWarning} TimeWarning
 * @typedef {import('./types.js').TimeExpired} TimeExpired
 * @typedef {import('./types.js').ClientOptions} ClientOptions
 * @typedef {import('./types.js').TokenSource} TokenSource
 * @typedef {import('./types.js').Platform} Platform
 * @typedef {import('./types.js').ClientEvents} ClientEvents
 * @typedef {import('./types.js').ConnectionStatus} ConnectionStatus
 * @typedef {import('./types.js').ClockReading} ClockReading
 * @typedef {import('./types.js').Phase} Phase
 */

export { SyncKairosClient } from './client.js';
export { SyncKairosError } from './errors.js';
export { format, phase, timeElapsed, timeLeft } from './time.js';
