import { dirname } from 'node:path';
import { type FileSystem, hasCode, nodeFileSystem } from './file-system.ts';

/** Replaces what was there in one step, for the owner alone; synced when it resolves. Makes the directory if need be. */
export async function replaceFile(
  path: string,
  content: string,
  fileSystem: FileSystem = nodeFileSystem,
): Promise<void> {
  const directory = dirname(path);
  const draft = `${path}.new`;
  await fileSystem.makeDirectory(directory);
  await fileSystem.remove(draft).catch((error: unknown) => {
    if (!hasCode(error, 'ENOENT')) throw error;
  });
  const file = await fileSystem.create(draft);
  try {
    await file.append(Buffer.from(content));
    await file.sync();
  } finally {
    await file.close();
  }
  await fileSystem.rename(draft, path);
  await fileSystem.syncDirectory(directory);
}
