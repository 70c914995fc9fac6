import test from 'ava';
import { readRequest } from '../../lib/wire/read-request.js';
import { WireError } from '../../lib/wire/wire-error.js';

const call = { type: 'call', id: 1, method: 'embed', args: [] };
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

test('a request has its place in a trace, and nothing else of that field', (t) => {
  t.is(readRequest(call, []).trace, undefined);
  t.deepEqual(readRequest({ ...call, trace: { traceparent, other: 1 } }, []).trace, { traceparent });
  const trace = { traceparent, tracestate: 'a=b' };
  t.deepEqual(readRequest({ ...call, type: 'stream', credit: 1, trace }, []).trace, trace);
});

test('a trace of another type is malformed', (t) => {
  for (const trace of [null, 'text', {}, { traceparent: 1 }, { traceparent, tracestate: 1 }]) {
    const error = t.throws(() => readRequest({ ...call, trace }, []), { instanceOf: WireError });
    t.is(error?.code, 'malformed');
  }
});
