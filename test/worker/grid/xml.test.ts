import { expect, test } from 'vitest';
import { childrenOf, parseXml, textAt } from '../../../worker/grid/xml.ts';

test('elements, their order and their text come through; declarations, comments and attributes do not', () => {
  const root = parseXml(
    '\uFEFF<?xml version="1.0"?>\n<a x="1 > 0">' +
      '<b> 1 </b><!-- <b>9</b> --><c.d:e/><b>2<f>3</f></b></a>\n',
  )!;
  expect(root.name).toBe('a');
  expect(childrenOf(root, 'b').map(({ text }) => text)).toEqual(['1', '2']);
  expect(root.children.map(({ name }) => name)).toEqual(['b', 'c.d:e', 'b']);
  expect(textAt(childrenOf(root, 'b')[1]!, 'f')).toBe('3');
  expect(textAt(root, 'b')).toBe('1');
  expect(textAt(root, 'b', 'nothing', 'there')).toBeNull();
});

test.each([
  ['nothing', ''],
  ['text', 'just text'],
  ['an element cut short', '<a><b>1</b>'],
  ['a tag cut short', '<a><b'],
  ['elements that cross', '<a><b></a></b>'],
  ['an end without a start', '</a>'],
  ['two roots', '<a/><b/>'],
  ['text beside the root', '<a/>text'],
  ['a document type, and so entities', '<!DOCTYPE a [<!ENTITY x "xx">]><a>&x;</a>'],
  ['a web page', '<!DOCTYPE html><html><body>maintenance</body></html>'],
  ['CDATA', '<a><![CDATA[1]]></a>'],
  ['JSON', '{"a": "<b>"}'],
  ['a nest without end', '<a>'.repeat(50_000)],
  ['an attribute without an end', `<a x="${'y'.repeat(50_000)}`],
])('%s is no document', (_, text) => {
  expect(parseXml(text)).toBeNull();
});
