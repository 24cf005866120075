// What the dashboard asks of the API beyond the client: lists, histories, metrics. Each answers, or throws an Error
// with the code, the status, and retryAfterMs where the server says when to ask again.

import { token } from '../common/service.js';

const headers = () => (token() ? { Authorization: `Bearer ${token()}` } : {});

async function failure(answer) {
  const { status } = answer;
  const { code, message, details } = (await answer.json().catch(() => null))?.error ?? {};
  const seconds = Number(answer.headers.get('Retry-After'));
  return Object.assign(new Error(message ?? `the server answered ${status}`), {
    code: code ?? `HTTP_${status}`,
    status,
    details,
    ...(seconds > 0 && { retryAfterMs: 1000 * seconds }),
  });
}

async function ask(path) {
  const answer = await fetch(path, { headers: headers(), cache: 'no-store', signal: AbortSignal.timeout(10000) });
  if (answer.ok) return answer;
  throw await failure(answer);
}

/** One page of the live sessions: `{data, next_cursor, server_time_ms}`. */
export async function listSessions(status, cursor) {
  const query = new URLSearchParams({ limit: '200', ...(status && { status }), ...(cursor && { cursor }) });
  return (await ask(`/v1/sessions?${query}`)).json();
}

/** One page of a session's history: `{data, next_after, server_time_ms}`. */
export async function listEvents(sessionId, after) {
  const query = new URLSearchParams({ limit: '200', ...(after && { after }) });
  return (await ask(`/v1/sessions/${encodeURIComponent(sessionId)}/events?${query}`)).json();
}

/** The text of /metrics, which only this host and a configured network may read. */
export const readMetrics = async () => (await ask('/metrics')).text();
