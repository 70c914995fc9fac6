import { join } from 'node:path';
import test from 'ava';
import { ROOT } from '../helpers/fixtures.js';
import { readMachO } from './mach-o.js';

for (const chip of ['arm64', 'x64'] as const) {
  test(`R7.2 what macOS loads on ${chip} takes nothing but its own library and Node`, (t) => {
    const addon = readMachO(join(ROOT, `prebuilds/darwin-${chip}/procguard.node`));
    const keeper = readMachO(join(ROOT, `prebuilds/darwin-${chip}/procguard-keeper`));
    t.like(addon, { chip, kind: 'library', minimum: '11.0' });
    t.like(keeper, { chip, kind: 'program', minimum: '11.0' });
    // They are parts of macOS; that of C++ is linked in where this was built on another system.
    const own = ['/usr/lib/libSystem.B.dylib', '/usr/lib/libc++.1.dylib'];
    for (const { libraries } of [addon, keeper]) {
      t.deepEqual(
        libraries.filter((library) => !own.includes(library)),
        [],
      );
    }
    t.true(addon.exported.includes('_napi_register_module_v1'));
    t.deepEqual(
      addon.fromLoader.filter((name) => !/^_(napi|uv)_/.test(name)),
      [],
    );
    t.true(addon.fromLoader.length > 0);
    t.deepEqual(keeper.fromLoader, []);
    // Apple's chips run nothing that isn't signed, be it by nobody in particular.
    if (chip === 'arm64') t.deepEqual([addon.isSigned, keeper.isSigned], [true, true]);
  });
}
