import { kinds } from '../../alerts/alert.js';
import type { Listeners } from '../listen.js';
import type { Families } from './families.js';

export function alertMetrics(families: Families): Listeners {
  const alerts = families.counter(
    'alerts_total',
    'Alerts of the pool. The same code of the same slot comes at most once a minute.',
    Object.entries(kinds).map(([code, { severity }]) => ({ code, severity })),
  );
  return { 'procguard:alert': ({ pool, code, severity }) => alerts.inc({ pool, code, severity }) };
}
