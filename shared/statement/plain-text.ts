/** Words of others within one line: nothing that a terminal, a page or a typesetter would act on. */

/** Controls, line ends and marks that turn the direction of text become spaces; halves of characters the mark for them. */
export function oneLine(text: string): string {
  return wellFormed(text).replace(
    /[\p{Cc}\p{Zl}\p{Zp}\u200B-\u200F\u202A-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB]/gu,
    ' ',
  );
}

export const wellFormed = (text: string): string => text.replace(/\p{Cs}/gu, '\uFFFD');
