// The shapes that the other modules share: types only. Names with an underscore are the wire's own (docs/api.md).
// Instants are milliseconds since 1970 on the server's clock, durations milliseconds.

/** @typedef {'per_participant' | 'per_cycle' | 'per_group' | 'global' | 'count_up'} SyncMode */
/** @typedef {'pending' | 'running' | 'paused' | 'expired' | 'completed' | 'cancelled'} SessionStatus */
/** @typedef {'idle' | 'running' | 'warning' | 'critical' | 'overtime' | 'paused' | 'ended'} Phase */
/** @typedef {'disconnected' | 'connecting' | 'connected' | 'reconnecting'} ConnectionStatus */

/**
 * What a display needs in any mode.
 * @typedef {object} Clock
 * @property {boolean} running
 * @property {number | null} started_at_ms start of the span now running; null unless running
 * @property {number | null} deadline_at_ms null unless running against a limit, and in overtime
 * @property {number | null} time_remaining_ms when the state was made; null: no limit, or the session has ended
 * @property {number} time_elapsed_ms the cycle's, overtime included; the session's in `count_up`
 * @property {boolean} overtime
 * @property {number | null} session_deadline_at_ms when the total of `global` runs out
 */

/**
 * @typedef {object} Participant
 * @property {string} participant_id
 * @property {number} participant_index place in the rotation
 * @property {string | null} group_id
 * @property {number} total_time_ms the bank now left
 * @property {number} time_used_ms
 * @property {number | null} time_remaining_ms when the state was made
 * @property {number} cycle_count
 * @property {boolean} is_active
 * @property {boolean} has_expired
 */

/**
 * @typedef {object} Group
 * @property {string} group_id
 * @property {number} total_time_ms
 * @property {number} time_used_ms
 * @property {number} time_remaining_ms
 * @property {boolean} is_active
 * @property {boolean} has_expired
 */

/** @typedef {{type: string, [more: string]: unknown}} TimeoutAction */

/**
 * A session as the server shows it: the answer of every operation and the payload of every update.
 * @typedef {object} SessionState
 * @property {string} session_id
 * @property {SyncMode} sync_mode
 * @property {SessionStatus} status
 * @property {number} version grows by one or more with every change
 * @property {number} updated_at_ms
 * @property {string | null} active_participant_id
 * @property {string | null} active_group_id
 * @property {number} cycle_number 0 before the start
 * @property {number} time_used_ms of closed spans
 * @property {number} cycle_time_used_ms the same of this cycle
 * @property {string | null} expired_participant_id
 * @property {TimeoutAction | null} action_applied
 * @property {string | null} cycle_started_at ISO 8601
 * @property {string | null} session_started_at
 * @property {string | null} session_completed_at
 * @property {string} created_at
 * @property {string} updated_at
 * @property {Clock} clock
 * @property {Participant[]} participants in the order of the rotation
 * @property {Group[]} [groups] in `per_group` only
 * @property {number} total_time_ms
 * @property {number | null} time_per_cycle_ms
 * @property {number | null} max_time_ms
 * @property {number} increment_ms
 * @property {boolean} auto_advance
 * @property {TimeoutAction | null} action_on_timeout
 * @property {number[]} warnings_ms
 * @property {Record<string, unknown>} metadata
 */

/**
 * @typedef {object} NewParticipant
 * @property {string} participant_id
 * @property {number} [participant_index]
 * @property {number} [total_time_ms]
 * @property {string} [group_id] required in `per_group`
 */

/**
 * @typedef {object} SessionConfig
 * @property {SyncMode} sync_mode
 * @property {string} [session_id] left out: the server makes one
 * @property {NewParticipant[]} [participants]
 * @property {{group_id: string, total_time_ms?: number}[]} [groups]
 * @property {number} [total_time_ms]
 * @property {number} [time_per_cycle_ms]
 * @property {number} [max_time_ms]
 * @property {number} [increment_ms]
 * @property {boolean} [auto_advance]
 * @property {TimeoutAction} [action_on_timeout]
 * @property {number[]} [warnings_ms]
 * @property {string} [active_participant_id] who begins
 * @property {Record<string, unknown>} [metadata]
 */

