import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { fork, guardOf } from '../../lib/index.js';
import { within } from '../helpers/deadline.js';
import { fixture } from '../helpers/fixtures.js';

for (const serialization of ['json', 'advanced'] as const) {
  test(`messages go both ways (${serialization})`, async (t) => {
    const child = fork(fixture('windows/answering.mjs'), { serialization });
    t.is(guardOf(child).tree, 'job-object');
    const message = { text: 'ä€😀', list: [1, 2, 3], long: 'x'.repeat(200_000) };
    child.send({ echo: message });
    t.deepEqual(await within(once(child, 'message'), 'the echo'), [{ echo: message }, undefined]);
    child.disconnect();
    t.deepEqual(await once(child, 'exit'), [0, null]);
  });
}

test('a server that is sent to a child serves there', async (t) => {
  const child = fork(fixture('windows/answering.mjs'));
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  child.send({ serve: true }, server);
  t.deepEqual((await within(once(child, 'message'), 'the child to serve'))[0], { serving: true });
  server.close();
  t.is(await within(text(connect(port, '127.0.0.1')), 'an answer'), `from ${child.pid}`);
  child.disconnect();
  await once(child, 'exit');
});

test('a connection that is sent to a child goes on there', async (t) => {
  const child = fork(fixture('windows/answering.mjs'));
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as { port: number }).port, '127.0.0.1');
  const [connection] = await once(server, 'connection');
  child.send({ take: true }, connection);
  t.is(await within(text(client), 'an answer'), `from ${child.pid}`);
  server.close();
  child.disconnect();
  await once(child, 'exit');
});
