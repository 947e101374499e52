/** A file as text, byte for byte: recorded replies are given to the code as they came. */
declare module '*?raw' {
  const text: string;
  export default text;
}
