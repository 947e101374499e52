/**
 * `npm start`: the whole of Wattshed on this machine. Plain JavaScript up to the check of Node's version, because an
 * older Node cannot even parse the TypeScript behind it. npm scripts find the toolchain's own Node first on PATH.
 */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `wattshed: npm start needs Node 22.18 or newer and runs on ${process.versions.node} (${process.execPath}). ` +
      'Run `npm ci` with optional dependencies, which bring Node 24 for Linux along, or install a newer Node.',
  );
  process.exit(1);
}
const { main } = await import('./main.ts');
await main(process.argv.slice(2));