/**
 * Sets a bank (`total_time_ms`) or shifts it (`delta_ms`): one of the two.
 * @typedef {({total_time_ms: number} | {delta_ms: number}) & {reason?: string}} Adjustment
 */

/**
 * @typedef {object} TimeWarning
 * @property {string} session_id
 * @property {string | null} participant_id
 * @property {string | null} group_id
 * @property {number} time_remaining_ms
 * @property {number} threshold_ms
 * @property {'low' | 'critical'} level
 */

/**
 * @typedef {object} TimeExpired
 * @property {string} session_id
 * @property {string | null} expired_participant_id
 * @property {string | null} expired_group_id
 * @property {number} expired_at_ms
 * @property {TimeoutAction} action_applied
 * @property {number} count how many clocks ran out in the same change
 */

/**
 * The server's time as far as it is known. `offset` is what it is ahead of this device's clock (Date.now()), `error`
 * the most by which it may be wrong, `rtt` the round trip of the sample behind it; the latter two are null before the
 * first sample.
 * @typedef {{offset: number, error: number | null, rtt: number | null}} ClockReading
 */

/**
 * Event names, and what a handler is called with.
 * @typedef {object} ClientEvents
 * @property {{sessionId: string}} connected
 * @property {{code: number, reason: string, willReconnect: boolean}} disconnected
 * @property {{attempt: number, maxAttempts: number, delayMs: number}} reconnecting
 * @property {import('./errors.js').SyncKairosError} connectionFailed nothing more is tried
 * @property {import('./errors.js').SyncKairosError} error
 * @property {SessionState} stateUpdate
 * @property {TimeExpired} timeExpired
 * @property {TimeWarning} timeWarning
 * @property {{sessionId: string}} sessionDeleted
 * @property {{skewMs: number}} clockSkewDetected what the server is ahead of this device's clock
 * @property {ClockReading} timeSynced
 */

/** @typedef {string | (() => string | Promise<string>)} TokenSource */

/**
 * What the client uses of a WebSocket. Browsers' have it, and those of the npm packages for Node.
 * @typedef {object} Socket
 * @property {number} readyState
 * @property {((event: any) => void) | null} onopen
 * @property {((event: any) => void) | null} onmessage
 * @property {((event: any) => void) | null} onclose
 * @property {((event: any) => void) | null} onerror
 * @property {(text: string) => void} send
 * @property {(code?: number, reason?: string) => void} close
 */

/**
 * @typedef {object} ClientOptions
 * @property {TokenSource | null} [token] a function is asked for each connection, and when the server refuses the last one
 * @property {new (url: string, protocols?: string[]) => any} [WebSocket] where the platform has none
 * @property {number} [maxAttempts] to reconnect in a row; 10 where left out; Infinity: never gives up
 * @property {number} [maxDelayMs] the longest wait between two of them; 30,000 where left out
 * @property {Partial<Platform>} [platform] clocks and timers of one's own, for tests
 */

/**
 * @typedef {object} Platform
 * @property {() => number} now milliseconds of a clock that nobody sets
 * @property {() => number} wallClock milliseconds since 1970 by the device's clock
 * @property {() => number} random as Math.random
 * @property {(callback: () => void, ms: number) => any} setTimeout
 * @property {(timer: any) => void} clearTimeout
 * @property {(url: string, init: RequestInit) => Promise<Response>} fetch
 * @property {(url: string) => Promise<boolean>} answers whether a plain request to a WebSocket's address is answered by
 *   its server, or may be; never rejects
 * @property {(callback: () => void) => () => void} onWake calls back when the page is shown again or the network is
 *   back; returns what ends that
 */

export {};
