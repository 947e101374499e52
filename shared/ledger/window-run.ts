/**
 * Windows that follow each other as bytes. What is alike from window to window (which devices and shares there are, and which
 * of their fields say anything) is written once, as a shape; the numbers follow as differences from what is expected, in as
 * many bits as they need.
 */
import type { LedgerEpoch } from './hour.ts';
import { hasShape, readShape, type WindowShape, writeShape } from './hour-shape.ts';
import { codeContents, reading, WindowsBefore, writing } from './hour-values.ts';
import { RiceReader, RiceWriter } from './rice.ts';
import { ByteReader, ByteWriter } from './varint.ts';

/** What stands over the numbers of an epoch. Mostly all is as it was in the window before: one bit. */
const HEAD = { changed: 0, epochs: 1, epoch: 2, revision: 3, flags: 4 } as const;

const FINAL = 1;
const HAS_DIGEST = 2;
const NEW_SHAPE = 4;

type Windows = readonly (readonly LedgerEpoch[])[];

interface HeadBefore {
  readonly epoch: number;
  readonly revision: number;
  readonly flags: number;
}

const NO_BYTES = new Uint8Array();
const NOTHING: HeadBefore = { epoch: 0, revision: 0, flags: 0 };

export function writeWindows(writer: ByteWriter, windows: Windows): void {
  const names = [...new Set(windows.flatMap((epochs) => epochs.map(({ epoch }) => epoch)))];
  const plain = new ByteWriter();
  plain.unsigned(names.length);
  for (const name of names) plain.text(name);
  const values = new RiceWriter();
  const coder = writing(values);
  let before = new WindowsBefore();
  let last = NOTHING;
  let shape: WindowShape | null = null;
  for (const epochs of windows) {
    const heads = epochs.map((each) => {
      const isNew: boolean = shape === null || !hasShape(each, shape);
      const bytes = isNew ? writeShape(each) : NO_BYTES;
      if (isNew) shape = readShape(new ByteReader(bytes));
      const flags =
        (each.final ? FINAL : 0) | (each.contentDigest === null ? 0 : HAS_DIGEST) | (isNew ? NEW_SHAPE : 0);
      return { bytes, shape: shape!, epoch: names.indexOf(each.epoch), revision: each.revision, flags };
    });
    const isAsBefore =
      heads.length === 1 &&
      heads[0]!.epoch === last.epoch &&
      heads[0]!.revision === last.revision &&
      heads[0]!.flags === last.flags;
    values.unsigned(HEAD.changed, isAsBefore ? 0 : 1);
    if (!isAsBefore) values.unsigned(HEAD.epochs, heads.length);
    heads.forEach((head, i) => {
      if (!isAsBefore) {
        values.signed(HEAD.epoch, head.epoch - last.epoch);
        values.signed(HEAD.revision, head.revision - last.revision);
        values.unsigned(HEAD.flags, head.flags);
      }
      if (head.flags & NEW_SHAPE) {
        plain.raw(head.bytes);
        before = before.withoutShares();
      }
      const each = epochs[i]!;
      if (each.contentDigest !== null) plain.uint32(each.contentDigest);
      codeContents(coder, head.shape, each, before);
      // A shape is new once.
      last = { epoch: head.epoch, revision: head.revision, flags: head.flags & ~NEW_SHAPE };
    });
  }
  const plainBytes = plain.finish();
  writer.unsigned(plainBytes.length);
  writer.raw(plainBytes);
  writer.raw(values.finish());
}

/** @throws RangeError where the bytes are damaged or left over */
export function readWindows(reader: ByteReader, count: number): LedgerEpoch[][] {
  const plain = new ByteReader(reader.take(reader.unsigned()));
  const names = Array.from({ length: plain.unsigned() }, () => plain.text());
  const values = new RiceReader(reader.rest());
  const coder = reading(values);
  let before = new WindowsBefore();
  let last = NOTHING;
  let shape: WindowShape | null = null;
  const readEpoch = (isAsBefore: boolean): LedgerEpoch => {
    const head = isAsBefore
      ? last
      : {
          epoch: last.epoch + values.signed(HEAD.epoch),
          revision: last.revision + values.signed(HEAD.revision),
          flags: values.unsigned(HEAD.flags),
        };
    const epoch = names[head.epoch];
    if (epoch === undefined) throw new RangeError('the encoded hour names an epoch that is not in its table');
    if (head.flags & NEW_SHAPE) {
      shape = readShape(plain);
      before = before.withoutShares();
    }
    if (shape === null) throw new RangeError('the encoded hour begins without a shape');
    const contentDigest = head.flags & HAS_DIGEST ? plain.uint32() : null;
    const contents = codeContents(coder, shape, null, before);
    last = { ...head, flags: head.flags & ~NEW_SHAPE };
    return { epoch, revision: head.revision, final: (head.flags & FINAL) !== 0, contentDigest, ...contents };
  };
  const windows = Array.from({ length: count }, () => {
    const isAsBefore = values.unsigned(HEAD.changed) === 0;
    const epochs = isAsBefore ? 1 : values.unsigned(HEAD.epochs);
    return Array.from({ length: epochs }, () => readEpoch(isAsBefore));
  });
  if (!values.done || !plain.done) throw new RangeError('the encoded hour has bytes left over');
  return windows;
}
