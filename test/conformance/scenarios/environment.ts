import { output } from '../proc.js';
import type { Context, Subject } from '../scenario.js';

export const subject: Subject = {
  'the whole environment, in its order': async (context) => {
    context.log('inherited', await variables(context));
    context.log('given', await variables(context, { Z: '1', A: '2', M: '3' }));
    context.log('copied', await variables(context, { ...process.env, Z: '1' }));
  },

  'an empty environment': async (context) => {
    context.log('empty', await variables(context, {}));
    context.log('no prototype', await variables(context, Object.create(null)));
  },

  'values that are no strings': async (context) => {
    const values = { n: 1, t: true, o: {}, l: [1, 2], f: Number.NaN, u: undefined, z: null, big: 10n, e: '' };
    context.log('values', await variables(context, values as never));
    context.attempt('symbol', () => context.cp.spawn('true', { env: { s: Symbol('x') as never } }));
  },

  'values from the prototype': async (context) => {
    context.log('inherited', await variables(context, Object.create({ A: 'prototype', B: 'both' })));
    const env = Object.assign(Object.create({ A: 'prototype', B: 'both' }), { B: 'own', C: undefined });
    context.log('both', await variables(context, env));
    context.log(
      'hidden',
      await variables(context, Object.defineProperty({ A: '1' }, 'B', { value: '2' }) as never),
    );
    context.log('symbol key', await variables(context, { [Symbol('x')]: 'y', A: '1' } as never));
  },

  'odd names and values': async (context) => {
    const env = {
      'a b': 'c d',
      '=x': 'y',
      '': 'empty name',
      'a=b': 'c',
      é: '中',
      N: 'line\nbreak',
      Q: '"\'$`\\',
    };
    context.log('odd', await variables(context, env));
    context.log('surrogate', await variables(context, { s: '\ud800x' }));
    context.log('numbers', await variables(context, { 2: 'two', 1: 'one', x: 'last' } as never));
  },

  'env that is null or undefined': async (context) => {
    context.log('undefined', await output(context, 'echo "$PATH"', { env: undefined }));
    context.log('null', (await variables(context, null as never)).length > 3);
  },

  'the environment of the host at the moment of the spawn': async (context) => {
    const { log } = context;
    const read = async () => (await variables(context)).filter((line) => line.startsWith('CONFORMANCE_X'));
    log('before', await read());
    process.env.CONFORMANCE_X = 'set';
    log('set', await read());
    process.env.CONFORMANCE_X = 'changed';
    log('changed', await read());
    process.env.CONFORMANCE_X = 'set';
    log('changed back', await read());
    delete process.env.CONFORMANCE_X;
    log('deleted', await read());
    process.env.CONFORMANCE_X1 = '1';
    process.env.CONFORMANCE_X2 = '2';
    delete process.env.CONFORMANCE_X1;
    process.env.CONFORMANCE_X1 = '1';
    log('order', await read());
    Object.assign(process.env, { CONFORMANCE_X3: 3, CONFORMANCE_X4: '' });
    log('assigned', await read());
    Object.defineProperty(process.env, 'CONFORMANCE_X5', {
      value: 'defined',
      configurable: true,
      writable: true,
      enumerable: true,
    });
    log('defined', await read());
  },

  'process.env that is replaced': async (context) => {
    const original = process.env;
    try {
      process.env = { PATH: original.PATH, CONFORMANCE_X: 'replaced' };
      context.log('replaced', await variables(context));
      process.env.CONFORMANCE_X = 'changed';
      context.log('changed', await variables(context));
    } finally {
      process.env = original;
    }
    context.log(
      'put back',
      (await variables(context)).some((line) => line.startsWith('CONFORMANCE_X')),
    );
  },

  'env that is changed after the spawn': async (context) => {
    const env: NodeJS.ProcessEnv = { A: '1' };
    const first = variables(context, env);
    env.A = '2';
    context.log('first', await first);
    context.log('second', await variables(context, env));
    env.B = '3';
    delete env.A;
    context.log('third', await variables(context, env));
  },

  'env with getters': async (context) => {
    let reads = 0;
    const env = Object.defineProperty({}, 'A', { enumerable: true, get: () => String(++reads) });
    context.log('first', await variables(context, env));
    context.log('second', await variables(context, env));
    const failing = Object.defineProperty({}, 'A', {
      enumerable: true,
      get: () => {
        throw new Error('read');
      },
    });
    context.attempt('throws', () => context.cp.spawn('true', { env: failing }));
  },

  'the variable of coverage is passed on': async (context) => {
    process.env.NODE_V8_COVERAGE = '/nowhere';
    context.log('given', await variables(context, { A: '1' }));
    context.log('own', await variables(context, { NODE_V8_COVERAGE: '/other' }));
    delete process.env.NODE_V8_COVERAGE;
    context.log('without', await variables(context, { A: '1' }));
  },

  'a variable that a user set to the name of the mark': async (context) => {
    context.log('given', await variables(context, { PROCGUARD_HOST: 'mine', A: '1' }));
  },

  'the time zone and language of the moment': async (context) => {
    process.env.TZ = 'Asia/Tokyo';
    context.log('zone', await output(context, 'date -d @0'));
    process.env.TZ = 'UTC';
    context.log('zone', await output(context, 'date -d @0'));
  },
};

/**
 * The variables of a child with the given `env`, in the order in which it got them. The mark, PROCGUARD_HOST, is left
 * out: it is the one variable that procguard adds.
 */
async function variables(context: Context, env?: NodeJS.ProcessEnv) {
  const printed = await output(context, 'cat /proc/$$/environ; :', env === undefined ? {} : { env });
  return printed.split('\0').filter((line) => line !== '' && !line.startsWith('PROCGUARD_HOST='));
}
