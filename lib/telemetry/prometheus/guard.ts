import { capabilities } from '../../guard/report.js';
import type { Families } from './families.js';

/** What ties the host's children to it, as the machine allows. */
export function guardMetrics(families: Families): void {
  families.gauge(
    'guard_info',
    'What ends the children of this host with it: link, the child itself; tree, its descendants.',
    ['link', 'tree'],
    (gauge) => {
      const { link, tree } = look();
      gauge.set({ link, tree }, 1);
    },
  );
  families.gauge(
    'guard_downgrade_info',
    'What makes the guard weaker than it could be: see capabilities().downgrades.',
    ['code'],
    (gauge) => {
      for (const { code } of look().downgrades) gauge.set({ code }, 1);
    },
  );
  families.pulledCounter(
    'keeper_restarts_total',
    'How often another keeper had to be started.',
    () => look().restarts,
  );
}

function look() {
  try {
    const { keeper, ...guard } = capabilities();
    return { ...guard, restarts: keeper.restarts };
  } catch (error) {
    // The addon is missing: that is what a scrape should say, rather than fail.
    const { code } = error as { code: string };
    return { link: 'none', tree: 'none', downgrades: [{ code }], restarts: 0 };
  }
}
