/**
 * Plain JavaScript, because an older Node cannot even parse the TypeScript behind it. npm scripts find the toolchain's
 * own Node first on PATH.
 *
 * @param {string} command what the person typed
 */
export function requireNode(command) {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return;
  console.error(
    `wattshed: ${command} needs Node 22.18 or newer and runs on ${process.versions.node} (${process.execPath}). ` +
      'Run `npm ci` with optional dependencies, which bring Node 24 for Linux along, or install a newer Node.',
  );
  process.exit(1);
}
