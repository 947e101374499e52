/** `gpu-07.rack.example.org` becomes `gpu-07`: people call hosts by their first name. */
export function nodeIdBase(hostname: string): string {
  const [first = ''] = hostname.toLowerCase().split('.');
  const slug = first
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 40);
  return slug === '' ? 'node' : slug;
}
