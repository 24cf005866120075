'use client';
// The package's public face. Everything else in this folder may change without notice.

/**
 * @typedef {import('./use-sync-kairos.js').SyncKairos} SyncKairos
 */

export { useNow } from './use-now.js';
export { useSyncKairos } from './use-sync-kairos.js';
