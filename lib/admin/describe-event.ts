import type { ProcguardEvents } from '../events/events.js';
import type { LogEntry } from './messages.js';

type Described = Pick<LogEntry, 'level' | 'text'> & { readonly id?: string };
type Describers = {
  readonly [Name in keyof ProcguardEvents]?: (event: ProcguardEvents[Name]) => Described | undefined;
};

const seconds = (ms: number) => `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
const words = (name: string) => name.replaceAll('_', ' ');

/** Of each channel that the page lists: its events in words. Undefined: not worth a line. */
export const describers: Describers = {
  'procguard:worker:start': ({ pid }) => ({ level: 'info', text: `Started, pid ${pid ?? 'unknown'}` }),
  'procguard:worker:ready': ({ startMs }) => ({ level: 'good', text: `Ready after ${seconds(startMs)}` }),
  'procguard:worker:exit': ({ pool, worker, pid, reason, exitCode, signal, uptimeMs }) => ({
    id: exitId(pool, worker),
    level: reason === 'left' ? 'info' : 'critical',
    text: `Ended (${words(reason)}${signal ? `, ${signal}` : exitCode ? `, code ${exitCode}` : ''}), pid ${pid ?? 'unknown'}, after ${seconds(uptimeMs)}`,
  }),
  'procguard:worker:unhealthy': ({ verdict, reason, misses, isReplaced }) => ({
    level: isReplaced ? 'critical' : 'warning',
    text: `${capital(verdict)}${reason ? ` (${words(reason)})` : ''} after ${misses} missed pings${isReplaced ? ', replaced' : ''}`,
  }),
  'procguard:worker:replace': ({ reason, backoffMs }) => ({
    level: 'info',
    text: `To be replaced (${words(reason)})${backoffMs > 0 ? `, in ${seconds(backoffMs)}` : ''}`,
  }),
  'procguard:heartbeat:miss': ({ misses, silentMs }) => ({
    level: 'warning',
    text: `Ping ${misses} unanswered, silent for ${seconds(silentMs)}`,
  }),
  'procguard:cleanup:done': ({ killed, durationMs }) =>
    killed.length === 0
      ? undefined
      : {
          level: 'warning',
          text: `Killed ${killed.length === 1 ? 'a process' : `${killed.length} processes`} that it left, in ${seconds(durationMs)}`,
        },
  'procguard:cleanup:failed': ({ survivors }) => ({
    level: 'critical',
    text: `Clean-up failed, ${survivors.length === 0 ? 'and nobody can tell what is left' : `still alive: ${survivors.join(', ')}`}`,
  }),
  'procguard:keeper:start': ({ pid }) => ({ level: 'info', text: `Keeper started, pid ${pid}` }),
  'procguard:keeper:lost': ({ pid }) => ({ level: 'critical', text: `Keeper lost, pid ${pid}` }),
};

/** What is seen of an end in the pool's stats, and its event, are one entry. */
export function exitId(pool: string, worker: number): string {
  return `exit ${pool} ${worker}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
