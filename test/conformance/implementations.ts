import * as childProcess from 'node:child_process';
import type { Functions, Implementation } from './scenario.js';

export async function load(implementation: Implementation): Promise<Functions> {
  if (implementation === 'procguard') return import('../../lib/index.js');
  if (implementation === 'register') await import('../../lib/register.js');
  return childProcess;
}
