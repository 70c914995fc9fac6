import test from 'ava';
import { describers } from '../../lib/admin/describe-event.js';

test('a cleanup that failed says what is alive, or that nobody can tell', (t) => {
  const describe = describers['procguard:cleanup:failed']!;
  const textOf = (survivors: number[]) => describe({ survivors } as never)!.text;
  t.is(textOf([7, 8]), 'Clean-up failed, still alive: 7, 8');
  t.is(textOf([]), 'Clean-up failed, and nobody can tell what is left');
});
