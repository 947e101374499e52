/** R2's interface on a map within this process: what the Worker asks of it, and no more. Plain JavaScript, as what uses it. */
export function memoryBucket() {
  const objects = new Map();
  return {
    async get(name, { range } = {}) {
      const bytes = objects.get(name);
      if (bytes === undefined) return null;
      const { offset = 0, length = bytes.length - offset } = range ?? {};
      const part = bytes.slice(offset, offset + length);
      return { arrayBuffer: async () => part.buffer };
    },
    async put(name, bytes, { onlyIf } = {}) {
      // The one condition that the Worker has: that there is none yet.
      if (onlyIf !== undefined && objects.has(name)) return null;
      objects.set(name, bytes.slice());
      return {};
    },
    async list({ prefix }) {
      const names = [...objects.keys()].filter((name) => name.startsWith(prefix));
      return { objects: names.map((key) => ({ key })), truncated: false };
    },
    async delete(names) {
      for (const name of [names].flat()) objects.delete(name);
    },
  };
}
