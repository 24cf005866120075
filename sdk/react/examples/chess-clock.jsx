// A chess clock for two: the player whose turn it is presses a big clock, and both screens agree.

import { format, phase } from '@synckairos/client';
import { useNow, useSyncKairos } from '@synckairos/react';

/**
 * @param {{game: string, client: import('@synckairos/client').SyncKairosClient, player?: string}} props player: who
 *   sits at this screen; left out, both do
 */
export function ChessClock({ game, client, player }) {
  const clock = useSyncKairos(game, client, player);
  const now = useNow(100, client);
  const { sessionState: state, status } = clock;
  if (!state) {
    return <p role="status">{clock.error?.message ?? 'Connecting …'}</p>;
  }
  const times = clock.getAllParticipantTimes(now);
  return (
    <section aria-label={`Chess clock, ${phase(state, now)}`}>
      {state.participants.map(({ participant_id: id, is_active: active }) => (
        <button
          key={id}
          aria-pressed={active}
          disabled={!active || status !== 'running' || (player ?? id) !== id}
          onClick={clock.switchCycle}
        >
          {id} {format(times[id])}
        </button>
      ))}
      {status === 'pending' && <button onClick={clock.startSession}>Start</button>}
      {status === 'running' && <button onClick={clock.pauseSession}>Pause</button>}
      {status === 'paused' && <button onClick={clock.resumeSession}>Resume</button>}
      <p role="status">{clock.error?.message ?? (clock.isConnected ? 'Connected' : 'Reconnecting …')}</p>
    </section>
  );
}
